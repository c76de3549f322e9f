//! When a sender of datagrams has to stop: the circuit breakers of RFC 8083, for one media and one receiver.
//!
//! A live stream cannot be sent slower than it comes, so the outer bound of RFC 7826 §C.1.6.3 is all the adaptation that
//! there is: who takes an order of magnitude more than TCP would, or sends where nothing arrives, stops.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;
use std::time::Instant;

use rtcp::ReportBlock;

/// The deterministic reporting interval of a session of two (RFC 3550 §6.2).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Reports in a row without progress that say that nothing arrives (RFC 8083 §4.2, `k`).
const SILENT_REPORTS: f64 = 5.0;

/// Octets that are sent in vain before missing reports mean something: FFmpeg reports once for each 280,000 octets that it gets,
/// however long that takes.
const UNREPORTED_OCTETS: u64 = 3 * 280_000;

/// The round trip where no report tells one.
const ASSUMED_ROUND_TRIP: Duration = Duration::from_millis(100);

/// The most reports that are looked back on.
const MOST_REPORTS: usize = 64;

/// What was sent to the receiver so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Complete by nature.
pub struct Sent {
    /// RTP packets.
    pub packets: u64,
    /// Octets of them.
    pub octets: u64,
}

/// Why to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // RFC 8083 §4 has these; its fourth, usability, is the receiver's to judge.
pub enum Tripped {
    /// The receiver has reported, and does no more (§4.1).
    ReportTimeout,
    /// It reports that nothing arrives (§4.2).
    MediaTimeout,
    /// It loses so much that TCP would send less than a tenth (§4.3).
    Congestion,
}

impl fmt::Display for Tripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Tripped {
    /// The reason in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReportTimeout => "its reports have ceased while media are sent to it",
            Self::MediaTimeout => "it reports that no media arrive",
            Self::Congestion => "the path to it is congested",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Interval {
    length: Duration,
    /// The share of packets that was lost, of 256.
    lost: u8,
    octets: u64,
    packets: u64,
}

/// The circuit breakers of one media and one receiver. They rest until the receiver has shown by a report that it sends such
/// (RFC 8083 §4).
#[derive(Clone, Debug)]
pub struct Breaker {
    last_report: Instant,
    armed: bool,
    /// The longest time between two reports.
    longest: Duration,
    intervals: VecDeque<Interval>,
    sent: Sent,
    highest: Option<u32>,
    silent: u32,
}

impl Breaker {
    /// Sending begins at `now`.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            last_report: now,
            armed: false,
            longest: REPORT_INTERVAL,
            intervals: VecDeque::new(),
            sent: Sent::default(),
            highest: None,
            silent: 0,
        }
    }

    /// The receiver has reported. `round_trip` is what its report tells of that; `sent` all that was sent so far.
    pub fn on_report(
        &mut self,
        now: Instant,
        block: &ReportBlock,
        round_trip: Option<Duration>,
        sent: Sent,
    ) -> Option<Tripped> {
        let interval = Interval {
            length: now.saturating_duration_since(self.last_report),
            lost: block.fraction_lost,
            octets: sent.octets.saturating_sub(self.sent.octets),
            packets: sent.packets.saturating_sub(self.sent.packets),
        };
        self.last_report = now;
        self.sent = sent;
        self.longest = self.longest.max(interval.length);
        let first = !std::mem::replace(&mut self.armed, true);
        let highest = self.highest.replace(block.extended_highest_sequence);
        if first {
            return None;
        }
        self.intervals.push_back(interval);
        if self.intervals.len() > MOST_REPORTS {
            self.intervals.pop_front();
        }
        self.media_timeout(interval, highest, round_trip)
            .or_else(|| self.congestion(round_trip.unwrap_or(ASSUMED_ROUND_TRIP)))
    }

    /// Looks whether reports are missing. To be asked every second or so.
    #[must_use]
    pub fn check(&self, now: Instant, sent: Sent) -> Option<Tripped> {
        let silence = now.saturating_duration_since(self.last_report);
        let in_vain = sent.octets.saturating_sub(self.sent.octets);
        (self.armed && silence > 3 * self.longest && in_vain > UNREPORTED_OCTETS)
            .then_some(Tripped::ReportTimeout)
    }

    fn media_timeout(
        &mut self,
        interval: Interval,
        highest: Option<u32>,
        round_trip: Option<Duration>,
    ) -> Option<Tripped> {
        // It grows modulo 2^32.
        let progress = highest.zip(self.highest).is_none_or(|(before, now)| {
            let ahead = now.wrapping_sub(before);
            ahead != 0 && ahead < 1 << 31
        });
        if progress {
            self.silent = 0;
            return None;
        }
        if interval.packets == 0 {
            // Nothing was sent: nothing could arrive.
            return None;
        }
        self.silent += 1;
        let reporting = self.reporting();
        let slowest = [
            self.packet_interval(),
            round_trip.unwrap_or_default(),
            reporting,
        ];
        let slowest = slowest.into_iter().max().unwrap_or(reporting);
        let needed = (SILENT_REPORTS * slowest.as_secs_f64() / reporting.as_secs_f64()).ceil();
        (f64::from(self.silent) >= needed).then_some(Tripped::MediaTimeout)
    }

    fn congestion(&self, round_trip: Duration) -> Option<Tripped> {
        let reporting = self.reporting().as_secs_f64();
        let trip = round_trip.as_secs_f64();
        let react = (10.0 * self.packet_interval().as_secs_f64())
            .max(10.0 * trip)
            .max(3.0 * reporting);
        let most = 3.0 * REPORT_INTERVAL.as_secs_f64();
        let count = (react.min(most) / reporting).ceil() as usize;
        let count = count.clamp(3, MOST_REPORTS - 1);
        if self.intervals.len() <= count {
            return None;
        }
        let recent = self.intervals.iter().rev().take(count);
        let (mut time, mut lost, mut octets, mut packets) = (0.0, 0.0, 0_u64, 0_u64);
        for interval in recent {
            let length = interval.length.as_secs_f64();
            time += length;
            lost += f64::from(interval.lost) / 256.0 * length;
            octets += interval.octets;
            packets += interval.packets;
        }
        // At less than a packet for each report, shares of loss mean nothing.
        if time <= 0.0 || lost <= 0.0 || packets < count as u64 {
            return None;
        }
        let size = octets as f64 / packets as f64;
        let share = lost / time;
        let tcp = size / (trip.max(0.001) * (2.0 * share / 3.0).sqrt());
        (octets as f64 / time > 10.0 * tcp).then_some(Tripped::Congestion)
    }

    /// How far apart reports are, on average.
    fn reporting(&self) -> Duration {
        let count = u32::try_from(self.intervals.len()).unwrap_or(1).max(1);
        let all: Duration = self.intervals.iter().map(|interval| interval.length).sum();
        (all / count).max(Duration::from_millis(1))
    }

    /// How far apart packets are, on average.
    fn packet_interval(&self) -> Duration {
        let packets: u64 = self.intervals.iter().map(|interval| interval.packets).sum();
        let all: Duration = self.intervals.iter().map(|interval| interval.length).sum();
        let packets = u32::try_from(packets).unwrap_or(u32::MAX).max(1);
        all / packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A receiver that reports every five seconds on a stream of so many packets a second, for a virtual hour at most. After how
    /// many reports the breaker trips.
    fn run(
        rate: u64,
        size: u64,
        trip: Duration,
        report: impl Fn(u32) -> (u8, u32),
    ) -> Option<(u32, Tripped)> {
        let start = Instant::now();
        let mut breaker = Breaker::new(start);
        for count in 1..=720_u32 {
            let now = start + Duration::from_secs(5) * count;
            let packets = rate * 5 * u64::from(count);
            let sent = Sent {
                packets,
                octets: packets * size,
            };
            let (fraction_lost, extended_highest_sequence) = report(count);
            let block = ReportBlock {
                ssrc: 1,
                fraction_lost,
                cumulative_lost: 0,
                extended_highest_sequence,
                jitter: 0,
                last_sender_report: 0,
                delay_since_last_sender_report: 0,
            };
            if let Some(tripped) = breaker.on_report(now, &block, Some(trip), sent) {
                return Some((count, tripped));
            }
        }
        None
    }

    const TRIP: Duration = Duration::from_millis(100);

    #[test]
    fn r2_rtp_11_congestion_stops_what_takes_ten_times_its_share() {
        // 4 Mbit/s, 100 ms: TCP gets 1200 / (0.1 * sqrt(2p/3)) octets a second; a tenth of the rate at p = 0.086.
        let lossy = |lost| move |count: u32| (lost, count * 2_000);
        assert_eq!(run(417, 1200, TRIP, lossy(0)), None);
        assert_eq!(run(417, 1200, TRIP, lossy(10)), None, "4 % is borne");
        let (reports, why) = run(417, 1200, TRIP, lossy(128)).expect("half is lost");
        assert_eq!(why, Tripped::Congestion);
        assert_eq!(
            reports, 5,
            "the first counts from nowhere; then more than three"
        );
        // Slow enough for a tenth of TCP's share it may go on, and so may what loses in one interval only.
        assert_eq!(run(20, 1200, TRIP, lossy(128)), None);
        let once = |count: u32| (if count == 9 { 60 } else { 0 }, count * 2_000);
        assert_eq!(run(417, 1200, TRIP, once), None);
        // A short way bears more.
        assert_eq!(run(417, 1200, Duration::from_millis(5), lossy(128)), None);
    }

    #[test]
    fn r2_rtp_11_media_that_do_not_arrive_are_not_sent_on() {
        let stuck = |count: u32| (0, count.min(10));
        let (reports, why) = run(50, 1200, TRIP, stuck).expect("stuck at ten");
        assert_eq!((reports, why), (15, Tripped::MediaTimeout));
        let wraps = |count: u32| (0, (u32::MAX - 5).wrapping_add(count * 2));
        assert_eq!(run(50, 1200, TRIP, wraps), None);
        // Nothing sent, nothing to arrive.
        assert_eq!(run(0, 1200, TRIP, |_| (0, 7)), None);
    }

    #[test]
    fn r2_rtp_11_reports_that_cease_end_it_where_there_were_any() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let sent = |seconds: u64| Sent {
            packets: seconds * 400,
            octets: seconds * 480_000,
        };
        let mut breaker = Breaker::new(start);
        assert_eq!(
            breaker.check(at(3600), sent(3600)),
            None,
            "it never reported"
        );
        let block = ReportBlock {
            ssrc: 1,
            fraction_lost: 0,
            cumulative_lost: 0,
            extended_highest_sequence: 9,
            jitter: 0,
            last_sender_report: 0,
            delay_since_last_sender_report: 0,
        };
        assert_eq!(breaker.on_report(at(5), &block, None, sent(5)), None);
        assert_eq!(breaker.check(at(20), sent(20)), None);
        assert_eq!(
            breaker.check(at(21), sent(21)),
            Some(Tripped::ReportTimeout)
        );
        // So little is sent that FFmpeg would not report yet.
        let little = Sent {
            octets: sent(5).octets + 500_000,
            ..sent(21)
        };
        assert_eq!(breaker.check(at(60), little), None);
        // Who takes longer between two reports is waited for longer.
        assert_eq!(breaker.on_report(at(45), &block, None, sent(45)), None);
        assert_eq!(breaker.check(at(160), sent(160)), None);
        assert_eq!(
            breaker.check(at(166), sent(166)),
            Some(Tripped::ReportTimeout)
        );
    }
}
