//! How many sessions there may be, and what those are told who are turned away.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use rtsp_msg::Uri;
use rtsp_session::{
    Now, ProtocolError, Redirection,
    random::Random,
    server::{Overload, notify},
};
use smallvec::SmallVec;
use tokio::sync::watch;

use crate::config::Limits;

/// Sessions of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    all: usize,
    readers: usize,
    /// Bits a second that readers have set up.
    bandwidth: u64,
}

/// The door of a server. Touched once a session, not per packet.
#[derive(Debug)]
pub(crate) struct Admission {
    /// The most sessions; 0 for no bound.
    limit: usize,
    per_address: usize,
    limit_loopback: bool,
    /// The sessions of each address that has any.
    addresses: Mutex<HashMap<IpAddr, usize>>,
    /// The most bits a second to readers; 0 for no bound.
    bandwidth: u64,
    count: watch::Sender<Count>,
    overload: Mutex<Overload>,
    /// Set once the server takes no new sessions: where to send their peers instead.
    drained: OnceLock<Option<Uri>>,
}

/// The right to one session; given back when dropped.
#[derive(Debug)]
pub(crate) struct SessionPermit {
    admission: Arc<Admission>,
    address: IpAddr,
    reads: bool,
    /// What each media may take of the bandwidth.
    media: SmallVec<[(usize, u64); 2]>,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limit: limits.sessions,
            per_address: limits.sessions_per_address,
            limit_loopback: limits.limit_loopback,
            addresses: Mutex::default(),
            bandwidth: limits.bandwidth,
            count: watch::Sender::default(),
            overload: Mutex::default(),
            drained: OnceLock::new(),
        }
    }

    /// Takes one more session in; says that its peer has enough of them (RFC 7826 §21.1), or how long it should stay away (§10.7).
    pub(crate) fn admit(
        self: &Arc<Self>,
        address: IpAddr,
        reads: bool,
        random: &mut Random,
    ) -> Result<SessionPermit, ProtocolError> {
        let address = address.to_canonical();
        self.enter(address)?;
        let admitted = self.count.send_if_modified(|count| {
            let room = self.limit == 0 || count.all < self.limit;
            if room {
                count.all += 1;
                count.readers += usize::from(reads);
            }
            room
        });
        if !admitted {
            self.leave(address);
            return Err(self.turn_away(random));
        }
        Ok(SessionPermit {
            admission: Arc::clone(self),
            address,
            reads,
            media: SmallVec::new(),
        })
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// One more session of an address, unless it has all that it may have.
    fn enter(&self, address: IpAddr) -> Result<(), ProtocolError> {
        let mut addresses = self.addresses();
        let sessions = addresses.get(&address).copied().unwrap_or_default();
        let limited = self.limit_loopback || !address.is_loopback();
        if limited && sessions >= self.per_address {
            return Err(ProtocolError::NotEnoughBandwidth);
        }
        addresses.insert(address, sessions + 1);
        Ok(())
    }

    fn leave(&self, address: IpAddr) {
        let mut addresses = self.addresses();
        if let Some(sessions) = addresses.get_mut(&address) {
            *sessions = sessions.saturating_sub(1);
            if *sessions == 0 {
                addresses.remove(&address);
            }
        }
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

    /// Whether whatever begins with this request for `path` begins elsewhere, or later. `secure`: it came by TLS.
    pub(crate) fn elsewhere(
        &self,
        path: &str,
        secure: bool,
        random: &mut Random,
    ) -> Result<(), ProtocolError> {
        match self.drained.get() {
            None => Ok(()),
            Some(None) => Err(self.turn_away(random)),
            Some(Some(target)) => Err(ProtocolError::Moved {
                how: Redirection::Temporary,
                location: match secure {
                    true => notify::moved(target, &format!("rtsps://{path}")),
                    false => notify::moved(target, path),
                },
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

impl SessionPermit {
    /// Sets bandwidth aside for a media, in bits a second, in place of what was set aside for it before.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::NotEnoughBandwidth`] when there is not so much left; nothing is changed then.
    pub(crate) fn reserve(&mut self, media: usize, bits: u64) -> Result<(), ProtocolError> {
        let before = self.reserved(media);
        let most = self.admission.bandwidth;
        let fits = self.admission.count.send_if_modified(|count| {
            let sum = count.bandwidth.saturating_sub(before).saturating_add(bits);
            let fits = most == 0 || bits <= before || sum <= most;
            if fits {
                count.bandwidth = sum;
            }
            fits
        });
        if !fits {
            return Err(ProtocolError::NotEnoughBandwidth);
        }
        self.media.retain(|(known, _)| *known != media);
        self.media.push((media, bits));
        Ok(())
    }

    /// What is set aside for a media.
    pub(crate) fn reserved(&self, media: usize) -> u64 {
        let known = self.media.iter().find(|(known, _)| *known == media);
        known.map_or(0, |(_, bits)| *bits)
    }
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        self.admission.leave(self.address);
        let bits: u64 = self.media.iter().map(|(_, bits)| *bits).sum();
        self.admission.count.send_modify(|count| {
            count.all = count.all.saturating_sub(1);
            count.readers = count.readers.saturating_sub(usize::from(self.reads));
            count.bandwidth = count.bandwidth.saturating_sub(bits);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(change: impl FnOnce(&mut Limits)) -> Arc<Admission> {
        let mut limits = Limits::default();
        change(&mut limits);
        Arc::new(Admission::new(&limits))
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_full_server_says_when_to_come_back() {
        let admission = admission(|limits| limits.sessions = 1);
        let mut random = Random::from_seed([1; 32]);
        let permit = admission.admit(HERE, true, &mut random).unwrap();
        assert!(matches!(
            admission.admit(HERE, false, &mut random),
            Err(ProtocolError::Overloaded { retry_after: Some(seconds) }) if seconds > 0
        ));
        drop(permit);
        assert!(admission.admit(HERE, false, &mut random).is_ok());
        assert!(admission.addresses().is_empty(), "addresses are forgotten");
    }

    #[test]
    fn r2_sec_05_one_address_has_so_many_sessions_and_the_next_has_its_own() {
        let admission = admission(|limits| limits.sessions_per_address = 2);
        let mut random = Random::from_seed([1; 32]);
        let mut admit = |address: &str| {
            let address: IpAddr = address.parse().unwrap();
            admission.admit(address, true, &mut random)
        };
        let one = admit("192.0.2.1").unwrap();
        // The same address, as IPv6 sockets show it.
        let _two = admit("::ffff:192.0.2.1").unwrap();
        assert_eq!(
            admit("192.0.2.1").unwrap_err(),
            ProtocolError::NotEnoughBandwidth
        );
        let _other = admit("192.0.2.2").unwrap();
        drop(one);
        let _again = admit("192.0.2.1").unwrap();
        let own: Vec<_> = (0..10).map(|_| admit("127.0.0.1").unwrap()).collect();
        assert_eq!(own.len(), 10, "loopback is exempt");
    }

    #[test]
    fn bandwidth_is_set_aside_by_media_and_comes_back() {
        let admission = admission(|limits| limits.bandwidth = 1000);
        let mut random = Random::from_seed([1; 32]);
        let mut one = admission.admit(HERE, true, &mut random).unwrap();
        let mut two = admission.admit(HERE, true, &mut random).unwrap();
        one.reserve(0, 600).unwrap();
        one.reserve(0, 700).unwrap();
        assert_eq!(two.reserve(0, 301), Err(ProtocolError::NotEnoughBandwidth));
        two.reserve(1, 300).unwrap();
        assert_eq!(
            (one.reserved(0), two.reserved(0), two.reserved(1)),
            (700, 0, 300)
        );
        one.reserve(0, 0).unwrap();
        two.reserve(0, 700).unwrap();
        drop(two);
        one.reserve(1, 1000).unwrap();
    }

    #[test]
    fn a_drained_server_sends_peers_elsewhere() {
        let admission = admission(|_| {});
        let mut random = Random::from_seed([1; 32]);
        assert_eq!(admission.elsewhere("/a", false, &mut random), Ok(()));
        admission.drain(Some(Uri::parse("rtsp://h:8554").unwrap()));
        assert_eq!(
            admission.elsewhere("/a", false, &mut random),
            Err(ProtocolError::Moved {
                how: Redirection::Temporary,
                location: "rtsp://h:8554/a".into()
            })
        );
    }
}
