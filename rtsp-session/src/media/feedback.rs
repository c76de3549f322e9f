//! What feedback a description wants (RFC 4585 §4.2, RFC 5104 §7).

use std::time::Duration;

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
