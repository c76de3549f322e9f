//! When reports are due.

use std::time::Duration;
use std::time::Instant;

use rtcp::interval;

/// Octets of UDP and IPv4 headers, which count as part of a compound (RFC 3550 §6.2).
const LOWER_HEADERS: f64 = 28.0;

/// Bandwidth of RTCP where nobody says more, octets a second: 5 % of 1 Mbit/s. Two members never need it.
const BANDWIDTH: f64 = 6_250.0;

/// Feedback for one packet each would be a flood: what comes within so long goes together.
const SHORTEST_SHARE: Duration = Duration::from_millis(50);

/// The timer of one participant: in a session of two, or in a group (RFC 3550 §6.3, A.7).
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    due: Option<Instant>,
    /// When the last report went out, and for how many members the next was set.
    last: Option<(Instant, u32)>,
    /// Participants, ourselves and one sender included.
    members: u32,
    average: f64,
    initial: bool,
    we_send: bool,
    /// How far apart regular reports are told to be (RFC 4585 §3.4, `trr-int`).
    regular: Option<Duration>,
    /// When feedback may go out between them again.
    early: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(we_send: bool) -> Self {
        Self {
            due: None,
            last: None,
            members: 2,
            average: 100.0 + LOWER_HEADERS,
            initial: true,
            we_send,
            regular: None,
            early: None,
        }
    }

    /// Regular reports are so far apart, give or take a half (RFC 4585 §3.5.3).
    pub(super) fn set_regular(&mut self, interval: Duration) {
        self.regular = Some(interval);
    }

    /// From when on feedback may go out before the next regular report (RFC 4585 §3.5.2); `None`: at once.
    pub(super) fn early(&self) -> Option<Instant> {
        self.early
    }

    /// Feedback of `size` octets went out early: the next waits until the share of bandwidth is kept.
    pub(super) fn sent_early(&mut self, now: Instant, size: usize) {
        self.count(size);
        let share = Duration::from_secs_f64(self.average * 2.0 / (BANDWIDTH * 0.75));
        self.early = Some(now + 2 * share.max(SHORTEST_SHARE));
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Makes the first report due in `delay`.
    pub(super) fn start(&mut self, now: Instant, delay: Duration) {
        self.due.get_or_insert(now + delay);
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// There are so many receivers beside us.
    pub(super) fn set_others(&mut self, others: u32) {
        self.members = others.saturating_add(2);
    }

    /// The interval before it is made random, which time-outs count in (RFC 3550 §6.3.5).
    pub(super) fn interval(&self) -> Duration {
        let seconds = interval::deterministic_interval(
            self.members,
            1,
            BANDWIDTH,
            self.we_send,
            self.average,
            self.initial,
        );
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// Whether a report that is due still is: if members came meanwhile, it is put off (RFC 3550 §6.3.3).
    pub(super) fn reconsider(&mut self, now: Instant, random: u32) -> bool {
        match self.last {
            Some((last, members)) if members < self.members => {
                let due = last + self.spread(random);
                self.last = Some((last, self.members));
                self.due = Some(due);
                due <= now
            }
            _ => true,
        }
    }

    /// A report of `size` octets went out.
    pub(super) fn sent(&mut self, now: Instant, size: usize, random: u32) {
        self.count(size);
        self.initial = false;
        self.last = Some((now, self.members));
        self.due = Some(now + self.spread(random));
        self.early = None;
    }

    /// The time until the next report, made random.
    fn spread(&self, random: u32) -> Duration {
        let random = f64::from(random) / (f64::from(u32::MAX) + 1.0);
        match self.regular {
            Some(regular) => regular.mul_f64(0.5 + random),
            None => interval::transmission_interval(
                self.members,
                1,
                BANDWIDTH,
                self.we_send,
                self.average,
                self.initial,
                random,
            ),
        }
    }

    /// A compound of `size` octets came in or went out.
    pub(super) fn count(&mut self, size: usize) {
        let size = u32::try_from(size).map_or(0.0, f64::from) + LOWER_HEADERS;
        self.average += (size - self.average) / 16.0;
    }
}
