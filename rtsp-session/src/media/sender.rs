//! One media as its sender sees it: counts, and reports with the right time.

use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use bytes::BytesMut;
use rtcp::Compound;
use rtcp::CompoundWriter;
use rtcp::NtpTime;
use rtcp::ReportBlock;
use rtcp::SenderInfo;

use super::schedule::Schedule;
use crate::Now;

/// The sending end of one media.
///
/// A report says which RTP timestamp belongs to which wall-clock time. The pair is fixed once by [`anchor`](Self::anchor) and
/// goes on with the monotonic clock, so that media with anchors of the same moment stay in sync whatever each packet's own
/// delay (RFC 3550 §6.4.1).
#[derive(Debug)]
pub struct Sender {
    ssrc: u32,
    clock_rate: u32,
    cname: String,
    packets: u32,
    octets: u32,
    anchor: Option<(Now, u32)>,
    schedule: Schedule,
    heard: Option<ReportBlock>,
}

impl Sender {
    /// Nothing sent yet.
    #[must_use]
    pub fn new(ssrc: u32, clock_rate: u32, cname: impl Into<String>) -> Self {
        Self {
            ssrc,
            clock_rate,
            cname: cname.into(),
            packets: 0,
            octets: 0,
            anchor: None,
            schedule: Schedule::new(true),
            heard: None,
        }
    }

    /// Says that `timestamp` belongs to `now`. Without it the first packet does.
    pub fn anchor(&mut self, now: Now, timestamp: u32) {
        self.anchor = Some((now, timestamp));
    }

    /// A packet goes out.
    pub fn on_packet(&mut self, now: Now, timestamp: u32, payload_len: usize) {
        if self.anchor.is_none() {
            self.anchor(now, timestamp);
        }
        // The first report at once: a receiver needs it to align media.
        self.schedule.start(now.monotonic, Duration::ZERO);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self
            .octets
            .wrapping_add(u32::try_from(payload_len).unwrap_or(0));
    }

    /// When the next report is due.
    #[must_use]
    pub fn report_due(&self) -> Option<Instant> {
        self.schedule.due()
    }

    /// Appends a compound with a sender report if one is due; whether it did. `random` is any 32 random bits.
    pub fn report(&mut self, now: Now, random: u32, out: &mut BytesMut) -> bool {
        if !self.schedule.is_due(now.monotonic) {
            return false;
        }
        let start = out.len();
        self.write_report(now, out);
        self.schedule.sent(now.monotonic, out.len() - start, random);
        true
    }

    /// Appends a compound with a sender report and BYE: nothing more will come.
    pub fn bye(&mut self, now: Now, out: &mut BytesMut) {
        self.write_report(now, out);
        let mut writer = CompoundWriter::new(out);
        writer.bye(&[self.ssrc], None);
    }

    /// Takes a compound of the receiver.
    pub fn on_compound(&mut self, compound: &Compound<'_>) {
        for packet in compound.iter() {
            if let rtcp::Packet::ReceiverReport(report) = packet {
                let ours = report.report_blocks().find(|block| block.ssrc == self.ssrc);
                self.heard = ours.or(self.heard);
            }
        }
    }

    /// The receiver's last report on us.
    #[must_use]
    pub fn heard(&self) -> Option<&ReportBlock> {
        self.heard.as_ref()
    }

    /// Packets and octets of payload sent, as reports count them.
    #[must_use]
    pub fn counts(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }

    fn write_report(&self, now: Now, out: &mut BytesMut) {
        let (anchor, timestamp) = self.anchor.unwrap_or((now, 0));
        let elapsed = now.monotonic.saturating_duration_since(anchor.monotonic);
        // The anchor may lie ahead, when packets are sent early.
        let ahead = anchor.monotonic.saturating_duration_since(now.monotonic);
        let ticks = |time| rtp_core::timestamp::from_duration(time, self.clock_rate) as u32;
        // Not `now.wall`: a clock that is set would tear the media apart.
        let wall = anchor.wall + elapsed - ahead;
        let unix = wall
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let info = SenderInfo {
            ssrc: self.ssrc,
            ntp: NtpTime::from_unix(unix),
            rtp_timestamp: timestamp
                .wrapping_add(ticks(elapsed))
                .wrapping_sub(ticks(ahead)),
            packet_count: self.packets,
            octet_count: self.octets,
        };
        let mut writer = CompoundWriter::new(out);
        writer.sender_report(&info, &[]);
        writer.cname(self.ssrc, &self.cname);
    }
}

#[cfg(test)]
mod tests;
