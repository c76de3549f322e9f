//! Sockets that send to multicast groups, and those that have joined one.

use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV6;
use std::net::UdpSocket;

use socket2::Domain;
use socket2::Socket;
use socket2::Type;

use super::udp::DatagramOptions;
use super::udp::DatagramPair;
use super::udp::DatagramSocket;

/// How to be in a group.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)] // Complete: all that the system wants to know.
pub struct Membership {
    /// The group, and the port that it is taken at.
    pub group: SocketAddr,
    /// Take only what this one sends. Of IPv6 the system is not told, and everything else has to be dropped by who reads.
    pub source: Option<IpAddr>,
    /// The address of the interface to join on, of the same family.
    pub interface: IpAddr,
    /// How many routers may be passed by what is sent from here.
    pub ttl: u8,
}

impl Membership {
    /// Binds a socket and joins.
    ///
    /// On Unix it is bound to the group, so that it gets nothing else that is sent to the port; others of this machine may be in the
    /// same group. On a loopback interface the group is joined on the one of the default route, too, if there is one: senders that
    /// are not told otherwise use that.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a group that is none or an interface of another family; else what the system says: no such interface, the
    /// port is taken by somebody who does not share it.
    pub fn join(&self, options: &DatagramOptions) -> io::Result<DatagramSocket> {
        let group = self.group;
        if !group.ip().is_multicast() || group.is_ipv4() != self.interface.is_ipv4() {
            let text = "a multicast group, and an interface of its family";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let socket = open(group, options)?;
        let bound = if cfg!(unix) {
            scoped(group, self.interface)
        } else {
            unspecified(group)
        };
        socket.bind(&bound.into())?;
        send_by(&socket, self.interface, self.ttl)?;
        match (group.ip(), self.interface) {
            (IpAddr::V4(group), IpAddr::V4(interface)) => {
                self.join_v4(&socket, group, interface)?;
                if interface.is_loopback() {
                    let _ = self.join_v4(&socket, group, Ipv4Addr::UNSPECIFIED);
                }
            }
            (IpAddr::V6(group), interface) => {
                socket.join_multicast_v6(&group, index_of(interface))?;
                if interface.is_loopback() {
                    let _ = socket.join_multicast_v6(&group, 0);
                }
            }
            _ => {}
        }
        DatagramSocket::from_std(socket.into())
    }

    fn join_v4(&self, socket: &Socket, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        match self.source {
            Some(IpAddr::V4(source)) => socket.join_ssm_v4(&source, &group, &interface),
            _ => socket.join_multicast_v4(&group, &interface),
        }
    }
}

/// Two ports of this machine to send to groups from: RTP's and RTCP's.
#[derive(Debug)]
pub struct Sender {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl Sender {
    /// Takes the ports, on `address` and the interface that has it. Receivers of this machine get what is sent, too; their sockets
    /// may be bound to the same ports.
    ///
    /// # Errors
    ///
    /// What the system says: the address is not local, a port is taken by somebody who does not share it.
    pub fn bind(
        address: IpAddr,
        ports: (u16, u16),
        ttl: u8,
        options: &DatagramOptions,
    ) -> io::Result<Self> {
        let bind = |port| {
            let from = SocketAddr::new(address, port);
            let socket = open(from, options)?;
            socket.bind(&from.into())?;
            send_by(&socket, address, ttl)?;
            Ok::<_, io::Error>(UdpSocket::from(socket))
        };
        Ok(Self {
            rtp: bind(ports.0)?,
            rtcp: bind(ports.1)?,
        })
    }

    /// The ports as sockets of the reactor that runs here. They are taken for as long as this or what it returns is there.
    ///
    /// # Errors
    ///
    /// When no descriptor is left, or no reactor runs.
    pub fn pair(&self) -> io::Result<DatagramPair> {
        Ok(DatagramPair {
            rtp: DatagramSocket::from_std(self.rtp.try_clone()?)?,
            rtcp: DatagramSocket::from_std(self.rtcp.try_clone()?)?,
        })
    }
}

fn open(address: SocketAddr, options: &DatagramOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Several may be in one group.
    socket.set_reuse_address(true)?;
    // The kernel caps these at its own limits; a refusal is no reason not to work.
    let _ = socket.set_recv_buffer_size(options.receive_buffer);
    let _ = socket.set_send_buffer_size(options.send_buffer);
    Ok(socket)
}

/// What is sent to groups leaves by the interface that has this address, and comes to receivers of this machine, too.
fn send_by(socket: &Socket, interface: IpAddr, ttl: u8) -> io::Result<()> {
    match interface {
        IpAddr::V4(interface) => {
            socket.set_multicast_if_v4(&interface)?;
            socket.set_multicast_ttl_v4(ttl.into())?;
            socket.set_multicast_loop_v4(true)
        }
        IpAddr::V6(_) => {
            socket.set_multicast_if_v6(index_of(interface))?;
            socket.set_multicast_hops_v6(ttl.into())?;
            socket.set_multicast_loop_v6(true)
        }
    }
}

fn unspecified(group: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match group {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(ip, group.port())
}

/// Groups of one link are bound with the link.
fn scoped(group: SocketAddr, interface: IpAddr) -> SocketAddr {
    match group {
        SocketAddr::V6(group) if matches!(group.ip().octets()[1] & 0xf, 1 | 2) => {
            SocketAddrV6::new(*group.ip(), group.port(), 0, index_of(interface)).into()
        }
        other => other,
    }
}

/// The number of the interface with an address; 0, by which the system chooses, where none has it.
#[cfg(target_os = "linux")]
fn index_of(address: IpAddr) -> u32 {
    let IpAddr::V6(address) = address else {
        return 0;
    };
    let Ok(mut all) = nix::ifaddrs::getifaddrs() else {
        return 0;
    };
    let found = all.find(|one| {
        let its = one.address.as_ref().and_then(|its| its.as_sockaddr_in6());
        its.is_some_and(|its| its.ip() == address)
    });
    let index = found.and_then(|one| nix::net::if_::if_nametoindex(&*one.interface_name).ok());
    index.unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
fn index_of(_address: IpAddr) -> u32 {
    0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::io::udp::Outgoing;
    use crate::io::udp::ReceiveBuffer;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// A port that nobody has at the moment.
    fn free_port() -> u16 {
        let pair = DatagramPair::bind(
            LOOPBACK,
            super::super::udp::PairPorts::Ephemeral,
            &DatagramOptions::default(),
        );
        pair.unwrap().ports().0
    }

    async fn first(socket: &DatagramSocket) -> Option<(SocketAddr, Vec<u8>)> {
        let mut buffer = ReceiveBuffer::new(1);
        let read = socket.receive(&mut buffer);
        let read = tokio::time::timeout(Duration::from_secs(5), read).await;
        read.ok()?.ok()?;
        let first = buffer.iter().next()?;
        Some((first.origin.source, first.payload.to_vec()))
    }

    #[tokio::test]
    async fn what_is_sent_to_a_group_comes_to_all_who_have_joined() {
        for (group, source) in [("239.255.77.1", None), ("232.77.0.1", Some(LOOPBACK))] {
            let port = free_port();
            let to = SocketAddr::new(group.parse().unwrap(), port);
            let membership = Membership {
                group: to,
                source,
                interface: LOOPBACK,
                ttl: 0,
            };
            let options = DatagramOptions::default();
            let receivers = [(); 2].map(|()| membership.join(&options).unwrap());
            let sender = Sender::bind(LOOPBACK, (port, port + 1), 0, &options).unwrap();
            let pair = sender.pair().unwrap();
            pair.rtp
                .send(&Outgoing {
                    destination: to,
                    contents: b"hello",
                    segment_size: None,
                    source: None,
                })
                .await
                .unwrap();
            for receiver in &receivers {
                let (from, payload) = first(receiver).await.expect("a datagram");
                assert_eq!(from, SocketAddr::new(LOOPBACK, port), "{group}");
                assert_eq!(payload, b"hello");
            }
        }
    }

    #[tokio::test]
    async fn only_groups_are_joined() {
        for group in ["192.0.2.1:5000", "[ff15::1]:5000"] {
            let membership = Membership {
                group: group.parse().unwrap(),
                source: None,
                interface: LOOPBACK,
                ttl: 1,
            };
            let refused = membership.join(&DatagramOptions::default()).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{group}");
        }
    }
}
