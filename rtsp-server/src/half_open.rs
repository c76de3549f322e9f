//! What has begun and is nothing yet: handshakes of TLS, tunnels of which one half has come.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::config::Limits;

/// Counts them, in all and for each address.
#[derive(Debug)]
pub(crate) struct HalfOpen {
    limit: usize,
    per_address: usize,
    limit_loopback: bool,
    begun: Mutex<Begun>,
}

#[derive(Debug, Default)]
struct Begun {
    all: usize,
    addresses: HashMap<IpAddr, usize>,
    refused: u64,
}

/// One of them; over when dropped.
#[derive(Debug)]
pub(crate) struct Beginning {
    of: Arc<HalfOpen>,
    address: IpAddr,
}

impl HalfOpen {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limit: limits.half_open,
            per_address: limits.half_open_per_address,
            limit_loopback: limits.limit_loopback,
            begun: Mutex::default(),
        }
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more, unless there are enough of them.
    pub(crate) fn begin(self: &Arc<Self>, address: IpAddr) -> Option<Beginning> {
        let address = address.to_canonical();
        let limited = self.limit_loopback || !address.is_loopback();
        let mut begun = self.begun();
        let its = begun.addresses.get(&address).copied().unwrap_or_default();
        if begun.all >= self.limit || (limited && its >= self.per_address) {
            begun.refused += 1;
            if begun.refused.is_power_of_two() {
                tracing::warn!(
                    %address, refused = begun.refused, half_open = begun.all,
                    "too many handshakes and tunnels have begun and not come to an end: no more are taken"
                );
            }
            return None;
        }
        begun.all += 1;
        begun.addresses.insert(address, its + 1);
        Some(Beginning {
            of: Arc::clone(self),
            address,
        })
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        let mut begun = self.of.begun();
        begun.all = begun.all.saturating_sub(1);
        if let Some(its) = begun.addresses.get_mut(&self.address) {
            *its = its.saturating_sub(1);
            if *its == 0 {
                begun.addresses.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_and_another_address_has_its_own() {
        let limits = Limits {
            half_open: 3,
            half_open_per_address: 2,
            ..Limits::default()
        };
        let half_open = Arc::new(HalfOpen::new(&limits));
        let begin = |last| half_open.begin([192, 0, 2, last].into());
        let one = begin(1).unwrap();
        let _two = begin(1).unwrap();
        assert!(begin(1).is_none());
        let other = begin(2).unwrap();
        assert!(begin(2).is_none(), "so many in all");
        drop((one, other));
        assert!(begin(1).is_some() && begin(2).is_some());
    }
}
