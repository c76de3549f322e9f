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

use super::Feedback;
use super::feedback::Wanted;
use super::members::Members;
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
    /// What the description lets us say of losses, at once: the profile AVPF (RFC 4585).
    pub feedback: Option<Feedback>,
    /// It is sent to a group: others hear what we report, and we what they do.
    pub group: bool,
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
            feedback: None,
            group: false,
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
    /// The sender's clocks, from its report, and the source that they belong to.
    pub clocks: Option<(u32, ClockPair)>,
    /// A report was about a source that sends nothing; it is taken for one about the source that does.
    pub foreign: bool,
    /// All sources have said goodbye.
    pub bye: bool,
}

/// Figures since the start, over all sources.
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
    /// Packets that came after their place had gone by, or from before a seek.
    pub too_late: u64,
    /// Packets of sources that never proved to be one.
    pub foreign: u64,
    /// Times that another source joined, or one started over.
    pub restarts: u64,
    /// Interarrival jitter of the source that joined last (RFC 3550 §6.4.1).
    pub jitter: Duration,
}

/// More sources than this are not received at a time: the one that was silent for longest makes room.
const MAX_SOURCES: usize = 8;

/// More sources than this are not tried at a time.
const MAX_CANDIDATES: usize = 4;

/// A source that was silent for so long when the others say goodbye has gone without a word.
const GONE: Duration = Duration::from_secs(2);

/// How far behind the first packet of a new range a packet is taken for one of the range before.
const STALE: u16 = 3_000;

/// How long packets of the range before may still come.
const STALE_FOR: Duration = Duration::from_secs(5);

/// One source of a media.
#[derive(Debug)]
struct Source {
    ssrc: u32,
    stats: ReceiverStats,
    reorder: Reorder<Arrived>,
    /// The middle of the NTP time of the last sender report, and when it came.
    last_report: Option<(u32, Instant)>,
    heard: Instant,
    gone: bool,
}

/// The receiving end of one media.
///
/// Each source is received by itself: a media may have several at a time (RFC 7826 §C.9), and one may take another's place.
/// The source of the first packet is taken at its word, since cameras announce wrong ones in SETUP; another has to show
/// two packets in sequence first (RFC 3550 §A.1), so that a stray changes nothing.
#[derive(Debug)]
pub struct Receiver {
    config: ReceiverConfig,
    start: Instant,
    /// In the order in which they joined.
    sources: Vec<Source>,
    candidates: Vec<Arrived>,
    /// What was still behind gaps when another source joined.
    left: VecDeque<(u32, Reordered<Arrived>)>,
    /// What has no source any more, and what belongs to none.
    totals: ReceiverStatistics,
    /// From where on packets belong to the range that plays, and until when others are looked for.
    since: Option<(u16, Instant)>,
    schedule: Schedule,
    /// Who else is in the group.
    members: Members,
    wanted: Wanted,
}

impl Receiver {
    /// Nothing received yet.
    #[must_use]
    pub fn new(now: Instant, config: ReceiverConfig) -> Self {
        let mut schedule = Schedule::new(false);
        if let Some(interval) = config.feedback.and_then(|it| it.regular_interval) {
            schedule.set_regular(interval);
        }
        Self {
            start: now,
            sources: Vec::new(),
            candidates: Vec::new(),
            left: VecDeque::new(),
            totals: ReceiverStatistics::default(),
            since: None,
            schedule,
            members: Members::default(),
            wanted: Wanted::default(),
            config,
        }
    }

    /// Another range plays: packets before `sequence`, the first of it, are dropped from now on, those that wait for earlier
    /// ones included (RFC 2326 §B, RFC 7826 §18.45).
    pub fn on_seek(&mut self, now: Instant, sequence: u16) {
        self.since = Some((sequence, now + STALE_FOR));
        let never = self.never(now);
        for source in &mut self.sources {
            while let Some(next) = source.reorder.pop(never) {
                let stale = match &next {
                    Reordered::Item(arrived) => is_stale(sequence, arrived.packet.sequence()),
                    Reordered::Lost { first, .. } => is_stale(sequence, *first),
                };
                if !stale {
                    self.left.push_back((source.ssrc, next));
                }
            }
        }
    }

    /// Takes a packet that was read at `now`. [`pop`](Self::pop) until `None` afterwards.
    pub fn push(&mut self, now: Instant, packet: Packet) {
        if let Some((sequence, until)) = self.since {
            if until < now {
                self.since = None;
            } else if is_stale(sequence, packet.sequence()) {
                self.totals.too_late += 1;
                return;
            }
        }
        let arrived = Arrived { packet, at: now };
        let ssrc = arrived.packet.ssrc();
        if let Some(at) = self.sources.iter().position(|source| source.ssrc == ssrc) {
            self.accept(at, arrived);
        } else if self.sources.is_empty() {
            // The first report soon: it opens the way through address translation, and the sender knows that we hear.
            self.schedule.start(now, Duration::from_millis(500));
            let at = self.join(now, ssrc);
            self.accept(at, arrived);
        } else if let Some(first) = self.proven(&arrived) {
            self.totals.restarts += 1;
            let at = self.join(now, ssrc);
            self.accept(at, first);
            self.accept(at, arrived);
        }
    }

    /// The next packet of some source in order, or a loss in its place; with the source.
    pub fn pop(&mut self, now: Instant) -> Option<(u32, Reordered<Arrived>)> {
        if let Some(left) = self.left.pop_front() {
            return Some(left);
        }
        let now = now.saturating_duration_since(self.start);
        loop {
            let mut sources = self.sources.iter_mut();
            let next = sources.find_map(|source| Some((source.ssrc, source.reorder.pop(now)?)))?;
            // What was dropped for a seek is not missed.
            match (&next.1, self.since) {
                (Reordered::Lost { first, .. }, Some((since, _))) if is_stale(since, *first) => {}
                (Reordered::Lost { first, count }, _) => {
                    self.wanted.lost(self.config.feedback, *first, *count);
                    return Some(next);
                }
                _ => return Some(next),
            }
        }
    }

    /// When a gap will be given up: [`pop`](Self::pop) again then.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let deadlines = self.sources.iter().map(|s| s.reorder.next_deadline());
        Some(self.start + deadlines.flatten().min()?)
    }

    /// Takes a compound of the sender; in a group, of anybody.
    pub fn on_compound(&mut self, now: Instant, compound: &Compound<'_>) -> Told {
        let mut told = Told::default();
        if self.config.group {
            self.members.hear(now, compound, self.config.ssrc);
            self.schedule.set_others(self.members.count());
        }
        for packet in compound.iter() {
            match packet {
                rtcp::Packet::SenderReport(report) => {
                    let known = |source: &Source| source.ssrc == report.ssrc();
                    told.foreign |= !self.sources.is_empty() && !self.sources.iter().any(known);
                    told.clocks = self.on_report(now, &report).or(told.clocks);
                }
                rtcp::Packet::Bye(bye) => {
                    for source in &mut self.sources {
                        source.gone |= bye.ssrcs().any(|ssrc| ssrc == source.ssrc);
                    }
                    told.bye = self.have_all_gone(now);
                }
                _ => {}
            }
        }
        told
    }

    fn on_report(
        &mut self,
        now: Instant,
        report: &rtcp::SenderReport<'_>,
    ) -> Option<(u32, ClockPair)> {
        let clocks = ClockPair {
            ntp: report.ntp(),
            timestamp: report.rtp_timestamp(),
        };
        let known = self.sources.iter().position(|s| s.ssrc == report.ssrc());
        if self.config.group && known.is_none() && !self.sources.is_empty() {
            // Somebody else sends there, too.
            return None;
        }
        // Tapo C320WS reports another SSRC than it sends with: what comes on our channel is about our media.
        let at = known.unwrap_or(self.sources.len().saturating_sub(1));
        let mut ssrc = report.ssrc();
        if let Some(source) = self.sources.get_mut(at) {
            source.last_report = Some((clocks.ntp.middle_32(), now));
            ssrc = source.ssrc;
        }
        // "I do not know the time" (RFC 3550 §6.4.1): nothing to align by.
        (clocks.ntp != NtpTime(0)).then_some((ssrc, clocks))
    }

    /// Whether no source is left that could send more.
    fn have_all_gone(&self, now: Instant) -> bool {
        let silent = |source: &Source| now.saturating_duration_since(source.heard) > GONE;
        // In a group others say goodbye, too.
        let nobody = self.sources.is_empty() && !self.config.group;
        let said_so = nobody || self.sources.iter().any(|source| source.gone);
        said_so
            && self
                .sources
                .iter()
                .all(|source| source.gone || silent(source))
    }

    /// When the next report is due: a regular one, or one that says at once what was lost (RFC 4585 §3.5).
    #[must_use]
    pub fn report_due(&self) -> Option<Instant> {
        let since = self.wanted.since;
        let early = since.map(|since| self.schedule.early().map_or(since, |at| at.max(since)));
        self.schedule.due().into_iter().chain(early).min()
    }

    /// Appends a compound with a receiver report if one is due; whether it did. `random` is any 32 random bits.
    pub fn report(&mut self, now: Instant, random: u32, out: &mut BytesMut) -> bool {
        let regular = self.schedule.is_due(now);
        if !regular && self.report_due().is_none_or(|due| due > now) {
            return false;
        }
        if self.config.group {
            self.members.forget_silent(now, self.schedule.interval());
            self.schedule.set_others(self.members.count());
            if regular && !self.schedule.reconsider(now, random) {
                return false;
            }
        }
        let start = out.len();
        self.write_report(now, out);
        if let Some(source) = self.source() {
            self.wanted.write(self.config.ssrc, source, out);
        }
        let size = out.len() - start;
        match regular {
            true => self.schedule.sent(now, size, random),
            false => self.schedule.sent_early(now, size),
        }
        true
    }

    /// Appends a compound with a receiver report and BYE: we leave.
    pub fn bye(&mut self, now: Instant, out: &mut BytesMut) {
        self.write_report(now, out);
        let mut writer = CompoundWriter::new(out);
        writer.bye(&[self.config.ssrc], None);
    }

    fn write_report(&mut self, now: Instant, out: &mut BytesMut) {
        let blocks: Vec<_> = self
            .sources
            .iter_mut()
            .map(|s| s.report_block(now))
            .collect();
        let mut writer = CompoundWriter::new(out);
        writer.receiver_report(self.config.ssrc, &blocks);
        writer.cname(self.config.ssrc, &self.config.cname);
    }

    /// Our own SSRC, as in our reports.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.config.ssrc
    }

    /// The SSRC that is received, once there is one; of several, the one that joined last.
    #[must_use]
    pub fn source(&self) -> Option<u32> {
        self.sources.last().map(|source| source.ssrc)
    }

    /// Figures since the start.
    #[must_use]
    pub fn statistics(&self) -> ReceiverStatistics {
        let mut sum = self.totals;
        for source in &self.sources {
            source.count_into(&mut sum);
        }
        let jitter = self.sources.last().map_or(0, |s| s.stats.jitter());
        let rate = self.config.clock_rate;
        sum.jitter = rtp_core::timestamp::to_duration(u64::from(jitter), rate);
        sum
    }

    /// The packet before this one, if the two prove their source.
    fn proven(&mut self, arrived: &Arrived) -> Option<Arrived> {
        let packet = &arrived.packet;
        let same = |first: &Arrived| first.packet.ssrc() == packet.ssrc();
        let before = self.candidates.iter().position(same);
        let before = before.map(|at| self.candidates.remove(at));
        match before {
            Some(first) if first.packet.sequence().wrapping_add(1) == packet.sequence() => {
                Some(first)
            }
            other => {
                if self.candidates.len() == MAX_CANDIDATES {
                    self.candidates.remove(0);
                    self.totals.foreign += 1;
                }
                self.totals.foreign += u64::from(other.is_some());
                self.candidates.push(arrived.clone());
                None
            }
        }
    }

    /// Another source is received from now on; its place among them.
    fn join(&mut self, now: Instant, ssrc: u32) -> usize {
        // What waits behind a gap most likely has no more to wait for: sources mostly take turns.
        let never = self.never(now);
        for source in &mut self.sources {
            while let Some(next) = source.reorder.pop(never) {
                self.left.push_back((source.ssrc, next));
            }
        }
        if self.sources.len() == MAX_SOURCES {
            let with_index = self.sources.iter().enumerate();
            let silent = with_index.min_by_key(|(_, source)| source.heard);
            if let Some(at) = silent.map(|(at, _)| at) {
                self.sources.remove(at).count_into(&mut self.totals);
            }
        }
        self.sources.push(Source {
            ssrc,
            stats: ReceiverStats::new(self.config.clock_rate),
            reorder: Reorder::new(self.config.reorder),
            last_report: None,
            heard: now,
            gone: false,
        });
        self.sources.len() - 1
    }

    fn accept(&mut self, at: usize, arrived: Arrived) {
        let Some(source) = self.sources.get_mut(at) else {
            return;
        };
        let since_start = arrived.at.saturating_duration_since(self.start);
        let packet = &arrived.packet;
        self.totals.packets += 1;
        self.totals.payload_octets += packet.payload().len() as u64;
        self.wanted
            .arrived(self.config.feedback, arrived.at, packet.sequence());
        source.heard = arrived.at;
        source.gone = false;
        source
            .stats
            .on_packet(packet.sequence(), packet.timestamp(), since_start);
        let sequence = packet.sequence();
        source.reorder.push(since_start, sequence, arrived);
    }

    /// A time at which every gap is given up.
    fn never(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.start) + self.config.reorder.max_delay
    }
}

impl Source {
    fn report_block(&mut self, now: Instant) -> ReportBlock {
        let report = self.stats.report();
        let (last, delay) = match self.last_report {
            Some((middle, at)) => (middle, units_of_65536(now.saturating_duration_since(at))),
            None => (0, 0),
        };
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: report.fraction_lost,
            cumulative_lost: report.cumulative_lost,
            extended_highest_sequence: report.extended_highest_sequence,
            jitter: report.jitter,
            last_sender_report: last,
            delay_since_last_sender_report: delay,
        }
    }

    fn count_into(&self, sum: &mut ReceiverStatistics) {
        let counters = self.reorder.counters();
        sum.lost += counters.lost;
        sum.reordered += counters.reordered;
        sum.duplicates += counters.duplicates;
        sum.too_late += counters.too_late;
        sum.restarts += counters.restarts;
    }
}

/// Whether `sequence` is a little before `first`: servers that tell nonsense (Hikvision: always 0) are far from what they send.
fn is_stale(first: u16, sequence: u16) -> bool {
    (1..=STALE).contains(&first.wrapping_sub(sequence))
}

/// A duration in units of 1/65536 s, as report blocks have it.
fn units_of_65536(duration: Duration) -> u32 {
    u32::try_from((duration.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
