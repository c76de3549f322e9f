//! The datagram ports of a shard and who may send to them.

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};

use rtsp_client::io::udp::{DatagramOptions, DatagramPair, DatagramSocket, PairPorts};
use rtsp_session::{server::SessionId, transport::Reports};
use tokio::sync::Notify;

use crate::stream::batch::Kind;

/// One even/odd pair of ports of a shard, for one address family.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) pair: DatagramPair,
    /// Told when a send found the socket full.
    pub(crate) full: Notify,
    peers: RefCell<HashMap<(SocketAddr, Kind), UdpPeer>>,
    /// Addresses that nothing got through to, and until when nobody has them.
    resting: RefCell<HashMap<SocketAddr, Instant>>,
}

/// How long an address rests: as long as it takes at least to find out that nothing gets through (RFC 8083 §4.5).
const REST: Duration = Duration::from_secs(15);

/// Who may send from an address, and for what.
#[derive(Clone, Debug)]
pub(crate) struct UdpPeer {
    pub(crate) session: SessionId,
    pub(crate) media: u8,
    /// It sends RTCP from where it sends RTP.
    pub(crate) muxed: bool,
}

impl Ports {
    fn bind(address: IpAddr, ports: PairPorts) -> io::Result<Rc<Self>> {
        let mut options = DatagramOptions::default();
        options.send_buffer = 8 << 20;
        options.receive_buffer = 8 << 20;
        Ok(Self::of(DatagramPair::bind(address, ports, &options)?))
    }

    /// Those of a pair of sockets, from which nobody may send yet.
    pub(crate) fn of(pair: DatagramPair) -> Rc<Self> {
        Rc::new(Self {
            pair,
            full: Notify::new(),
            peers: RefCell::default(),
            resting: RefCell::default(),
        })
    }

    /// What has to be said of the address to send from: nothing where there is only one.
    pub(crate) fn source(&self, local: IpAddr) -> Option<IpAddr> {
        let all = self.pair.rtp.local_address().ip().is_unspecified();
        all.then(|| local.to_canonical())
    }

    /// Asks to be told when the sockets take more.
    pub(crate) fn want_write(&self) {
        self.full.notify_one();
    }

    /// The address that datagrams leave from, where that is one: not that which the peer reached us at then.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        let address = self.pair.rtp.local_address().ip();
        (!address.is_unspecified()).then_some(address)
    }

    /// The socket and the address for packets of a kind; `None` where none are sent.
    pub(crate) fn way_to(
        &self,
        (rtp, reports): (SocketAddr, Reports),
        kind: Kind,
    ) -> Option<(&DatagramSocket, SocketAddr)> {
        Some(match (kind, reports) {
            (Kind::Rtp, _) | (Kind::Rtcp, Reports::Muxed { .. }) => (&self.pair.rtp, rtp),
            (Kind::Rtcp, Reports::To(address)) => (&self.pair.rtcp, address),
            (Kind::Rtcp, Reports::None) => return None,
        })
    }

    /// Nobody gets anything at `rtp` for a while.
    pub(crate) fn rest(&self, rtp: SocketAddr) {
        let until = Instant::now() + REST;
        self.resting.borrow_mut().insert(canonical(rtp), until);
    }

    fn rests(&self, rtp: SocketAddr) -> bool {
        let now = Instant::now();
        let mut resting = self.resting.borrow_mut();
        resting.retain(|_, until| *until > now);
        resting.contains_key(&canonical(rtp))
    }

    /// Lets `peer` send from its addresses, and from no others that it had; refused where one is another's.
    pub(crate) fn admit(&self, rtp: SocketAddr, reports: Reports, peer: &UdpPeer) -> bool {
        let mut peers = self.peers.borrow_mut();
        let rtcp = match reports {
            Reports::To(address) => Some((canonical(address), Kind::Rtcp)),
            Reports::Muxed { .. } | Reports::None => None,
        };
        let keys = [Some((canonical(rtp), Kind::Rtp)), rtcp];
        let taken = |key| {
            peers.get(key).is_some_and(|known: &UdpPeer| {
                known.session != peer.session || known.media != peer.media
            })
        };
        if self.rests(rtp) || keys.iter().flatten().any(taken) {
            return false;
        }
        peers.retain(|_, known| known.session != peer.session || known.media != peer.media);
        peers.extend(keys.into_iter().flatten().map(|key| (key, peer.clone())));
        true
    }

    /// Who sends from `address`.
    pub(crate) fn peer(&self, address: SocketAddr, kind: Kind) -> Option<UdpPeer> {
        self.peers.borrow().get(&(address, kind)).cloned()
    }

    /// Forgets all addresses of a session, or those of one of its media.
    pub(crate) fn forget(&self, session: &SessionId, media: Option<u8>) {
        self.peers.borrow_mut().retain(|_, peer| {
            peer.session != *session || media.is_some_and(|media| media != peer.media)
        });
    }
}

/// The ports of one shard.
#[derive(Debug)]
pub(crate) struct ShardPorts {
    pub(crate) v4: Option<Rc<Ports>>,
    pub(crate) v6: Option<Rc<Ports>>,
}

impl ShardPorts {
    /// Binds a pair for each family that `addresses` has: on the one address where there is one, else on all.
    pub(crate) fn bind(addresses: &[IpAddr], ports: PairPorts) -> io::Result<Self> {
        let bind = |v4: bool| {
            let its = addresses.iter().copied().filter(|ip| ip.is_ipv4() == v4);
            let address = common(its);
            address
                .map(|address| Ports::bind(address, ports))
                .transpose()
        };
        Ok(Self {
            v4: bind(true)?,
            v6: bind(false)?,
        })
    }

    /// The pair that reaches `peer`.
    pub(crate) fn towards(&self, peer: IpAddr) -> Option<&Rc<Ports>> {
        match peer {
            IpAddr::V4(_) => self.v4.as_ref(),
            IpAddr::V6(_) => self.v6.as_ref(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rc<Ports>> {
        self.v4.iter().chain(&self.v6)
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The address that serves all of `addresses`; `None` where there are none.
fn common(addresses: impl Iterator<Item = IpAddr>) -> Option<IpAddr> {
    addresses.reduce(|one, other| match one {
        _ if one == other => one,
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_follow_where_the_server_listens() {
        let of = |list: &[&str]| {
            common(list.iter().map(|ip| ip.parse().unwrap())).map(|ip| ip.to_string())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(
            of(&["127.0.0.1", "127.0.0.1"]).as_deref(),
            Some("127.0.0.1")
        );
        assert_eq!(
            of(&["127.0.0.1", "10.0.0.1", "127.0.0.1"]).as_deref(),
            Some("0.0.0.0")
        );
        assert_eq!(of(&["::1", "::2"]).as_deref(), Some("::"));
    }
}
