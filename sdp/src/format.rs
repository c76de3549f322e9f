use std::fmt;

/// One payload type of a media with what `a=rtpmap` and `a=fmtp` say about it (RFC 8866 §6.6, §6.15).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Format {
    /// RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// Encoding name as written (`H264`, `mpeg4-generic`); empty where the description does not tell.
    /// Compare with [`Format::is`].
    pub encoding: String,
    /// RTP clock rate in Hz, never 0.
    pub clock_rate: u32,
    /// Number of audio channels where written, or given by RFC 3551; `None` means one (RFC 8866 §6.6).
    pub channels: Option<u8>,
    /// Format parameters as written, without the payload type.
    pub fmtp: Option<String>,
}

impl Format {
    /// A format without channels and parameters. A clock rate of 0 becomes 90 000.
    pub fn new(payload_type: u8, encoding: impl Into<String>, clock_rate: u32) -> Self {
        Self {
            payload_type,
            encoding: encoding.into(),
            clock_rate: if clock_rate == 0 { 90_000 } else { clock_rate },
            channels: None,
            fmtp: None,
        }
    }

    /// The same with a number of channels.
    #[must_use]
    pub fn with_channels(mut self, channels: u8) -> Self {
        self.channels = Some(channels);
        self
    }

    /// The same with format parameters, written as in `a=fmtp` but without the payload type.
    #[must_use]
    pub fn with_fmtp(mut self, fmtp: impl Into<String>) -> Self {
        self.fmtp = Some(fmtp.into());
        self
    }

    /// Whether the encoding has this name; ASCII case does not matter (RFC 4855 §3).
    pub fn is(&self, encoding: &str) -> bool {
        self.encoding.eq_ignore_ascii_case(encoding)
    }

    /// The format parameters in order, as name and value. A part without `=` has an empty value.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fmtp
            .as_deref()
            .unwrap_or_default()
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| match part.split_once('=') {
                Some((name, value)) => (name.trim_end(), value.trim_start()),
                None => (part, ""),
            })
    }

    /// The value of the first parameter of that name; ASCII case does not matter (RFC 4855 §3).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Same payload type, encoding, clock rate, channels and parameters, whatever the order and case of names.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.payload_type == other.payload_type
            && self.is(&other.encoding)
            && self.clock_rate == other.clock_rate
            && self.channels.unwrap_or(1) == other.channels.unwrap_or(1)
            && self.sorted_parameters() == other.sorted_parameters()
    }

    fn sorted_parameters(&self) -> Vec<(String, &str)> {
        let mut parameters: Vec<_> = self
            .parameters()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        parameters.sort_unstable();
        parameters
    }
}

/// As in `a=rtpmap`: `96 H264/90000`.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}/{}",
            self.payload_type, self.encoding, self.clock_rate
        )?;
        match self.channels {
            Some(channels) => write!(f, "/{channels}"),
            None => Ok(()),
        }
    }
}
