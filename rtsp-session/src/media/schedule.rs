//! When reports are due.

use std::time::Duration;
use std::time::Instant;

use rtcp::interval;

/// Octets of UDP and IPv4 headers, which count as part of a compound (RFC 3550 §6.2).
const LOWER_HEADERS: f64 = 28.0;

/// Bandwidth of RTCP where nobody says more, octets a second: 5 % of 1 Mbit/s. Two members never need it.
const BANDWIDTH: f64 = 6_250.0;

/// The timer of one participant in a session of two (RFC 3550 §6.3, A.7).
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    due: Option<Instant>,
    average: f64,
    initial: bool,
    we_send: bool,
}

impl Schedule {
    pub(super) fn new(we_send: bool) -> Self {
        Self {
            due: None,
            average: 100.0 + LOWER_HEADERS,
            initial: true,
            we_send,
        }
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

    /// A report of `size` octets went out.
    pub(super) fn sent(&mut self, now: Instant, size: usize, random: u32) {
        self.count(size);
        self.initial = false;
        let random = f64::from(random) / (f64::from(u32::MAX) + 1.0);
        let interval = interval::transmission_interval(
            2,
            1,
            BANDWIDTH,
            self.we_send,
            self.average,
            self.initial,
            random,
        );
        self.due = Some(now + interval);
    }

    /// A compound of `size` octets came in or went out.
    pub(super) fn count(&mut self, size: usize) {
        let size = u32::try_from(size).map_or(0.0, f64::from) + LOWER_HEADERS;
        self.average += (size - self.average) / 16.0;
    }
}
