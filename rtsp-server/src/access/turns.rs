//! What takes long, to prove somebody: on threads of its own, few at a time, and no address has all turns.

use std::{net::IpAddr, sync::Arc};

use tokio::{runtime::Handle, sync::Semaphore};

use crate::places::Places;

/// What may wait for its turn.
const WAITING: usize = 64;
/// What of one address may be under way or wait.
pub(super) const PER_ADDRESS: usize = 4;

/// The turns of one kind of work.
#[derive(Debug)]
pub(super) struct Turns {
    slots: Arc<Semaphore>,
    places: Arc<Places>,
    runtime: Handle,
}

impl Turns {
    /// So much is done at once, on the runtime that this is called in.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(at_once)),
            places: Places::new(WAITING, PER_ADDRESS, true),
            runtime: Handle::current(),
        }
    }

    /// Does it when it is its turn. `None` where too much waits already, or it came to nothing.
    pub(super) async fn take<T: Send + 'static>(
        &self,
        address: IpAddr,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _place = self.places.take(address)?;
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
