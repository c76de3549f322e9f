//! When to send the next compound (RFC 3550 §6.3, §A.7). Time and randomness come from the caller.

use core::time::Duration;

/// The minimum between compounds (RFC 3550 §6.2), halved for the first.
const MINIMUM: f64 = 5.0;

/// e − 3/2: makes up for timer reconsideration, which sends later than the interval says (RFC 3550 §6.3.1).
const COMPENSATION: f64 = core::f64::consts::E - 1.5;

/// The time until the next compound (RFC 3550 §A.7).
///
/// `members` is the number of participants known, oneself included, `senders` how many of them sent RTP lately,
/// `rtcp_bandwidth` what all of them may use together in bytes a second (a twentieth of the session's),
/// `we_sent` whether oneself is a sender, `average_size` the mean size of compounds in bytes with UDP and IP headers,
/// `initial` whether this is the first. `random` is uniform in 0..1 and spreads the result between a half and one and a
/// half of the interval. Senseless numbers give the minimum or an hour, never a panic.
///
/// ```
/// use core::time::Duration;
/// use rtcp::interval::transmission_interval;
///
/// // One sender and one receiver at 1 Mbit/s: the minimum of 5 s, divided by e - 3/2.
/// let interval = transmission_interval(2, 1, 6250.0, false, 120.0, false, 0.5);
/// assert_eq!(interval.as_millis(), 4104);
/// ```
#[must_use]
pub fn transmission_interval(
    members: u32,
    senders: u32,
    rtcp_bandwidth: f64,
    we_sent: bool,
    average_size: f64,
    initial: bool,
    random: f64,
) -> Duration {
    let interval = deterministic_interval(
        members,
        senders,
        rtcp_bandwidth,
        we_sent,
        average_size,
        initial,
    );
    let random = if (0.0..=1.0).contains(&random) {
        random
    } else {
        0.5
    };
    seconds(interval * (random + 0.5) / COMPENSATION)
}

/// The interval before it is made random, in seconds: what time-outs count in (RFC 3550 §6.3.5).
#[must_use]
pub fn deterministic_interval(
    members: u32,
    senders: u32,
    rtcp_bandwidth: f64,
    we_sent: bool,
    average_size: f64,
    initial: bool,
) -> f64 {
    let minimum = if initial { MINIMUM / 2.0 } else { MINIMUM };
    let (members, senders) = (f64::from(members.max(1)), f64::from(senders));
    // Senders get a quarter of the bandwidth if they are few, so that their reports come soon.
    let (share, sharers) = if senders > members * 0.25 {
        (1.0, members)
    } else if we_sent {
        (0.25, senders)
    } else {
        (0.75, members - senders)
    };
    let interval = average_size * sharers / (rtcp_bandwidth * share);
    if interval.is_nan() {
        minimum
    } else {
        interval.clamp(minimum, 3600.0)
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(5))
}

/// Keeps the time of one participant: when to send, with timer reconsideration (RFC 3550 §6.3).
///
/// Times are since any fixed start, the same in all calls.
///
/// ```
/// use core::time::Duration;
/// use rtcp::interval::{Due, Schedule};
///
/// let mut schedule = Schedule::new(6250.0, 0.5, Duration::ZERO);
/// let Due::At(first) = schedule.poll(Duration::ZERO, 0.5) else { unreachable!() };
/// assert_eq!(schedule.poll(first, 0.5), Due::Now);
/// schedule.on_sent(first, 80, 0.5);
/// assert!(schedule.next() > first);
/// ```
#[derive(Debug, Clone)]
pub struct Schedule {
    bandwidth: f64,
    average_size: f64,
    initial: bool,
    members: u32,
    previous_members: u32,
    senders: u32,
    we_sent: bool,
    /// The time of the last compound sent, or of the start.
    last: Duration,
    next: Duration,
}

/// What [`Schedule::poll`] found. These two are all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Send a compound now and call [`Schedule::on_sent`].
    Now,
    /// Nothing to send before then.
    At(Duration),
}

/// Bytes of the UDP and IPv4 headers, which count as part of a compound (RFC 3550 §6.2).
const HEADERS: usize = 28;

impl Schedule {
    /// For a participant of a session with `rtcp_bandwidth` bytes a second for RTCP, who joins at `now`.
    #[must_use]
    pub fn new(rtcp_bandwidth: f64, random: f64, now: Duration) -> Self {
        let mut schedule = Self {
            bandwidth: rtcp_bandwidth,
            // The likely size of the first compound (RFC 3550 §6.3.2).
            average_size: 100.0,
            initial: true,
            members: 1,
            previous_members: 1,
            senders: 0,
            we_sent: false,
            last: now,
            next: now,
        };
        schedule.next = now.saturating_add(schedule.interval(random));
        schedule
    }

    /// Tells how many participants there are, oneself included, how many send, and whether oneself does.
    ///
    /// If members left, the next compound comes sooner in proportion (reverse reconsideration, RFC 3550 §6.3.4).
    pub fn set_members(&mut self, now: Duration, members: u32, senders: u32, we_sent: bool) {
        self.senders = senders;
        self.we_sent = we_sent;
        let members = members.max(1);
        if members < self.previous_members {
            let ratio = f64::from(members) / f64::from(self.previous_members);
            let until = self.next.saturating_sub(now).mul_f64(ratio);
            let since = now.saturating_sub(self.last).mul_f64(ratio);
            self.next = now.saturating_add(until);
            self.last = now.saturating_sub(since);
            self.previous_members = members;
        }
        self.members = members;
    }

    /// Counts a compound of `size` bytes that was received.
    pub fn on_received(&mut self, size: usize) {
        let size = size.saturating_add(HEADERS) as f64;
        self.average_size += (size - self.average_size) / 16.0;
    }

    /// Counts a compound of `size` bytes that was sent, and sets the time of the next.
    pub fn on_sent(&mut self, now: Duration, size: usize, random: f64) {
        self.on_received(size);
        self.initial = false;
        self.last = now;
        self.previous_members = self.members;
        self.next = now.saturating_add(self.interval(random));
    }

    /// Whether it is time. If the interval grew meanwhile, because members came, the time is put off (timer
    /// reconsideration, RFC 3550 §6.3.3).
    pub fn poll(&mut self, now: Duration, random: f64) -> Due {
        if now < self.next {
            return Due::At(self.next);
        }
        if self.members == self.previous_members {
            return Due::Now;
        }
        self.previous_members = self.members;
        self.next = self.last.saturating_add(self.interval(random));
        if now < self.next {
            Due::At(self.next)
        } else {
            Due::Now
        }
    }

    /// When [`Schedule::poll`] should be called next.
    #[must_use]
    pub fn next(&self) -> Duration {
        self.next
    }

    fn interval(&self, random: f64) -> Duration {
        transmission_interval(
            self.members,
            self.senders,
            self.bandwidth,
            self.we_sent,
            self.average_size,
            self.initial,
            random,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `random` that makes the interval the deterministic one.
    const NEUTRAL: f64 = COMPENSATION - 0.5;

    fn interval(members: u32, senders: u32, bandwidth: f64, we_sent: bool) -> f64 {
        deterministic_interval(members, senders, bandwidth, we_sent, 100.0, false)
    }

    #[test]
    fn small_sessions_get_the_minimum() {
        assert_eq!(interval(2, 1, 5000.0, false), 5.0);
        assert_eq!(
            deterministic_interval(2, 1, 5000.0, false, 100.0, true),
            2.5
        );
    }

    #[test]
    fn few_senders_share_a_quarter_of_the_bandwidth() {
        // RFC 3550 §6.3.1: 1000 receivers share 75 %, 2 senders 25 %.
        assert_eq!(interval(1002, 2, 1000.0, false), 100.0 * 1000.0 / 750.0);
        assert_eq!(interval(1002, 2, 10.0, true), 100.0 * 2.0 / 2.5);
        // More senders than a quarter: all alike.
        assert_eq!(interval(100, 30, 100.0, true), 100.0);
        assert_eq!(interval(100, 30, 100.0, false), 100.0);
    }

    #[test]
    fn random_spreads_from_a_half_to_one_and_a_half() {
        let at =
            |random| transmission_interval(2, 1, 5000.0, false, 100.0, false, random).as_secs_f64();
        assert!((at(0.0) - 2.5 / COMPENSATION).abs() < 1e-6);
        assert!((at(1.0) - 7.5 / COMPENSATION).abs() < 1e-6);
        assert!((at(NEUTRAL) - 5.0).abs() < 1e-6);
    }

    #[test]
    fn senseless_numbers_do_no_harm() {
        for number in [
            0.0,
            -1.0,
            f64::NAN,
            f64::INFINITY,
            f64::MIN_POSITIVE,
            f64::MAX,
        ] {
            for members in [0, 1, u32::MAX] {
                for senders in [0, 1, u32::MAX] {
                    let interval = transmission_interval(
                        members, senders, number, true, number, false, number,
                    );
                    assert!(interval >= Duration::from_secs(2), "{interval:?}");
                    assert!(interval <= Duration::from_secs(5400), "{interval:?}");
                }
            }
        }
    }

    #[test]
    fn a_crowd_that_joins_puts_the_report_off() {
        let mut schedule = Schedule::new(100.0, NEUTRAL, Duration::ZERO);
        assert_eq!(schedule.next(), Duration::from_millis(2500));
        schedule.set_members(Duration::from_secs(1), 1000, 0, false);
        let Due::At(later) = schedule.poll(Duration::from_millis(2500), NEUTRAL) else {
            panic!("sent into the crowd");
        };
        // 1000 members, 100 bytes each, at 75 bytes a second.
        assert_eq!(later.as_secs(), 1333);
        assert_eq!(schedule.poll(later, NEUTRAL), Due::Now);
    }

    #[test]
    fn a_crowd_that_leaves_brings_the_report_forward() {
        let mut schedule = Schedule::new(100.0, NEUTRAL, Duration::ZERO);
        schedule.set_members(Duration::ZERO, 1000, 0, false);
        schedule.on_sent(Duration::from_secs(10), 72, NEUTRAL);
        let far = schedule.next();
        assert!(far > Duration::from_secs(1300), "{far:?}");
        schedule.set_members(Duration::from_secs(10), 10, 0, false);
        assert!(
            schedule.next() < Duration::from_secs(24),
            "{:?}",
            schedule.next()
        );
    }

    #[test]
    fn the_average_follows_the_sizes() {
        let mut schedule = Schedule::new(10.0, NEUTRAL, Duration::ZERO);
        schedule.set_members(Duration::ZERO, 10, 0, false);
        for _ in 0..100 {
            schedule.on_received(972);
        }
        schedule.on_sent(Duration::ZERO, 972, NEUTRAL);
        // 10 members, 1000 bytes each, at 7.5 bytes a second.
        let interval = schedule.next().as_secs_f64();
        assert!((1320.0..1334.0).contains(&interval), "{interval}");
    }
}
