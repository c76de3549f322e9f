//! Putting packets back in order, with loss as a value.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::sequence::{MAX_DROPOUT, MAX_MISORDER, distance};

/// Bounds of a [`Reorder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReorderConfig {
    /// How many packets may wait behind a gap; one more and the gap is given up.
    pub max_packets: usize,
    /// How long a gap is waited for, from the arrival of the first packet behind it.
    pub max_delay: Duration,
}

impl Default for ReorderConfig {
    /// 128 packets, 100 ms.
    fn default() -> Self {
        Self {
            max_packets: 128,
            max_delay: Duration::from_millis(100),
        }
    }
}

/// What became of a pushed packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Push {
    /// It will come out in its place.
    Accepted,
    /// The same sequence number was seen before; dropped.
    Duplicate,
    /// Its place has gone by; dropped.
    TooLate,
    /// A jump that one packet alone does not prove. Kept: the next packet confirms it as a restart of the
    /// sender, or it is dropped (RFC 3550 A.1).
    Suspect,
    /// Nothing was popped for too long; dropped.
    Full,
}

/// What comes out, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reordered<T> {
    /// The next packet.
    Item(T),
    /// Packets that will not come any more, at this place.
    Lost {
        /// Sequence number of the first.
        first: u16,
        /// How many in a row, at least 1.
        count: u16,
    },
}

/// Counters of a [`Reorder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReorderCounters {
    /// Packets declared lost.
    pub lost: u64,
    /// Packets that came out after waiting behind a gap, or filled one.
    pub reordered: u64,
    /// Duplicates dropped.
    pub duplicates: u64,
    /// Packets dropped because their place had gone by.
    pub too_late: u64,
    /// Jumps that were never confirmed, or packets refused because nothing was popped.
    pub refused: u64,
    /// Restarts of the sender.
    pub restarts: u64,
}

#[derive(Debug)]
struct Held<T> {
    index: u64,
    sequence: u16,
    arrival: Duration,
    item: T,
}

/// A bounded reorder buffer for one source.
///
/// While packets arrive in order each goes through one slot: no delay and no allocation. Behind a gap they
/// wait until it is filled, [`ReorderConfig::max_delay`] has gone by or [`ReorderConfig::max_packets`] wait.
/// After each push, pop until `None`.
///
/// ```
/// use core::time::Duration;
/// use rtp_core::{Reorder, ReorderConfig, Reordered};
///
/// let mut reorder = Reorder::new(ReorderConfig { max_packets: 8, max_delay: Duration::from_millis(50) });
/// let now = Duration::ZERO;
/// reorder.push(now, 1, 'a');
/// assert_eq!(reorder.pop(now), Some(Reordered::Item('a')));
/// reorder.push(now, 3, 'c');
/// assert_eq!(reorder.pop(now), None);
/// let later = reorder.next_deadline().unwrap();
/// assert_eq!(reorder.pop(later), Some(Reordered::Lost { first: 2, count: 1 }));
/// assert_eq!(reorder.pop(later), Some(Reordered::Item('c')));
/// ```
#[derive(Debug)]
pub struct Reorder<T> {
    config: ReorderConfig,
    started: bool,
    /// The item at `next`, if it is there.
    head: Option<T>,
    /// Place of the next item to come out.
    next: u64,
    next_sequence: u16,
    /// Place and number of the newest packet: what others are measured against.
    newest: u64,
    newest_sequence: u16,
    /// First place of the present sequence of numbers; gaps before it are not waited for.
    epoch: u64,
    /// Items behind `next`, ascending.
    held: VecDeque<Held<T>>,
    gap_since: Option<Duration>,
    suspect: Option<Held<T>>,
    /// Bit n: the item n+1 places before `next` came out, it was not lost.
    delivered: u64,
    counters: ReorderCounters,
}

impl<T> Reorder<T> {
    /// Packets beyond `max_packets` that are kept when several are pushed before one pop.
    const SLACK: usize = 1024;

    /// Empty; the first packet sets the start. Takes no memory.
    #[must_use]
    pub fn new(config: ReorderConfig) -> Self {
        Self {
            config,
            started: false,
            head: None,
            next: 0,
            next_sequence: 0,
            newest: 0,
            newest_sequence: 0,
            epoch: 0,
            held: VecDeque::new(),
            gap_since: None,
            suspect: None,
            delivered: 0,
            counters: ReorderCounters::default(),
        }
    }

    /// Takes a packet that arrived at `now`, measured from any fixed start.
    pub fn push(&mut self, now: Duration, sequence: u16, item: T) -> Push {
        if !self.started {
            self.started = true;
            // Far from zero, so that earlier packets have a place too.
            self.next = 1 << 32;
            self.next_sequence = sequence;
            self.epoch = self.next;
            self.newest = self.next;
            self.newest_sequence = sequence;
            self.head = Some(item);
            return Push::Accepted;
        }
        let step = distance(self.newest_sequence, sequence);
        let misorder = usize::from(MAX_MISORDER).max(self.config.max_packets);
        if step >= MAX_DROPOUT.cast_signed()
            || (step < 0 && usize::from(step.unsigned_abs()) > misorder)
        {
            return self.jump(now, sequence, item);
        }
        self.refuse_suspect();
        let index = self.newest.saturating_add_signed(i64::from(step));
        if index < self.epoch.max(self.next) {
            return self.missed(index);
        }
        if index == self.next && self.head.is_none() {
            if !self.held.is_empty() {
                self.counters.reordered += 1;
            }
            self.head = Some(item);
            self.gap_since = None;
            self.note_newest(index, sequence);
            return Push::Accepted;
        }
        if index == self.next {
            self.counters.duplicates += 1;
            return Push::Duplicate;
        }
        self.hold(Held {
            index,
            sequence,
            arrival: now,
            item,
        })
    }

    fn note_newest(&mut self, index: u64, sequence: u16) {
        if index >= self.newest {
            self.newest = index;
            self.newest_sequence = sequence;
        }
    }

    fn missed(&mut self, index: u64) -> Push {
        let behind = self.next.saturating_sub(index);
        let bit = u32::try_from(behind.saturating_sub(1))
            .ok()
            .and_then(|n| 1_u64.checked_shl(n))
            .unwrap_or(0);
        if behind > 0 && self.delivered & bit != 0 {
            self.counters.duplicates += 1;
            Push::Duplicate
        } else {
            self.counters.too_late += 1;
            Push::TooLate
        }
    }

    fn hold(&mut self, held: Held<T>) -> Push {
        if self.held.len() >= self.config.max_packets.saturating_add(Self::SLACK) {
            self.counters.refused += 1;
            return Push::Full;
        }
        let place = match self.held.back() {
            Some(back) if back.index >= held.index => {
                match self
                    .held
                    .binary_search_by_key(&held.index, |other| other.index)
                {
                    Ok(_) => {
                        self.counters.duplicates += 1;
                        return Push::Duplicate;
                    }
                    Err(place) => {
                        self.counters.reordered += 1;
                        place
                    }
                }
            }
            _ => self.held.len(),
        };
        if self.head.is_none() && self.gap_since.is_none() {
            self.gap_since = Some(held.arrival);
        }
        self.note_newest(held.index, held.sequence);
        self.held.insert(place, held);
        Push::Accepted
    }

    /// A step too large to believe: the second packet in a row confirms it.
    fn jump(&mut self, now: Duration, sequence: u16, item: T) -> Push {
        let confirmed = self
            .suspect
            .as_ref()
            .is_some_and(|first| distance(first.sequence, sequence) == 1);
        if !confirmed {
            self.refuse_suspect();
            self.suspect = Some(Held {
                index: 0,
                sequence,
                arrival: now,
                item,
            });
            return Push::Suspect;
        }
        let Some(first) = self.suspect.take() else {
            return Push::Suspect;
        };
        self.counters.restarts += 1;
        let newest_waiting = self.held.back().map(|held| held.index);
        let last = newest_waiting.or(self.head.is_some().then_some(self.next));
        self.epoch = last.map_or(self.next, |last| last + 1);
        self.newest = self.epoch + 1;
        self.newest_sequence = sequence;
        if self.epoch == self.next {
            self.next_sequence = first.sequence;
            self.head = Some(first.item);
            self.delivered = 0;
        } else {
            self.held.push_back(Held {
                index: self.epoch,
                ..first
            });
        }
        self.held.push_back(Held {
            index: self.epoch + 1,
            sequence,
            arrival: now,
            item,
        });
        Push::Accepted
    }

    fn refuse_suspect(&mut self) {
        if self.suspect.take().is_some() {
            self.counters.refused += 1;
        }
    }

    /// What is next in order, if it is there or was given up by `now`.
    pub fn pop(&mut self, now: Duration) -> Option<Reordered<T>> {
        if let Some(item) = self.head.take() {
            self.delivered = self.delivered << 1 | 1;
            self.advance(self.next + 1, self.next_sequence.wrapping_add(1));
            return Some(Reordered::Item(item));
        }
        let front = self.held.front()?;
        let due = self
            .gap_since
            .is_none_or(|since| since.saturating_add(self.config.max_delay) <= now);
        if !due && self.held.len() <= self.config.max_packets && self.next >= self.epoch {
            return None;
        }
        let count = u16::try_from(front.index.saturating_sub(self.next)).unwrap_or(u16::MAX);
        let (index, sequence, first) = (front.index, front.sequence, self.next_sequence);
        self.counters.lost += u64::from(count);
        self.delivered = self.delivered.checked_shl(u32::from(count)).unwrap_or(0);
        self.advance(index, sequence);
        Some(Reordered::Lost { first, count })
    }

    /// Moves `next` and fills the slot if that item waits already.
    fn advance(&mut self, next: u64, sequence: u16) {
        self.next = next;
        self.next_sequence = sequence;
        self.gap_since = None;
        if self.held.front().is_some_and(|held| held.index == next) {
            if let Some(held) = self.held.pop_front() {
                // After a restart the number is not the successor.
                self.next_sequence = held.sequence;
                if next == self.epoch {
                    self.delivered = 0;
                }
                self.head = Some(held.item);
            }
        } else {
            self.gap_since = self.held.iter().map(|held| held.arrival).min();
        }
    }

    /// When the present gap is given up; `None` while nothing waits behind one.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.gap_since
            .map(|since| since.saturating_add(self.config.max_delay))
    }

    /// Gives up all gaps: what is left comes out by [`pop`](Self::pop) at once. For the end of a stream.
    pub fn flush(&mut self) {
        self.epoch = self.epoch.max(self.newest);
        self.refuse_suspect();
    }

    /// Packets held at the moment.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len() + usize::from(self.head.is_some())
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counters(&self) -> ReorderCounters {
        self.counters
    }
}

#[cfg(test)]
mod tests;
