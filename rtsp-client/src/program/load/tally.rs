//! What a run counts: exactly, and times over the measured window alone.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Times.
#[derive(Clone, Debug)]
pub(super) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        // Two digits are a hundredth of the value: finer than any run repeats.
        Self(Histogram::new(2).expect("two digits are within the crate's bounds"))
    }
}

impl Times {
    pub(super) fn add(&mut self, nanoseconds: u64) {
        // It grows as needed, to any 64 bits.
        let _ = self.0.record(nanoseconds);
    }

    pub(super) fn add_duration(&mut self, time: Duration) {
        self.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        // It grows as needed.
        let _ = self.0.add(&other.0);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(super) fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(quantile))
    }

    pub(super) fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }
}

/// How packets followed each other: by their index where they have one, else by their sequence number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Course {
    /// What comes next, once something has come.
    expected: Option<u64>,
    pub(super) received: u64,
    pub(super) lost: u64,
    /// How often some were missing.
    pub(super) gaps: u64,
    /// Gaps behind which a key frame began.
    pub(super) gaps_to_key: u64,
    /// Came although later ones had come before.
    pub(super) late: u64,
}

impl Course {
    /// Takes the packet with this index; `key`: a key frame begins with it.
    pub(super) fn take(&mut self, index: u64, key: impl FnOnce() -> bool) {
        self.received += 1;
        let expected = *self.expected.get_or_insert(index);
        if index < expected {
            self.late += 1;
            // It was counted as lost when it was overtaken.
            self.lost = self.lost.saturating_sub(1);
            return;
        }
        if index > expected {
            self.lost += index - expected;
            self.gaps += 1;
            self.gaps_to_key += u64::from(key());
        }
        self.expected = Some(index + 1);
    }

    /// The index that a 16-bit sequence number most likely stands for.
    pub(super) fn unwrap(&self, sequence: u16) -> u64 {
        // Far enough from 0 that what comes before the first has a place.
        let expected = self.expected.unwrap_or(1 << 32 | u64::from(sequence));
        let ahead = sequence.wrapping_sub(expected as u16) as i16;
        expected.wrapping_add_signed(ahead.into())
    }

    /// Tells how many there were in the end: what is missing at the end counts too.
    pub(super) fn end(&mut self, packets: u64) {
        if let Some(expected) = self.expected {
            self.lost += packets.saturating_sub(expected);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.received += other.received;
        self.lost += other.lost;
        self.gaps += other.gaps;
        self.gaps_to_key += other.gaps_to_key;
        self.late += other.late;
    }
}

/// What the readers of one thread, or of all, have seen.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// From the publisher's write to the reader's read, of each packet within the window.
    pub(super) latency: Times,
    /// From PLAY to the first packet of the first key frame.
    pub(super) join: Times,
    /// From connecting to the answer to PLAY.
    pub(super) set_up: Times,
    /// Whole sessions, from connecting to the answer to TEARDOWN.
    pub(super) session: Times,
    /// Readers that did not stall.
    pub(super) steady: Course,
    /// Readers that did.
    pub(super) stalled: Course,
    /// Steady readers that lost something.
    pub(super) lossy: u64,
    pub(super) joined: u64,
    /// Why readers or sessions failed, the first few.
    pub(super) failures: Vec<String>,
    pub(super) failed: u64,
    /// Packets without a stamp of a run.
    pub(super) unstamped: u64,
}

/// Failures that are told in words.
const TOLD: usize = 5;

impl Tally {
    pub(super) fn fail(&mut self, why: String) {
        self.failed += 1;
        if self.failures.len() < TOLD && !self.failures.contains(&why) {
            self.failures.push(why);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.latency.merge(&other.latency);
        self.join.merge(&other.join);
        self.set_up.merge(&other.set_up);
        self.session.merge(&other.session);
        self.steady.merge(&other.steady);
        self.stalled.merge(&other.stalled);
        self.lossy += other.lossy;
        self.joined += other.joined;
        self.failed += other.failed;
        self.unstamped += other.unstamped;
        for why in other.failures {
            if self.failures.len() < TOLD && !self.failures.contains(&why) {
                self.failures.push(why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(indices: &[u64]) -> Course {
        let mut course = Course::default();
        for index in indices {
            course.take(*index, || index.is_multiple_of(10));
        }
        course
    }

    #[test]
    fn loss_is_exact_and_lateness_is_no_loss() {
        assert_eq!(course(&[5, 6, 7]).lost, 0);
        let gap = course(&[5, 6, 10, 11, 13]);
        assert_eq!((gap.lost, gap.gaps, gap.gaps_to_key), (4, 2, 1));
        let late = course(&[5, 7, 6, 8]);
        assert_eq!((late.lost, late.late, late.received), (0, 1, 4));
        let mut end = course(&[5, 6]);
        end.end(9);
        assert_eq!(end.lost, 2);
        let mut none = Course::default();
        none.end(9);
        assert_eq!(none.lost, 0, "a reader that got nothing has not joined");
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut course = Course::default();
        for sequence in [65_534_u16, 65_535, 0, 1, 3] {
            let index = course.unwrap(sequence);
            course.take(index, || false);
        }
        assert_eq!((course.lost, course.gaps, course.received), (1, 1, 5));
    }

    #[test]
    fn times_keep_two_digits_at_any_size() {
        let mut times = Times::default();
        for time in [Duration::from_micros(50), Duration::from_secs(30)] {
            times.add_duration(time);
        }
        let max = times.max().as_secs_f64();
        assert!((30.0..30.4).contains(&max), "{max}");
        assert_eq!(times.count(), 2);
        let least = times.quantile(0.1).as_micros();
        assert!((50..=51).contains(&least), "{least}");
    }
}
