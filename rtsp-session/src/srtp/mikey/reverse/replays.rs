//! What was asked before (RFC 3830 §5.4).

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use rtcp::NtpTime;

use super::{Asked, ReverseError, Unproved};

/// Octets of what is remembered of a message: its SHA-1 digest.
pub(super) type Digest = [u8; 20];

/// Remembers messages that were proved, as long as their time lets them be taken. Its size is bounded: when it is full, the oldest is forgotten, and from then on
/// nothing that old is taken, so that nothing can come back; who asks with a right clock is taken still.
#[derive(Debug)]
pub struct Replays {
    window: Duration,
    most: usize,
    /// By time.
    seen: BTreeSet<(Time, Digest)>,
    /// Nothing up to this is taken.
    forgotten: Time,
}

/// In units of 2⁻³² s since 1900: NTP time that does not roll over.
type Time = i128;

impl Replays {
    /// Takes what is up to `window` older or younger than our clock says, and remembers `most` messages.
    #[must_use]
    pub fn new(window: Duration, most: usize) -> Self {
        Self {
            window,
            most: most.max(1),
            seen: BTreeSet::new(),
            forgotten: 0,
        }
    }

    /// Whether a message may be looked at, by its time.
    ///
    /// # Errors
    ///
    /// [`ReverseError::Time`] and [`ReverseError::Replayed`].
    pub fn check(&self, now: SystemTime, message: &Unproved) -> Result<(), ReverseError> {
        let time = self.time(now, message.time())?;
        match self.seen.contains(&(time, message.digest())) {
            true => Err(ReverseError::Replayed),
            false => Ok(()),
        }
    }

    /// Remembers a message that was proved.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check): the same one may have been proved elsewhere meanwhile.
    pub fn note(&mut self, now: SystemTime, message: &Asked) -> Result<(), ReverseError> {
        let time = self.time(now, message.time())?;
        let oldest = of(now) - units(self.window);
        while self.seen.first().is_some_and(|(time, _)| *time < oldest) {
            self.seen.pop_first();
        }
        if !self.seen.insert((time, message.digest())) {
            return Err(ReverseError::Replayed);
        }
        if self.seen.len() > self.most
            && let Some((time, _)) = self.seen.pop_first()
        {
            self.forgotten = self.forgotten.max(time);
        }
        Ok(())
    }

    /// What a time of NTP, of which the seconds roll over, means: what is nearest to now.
    fn time(&self, now: SystemTime, ntp: u64) -> Result<Time, ReverseError> {
        let now = of(now);
        let off = i128::from(NtpTime(ntp).since(NtpTime(now as u64)));
        let time = now + off;
        match off.abs() <= units(self.window) && time > self.forgotten {
            true => Ok(time),
            false => Err(ReverseError::Time),
        }
    }
}

fn of(now: SystemTime) -> Time {
    const TO_1970: i128 = 2_208_988_800 << 32;
    TO_1970
        + units(
            now.duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
        )
}

fn units(duration: Duration) -> Time {
    // Nothing that a clock says is too much for 128 bits.
    (i128::from(duration.as_secs()) << 32)
        + (i128::from(duration.subsec_nanos()) << 32) / 1_000_000_000
}
