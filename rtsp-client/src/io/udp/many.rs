//! One content to many peers, in as few calls as the system allows.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;

use super::DatagramSocket;
use super::Outgoing;

/// What goes to all of them: an [`Outgoing`] without its destination.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// The payload, or the payloads one after another.
    pub contents: &'a [u8],
    /// With several datagrams: the size of each, octets; only the last may be shorter.
    pub segment_size: Option<usize>,
    /// The local address to send from, where the socket listens on several.
    pub source: Option<IpAddr>,
}

impl<'a> Shared<'a> {
    /// The same for one of them.
    #[must_use]
    pub fn to(&self, destination: SocketAddr) -> Outgoing<'a> {
        Outgoing {
            destination,
            contents: self.contents,
            segment_size: self.segment_size,
            source: self.source,
        }
    }
}

/// What the system is handed for many peers; kept from call to call.
#[derive(Debug, Default)]
pub struct SendMemory {
    #[cfg(target_os = "linux")]
    system: linux::Memory,
}

impl DatagramSocket {
    /// Sends the same to the first of `destinations`, and to as many of the following as go with the same call; to how many.
    ///
    /// Linux takes up to 64 a call (`sendmmsg`), each of which may be many datagrams (`UDP_SEGMENT`); other systems one.
    ///
    /// # Errors
    ///
    /// What [`try_send`](Self::try_send) says of the first destination; nothing was sent then.
    pub fn try_send_many(
        &self,
        shared: &Shared<'_>,
        destinations: &[SocketAddr],
        memory: &mut SendMemory,
    ) -> io::Result<usize> {
        let Some(first) = destinations.first() else {
            return Ok(0);
        };
        #[cfg(target_os = "linux")]
        if destinations.len() > 1 && self.can_cut(shared) {
            match linux::send(self, shared, destinations, &mut memory.system) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = memory;
        // Also what the system refused: one call for one peer says why, and falls back where GSO is missing.
        self.try_send(&shared.to(*first)).map(|()| 1)
    }

    /// Whether the system cuts all of this into datagrams by itself.
    #[must_use]
    pub fn can_cut(&self, shared: &Shared<'_>) -> bool {
        shared.segment_size.is_none_or(|size| {
            size > 0 && shared.contents.len().div_ceil(size) <= self.max_segments()
        })
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::io::IoSlice;
    use std::net::IpAddr;
    use std::net::Ipv4Addr;
    use std::net::Ipv6Addr;
    use std::net::SocketAddr;
    use std::os::fd::AsRawFd;

    use nix::cmsg_space;
    use nix::libc;
    use nix::sys::socket::ControlMessage;
    use nix::sys::socket::MsgFlags;
    use nix::sys::socket::MultiHeaders;
    use nix::sys::socket::SockaddrStorage;
    use nix::sys::socket::sendmmsg;
    use smallvec::SmallVec;
    use tokio::io::Interest;

    use super::DatagramSocket;
    use super::Shared;

    /// Peers of one call.
    const PEERS: usize = 64;

    /// Headers for each combination of control messages: the room that they have for these is fixed.
    #[derive(Debug, Default)]
    pub(super) struct Memory {
        headers: [Option<MultiHeaders<SockaddrStorage>>; 6],
    }

    pub(super) fn send(
        socket: &DatagramSocket,
        shared: &Shared<'_>,
        destinations: &[SocketAddr],
        memory: &mut Memory,
    ) -> io::Result<usize> {
        let size = shared.segment_size.map(u16::try_from).transpose();
        let size = size.map_err(|_| io::ErrorKind::InvalidInput)?;
        let segments = size.as_ref().map(ControlMessage::UdpGsoSegments);
        let (v4, v6) = match shared.source {
            Some(IpAddr::V4(source)) => (Some(in_pktinfo(source)), None),
            Some(IpAddr::V6(source)) => (None, Some(in6_pktinfo(source))),
            None => (None, None),
        };
        let source = v4.as_ref().map(ControlMessage::Ipv4PacketInfo);
        let source = source.or(v6.as_ref().map(ControlMessage::Ipv6PacketInfo));
        let kind = usize::from(segments.is_some())
            + 2 * usize::from(v4.is_some())
            + 4 * usize::from(v6.is_some());
        let control: SmallVec<[_; 2]> = segments.into_iter().chain(source).collect();
        let addresses: SmallVec<[_; PEERS]> = destinations
            .iter()
            .take(PEERS)
            .map(|to| Some(SockaddrStorage::from(*to)))
            .collect();
        let headers = memory
            .headers
            .get_mut(kind)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let headers = headers.get_or_insert_with(|| MultiHeaders::preallocate(PEERS, room(kind)));
        let contents = [IoSlice::new(shared.contents)];
        let slices = addresses.iter().map(|_| &contents);
        socket.socket.try_io(Interest::WRITABLE, || {
            let fd = socket.socket.as_raw_fd();
            let sent = sendmmsg(
                fd,
                headers,
                slices,
                &addresses,
                control,
                MsgFlags::MSG_DONTWAIT,
            )?;
            Ok(sent.count())
        })
    }

    /// Room for exactly the control messages of a combination: all of it is told to the kernel.
    fn room(kind: usize) -> Option<Vec<u8>> {
        match kind {
            1 => Some(cmsg_space!(u16)),
            2 => Some(cmsg_space!(libc::in_pktinfo)),
            3 => Some(cmsg_space!(u16, libc::in_pktinfo)),
            4 => Some(cmsg_space!(libc::in6_pktinfo)),
            5 => Some(cmsg_space!(u16, libc::in6_pktinfo)),
            _ => None,
        }
    }

    fn in_pktinfo(source: Ipv4Addr) -> libc::in_pktinfo {
        libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr {
                s_addr: u32::from_ne_bytes(source.octets()),
            },
            ipi_addr: libc::in_addr { s_addr: 0 },
        }
    }

    fn in6_pktinfo(source: Ipv6Addr) -> libc::in6_pktinfo {
        libc::in6_pktinfo {
            ipi6_ifindex: 0,
            ipi6_addr: libc::in6_addr {
                s6_addr: source.octets(),
            },
        }
    }
}
