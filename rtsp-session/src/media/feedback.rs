//! What feedback a description wants (RFC 4585 §4.2, RFC 5104 §7).

use std::time::Duration;
use std::time::Instant;

use bytes::BytesMut;
use rtcp::CompoundWriter;
use rtcp::FullIntraRequest;
use sdp::Attribute;
use sdp::Media;

/// The feedback that may be sent for one media of the profile AVPF, beside reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Feedback {
    /// `nack`: lost packets are named.
    pub nack: bool,
    /// `nack pli`: a key frame is asked for when pictures are lost.
    pub pli: bool,
    /// `ccm fir`: a key frame is asked for because one is needed.
    pub fir: bool,
    /// `trr-int`: regular reports are at least so far apart; `None` where RFC 3550's interval holds.
    pub regular_interval: Option<Duration>,
}

impl Feedback {
    /// What `media` says, for any of its formats; `None` where its profile knows no early feedback.
    #[must_use]
    pub fn of(media: &Media) -> Option<Self> {
        is_early(media).then(|| {
            let mut feedback = Self::default();
            for attribute in &media.attributes {
                feedback.note(attribute);
            }
            feedback
        })
    }

    fn note(&mut self, attribute: &Attribute) {
        match words(attribute).as_slice() {
            [_, "nack"] => self.nack = true,
            [_, "nack", "pli", ..] => self.pli = true,
            [_, "ccm", "fir", ..] => self.fir = true,
            [_, "trr-int", number, ..] => {
                // RFC 8083 §4.1 bounds it from above, for circuit breakers.
                let interval = number.parse().ok().map(Duration::from_millis);
                self.regular_interval = interval.map(|interval| interval.min(LONGEST_INTERVAL));
            }
            _ => {}
        }
    }
}

/// Packets that are asked for again at a time.
const MOST_LOST: usize = 64;

/// What a receiver has to say of losses and has not said yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Since when.
    pub(super) since: Option<Instant>,
    lost: Vec<u16>,
    key_frame: Option<KeyFrame>,
    /// How often a key frame was asked for by FIR, which counts its requests.
    requests: u8,
    highest: Option<u16>,
    /// When the newest packet came.
    now: Option<Instant>,
}

/// How a key frame is asked for.
#[derive(Clone, Copy, Debug)]
enum KeyFrame {
    Lost,
    Needed,
}

impl Wanted {
    /// A packet has come: those between it and the newest before are missing, as long as they do not come late.
    pub(super) fn arrived(&mut self, takes: Option<Feedback>, now: Instant, sequence: u16) {
        let Some(takes) = takes else { return };
        self.now = Some(now);
        let Some(highest) = self.highest else {
            self.highest = Some(sequence);
            return;
        };
        let ahead = sequence.wrapping_sub(highest);
        if ahead >= 1 << 15 {
            self.lost.retain(|lost| *lost != sequence);
            if self.lost.is_empty() && self.key_frame.is_none() {
                self.since = None;
            }
            return;
        }
        self.highest = Some(sequence);
        if takes.nack && usize::from(ahead) <= MOST_LOST {
            for gap in 1..ahead {
                if self.lost.len() < MOST_LOST {
                    self.lost.push(highest.wrapping_add(gap));
                    self.since.get_or_insert(now);
                }
            }
        }
    }

    /// Packets will not come any more: what follows cannot be decoded before the next key frame.
    pub(super) fn lost(&mut self, takes: Option<Feedback>, first: u16, count: u16) {
        let gone = |lost: u16| lost.wrapping_sub(first) < count;
        self.lost.retain(|lost| !gone(*lost));
        self.key_frame = match takes {
            Some(Feedback { pli: true, .. }) => Some(KeyFrame::Lost),
            Some(Feedback { fir: true, .. }) => Some(KeyFrame::Needed),
            _ => None,
        };
        self.since = match (self.lost.is_empty(), self.key_frame) {
            (true, None) => None,
            _ => self.since.or(self.now),
        };
    }

    /// Appends it to a compound, which it is said with.
    pub(super) fn write(&mut self, own: u32, source: u32, out: &mut BytesMut) {
        self.since = None;
        let mut writer = CompoundWriter::new(out);
        if !self.lost.is_empty() {
            writer.nack(own, source, &self.lost);
            self.lost.clear();
        }
        match self.key_frame.take() {
            Some(KeyFrame::Lost) => {
                writer.pli(own, source);
            }
            Some(KeyFrame::Needed) => {
                let (ssrc, sequence) = (source, self.requests);
                self.requests = sequence.wrapping_add(1);
                writer.fir(own, &[FullIntraRequest { ssrc, sequence }]);
            }
            None => {}
        }
    }
}

/// Regular reports are never further apart, whatever `trr-int` says (RFC 8083 §4.1).
const LONGEST_INTERVAL: Duration = Duration::from_secs(4);

fn is_early(media: &Media) -> bool {
    let protocol = media.protocol.to_ascii_uppercase();
    let profile = protocol.split('/').nth(1);
    matches!(profile, Some("AVPF" | "SAVPF"))
}

/// Lower-case words of an `rtcp-fb`; of anything else none.
fn words(attribute: &Attribute) -> Vec<&str> {
    let value = attribute
        .value
        .as_deref()
        .filter(|_| attribute.is("rtcp-fb"));
    value.map_or_else(Vec::new, |value| value.split_ascii_whitespace().collect())
}

/// What a relay can promise of the feedback that a publisher takes: it hands on requests for key frames, and reports as often as it
/// is told to. Packets that readers miss it does not send again.
#[must_use]
pub fn relayed(media: &Media) -> Vec<Attribute> {
    if !is_early(media) {
        return Vec::new();
    }
    let relays = |attribute: &&Attribute| {
        matches!(
            words(attribute).as_slice(),
            [_, "nack", "pli", ..] | [_, "ccm", "fir", ..] | [_, "trr-int", ..]
        )
    };
    media.attributes.iter().filter(relays).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(profile: &str, lines: &[&str]) -> Media {
        let mut media = Media::new(sdp::MediaKind::Video, profile);
        let line = |line: &&str| Attribute::new("rtcp-fb", *line);
        media.attributes = lines.iter().map(line).collect();
        media
    }

    #[test]
    fn r2_rtp_06_lines_of_a_description() {
        let lines = [
            "96 nack",
            "* nack pli",
            "96 ccm fir",
            "* trr-int 2500",
            "96 goog-remb",
        ];
        let all = Feedback::of(&media("RTP/AVPF", &lines)).unwrap();
        assert!(all.nack && all.pli && all.fir);
        assert_eq!(all.regular_interval, Some(Duration::from_millis(2500)));
        assert_eq!(Feedback::of(&media("RTP/AVP", &lines)), None);
        let none = Feedback::of(&media(
            "RTP/SAVPF",
            &["96", "", "* trr-int x", "* nack rpsi"],
        ));
        assert_eq!(none, Some(Feedback::default()));
        let long = Feedback::of(&media("RTP/AVPF", &["* trr-int 99999999999"])).unwrap();
        assert_eq!(long.regular_interval, Some(LONGEST_INTERVAL));
        let kept = relayed(&media("RTP/AVPF", &lines));
        let kept: Vec<_> = kept
            .iter()
            .filter_map(|line| line.value.as_deref())
            .collect();
        assert_eq!(kept, ["* nack pli", "96 ccm fir", "* trr-int 2500"]);
        assert!(relayed(&media("RTP/AVP", &lines)).is_empty());
    }
}
