//! Places that are lent for a while, to what has begun and is nothing yet: so many in all, and for each address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Those that there are.
#[derive(Debug)]
pub(crate) struct Places {
    all: usize,
    per_address: usize,
    /// Loopback has no more of them than others.
    limit_loopback: bool,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    addresses: HashMap<IpAddr, usize>,
}

/// One of them; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    of: Arc<Places>,
    address: IpAddr,
}

impl Places {
    pub(crate) fn new(all: usize, per_address: usize, limit_loopback: bool) -> Arc<Self> {
        Arc::new(Self {
            all,
            per_address,
            limit_loopback,
            taken: Mutex::default(),
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more, unless there is none left.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let limited = self.limit_loopback || !address.is_loopback();
        let mut taken = self.taken();
        let its = taken.addresses.get(&address).copied().unwrap_or_default();
        if taken.all >= self.all || (limited && its >= self.per_address) {
            return None;
        }
        taken.all += 1;
        taken.addresses.insert(address, its + 1);
        Some(Place {
            of: Arc::clone(self),
            address,
        })
    }

    #[cfg(test)]
    pub(crate) fn are_all_back(&self) -> bool {
        let taken = self.taken();
        taken.all == 0 && taken.addresses.is_empty()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        taken.all = taken.all.saturating_sub(1);
        if let Some(its) = taken.addresses.get_mut(&self.address) {
            *its = its.saturating_sub(1);
            if *its == 0 {
                taken.addresses.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_and_another_address_has_its_own() {
        let places = Places::new(3, 2, false);
        let begin = |last| places.take([192, 0, 2, last].into());
        let one = begin(1).unwrap();
        let _two = begin(1).unwrap();
        assert!(begin(1).is_none());
        let other = begin(2).unwrap();
        assert!(begin(2).is_none(), "so many in all");
        drop((one, other));
        assert!(begin(1).is_some() && begin(2).is_some());
    }
}
