//! What takes long, to prove somebody: on threads of its own, few at a time, and no address has all turns.

use std::{net::IpAddr, sync::Arc};

use tokio::{runtime::Handle, sync::Semaphore};

use crate::places::{Place, Places};

/// What may wait for its turn.
const WAITING: usize = 64;
/// What of one address may be under way or wait.
pub(super) const PER_ADDRESS: usize = 4;

/// The turns of one kind of work.
#[derive(Debug)]
pub(crate) struct Turns {
    slots: Arc<Semaphore>,
    places: Arc<Places>,
    runtime: Handle,
}

impl Turns {
    /// So much is done at once, on the runtime that this is called in.
    pub(super) fn new(at_once: usize) -> Self {
        Self::of(at_once, WAITING, PER_ADDRESS)
    }

    /// The same where so much may be under way or wait, in all and of one address.
    pub(crate) fn of(at_once: usize, waiting: usize, per_address: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(at_once)),
            places: Places::new(waiting, per_address, true),
            runtime: Handle::current(),
        }
    }

    /// A place to wait at. `None` where too much waits already.
    pub(crate) fn place(&self, address: IpAddr) -> Option<Place> {
        self.places.take(address)
    }

    /// Does it when it is its turn. `None` where too much waits already, or it came to nothing.
    pub(super) async fn take<T: Send + 'static>(
        &self,
        address: IpAddr,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _place = self.place(address)?;
        self.run(work).await
    }

    /// Does what has a place, when it is its turn. `None` where it came to nothing.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        let work = self.runtime.spawn_blocking(move || {
            // Given back when the work is done, not when nobody waits for it any more.
            let _slot = slot;
            work()
        });
        work.await.ok()
    }

    #[cfg(test)]
    pub(super) fn places(&self) -> &Arc<Places> {
        &self.places
    }
}
