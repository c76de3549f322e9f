//! The named deviations, and the pass over the lines that mends them before strict parsing.

mod lines;
mod session;

use std::fmt;

pub(crate) use lines::Line;
pub(crate) use session::normalize;

/// A deviation from RFC 8866 that was mended to read a description. Each names peers that show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Repair {
    /// A byte order mark in front. Descriptions that went through a Windows editor.
    ByteOrderMark,
    /// Bytes that are not UTF-8, replaced by U+FFFD. Session names in GBK from Chinese cameras.
    NotUtf8,
    /// NUL bytes, dropped. Cameras that send the terminator of a C string.
    NulByte,
    /// Lines end in LF, or in a lone CR, instead of CRLF. Very common.
    LineEnds,
    /// The last line has no end. Very common.
    NoFinalNewline,
    /// Empty lines. Anjvision, and everything printed with one line end too many.
    BlankLine,
    /// Blanks before or after a line. RealServer, Longse.
    SurroundingBlanks,
    /// A line that is not `letter=value`, dropped. Cameras with text left over in the buffer.
    JunkLine,
    /// No `v=` line, or not the first. Cheap encoders.
    MissingVersion,
    /// No `o=` line. Dahua and others behind proxies.
    MissingOrigin,
    /// An `o=` line with missing, surplus or unreadable fields (`o=… -0`). FLIR, GStreamer in old releases.
    OriginFields,
    /// No `s=` line. Cheap encoders.
    MissingSessionName,
    /// Several `s=` lines; the first counts. Hanwha.
    RepeatedSessionName,
    /// Several `o=`, `i=`, `u=` or session `c=` lines; the first counts.
    RepeatedLine,
    /// No `t=` line. Anpviz and many others.
    MissingTime,
    /// A `t=` line that is not two numbers. FLIR.
    TimeFields,
    /// `a=` lines in front of `t=`. Anpviz.
    AttributesBeforeTime,
    /// Other lines in the wrong order, such as a late `i=`. Hanwha.
    OutOfOrder,
    /// A `c=` line without address type (`c=IN 192.168.4.232`) or otherwise unreadable; mended or dropped.
    ConnectionFields,
    /// A `b=` line that is not `type:number`, dropped. `b=AS:` of many cameras.
    BandwidthFields,
    /// A media kind with a subtype: `m=application/TP-LINK`. TP-Link.
    MediaSubtype,
    /// Formats that are no payload types in an RTP media (`smart/1/90000`); taken from `a=rtpmap`. TP-Link.
    FormatFromRtpmap,
    /// The same payload type twice in one `m=` line; the first counts.
    RepeatedFormat,
    /// An attribute without name, dropped.
    EmptyAttribute,
    /// A dynamic payload type without `a=rtpmap`: encoding unknown, clock rate assumed.
    MissingRtpmap,
    /// An `a=rtpmap` that cannot be read, or a second one for a payload type; dropped.
    BadRtpmap,
    /// Blanks inside `a=rtpmap` where none belong. RealServer, moonfire's cameras.
    RtpmapBlanks,
    /// A clock rate of zero, or none that can be read; assumed by the encoding.
    ClockRate,
    /// `a=rtpmap` gives a static payload type another encoding than RFC 3551, and is believed. Anpviz.
    StaticPayloadType,
    /// Opus not at 48000 Hz and two channels, which RFC 7587 §4.1 demands in each `a=rtpmap`.
    OpusRate,
    /// `a=fmtp:96` with nothing after it, dropped. Ubiquiti.
    EmptyFmtp,
    /// A `;` behind the last format parameter. Reolink.
    FmtpSemicolon,
    /// Several `a=fmtp` for one payload type, joined.
    RepeatedFmtp,
    /// `a=fmtp` under another media than its payload type, moved. Seen behind WebRTC bridges.
    FmtpElsewhere,
    /// `a=framerate` that is no positive number; left among the attributes.
    Framerate,
}

impl Repair {
    /// A short name for logs, in words joined by dashes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ByteOrderMark => "byte-order-mark",
            Self::NotUtf8 => "not-utf-8",
            Self::NulByte => "nul-byte",
            Self::LineEnds => "line-ends",
            Self::NoFinalNewline => "no-final-newline",
            Self::BlankLine => "blank-line",
            Self::SurroundingBlanks => "surrounding-blanks",
            Self::JunkLine => "junk-line",
            Self::MissingVersion => "missing-version",
            Self::MissingOrigin => "missing-origin",
            Self::OriginFields => "origin-fields",
            Self::MissingSessionName => "missing-session-name",
            Self::RepeatedSessionName => "repeated-session-name",
            Self::RepeatedLine => "repeated-line",
            Self::MissingTime => "missing-time",
            Self::TimeFields => "time-fields",
            Self::AttributesBeforeTime => "attributes-before-time",
            Self::OutOfOrder => "out-of-order",
            Self::ConnectionFields => "connection-fields",
            Self::BandwidthFields => "bandwidth-fields",
            Self::MediaSubtype => "media-subtype",
            Self::FormatFromRtpmap => "format-from-rtpmap",
            Self::RepeatedFormat => "repeated-format",
            Self::EmptyAttribute => "empty-attribute",
            Self::MissingRtpmap => "missing-rtpmap",
            Self::BadRtpmap => "bad-rtpmap",
            Self::RtpmapBlanks => "rtpmap-blanks",
            Self::ClockRate => "clock-rate",
            Self::StaticPayloadType => "static-payload-type",
            Self::OpusRate => "opus-rate",
            Self::EmptyFmtp => "empty-fmtp",
            Self::FmtpSemicolon => "fmtp-semicolon",
            Self::RepeatedFmtp => "repeated-fmtp",
            Self::FmtpElsewhere => "fmtp-elsewhere",
            Self::Framerate => "framerate",
        }
    }
}

impl Repair {
    /// What it is, in words for people, and peers that show it.
    pub fn about(self) -> &'static str {
        match self {
            Self::ByteOrderMark => {
                "a byte order mark in front (descriptions that went through a Windows editor)"
            }
            Self::NotUtf8 => {
                "bytes that are not UTF-8, replaced by U+FFFD (session names in GBK from Chinese cameras)"
            }
            Self::NulByte => "NUL bytes, dropped (cameras that send the terminator of a C string)",
            Self::LineEnds => "lines end in LF, or in a lone CR, instead of CRLF (very common)",
            Self::NoFinalNewline => "the last line has no end (very common)",
            Self::BlankLine => {
                "empty lines (Anjvision, and everything printed with one line end too many)"
            }
            Self::SurroundingBlanks => "blanks before or after a line (RealServer, Longse)",
            Self::JunkLine => {
                "a line that is not letter=value, dropped (cameras with text left over in the buffer)"
            }
            Self::MissingVersion => "no v= line, or not the first (cheap encoders)",
            Self::MissingOrigin => "no o= line (Dahua and others behind proxies)",
            Self::OriginFields => {
                "an o= line with missing, surplus or unreadable fields (o=… -0) (FLIR, GStreamer in old releases)"
            }
            Self::MissingSessionName => "no s= line (cheap encoders)",
            Self::RepeatedSessionName => "several s= lines; the first counts (Hanwha)",
            Self::RepeatedLine => "several o=, i=, u= or session c= lines; the first counts",
            Self::MissingTime => "no t= line (Anpviz and many others)",
            Self::TimeFields => "a t= line that is not two numbers (FLIR)",
            Self::AttributesBeforeTime => "a= lines in front of t= (Anpviz)",
            Self::OutOfOrder => "other lines in the wrong order, such as a late i= (Hanwha)",
            Self::ConnectionFields => {
                "a c= line without address type (c=IN 192.168.4.232) or otherwise unreadable; mended or dropped"
            }
            Self::BandwidthFields => {
                "a b= line that is not type:number, dropped (b=AS: of many cameras)"
            }
            Self::MediaSubtype => "a media kind with a subtype: m=application/TP-LINK (TP-Link)",
            Self::FormatFromRtpmap => {
                "formats that are no payload types in an RTP media (smart/1/90000); taken from a=rtpmap (TP-Link)"
            }
            Self::RepeatedFormat => "the same payload type twice in one m= line; the first counts",
            Self::EmptyAttribute => "an attribute without name, dropped",
            Self::MissingRtpmap => {
                "a dynamic payload type without a=rtpmap: encoding unknown, clock rate assumed"
            }
            Self::BadRtpmap => {
                "an a=rtpmap that cannot be read, or a second one for a payload type; dropped"
            }
            Self::RtpmapBlanks => {
                "blanks inside a=rtpmap where none belong (RealServer, moonfire's cameras)"
            }
            Self::ClockRate => {
                "a clock rate of zero, or none that can be read; assumed by the encoding"
            }
            Self::StaticPayloadType => {
                "a=rtpmap gives a static payload type another encoding than RFC 3551, and is believed (Anpviz)"
            }
            Self::OpusRate => {
                "Opus not at 48000 Hz and two channels, which RFC 7587 §4.1 demands in each a=rtpmap"
            }
            Self::EmptyFmtp => "a=fmtp:96 with nothing after it, dropped (Ubiquiti)",
            Self::FmtpSemicolon => "a ; behind the last format parameter (Reolink)",
            Self::RepeatedFmtp => "several a=fmtp for one payload type, joined",
            Self::FmtpElsewhere => {
                "a=fmtp under another media than its payload type, moved (seen behind WebRTC bridges)"
            }
            Self::Framerate => "a=framerate that is no positive number; left among the attributes",
        }
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The repairs of one description, each once: as small as the enum, whatever the input.
#[derive(Debug, Clone, Default)]
pub(crate) struct Repairs(Vec<Repair>);

impl Repairs {
    pub(crate) fn add(&mut self, repair: Repair) {
        if !self.0.contains(&repair) {
            self.0.push(repair);
        }
    }

    pub(crate) fn as_slice(&self) -> &[Repair] {
        &self.0
    }
}
