//! What is tolerated on read, by name. Nothing of it is ever written.

use core::fmt;

macro_rules! deviations {
    ($($field:ident => $variant:ident, $about:literal;)*) => {
        /// A deviation from the grammar that was met and tolerated: by the decoder, or in a typed header.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Deviation {
            $(#[doc = concat!("See [`Leniency::", stringify!($field), "`].")] $variant,)*
        }

        impl Deviation {
            /// All that there are.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name of the [`Leniency`] field that let it pass.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($field),)*
                }
            }

            /// What it is, in words for people, and a peer that needs it to be tolerated.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$variant => $about,)*
                }
            }
        }

        impl Leniency {
            /// Whether this deviation is tolerated.
            pub const fn allows(&self, deviation: Deviation) -> bool {
                match deviation {
                    $(Deviation::$variant => self.$field,)*
                }
            }
        }
    };
}

deviations! {
    bare_line_ends => BareLineEnds,
        "a line ends in LF or CR alone (RTSP/1.0 servers of many makes)";
    request_line_spaces => RequestLineSpaces,
        "more than one space between the parts of a request line (small clients)";
    status_line_spaces => StatusLineSpaces,
        "more than one space between the parts of a status line (cameras seen by IPCamKit)";
    missing_reason => MissingReason,
        "a status line ends after its code (small camera firmwares)";
    unreadable_header_lines => UnreadableHeaderLines,
        "a header line has no colon or no name (Luma x20)";
    non_utf8 => NonUtf8,
        "the head of a message is not in UTF-8 (device names in a local character set)";
    repeated_content_length => RepeatedContentLength,
        "Content-Length is given more than once, always the same (proxies)";
    path_only_target => PathOnlyTarget,
        "a request's target is a path without scheme and host (clients of gst-rtsp-server)";
    session_timeout => SessionTimeout,
        "the timeout of Session is 0 or cannot be read (cameras seen by retina)";
    session_characters => SessionCharacters,
        "the session id has characters or a length that the grammar lacks (RFC 2326 servers)";
    transport_without_lower => TransportWithoutLower,
        "Transport has interleaved channels, but no /TCP (Escam Q6)";
    transport_mode => TransportMode,
        "the mode in Transport is not quoted, in another case, or `receive` (FFmpeg, Darwin)";
    ssrc_forms => SsrcForms,
        "ssrc in Transport is not eight hexadecimal digits (Hikvision, Rubetek)";
    empty_elements => EmptyElements,
        "a list has empty entries or a trailing separator (Laureii, Reolink)";
    rtp_info_numbers => RtpInfoNumbers,
        "RTP-Info has numbers that cannot be, such as a negative rtptime (OMNY M5S2A)";
    base_uri => BaseUri,
        "the base URI has no scheme, two of them, or an IPv6 address without brackets (Anjvision)";
    challenge_quotes => ChallengeQuotes,
        "a challenge has values with quotes where none belong, or without where they do (small cameras)";
    algorithm_quotes => AlgorithmQuotes,
        "the algorithm of Digest, or stale, is quoted (Hikvision and other cameras)";
    cseq_digits => CseqDigits,
        "CSeq has ten digits (clients of 1.0 that start anywhere in 32 bits)";
}

/// What a reader tolerates beyond the grammar. Each field names one deviation and a peer that shows it.
///
/// [`Leniency::default`] suits both a server and a client: it tolerates what cannot be misunderstood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools)] // one name for each deviation is the point
pub struct Leniency {
    /// Lines that end in a lone LF or a lone CR. RFC 2326 §4 asks for it, RFC 7826 does not.
    pub bare_line_ends: bool,
    /// More than one space between the parts of a request line. Off by default: RFC 7826 §7.1 wants 400.
    pub request_line_spaces: bool,
    /// More than one space between the parts of a status line (cameras seen by IPCamKit).
    pub status_line_spaces: bool,
    /// A status line that ends after its code (small camera firmwares).
    pub missing_reason: bool,
    /// Header lines without a colon or with a name that is no token are skipped (Luma x20: a line of stray
    /// text before `RTP-Info`). Off by default: a server answers 400.
    pub unreadable_header_lines: bool,
    /// Bytes in the head that are no UTF-8 (reason phrases and device names in a local character set): each is
    /// replaced by U+FFFD.
    pub non_utf8: bool,
    /// Several `Content-Length` lines that say the same. Lines that differ are always refused.
    pub repeated_content_length: bool,
    /// A request target that is a path without scheme and host (gst-rtsp-server takes these too). Off by default.
    pub path_only_target: bool,
    /// `Session: id;timeout=0` and other unreadable timeouts count as none given (cameras seen by retina).
    pub session_timeout: bool,
    /// Session ids with characters or lengths that the grammar lacks (RFC 2326 §3.4 servers).
    pub session_characters: bool,
    /// `RTP/AVP;…;interleaved=0-1` without `/TCP` means TCP (Escam Q6).
    pub transport_without_lower: bool,
    /// `mode=` unquoted, in any case, and `receive` for RECORD (FFmpeg in listen mode, Darwin).
    pub transport_mode: bool,
    /// `ssrc=` with a leading space (Hikvision), fewer than eight digits (dropped zeros; `A046`), `0x6f7c` (Rubetek).
    /// A value that still cannot be read is left out.
    pub ssrc_forms: bool,
    /// Empty entries and a trailing `;` in lists (Laureii in RTP-Info, Reolink).
    pub empty_elements: bool,
    /// RTP-Info numbers that cannot be: negative `rtptime` (OMNY M5S2A); they count as not given.
    pub rtp_info_numbers: bool,
    /// Base URIs without scheme (Anjvision), with a doubled one, with a bare IPv6 address (quotes around them too).
    pub base_uri: bool,
    /// Values of challenges and credentials without quotes where quotes belong: `realm=IP Camera`.
    pub challenge_quotes: bool,
    /// `algorithm="MD5"` and `stale="FALSE"`, which RFC 7616 §3.3 wants without quotes (Hikvision and other cameras).
    pub algorithm_quotes: bool,
    /// A `CSeq` of ten digits (clients of 1.0 that start anywhere in 32 bits).
    pub cseq_digits: bool,
}

impl Default for Leniency {
    fn default() -> Self {
        let mut leniency = Self::permissive();
        leniency.request_line_spaces = false;
        leniency.unreadable_header_lines = false;
        leniency.path_only_target = false;
        leniency
    }
}

impl Leniency {
    /// Nothing but the grammar.
    pub const fn strict() -> Self {
        Self::uniform(false)
    }

    /// Everything that is known to occur: for a client that wants the picture.
    pub const fn permissive() -> Self {
        Self::uniform(true)
    }

    const fn uniform(allowed: bool) -> Self {
        Self {
            bare_line_ends: allowed,
            request_line_spaces: allowed,
            status_line_spaces: allowed,
            missing_reason: allowed,
            unreadable_header_lines: allowed,
            non_utf8: allowed,
            repeated_content_length: allowed,
            path_only_target: allowed,
            session_timeout: allowed,
            session_characters: allowed,
            transport_without_lower: allowed,
            transport_mode: allowed,
            ssrc_forms: allowed,
            empty_elements: allowed,
            rtp_info_numbers: allowed,
            base_uri: allowed,
            challenge_quotes: allowed,
            algorithm_quotes: allowed,
            cseq_digits: allowed,
        }
    }
}

/// A set of deviations that were met.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Deviations(u32);

impl Deviations {
    /// Whether none was met.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one was met.
    pub fn contains(self, deviation: Deviation) -> bool {
        self.0 & (1 << deviation as u32) != 0
    }

    /// Those that were met.
    pub fn iter(self) -> impl Iterator<Item = Deviation> {
        Deviation::ALL
            .iter()
            .copied()
            .filter(move |&deviation| self.contains(deviation))
    }

    /// Adds those of another set.
    pub fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) fn note(&mut self, deviation: Deviation) {
        self.0 |= 1 << deviation as u32;
    }
}

/// What a reader tolerates, and what of that it has met: typed headers are read with one.
///
/// ```
/// use rtsp_msg::headers::Session;
/// use rtsp_msg::{Deviation, HeaderName, Headers, Leniency, Tolerance};
///
/// let mut headers = Headers::new();
/// headers.append(HeaderName::Session, "12345678;timeout=0");
/// let leniency = Leniency::default();
/// let mut tolerance = Tolerance::new(&leniency);
/// assert!(headers.typed_noting::<Session>(&mut tolerance)?.is_some());
/// assert!(tolerance.deviations().contains(Deviation::SessionTimeout));
/// # Ok::<(), rtsp_msg::HeaderError>(())
/// ```
#[derive(Debug)]
pub struct Tolerance<'a> {
    leniency: &'a Leniency,
    met: Deviations,
}

impl<'a> Tolerance<'a> {
    /// Nothing was met so far.
    pub fn new(leniency: &'a Leniency) -> Self {
        Self {
            leniency,
            met: Deviations::default(),
        }
    }

    /// What is tolerated.
    pub fn leniency(&self) -> &'a Leniency {
        self.leniency
    }

    /// A deviation was met: notes it, if it is tolerated, and says whether it is.
    pub fn allow(&mut self, deviation: Deviation) -> bool {
        let allowed = self.leniency.allows(deviation);
        if allowed {
            self.met.note(deviation);
        }
        allowed
    }

    /// What was met and tolerated.
    pub fn deviations(&self) -> Deviations {
        self.met
    }
}

impl fmt::Debug for Deviations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Deviation::name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_a_set() {
        let mut met = Deviations::default();
        assert!(met.is_empty());
        met.note(Deviation::PathOnlyTarget);
        met.note(Deviation::BareLineEnds);
        met.note(Deviation::BareLineEnds);
        assert!(
            met.iter()
                .eq([Deviation::BareLineEnds, Deviation::PathOnlyTarget])
        );
        assert!(!met.contains(Deviation::NonUtf8));
    }

    #[test]
    fn each_deviation_has_a_field_of_its_own() {
        for &deviation in Deviation::ALL {
            assert!(Leniency::permissive().allows(deviation));
            assert!(!Leniency::strict().allows(deviation));
            let leniency = Leniency::permissive();
            let mut tolerance = Tolerance::new(&leniency);
            assert!(tolerance.allow(deviation));
            assert!(tolerance.deviations().iter().eq([deviation]));
            let mut sum = Deviations::default();
            sum.merge(tolerance.deviations());
            assert!(sum.contains(deviation) && !deviation.name().is_empty());
        }
        let leniency = Leniency::strict();
        let mut strict = Tolerance::new(&leniency);
        assert!(!strict.allow(Deviation::BaseUri) && strict.deviations().is_empty());
    }

    #[test]
    fn the_default_keeps_what_a_server_must_refuse() {
        let leniency = Leniency::default();
        assert!(
            leniency.bare_line_ends
                && !leniency.request_line_spaces
                && !leniency.unreadable_header_lines
        );
    }
}
