//! Datagram sockets in even/odd pairs, with batched receive and send.
//!
//! RTP takes the even port of a pair and RTCP the odd one above it (RFC 3550 §11). Reading takes up to
//! [`ReceiveBuffer`]'s number of system-level buffers at once, each of which the kernel may have filled with several
//! datagrams of one peer (GRO); sending gives the kernel many datagrams of equal size in one call (GSO). Where a
//! system has neither, the same calls work one datagram at a time.

use std::io;
use std::io::IoSliceMut;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use bytes::BytesMut;
use quinn_udp::RecvMeta;
use quinn_udp::Transmit;
use quinn_udp::UdpSocketState;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// The largest payload of a datagram that a buffer must hold, octets.
const DATAGRAM_BYTES: usize = 65_535;

/// How a socket is set up.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DatagramOptions {
    /// Size asked of the kernel for its receive buffer, octets; the kernel may grant less.
    pub receive_buffer: usize,
    /// Size asked of the kernel for its send buffer, octets; the kernel may grant less.
    pub send_buffer: usize,
}

impl Default for DatagramOptions {
    fn default() -> Self {
        Self {
            receive_buffer: 2 << 20,
            send_buffer: 2 << 20,
        }
    }
}

/// One datagram, or several of equal size, to send in one call.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// To whom.
    pub destination: SocketAddr,
    /// The payload, or the payloads one after another.
    pub contents: &'a [u8],
    /// With several datagrams: the size of each, octets; only the last may be shorter.
    pub segment_size: Option<usize>,
    /// The local address to send from, where the socket listens on several.
    pub source: Option<IpAddr>,
}

/// What the kernel told about the datagrams of one system-level buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who sent it.
    pub source: SocketAddr,
    /// The local address that it was sent to, where the system tells.
    pub local: Option<IpAddr>,
}

/// One received datagram.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// From where, and to which local address.
    pub origin: Origin,
    /// The payload.
    pub payload: &'a [u8],
}

/// Memory that datagrams are read into; reused for every read, and between sockets.
#[derive(Debug)]
pub struct ReceiveBuffer {
    memory: Vec<u8>,
    slot: usize,
    metas: Vec<RecvMeta>,
    filled: usize,
}

impl ReceiveBuffer {
    /// Memory for `buffers` system-level buffers (1 to 32) of 64 KiB each; pages that are never written to cost nothing.
    #[must_use]
    pub fn new(buffers: usize) -> Self {
        let buffers = buffers.clamp(1, quinn_udp::BATCH_SIZE);
        Self {
            memory: vec![0; buffers * DATAGRAM_BYTES],
            slot: DATAGRAM_BYTES,
            metas: vec![RecvMeta::default(); buffers],
            filled: 0,
        }
    }

    /// The datagrams of the last read, in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = Received<'_>> {
        self.metas
            .iter()
            .zip(self.memory.chunks(self.slot))
            .take(self.filled)
            .flat_map(|(meta, slot)| {
                let origin = Origin {
                    source: meta.addr,
                    local: meta.dst_ip,
                };
                let filled = slot.get(..meta.len).unwrap_or(slot);
                filled
                    .chunks(meta.stride.max(1))
                    .map(move |payload| Received { origin, payload })
            })
    }

    /// Copies the datagrams of the last read into one shared allocation and appends a slice of it for each to `out`.
    ///
    /// A kept packet then holds the memory of its own read and no more.
    pub fn freeze_into(&self, out: &mut Vec<(Origin, Bytes)>) {
        let total = self.metas.iter().take(self.filled).map(|m| m.len).sum();
        let mut memory = BytesMut::with_capacity(total);
        for received in self.iter() {
            memory.extend_from_slice(received.payload);
            out.push((received.origin, memory.split().freeze()));
        }
    }
}

/// A non-blocking datagram socket on tokio's reactor, with batched calls.
#[derive(Debug)]
pub struct DatagramSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

#[cfg(unix)]
impl std::os::fd::AsFd for DatagramSocket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl DatagramSocket {
    /// Binds to `address`; port 0 lets the system choose.
    ///
    /// An IPv6 socket takes IPv6 only, so that `0.0.0.0` and `[::]` can be bound side by side.
    ///
    /// # Errors
    ///
    /// What the system says: the port is taken, the address is not local, no descriptor is left.
    pub fn bind(address: SocketAddr, options: &DatagramOptions) -> io::Result<Self> {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // The kernel caps these at its own limits; a refusal is no reason not to work.
        let _ = socket.set_recv_buffer_size(options.receive_buffer);
        let _ = socket.set_send_buffer_size(options.send_buffer);
        socket.bind(&address.into())?;
        Self::from_std(socket.into())
    }

    /// Takes over a bound socket.
    ///
    /// # Errors
    ///
    /// When the socket cannot be made non-blocking, refuses the options that batching needs, or no reactor runs.
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let state = UdpSocketState::new((&socket).into())?;
        allow_fragments(&socket)?;
        let local = socket.local_addr()?;
        Ok(Self {
            socket: UdpSocket::from_std(socket)?,
            state,
            local,
        })
    }

    /// The address that the socket is bound to.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// How many datagrams one [`Outgoing`] may hold; 1 where the system cannot cut a buffer into datagrams.
    #[must_use]
    pub fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Reads what has arrived, as much as `buffer` has room for; the number of system-level buffers filled.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing is there; else what the system says.
    pub fn try_receive(&self, buffer: &mut ReceiveBuffer) -> io::Result<usize> {
        buffer.filled = 0;
        let ReceiveBuffer {
            memory,
            slot,
            metas,
            filled,
        } = buffer;
        let count = self.socket.try_io(Interest::READABLE, || {
            // Slices on the stack: a read must not allocate.
            let mut chunks = memory.chunks_mut(*slot);
            let mut slices: [IoSliceMut<'_>; quinn_udp::BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or(&mut [])));
            let slices = slices.get_mut(..metas.len()).unwrap_or(&mut []);
            self.state.recv((&self.socket).into(), slices, metas)
        })?;
        *filled = count;
        Ok(count)
    }

    /// Waits until something has arrived and reads it. Cancel-safe: a cancelled call has read nothing.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub async fn receive(&self, buffer: &mut ReceiveBuffer) -> io::Result<usize> {
        loop {
            self.socket.readable().await?;
            match self.try_receive(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    /// Waits until the socket has something to read. Cancel-safe.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// As [`readable`](Self::readable), for callers that poll several sockets at once. Only the last task that polled is
    /// woken.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_recv_ready(cx)
    }

    /// Waits until the socket takes more to send. Cancel-safe.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Sends without waiting.
    ///
    /// Segments that the system refuses to cut are sent one call each; datagrams larger than the path takes leave in
    /// fragments.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the socket's buffer is full (nothing was sent; after a fallback to single datagrams, perhaps
    /// the first few); `InvalidInput` when there are more segments than [`max_segments`](Self::max_segments).
    pub fn try_send(&self, outgoing: &Outgoing<'_>) -> io::Result<()> {
        let transmit = Transmit {
            destination: outgoing.destination,
            ecn: None,
            contents: outgoing.contents,
            segment_size: outgoing.segment_size,
            src_ip: outgoing.source,
        };
        match self.try_transmit(&transmit) {
            // The system turned out to have no GSO on this path: quinn-udp has lowered its limit by now.
            Err(error) if error.kind() != io::ErrorKind::WouldBlock && self.max_segments() == 1 => {
                let Some(size) = outgoing.segment_size.filter(|size| *size > 0) else {
                    return Err(error);
                };
                for contents in outgoing.contents.chunks(size) {
                    self.try_transmit(&Transmit {
                        contents,
                        segment_size: None,
                        ..transmit
                    })?;
                }
                Ok(())
            }
            other => other,
        }
    }

    /// Sends, waiting for room in the socket's buffer. A cancelled call has sent nothing.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send), without `WouldBlock`.
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> io::Result<()> {
        loop {
            match self.try_send(outgoing) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
            self.socket.writable().await?;
        }
    }

    fn try_transmit(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_io(Interest::WRITABLE, || {
            self.state.try_send((&self.socket).into(), transmit)
        })
    }
}

/// Lets the kernel fragment what is larger than the path takes.
///
/// QUIC, for which the batching layer was made, forbids fragments; an RTP packet cannot be cut again and must arrive.
#[cfg(target_os = "linux")]
fn allow_fragments(socket: &std::net::UdpSocket) -> io::Result<()> {
    use nix::sys::socket::setsockopt;
    use nix::sys::socket::sockopt::Ipv6DontFrag;
    use rustix::net::sockopt;
    if socket.local_addr()?.is_ipv6() {
        sockopt::set_ipv6_mtu_discover(socket, sockopt::Ipv6PathMtuDiscovery::WANT)?;
        setsockopt(socket, Ipv6DontFrag, &false)?;
    } else {
        sockopt::set_ip_mtu_discover(socket, sockopt::Ipv4PathMtuDiscovery::WANT)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn allow_fragments(_socket: &std::net::UdpSocket) -> io::Result<()> {
    Ok(())
}

/// Which ports a pair takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PairPorts {
    /// Any free even port and the one above it.
    Ephemeral,
    /// This even port and the one above it.
    Fixed(u16),
    /// The first free even/odd pair between the two, both included.
    Between(u16, u16),
}

/// Two sockets on one address: RTP on an even port, RTCP on the odd one above it (RFC 3550 §11).
#[derive(Debug)]
pub struct DatagramPair {
    /// The socket for RTP, on the even port.
    pub rtp: DatagramSocket,
    /// The socket for RTCP, on the odd port.
    pub rtcp: DatagramSocket,
}

/// How many times an ephemeral pair is looked for; each try leaves a socket behind that is closed at the end.
const EPHEMERAL_TRIES: usize = 64;

impl DatagramPair {
    /// Binds a pair on `address`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an odd [`PairPorts::Fixed`] port; `AddrInUse` when no pair is free; else what the system says.
    pub fn bind(address: IpAddr, ports: PairPorts, options: &DatagramOptions) -> io::Result<Self> {
        match ports {
            PairPorts::Ephemeral => Self::bind_ephemeral(address, options),
            PairPorts::Fixed(port) if port % 2 == 1 => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the RTP port of a pair must be even",
            )),
            PairPorts::Fixed(port) => Self::bind_at(address, port, options),
            PairPorts::Between(first, last) => {
                let mut error = io::Error::from(io::ErrorKind::AddrInUse);
                for port in (first.saturating_add(first % 2)..last).step_by(2) {
                    match Self::bind_at(address, port, options) {
                        Ok(pair) => return Ok(pair),
                        Err(e) => error = e,
                    }
                }
                Err(error)
            }
        }
    }

    /// The two ports, RTP first.
    #[must_use]
    pub fn ports(&self) -> (u16, u16) {
        (self.rtp.local.port(), self.rtcp.local.port())
    }

    fn bind_at(address: IpAddr, port: u16, options: &DatagramOptions) -> io::Result<Self> {
        let rtp = DatagramSocket::bind(SocketAddr::new(address, port), options)?;
        let rtcp = DatagramSocket::bind(SocketAddr::new(address, port | 1), options)?;
        Ok(Self { rtp, rtcp })
    }

    /// The system's choice decides where to look; a choice that does not make a pair is held until the end, so that
    /// the system does not offer it again.
    fn bind_ephemeral(address: IpAddr, options: &DatagramOptions) -> io::Result<Self> {
        let mut held = Vec::new();
        let mut error = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..EPHEMERAL_TRIES {
            let first = DatagramSocket::bind(SocketAddr::new(address, 0), options)?;
            let port = first.local.port();
            match DatagramSocket::bind(SocketAddr::new(address, port ^ 1), options) {
                Ok(second) if port % 2 == 0 => {
                    return Ok(Self {
                        rtp: first,
                        rtcp: second,
                    });
                }
                Ok(second) => {
                    return Ok(Self {
                        rtp: second,
                        rtcp: first,
                    });
                }
                Err(e) => error = e,
            }
            held.push(first);
        }
        Err(error)
    }
}

mod many;

pub use many::SendMemory;
pub use many::Shared;

#[cfg(test)]
mod tests;
