//! How many sessions there may be, and what those are told who are turned away.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rtsp_msg::Uri;
use rtsp_session::{
    Now, ProtocolError,
    random::Random,
    server::{Overload, notify},
};
use tokio::sync::watch;

/// Sessions of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    all: usize,
    readers: usize,
}

/// The door of a server. Touched once a session, not per packet.
#[derive(Debug)]
pub(crate) struct Admission {
    /// The most sessions; 0 for no bound.
    limit: usize,
    count: watch::Sender<Count>,
    overload: Mutex<Overload>,
    /// Set once the server takes no new sessions: where to send their peers instead.
    drained: OnceLock<Option<Uri>>,
}

/// The right to one session; given back when dropped.
#[derive(Debug)]
pub(crate) struct SessionPermit {
    admission: Arc<Admission>,
    reads: bool,
}

impl Admission {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            count: watch::Sender::default(),
            overload: Mutex::default(),
            drained: OnceLock::new(),
        }
    }

    /// Takes one more session in, or says how long its peer should stay away (RFC 7826 §10.7).
    pub(crate) fn admit(
        self: &Arc<Self>,
        reads: bool,
        random: &mut Random,
    ) -> Result<SessionPermit, ProtocolError> {
        let admitted = self.count.send_if_modified(|count| {
            let room = self.limit == 0 || count.all < self.limit;
            if room {
                count.all += 1;
                count.readers += usize::from(reads);
            }
            room
        });
        if !admitted {
            return Err(self.turn_away(random));
        }
        Ok(SessionPermit {
            admission: Arc::clone(self),
            reads,
        })
    }

    fn turn_away(&self, random: &mut Random) -> ProtocolError {
        let mut overload = self.overload.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = overload.refuse(Now::read().monotonic, random);
        ProtocolError::Overloaded {
            retry_after: Some(seconds),
        }
    }

    /// Takes no new sessions from now on.
    pub(crate) fn drain(&self, target: Option<Uri>) {
        let _ = self.drained.set(target);
    }

    /// Whether whatever begins with this request for `path` begins elsewhere, or later.
    pub(crate) fn elsewhere(&self, path: &str, random: &mut Random) -> Result<(), ProtocolError> {
        match self.drained.get() {
            None => Ok(()),
            Some(None) => Err(self.turn_away(random)),
            Some(Some(target)) => Err(ProtocolError::Moved {
                location: notify::moved(target, path),
            }),
        }
    }

    /// Waits until nobody reads any more.
    pub(crate) async fn without_readers(&self) {
        let _ = self
            .count
            .subscribe()
            .wait_for(|count| count.readers == 0)
            .await;
    }
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        self.admission.count.send_modify(|count| {
            count.all = count.all.saturating_sub(1);
            count.readers = count.readers.saturating_sub(usize::from(self.reads));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_server_says_when_to_come_back() {
        let admission = Arc::new(Admission::new(1));
        let mut random = Random::from_seed([1; 32]);
        let permit = admission.admit(true, &mut random).unwrap();
        assert!(matches!(
            admission.admit(false, &mut random),
            Err(ProtocolError::Overloaded { retry_after: Some(seconds) }) if seconds > 0
        ));
        drop(permit);
        assert!(admission.admit(false, &mut random).is_ok());
    }

    #[test]
    fn a_drained_server_sends_peers_elsewhere() {
        let admission = Admission::new(0);
        let mut random = Random::from_seed([1; 32]);
        assert_eq!(admission.elsewhere("/a", &mut random), Ok(()));
        admission.drain(Some(Uri::parse("rtsp://h:8554").unwrap()));
        assert_eq!(
            admission.elsewhere("/a", &mut random),
            Err(ProtocolError::Moved {
                location: "rtsp://h:8554/a".into()
            })
        );
    }
}
