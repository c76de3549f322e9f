//! Deviations of a server that were met and accepted: in messages, in descriptions, in what it does.

use std::fmt;

use rtsp_msg::Deviations;
use rtsp_msg::HeaderName;
use rtsp_msg::Response;
use rtsp_msg::Version;
use rtsp_msg::headers::RtpInfo;
use rtsp_msg::headers::Transport;

use super::ClientSession;
use super::MediaTransport;

macro_rules! conduct {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $about:literal;)*) => {
        /// Something that a server does otherwise than the RFCs say, and that does no harm.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Conduct {
            $(#[doc = $about] $variant,)*
        }

        impl Conduct {
            /// All that there are.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// A short name, in words joined by underscores.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it is, in words for people, and servers that do it.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$variant => $about,)*
                }
            }
        }
    };
}

conduct! {
    MissingCseq, "missing_cseq",
        "a response has no CSeq; it is taken for that to the oldest request (cameras that live555 reads)";
    WrongCseq, "wrong_cseq",
        "a response has the CSeq of another request; it is taken for that to the only one (Tapo)";
    PassedOver, "passed_over",
        "what is no RTSP stood between two messages and was passed over (Luma x20)";
    ClosedAfterChallenge, "closed_after_challenge",
        "the server closes the connection after its 401 (servers on live555)";
    MissingContentType, "missing_content_type",
        "the description has no Content-Type, or another than application/sdp (cameras seen by retina)";
    ChangedSession, "changed_session",
        "the session id changes between two requests; the first counts (cameras seen by FFmpeg)";
    MissingServerPort, "missing_server_port",
        "the server does not say from which ports it sends (OpenIPC)";
    OldTransport, "old_transport",
        "ports are negotiated as in RTSP/1.0, in RTSP/2.0 (gst-rtsp-server)";
    OldRtpInfo, "old_rtp_info",
        "RTP-Info is written as in RTSP/1.0, in RTSP/2.0 (gst-rtsp-server)";
    MissingAcceptRanges, "missing_accept_ranges",
        "the answer to SETUP has no Accept-Ranges, in RTSP/2.0 (gst-rtsp-server)";
    RtpInfoUrls, "rtp_info_urls",
        "RTP-Info names media by other URLs than their controls, or media that were not set up (GW4089IP, Reolink)";
    KeepAliveRefused, "keep_alive_refused",
        "the method of a keep-alive is refused although the server lists it (Hikvision, GW4089IP)";
    KeepAliveUnanswered, "keep_alive_unanswered",
        "a keep-alive is not answered (cameras seen by MediaMTX)";
    SwappedChannels, "swapped_channels",
        "packets and reports come on each other's channel (cameras seen by GStreamer)";
    ForeignChannels, "foreign_channels",
        "frames come on channels that were never set up (Reolink, servers on old live555)";
    ForeignReports, "foreign_reports",
        "reports name another source than the packets (Tapo C320WS)";
}

/// A deviation that was met and accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Deviation {
    /// Of a message from the grammar.
    Message(rtsp_msg::Deviation),
    /// Of the description from RFC 8866.
    Description(sdp::Repair),
    /// Of what the server does.
    Conduct(Conduct),
}

impl Deviation {
    /// A short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Message(deviation) => deviation.name(),
            Self::Description(repair) => repair.as_str(),
            Self::Conduct(conduct) => conduct.name(),
        }
    }

    /// What it is, in words for people, and peers that show it.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Message(deviation) => deviation.about(),
            Self::Description(repair) => repair.about(),
            Self::Conduct(conduct) => conduct.about(),
        }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.about())
    }
}

impl ClientSession {
    /// The deviations that were met and accepted, in the order of their first occurrence, and how often.
    #[must_use]
    pub fn deviations(&self) -> &[(Deviation, u64)] {
        self.connection.deviations()
    }

    /// Notes what was met of the server outside of its messages.
    pub fn note(&mut self, conduct: Conduct) {
        self.connection.note(Deviation::Conduct(conduct));
    }

    /// What the answer to a SETUP lacks, or says in the way of the other version.
    pub(super) fn look_at_setup(
        &mut self,
        answer: Option<&Transport>,
        granted: &MediaTransport,
        response: &Response,
    ) {
        if let MediaTransport::Udp { server: None, .. } = granted {
            self.note(Conduct::MissingServerPort);
        }
        if self.version != Version::V2_0 {
            return;
        }
        let spec = answer.and_then(|transport| transport.0.first());
        if spec.is_some_and(|spec| spec.server_port.is_some() || spec.client_port.is_some()) {
            self.note(Conduct::OldTransport);
        }
        if !response.headers.contains(&HeaderName::AcceptRanges) {
            self.note(Conduct::MissingAcceptRanges);
        }
    }

    /// Whether `RTP-Info` is written as it should be, and is about the media that were set up.
    pub(super) fn look_at_rtp_info(
        &mut self,
        info: Option<&RtpInfo>,
        controls: &[Option<String>],
        response: &Response,
    ) {
        let old = |line: &str| {
            let url = line.trim_start().get(..5).unwrap_or_default();
            url.to_ascii_lowercase().starts_with("url=") && !url.ends_with('"')
        };
        let mut lines = response.headers.all(&HeaderName::RtpInfo);
        if self.version == Version::V2_0 && lines.any(old) {
            self.note(Conduct::OldRtpInfo);
        }
        let mut entries = info.into_iter().flat_map(|info| &info.0);
        let known = |url: &str| {
            controls
                .iter()
                .flatten()
                .any(|control| is_same(url, control))
        };
        if entries.any(|entry| !known(&entry.url)) {
            self.note(Conduct::RtpInfoUrls);
        }
    }
}

/// Whether the URL in RTP-Info is that of the control; a relative one counts, RFC 2326 does not say what it is relative to.
fn is_same(url: &str, control: &str) -> bool {
    url == control || (!url.contains("://") && control.ends_with(url))
}

/// Which deviations were met, and how often. As long as there are kinds of them, whatever the server does.
#[derive(Clone, Debug, Default)]
pub(super) struct Met(Vec<(Deviation, u64)>);

impl Met {
    pub(super) fn note(&mut self, deviation: Deviation) {
        match self.0.iter_mut().find(|(known, _)| *known == deviation) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.0.push((deviation, 1)),
        }
    }

    pub(super) fn note_all(&mut self, deviations: Deviations) {
        for deviation in deviations.iter() {
            self.note(Deviation::Message(deviation));
        }
    }

    pub(super) fn all(&self) -> &[(Deviation, u64)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_says_who_needs_it() {
        let mut names = std::collections::BTreeSet::new();
        let messages = rtsp_msg::Deviation::ALL
            .iter()
            .map(|d| Deviation::Message(*d));
        let conduct = Conduct::ALL.iter().map(|c| Deviation::Conduct(*c));
        for deviation in messages.chain(conduct) {
            assert!(names.insert(deviation.name()), "{deviation}");
            assert!(
                deviation.about().ends_with(')'),
                "{deviation}: who does it?"
            );
        }
    }

    #[test]
    fn they_are_counted() {
        let mut met = Met::default();
        for _ in 0..3 {
            met.note(Deviation::Conduct(Conduct::WrongCseq));
        }
        met.note(Deviation::Description(sdp::Repair::LineEnds));
        assert_eq!(
            met.all()
                .iter()
                .map(|(_, count)| *count)
                .collect::<Vec<_>>(),
            [3, 1]
        );
    }
}
