//! Who guesses passwords: answers are held back, and after too many failures an address is kept out for a while.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::config::Limits;

/// So many cost nothing: everybody mistypes.
const FREE: u32 = 2;
/// Each one more holds the answer back for so much longer,
const STEP: Duration = Duration::from_millis(100);
/// up to this many steps.
const MOST_STEPS: u32 = 10;
/// Addresses that are remembered. Beyond it those that are not kept out are forgotten, then the one that is free first.
const REMEMBERED: usize = 16 * 1024;

/// The failures of every address that has any.
#[derive(Debug)]
pub(crate) struct Failures {
    most: u32,
    ban: Duration,
    limit_loopback: bool,
    known: Mutex<HashMap<IpAddr, Failed>>,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    count: u32,
    last: Instant,
    banned_until: Option<Instant>,
}

/// What a failure costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// How long the answer is held back.
    pub(crate) pause: Duration,
    /// The address is kept out from now on.
    pub(crate) banned: bool,
}

impl Failures {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            most: limits.failures_per_address,
            ban: limits.ban,
            limit_loopback: limits.limit_loopback,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<IpAddr, Failed>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        address.is_loopback() && !self.limit_loopback
    }

    /// Credentials from this address were wrong. Failures are forgotten after as long as a ban without one.
    pub(crate) fn failed(&self, address: IpAddr, now: Instant) -> Cost {
        let address = address.to_canonical();
        if self.is_exempt(address) {
            return Cost {
                pause: Duration::ZERO,
                banned: false,
            };
        }
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            Self::make_room(&mut known, now);
        }
        let failed = known.entry(subscriber(address)).or_insert(Failed {
            count: 0,
            last: now,
            banned_until: None,
        });
        if now.saturating_duration_since(failed.last) > self.ban {
            failed.count = 0;
        }
        failed.count = failed.count.saturating_add(1);
        failed.last = now;
        let banned = self.most > 0 && failed.count >= self.most;
        if banned {
            failed.banned_until = Some(now + self.ban);
            failed.count = 0;
            tracing::warn!(
                %address, failures = self.most, seconds = self.ban.as_secs(),
                "too many wrong credentials: no connections from this address for a while"
            );
        }
        Cost {
            pause: STEP * failed.count.saturating_sub(FREE).min(MOST_STEPS),
            banned,
        }
    }

    /// Is the address kept out?
    pub(crate) fn is_banned(&self, address: IpAddr, now: Instant) -> bool {
        let address = address.to_canonical();
        if self.is_exempt(address) {
            return false;
        }
        let known = self.known();
        let failed = known.get(&subscriber(address));
        failed.is_some_and(|failed| failed.banned_until.is_some_and(|until| now < until))
    }

    fn make_room(known: &mut HashMap<IpAddr, Failed>, now: Instant) {
        known.retain(|_, failed| failed.banned_until.is_some_and(|until| now < until));
        if known.len() >= REMEMBERED {
            let first = known.iter().min_by_key(|(_, failed)| failed.banned_until);
            let first = first.map(|(address, _)| *address);
            first.and_then(|address| known.remove(&address));
        }
    }
}

/// Whom an address stands for: of IPv6 a subscriber has at least the last 64 bits to choose from.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(network).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn failures(limit_loopback: bool) -> Failures {
        Failures::new(&Limits {
            failures_per_address: 5,
            ban: MINUTE,
            limit_loopback,
            ..Limits::default()
        })
    }

    #[test]
    fn guessing_is_slowed_then_ends_for_a_while_and_others_are_not_hurt() {
        let (failures, now) = (failures(false), Instant::now());
        let (guesser, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let costs: Vec<_> = (0..5).map(|_| failures.failed(guesser, now)).collect();
        assert_eq!(costs[1].pause, Duration::ZERO, "everybody mistypes");
        assert!(costs[3].pause > costs[2].pause);
        assert!(!costs[3].banned && costs[4].banned);
        assert!(failures.is_banned(guesser, now));
        assert!(failures.is_banned("::ffff:192.0.2.1".parse().unwrap(), now));
        assert!(!failures.is_banned(other, now));
        assert!(!failures.is_banned(guesser, now + MINUTE));
        assert!(
            !failures.failed(guesser, now + MINUTE).banned,
            "counting begins anew"
        );
    }

    #[test]
    fn mistakes_now_and_then_are_none() {
        let failures = failures(false);
        let mut now = Instant::now();
        for _ in 0..100 {
            now += MINUTE + Duration::from_secs(1);
            let cost = failures.failed([192, 0, 2, 1].into(), now);
            assert_eq!(
                cost,
                Cost {
                    pause: Duration::ZERO,
                    banned: false
                }
            );
        }
    }

    #[test]
    fn loopback_is_exempt_and_neighbours_in_ipv6_are_one() {
        let now = Instant::now();
        let own = IpAddr::from([127, 0, 0, 1]);
        let lax = failures(false);
        assert!((0..50).all(|_| !lax.failed(own, now).banned));
        let strict = failures(true);
        for _ in 0..5 {
            strict.failed(own, now);
        }
        assert!(strict.is_banned(own, now));
        for host in 1..=5 {
            let address = format!("2001:db8:0:1::{host}");
            strict.failed(address.parse().unwrap(), now);
        }
        assert!(strict.is_banned("2001:db8:0:1::99".parse().unwrap(), now));
        assert!(!strict.is_banned("2001:db8:0:2::1".parse().unwrap(), now));
    }

    #[test]
    fn memory_is_bounded_and_bans_outlive_a_flood() {
        let (failures, now) = (failures(false), Instant::now());
        let guesser = [192, 0, 2, 1].into();
        for _ in 0..5 {
            failures.failed(guesser, now);
        }
        for number in 0..3 * REMEMBERED as u32 {
            failures.failed(IpAddr::V4((0x0a00_0000 + number).into()), now);
        }
        assert!(failures.known().len() <= REMEMBERED);
        assert!(failures.is_banned(guesser, now));
    }
}
