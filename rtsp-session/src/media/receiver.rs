//! One media as its receiver sees it: packets in order, losses as values, reports to the sender.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use bytes::BytesMut;
use rtcp::Compound;
use rtcp::CompoundWriter;
use rtcp::NtpTime;
use rtcp::ReportBlock;
use rtp_core::Packet;
use rtp_core::ReceiverStats;
use rtp_core::Reorder;
use rtp_core::ReorderConfig;
use rtp_core::Reordered;

use super::schedule::Schedule;

/// What a receiver is told at its start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceiverConfig {
    /// Hz of the media's RTP clock.
    pub clock_rate: u32,
    /// How long and how many packets to wait behind a gap. Over TCP nothing arrives late: both zero.
    pub reorder: ReorderConfig,
    /// Our own SSRC, for reports.
    pub ssrc: u32,
    /// Our canonical name, for reports (RFC 3550 §6.5.1).
    pub cname: String,
}

impl ReceiverConfig {
    /// For datagrams: waits for late packets as [`ReorderConfig::default`] says.
    #[must_use]
    pub fn datagrams(clock_rate: u32, ssrc: u32, cname: impl Into<String>) -> Self {
        Self {
            clock_rate,
            reorder: ReorderConfig::default(),
            ssrc,
            cname: cname.into(),
        }
    }

    /// For a connection, which keeps the order: a gap is a loss at once.
    #[must_use]
    pub fn interleaved(clock_rate: u32, ssrc: u32, cname: impl Into<String>) -> Self {
        let reorder = ReorderConfig {
            max_packets: 0,
            max_delay: Duration::ZERO,
        };
        Self {
            reorder,
            ..Self::datagrams(clock_rate, ssrc, cname)
        }
    }
}

/// A packet and when it arrived.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // Complete by nature.
pub struct Arrived {
    /// The packet.
    pub packet: Packet,
    /// When it was read from the socket.
    pub at: Instant,
}

/// What a sender report says about its media: one moment on two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Complete by nature.
pub struct ClockPair {
    /// The sender's wall clock.
    pub ntp: NtpTime,
    /// The RTP timestamp of the same moment.
    pub timestamp: u32,
}

/// What a compound told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// The sender's clocks, from its report.
    pub clocks: Option<ClockPair>,
    /// The sender has said goodbye.
    pub bye: bool,
}

/// Figures since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverStatistics {
    /// Packets taken.
    pub packets: u64,
    /// Octets of RTP payload in them.
    pub payload_octets: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came late but in time to be put in order.
    pub reordered: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came after their place had gone by.
    pub too_late: u64,
    /// Packets of another source than the one that is received.
    pub foreign: u64,
    /// Times that the source changed or started over.
    pub restarts: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: Duration,
}

/// The receiving end of one media.
///
/// One source is received at a time: the one of the first packet, since cameras announce wrong ones in SETUP. Two packets in
/// a row of another source replace it; a single one is a stray and dropped.
#[derive(Debug)]
pub struct Receiver {
    config: ReceiverConfig,
    start: Instant,
    source: Option<u32>,
    candidate: Option<Arrived>,
    /// What a replaced source left behind.
    left: VecDeque<Reordered<Arrived>>,
    stats: ReceiverStats,
    reorder: Reorder<Arrived>,
    totals: ReceiverStatistics,
    /// The middle of the NTP time of the last sender report, and when it came.
    last_report: Option<(u32, Instant)>,
    schedule: Schedule,
}

impl Receiver {
    /// Nothing received yet.
    #[must_use]
    pub fn new(now: Instant, config: ReceiverConfig) -> Self {
        Self {
            start: now,
            source: None,
            candidate: None,
            left: VecDeque::new(),
            stats: ReceiverStats::new(config.clock_rate),
            reorder: Reorder::new(config.reorder),
            totals: ReceiverStatistics::default(),
            last_report: None,
            schedule: Schedule::new(false),
            config,
        }
    }

    /// Takes a packet that was read at `now`. [`pop`](Self::pop) until `None` afterwards.
    pub fn push(&mut self, now: Instant, packet: Packet) {
        let arrived = Arrived { packet, at: now };
        let ssrc = arrived.packet.ssrc();
        match self.source {
            Some(source) if source == ssrc => {
                if self.candidate.take().is_some() {
                    self.totals.foreign += 1;
                }
            }
            None => {
                self.source = Some(ssrc);
                // The first report soon: it opens the way through address translation, and the sender knows that we hear.
                self.schedule.start(now, Duration::from_millis(500));
            }
            Some(_) => match self.candidate.take() {
                Some(first) if first.packet.ssrc() == ssrc => {
                    self.replace_source(now, ssrc);
                    self.accept(first);
                }
                other => {
                    if other.is_some() {
                        self.totals.foreign += 1;
                    }
                    self.candidate = Some(arrived);
                    return;
                }
            },
        }
        self.accept(arrived);
    }

    /// The next packet in order, or a loss in its place.
    pub fn pop(&mut self, now: Instant) -> Option<Reordered<Arrived>> {
        if let Some(left) = self.left.pop_front() {
            return Some(left);
        }
        self.reorder.pop(now.saturating_duration_since(self.start))
    }

    /// When a gap will be given up: [`pop`](Self::pop) again then.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        Some(self.start + self.reorder.next_deadline()?)
    }

    /// Takes a compound of the sender.
    pub fn on_compound(&mut self, now: Instant, compound: &Compound<'_>) -> Told {
        let mut told = Told::default();
        for packet in compound.iter() {
            match packet {
                rtcp::Packet::SenderReport(report) => {
                    // Tapo C320WS reports another SSRC than it sends with: what comes on our channel is about our media.
                    let clocks = ClockPair {
                        ntp: report.ntp(),
                        timestamp: report.rtp_timestamp(),
                    };
                    self.last_report = Some((clocks.ntp.middle_32(), now));
                    // "I do not know the time" (RFC 3550 §6.4.1): nothing to align by.
                    told.clocks = Some(clocks).filter(|clocks| clocks.ntp != NtpTime(0));
                }
                rtcp::Packet::Bye(bye) => {
                    let mut ssrcs = bye.ssrcs();
                    told.bye |= self
                        .source
                        .is_none_or(|source| ssrcs.any(|ssrc| ssrc == source));
                }
                _ => {}
            }
        }
        told
    }

    /// When the next report is due.
    #[must_use]
    pub fn report_due(&self) -> Option<Instant> {
        self.schedule.due()
    }

    /// Appends a compound with a receiver report if one is due; whether it did. `random` is any 32 random bits.
    pub fn report(&mut self, now: Instant, random: u32, out: &mut BytesMut) -> bool {
        if !self.schedule.is_due(now) {
            return false;
        }
        let start = out.len();
        self.write_report(now, out);
        self.schedule.sent(now, out.len() - start, random);
        true
    }

    /// Appends a compound with a receiver report and BYE: we leave.
    pub fn bye(&mut self, now: Instant, out: &mut BytesMut) {
        self.write_report(now, out);
        let mut writer = CompoundWriter::new(out);
        writer.bye(&[self.config.ssrc], None);
    }

    fn write_report(&mut self, now: Instant, out: &mut BytesMut) {
        let block = self.source.map(|ssrc| {
            let report = self.stats.report();
            let (last, delay) = match self.last_report {
                Some((middle, at)) => (middle, units_of_65536(now.saturating_duration_since(at))),
                None => (0, 0),
            };
            ReportBlock {
                ssrc,
                fraction_lost: report.fraction_lost,
                cumulative_lost: report.cumulative_lost,
                extended_highest_sequence: report.extended_highest_sequence,
                jitter: report.jitter,
                last_sender_report: last,
                delay_since_last_sender_report: delay,
            }
        });
        let mut writer = CompoundWriter::new(out);
        writer.receiver_report(self.config.ssrc, block.as_slice());
        writer.cname(self.config.ssrc, &self.config.cname);
    }

    /// Our own SSRC, as in our reports.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.config.ssrc
    }

    /// The SSRC that is received, once there is one.
    #[must_use]
    pub fn source(&self) -> Option<u32> {
        self.source
    }

    /// Figures since the start.
    #[must_use]
    pub fn statistics(&self) -> ReceiverStatistics {
        let counters = self.reorder.counters();
        let jitter = rtp_core::timestamp::to_duration(
            u64::from(self.stats.jitter()),
            self.config.clock_rate,
        );
        ReceiverStatistics {
            lost: self.totals.lost + counters.lost,
            reordered: self.totals.reordered + counters.reordered,
            duplicates: self.totals.duplicates + counters.duplicates,
            too_late: self.totals.too_late + counters.too_late,
            restarts: self.totals.restarts + counters.restarts,
            jitter,
            ..self.totals
        }
    }

    fn accept(&mut self, arrived: Arrived) {
        let since_start = arrived.at.saturating_duration_since(self.start);
        let packet = &arrived.packet;
        self.totals.packets += 1;
        self.totals.payload_octets += packet.payload().len() as u64;
        self.stats
            .on_packet(packet.sequence(), packet.timestamp(), since_start);
        let sequence = packet.sequence();
        self.reorder.push(since_start, sequence, arrived);
    }

    fn replace_source(&mut self, now: Instant, ssrc: u32) {
        // What waited behind a gap has no more to wait for.
        let never = now.saturating_duration_since(self.start) + self.config.reorder.max_delay;
        while let Some(left) = self.reorder.pop(never) {
            self.left.push_back(left);
        }
        self.totals = ReceiverStatistics {
            restarts: self.statistics().restarts + 1,
            ..self.statistics()
        };
        self.stats = ReceiverStats::new(self.config.clock_rate);
        self.reorder = Reorder::new(self.config.reorder);
        self.source = Some(ssrc);
        self.last_report = None;
    }
}

/// A duration in units of 1/65536 s, as report blocks have it.
fn units_of_65536(duration: Duration) -> u32 {
    u32::try_from((duration.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
