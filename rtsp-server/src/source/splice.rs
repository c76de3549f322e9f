//! Joins what comes after an outage to what came before it: readers see one source that paused.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rtcp::NtpTime;
use rtp_core::{Codec, Packet, keyframe, patch};

use crate::stream::clocks::ticks;

/// One media of a source that may be replaced under its readers. The first source passes untouched; packets of a later one
/// get the SSRC of the first, sequence numbers that go on, and timestamps that go on with real time.
#[derive(Debug)]
pub(crate) struct Splice {
    codec: Codec,
    clock_rate: u32,
    /// What readers saw last.
    last: Option<Seen>,
    /// What is added to what the present source says; `None` until its first packet.
    shift: Option<Shift>,
    interrupted: bool,
    /// What readers were told last: a moment by the source's wall clock, and in the RTP time that they see.
    told: Option<(NtpTime, u32)>,
    /// What the present source said before its first packet, in its own RTP time.
    heard: Option<(NtpTime, u32)>,
}

/// How far the source's wall clock may disagree with the time that has passed here and still be believed, in seconds.
const TRUST: u32 = 10;

#[derive(Clone, Copy, Debug)]
struct Seen {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    at: Instant,
}

#[derive(Clone, Copy, Debug, Default)]
struct Shift {
    ssrc: Option<u32>,
    sequence: u16,
    timestamp: u32,
}

impl Splice {
    pub(crate) fn new(media: &sdp::Media) -> Self {
        let format = media.formats.first();
        Self {
            codec: format.map_or(Codec::Other, |format| {
                Codec::from_encoding_name(&format.encoding)
            }),
            clock_rate: format.map_or(90_000, |format| format.clock_rate.max(1)),
            last: None,
            shift: None,
            interrupted: false,
            told: None,
            heard: None,
        }
    }

    /// What follows comes from another source.
    pub(crate) fn interrupted(&mut self) {
        self.interrupted = self.last.is_some();
        self.shift = None;
        self.heard = None;
    }

    /// The packet as readers get it. After an interruption video begins again with a key frame.
    pub(crate) fn packet(&mut self, packet: &Packet, at: Instant) -> Option<Bytes> {
        let shift = match self.shift {
            Some(shift) => shift,
            None => *self.shift.insert(self.join(packet, at)?),
        };
        let sequence = packet.sequence().wrapping_add(shift.sequence);
        let timestamp = packet.timestamp().wrapping_add(shift.timestamp);
        let ssrc = shift.ssrc.unwrap_or_else(|| packet.ssrc());
        self.last = Some(Seen {
            ssrc,
            sequence,
            timestamp,
            at,
        });
        if shift.ssrc.is_none() {
            return Some(packet.bytes().clone());
        }
        let mut bytes = BytesMut::from(&packet.bytes()[..]);
        patch::set_sequence(&mut bytes, sequence);
        patch::set_timestamp(&mut bytes, timestamp);
        patch::set_ssrc(&mut bytes, ssrc);
        Some(bytes.freeze())
    }

    /// How the present source is shifted, found with the first packet that readers may have.
    fn join(&self, packet: &Packet, at: Instant) -> Option<Shift> {
        let Some(last) = self.last.filter(|_| self.interrupted) else {
            return Some(Shift::default());
        };
        if keyframe::has_key_frames(self.codec)
            && !keyframe::random_access(self.codec, packet.payload())
        {
            return None;
        }
        let elapsed = ticks(at.saturating_duration_since(last.at), self.clock_rate).max(1);
        let arrival = last
            .timestamp
            .wrapping_add(elapsed)
            .wrapping_sub(packet.timestamp());
        let timestamp = self
            .by_wall_clock(&last, packet.timestamp(), elapsed)
            .unwrap_or(arrival);
        Some(Shift {
            ssrc: Some(last.ssrc),
            sequence: last
                .sequence
                .wrapping_add(1)
                .wrapping_sub(packet.sequence()),
            timestamp,
        })
    }

    /// The shift that keeps RTP time and the source's wall clock together over the outage, so that nothing jumps for
    /// readers that believe the reports. `None` where the source said nothing yet, or its clock was set.
    fn by_wall_clock(&self, last: &Seen, timestamp: u32, elapsed: u32) -> Option<u32> {
        let ((told_at, told), (heard_at, heard)) = (self.told?, self.heard?);
        let between = (i128::from(heard_at.since(told_at)) * i128::from(self.clock_rate)) >> 32;
        let shift = told.wrapping_add(between as u32).wrapping_sub(heard);
        let forward = timestamp.wrapping_add(shift).wrapping_sub(last.timestamp) as i32;
        let off = forward.abs_diff(elapsed as i32);
        (forward > 0 && off < self.clock_rate.saturating_mul(TRUST)).then_some(shift)
    }

    /// A sender report as readers get it: with the same shift, so that it tells them where the media meet again.
    pub(crate) fn report(&mut self, compound: Bytes) -> Option<Bytes> {
        let said = rtcp::Compound::parse_reduced(&compound)
            .ok()
            .and_then(|compound| {
                compound
                    .sender_report()
                    .map(|sender| (sender.ntp(), sender.rtp_timestamp()))
            });
        let Some(shift) = self.shift else {
            self.heard = said.or(self.heard);
            if !self.interrupted {
                self.told = self.heard;
            }
            // Before the first packet there is nothing to relate it to, unless nothing is shifted.
            return (!self.interrupted).then_some(compound);
        };
        if let Some((ntp, rtp)) = said {
            self.told = Some((ntp, rtp.wrapping_add(shift.timestamp)));
        }
        let Some(ssrc) = shift.ssrc else {
            return Some(compound);
        };
        let mut bytes = BytesMut::from(&compound[..]);
        let rewritten = rtcp::patch::rewrite_sender(&mut bytes, |sender| {
            sender.ssrc = ssrc;
            sender.rtp_timestamp = sender.rtp_timestamp.wrapping_add(shift.timestamp);
        });
        rewritten.is_ok().then(|| bytes.freeze())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rtp_core::Header;

    use super::*;

    const IDR: &[u8] = &[0x65, 1, 2, 3];
    const DELTA: &[u8] = &[0x41, 1, 2, 3];

    fn video() -> Splice {
        let format = sdp::Format::new(96, "H264", 90_000);
        Splice::new(&sdp::Media::rtp(sdp::MediaKind::Video, format))
    }

    fn packet(ssrc: u32, sequence: u16, timestamp: u32, payload: &[u8]) -> Packet {
        let header = Header {
            marker: true,
            payload_type: 96,
            sequence,
            timestamp,
            ssrc,
        };
        Packet::new(&header, payload)
    }

    fn seen(bytes: &Bytes) -> (u32, u16, u32) {
        let packet = Packet::parse(bytes.clone()).unwrap();
        (packet.ssrc(), packet.sequence(), packet.timestamp())
    }

    #[test]
    fn the_first_source_passes_untouched() {
        let (mut splice, now) = (video(), Instant::now());
        let packet = packet(7, 65_535, 5, DELTA);
        let out = splice.packet(&packet, now).unwrap();
        assert_eq!(out.as_ptr(), packet.bytes().as_ptr());
    }

    #[test]
    fn the_next_source_goes_on_where_the_first_stopped() {
        let (mut splice, now) = (video(), Instant::now());
        splice
            .packet(&packet(7, 65_535, u32::MAX, IDR), now)
            .unwrap();
        splice.interrupted();
        let later = now + Duration::from_secs(10);
        assert_eq!(
            splice.packet(&packet(9, 100, 1000, DELTA), later),
            None,
            "no picture without a key frame"
        );
        let out = splice.packet(&packet(9, 101, 4600, IDR), later).unwrap();
        assert_eq!(seen(&out), (7, 0, 900_000 - 1));
        let out = splice.packet(&packet(9, 102, 8200, DELTA), later).unwrap();
        assert_eq!(seen(&out), (7, 1, 900_000 - 1 + 3600));
        // And once more: the third source follows the second.
        splice.interrupted();
        let out = splice
            .packet(&packet(11, 5, 5, IDR), later + Duration::from_secs(1))
            .unwrap();
        assert_eq!(seen(&out), (7, 2, 900_000 - 1 + 3600 + 90_000));
    }

    fn report_at(seconds: u64, ssrc: u32, rtp_timestamp: u32) -> Bytes {
        let mut out = BytesMut::new();
        let ntp = NtpTime::from_unix(Duration::from_secs(seconds));
        let info = rtcp::SenderInfo {
            ssrc,
            ntp,
            rtp_timestamp,
            packet_count: 1,
            octet_count: 1,
        };
        rtcp::CompoundWriter::new(&mut out)
            .sender_report(&info, &[])
            .cname(ssrc, "x");
        out.freeze()
    }

    #[test]
    fn the_wall_clock_of_the_source_decides_where_it_agrees() {
        let start = Instant::now();
        let resume = |heard_at: u64| {
            let mut splice = video();
            splice.report(report_at(100, 7, 1000)).unwrap();
            splice.packet(&packet(7, 1, 1000, IDR), start).unwrap();
            splice.interrupted();
            // Ten seconds later, the source begins with a key frame that it kept for half a second.
            assert_eq!(splice.report(report_at(heard_at, 9, 45_000)), None);
            let later = start + Duration::from_secs(10);
            seen(&splice.packet(&packet(9, 1, 0, IDR), later).unwrap()).2
        };
        assert_eq!(resume(110), 1000 + 855_000, "half a second before ten");
        assert_eq!(
            resume(90),
            1000 + 900_000,
            "a clock that was set back is not believed"
        );
        assert_eq!(resume(1000), 1000 + 900_000, "nor one that was set forward");
    }

    #[test]
    fn reports_are_shifted_with_the_packets() {
        let (mut splice, now) = (video(), Instant::now());
        let report = |ssrc, rtp_timestamp| report_at(1, ssrc, rtp_timestamp);
        let first = report(7, 50);
        assert_eq!(splice.report(first.clone()), Some(first));
        splice.packet(&packet(7, 1, 50, IDR), now).unwrap();
        splice.interrupted();
        assert_eq!(splice.report(report(9, 0)), None);
        splice
            .packet(&packet(9, 1, 0, IDR), now + Duration::from_secs(1))
            .unwrap();
        let out = splice.report(report(9, 10)).unwrap();
        let compound = rtcp::Compound::parse(&out).unwrap();
        let sender = compound.sender_report().unwrap();
        assert_eq!(
            (sender.ssrc(), sender.rtp_timestamp()),
            (7, 50 + 90_000 + 10)
        );
    }

    #[test]
    fn sound_goes_on_at_once() {
        let format = sdp::Format::new(0, "PCMU", 8000);
        let mut splice = Splice::new(&sdp::Media::rtp(sdp::MediaKind::Audio, format));
        let now = Instant::now();
        splice.packet(&packet(1, 10, 0, &[0; 10]), now).unwrap();
        splice.interrupted();
        assert!(splice.packet(&packet(2, 1, 0, &[0; 10]), now).is_some());
    }
}
