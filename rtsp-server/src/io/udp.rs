//! The datagram ports of a shard and who may send to them.

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
};

use rtsp_client::io::udp::{DatagramOptions, DatagramPair, PairPorts};
use rtsp_session::server::SessionId;
use tokio::sync::Notify;

use crate::stream::batch::Kind;

/// One even/odd pair of ports of a shard, for one address family.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) pair: DatagramPair,
    /// Told when a send found the socket full.
    pub(crate) full: Notify,
    peers: RefCell<HashMap<(SocketAddr, Kind), UdpPeer>>,
}

/// Who may send from an address, and for what.
#[derive(Clone, Debug)]
pub(crate) struct UdpPeer {
    pub(crate) session: SessionId,
    pub(crate) media: u8,
}

impl Ports {
    fn bind(address: IpAddr, ports: PairPorts) -> io::Result<Rc<Self>> {
        let mut options = DatagramOptions::default();
        options.send_buffer = 8 << 20;
        options.receive_buffer = 8 << 20;
        let pair = DatagramPair::bind(address, ports, &options)?;
        Ok(Rc::new(Self {
            pair,
            full: Notify::new(),
            peers: RefCell::default(),
        }))
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

    /// Lets `peer` send from both its addresses; refused where one is in use.
    pub(crate) fn admit(&self, rtp: SocketAddr, rtcp: SocketAddr, peer: &UdpPeer) -> bool {
        let mut peers = self.peers.borrow_mut();
        let taken = |key| {
            peers.get(&key).is_some_and(|known: &UdpPeer| {
                known.session != peer.session || known.media != peer.media
            })
        };
        if taken((rtp, Kind::Rtp)) || taken((rtcp, Kind::Rtcp)) {
            return false;
        }
        peers.insert((rtp, Kind::Rtp), peer.clone());
        peers.insert((rtcp, Kind::Rtcp), peer.clone());
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
    /// Binds a pair for each family that the server listens on: on the one address where it listens on one, else on all.
    pub(crate) fn bind(listen: &[SocketAddr], ports: PairPorts) -> io::Result<Self> {
        let bind = |v4: bool| {
            let address = common(
                listen
                    .iter()
                    .map(SocketAddr::ip)
                    .filter(|ip| ip.is_ipv4() == v4),
            );
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
