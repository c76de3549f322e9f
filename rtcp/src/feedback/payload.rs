use crate::ErrorKind;
use crate::field;

/// Feedback on the payload (PSFB, packet type 206, RFC 4585 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadFeedback<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> PayloadFeedback<'a> {
    /// The number of the message, 0 to 31.
    pub fn format(&self) -> u8 {
        field::u8_at(self.bytes, 0) & 31
    }

    /// Who sent the feedback.
    pub fn sender_ssrc(&self) -> u32 {
        field::u32_at(self.bytes, 4)
    }

    /// The source that it is about; unused in full intra requests and bit rates.
    pub fn media_ssrc(&self) -> u32 {
        field::u32_at(self.bytes, 8)
    }

    /// What it says.
    pub fn message(&self) -> PayloadMessage<'a> {
        let contents = field::from(self.bytes, 12);
        match self.format() {
            1 => PayloadMessage::PictureLoss,
            4 => PayloadMessage::FullIntra(FullIntraRequests { entries: contents }),
            15 if contents.starts_with(b"REMB") => {
                PayloadMessage::Bitrate(ReceiverBitrate { bytes: contents })
            }
            _ => PayloadMessage::Other(contents),
        }
    }

    /// Whether it asks for a key frame of that source.
    pub fn asks_for_key_frame(&self, ssrc: u32) -> bool {
        match self.message() {
            PayloadMessage::PictureLoss => self.media_ssrc() == ssrc,
            PayloadMessage::FullIntra(requests) => {
                requests.iter().any(|request| request.ssrc == ssrc)
            }
            _ => false,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ErrorKind> {
        let valid = match self.message() {
            PayloadMessage::FullIntra(requests) => requests.iter().len() > 0,
            PayloadMessage::Bitrate(bitrate) => bitrate.is_valid(),
            _ => true,
        };
        valid
            .then_some(())
            .ok_or(ErrorKind::Malformed { packet_type: 206 })
    }
}

/// What feedback on the payload says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadMessage<'a> {
    /// A picture was lost, please mend it (PLI, format 1, RFC 4585 §6.3.1).
    PictureLoss,
    /// Send a key frame (FIR, format 4, RFC 5104 §4.3.1).
    FullIntra(FullIntraRequests<'a>),
    /// How much the receiver can take (REMB, format 15, draft-alvestrand-rmcat-remb §2.2).
    Bitrate(ReceiverBitrate<'a>),
    /// The contents of any other format.
    Other(&'a [u8]),
}

/// A list of requests for key frames (FIR, RFC 5104 §4.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullIntraRequests<'a> {
    entries: &'a [u8],
}

impl<'a> FullIntraRequests<'a> {
    /// The requests in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = FullIntraRequest> + use<'a> {
        self.entries.chunks_exact(8).map(|entry| FullIntraRequest {
            ssrc: field::u32_at(entry, 0),
            sequence: field::u8_at(entry, 4),
        })
    }
}

/// A request for a key frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FullIntraRequest {
    /// The source that is asked.
    pub ssrc: u32,
    /// Grows with each new request; repetitions keep it.
    pub sequence: u8,
}

/// The bit rate that a receiver can take (REMB).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverBitrate<'a> {
    bytes: &'a [u8],
}

impl<'a> ReceiverBitrate<'a> {
    /// In bit/s; the largest number for a rate that does not fit.
    pub fn bits_per_second(&self) -> u64 {
        let field = field::u24_at(self.bytes, 5);
        let (exponent, mantissa) = (field >> 18, u64::from(field & 0x3_ffff));
        if exponent > mantissa.leading_zeros() {
            return u64::MAX;
        }
        mantissa.checked_shl(exponent).unwrap_or(0)
    }

    /// The sources that it is about.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        let (ssrcs, _) = field::from(self.bytes, 8).as_chunks();
        ssrcs
            .iter()
            .take(self.count())
            .map(|ssrc| u32::from_be_bytes(*ssrc))
    }

    fn count(&self) -> usize {
        usize::from(field::u8_at(self.bytes, 4))
    }

    fn is_valid(&self) -> bool {
        self.bytes.len() >= 8 + 4 * self.count()
    }
}
