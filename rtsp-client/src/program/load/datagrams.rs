//! A reader's pair of UDP sockets, read with as few calls as the system allows.

use std::io;
use std::io::IoSliceMut;
use std::net::IpAddr;
use std::net::SocketAddr;

use mio::Interest;
use mio::Registry;
use mio::Token;
use mio::net::UdpSocket;
use quinn_udp::RecvMeta;
use quinn_udp::UdpSocketState;

/// Buffers that one call fills; each may hold many datagrams of one peer (GRO).
const BUFFERS: usize = 8;
/// The largest that one buffer must hold.
const BUFFER_BYTES: usize = 65_535;
/// Asked of the kernel; it may grant less.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Pairs that are tried before there is none.
const TRIES: usize = 32;

/// Memory that datagrams are read into; one for all sockets of a thread.
pub(super) struct Memory {
    octets: Vec<u8>,
    metas: [RecvMeta; BUFFERS],
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            octets: vec![0; BUFFERS * BUFFER_BYTES],
            metas: [RecvMeta::default(); BUFFERS],
        }
    }
}

#[derive(Debug)]
struct Socket {
    socket: UdpSocket,
    state: UdpSocketState,
}

impl Socket {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None)?;
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket.bind(&address.into())?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket.into());
        let state = UdpSocketState::new((&socket).into())?;
        Ok(Self { socket, state })
    }

    fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }
}

/// The sockets of one media: RTP, and RTCP on the port above.
#[derive(Debug)]
pub(super) struct Pair {
    rtp: Socket,
    rtcp: Socket,
}

impl Pair {
    /// Two ports that follow each other, the first even.
    pub(super) fn bind(ip: IpAddr) -> io::Result<Self> {
        let mut held = Vec::new();
        for _ in 0..TRIES {
            let first = Socket::bind(SocketAddr::new(ip, 0))?;
            let port = first.port()?;
            match Socket::bind(SocketAddr::new(ip, port ^ 1)) {
                Ok(second) if port.is_multiple_of(2) => {
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
                // Kept, so that it is not offered again.
                Err(_) => held.push(first),
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// Readiness comes as these tokens.
    pub(super) fn register(
        &mut self,
        registry: &Registry,
        rtp: Token,
        rtcp: Token,
    ) -> io::Result<()> {
        registry.register(&mut self.rtp.socket, rtp, Interest::READABLE)?;
        registry.register(&mut self.rtcp.socket, rtcp, Interest::READABLE)
    }

    pub(super) fn ports(&self) -> io::Result<(u16, u16)> {
        Ok((self.rtp.port()?, self.rtcp.port()?))
    }

    /// Reads all RTP, or all RTCP, that is there.
    pub(super) fn read(&self, rtcp: bool, memory: &mut Memory, mut hear: impl FnMut(&[u8])) {
        let Socket { socket, state } = if rtcp { &self.rtcp } else { &self.rtp };
        loop {
            let mut chunks = memory.octets.chunks_mut(BUFFER_BYTES);
            let mut slices: [IoSliceMut<'_>; BUFFERS] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or(&mut [])));
            // An ICMP error of an earlier report is none of the media.
            let Ok(count) = state.recv(socket.into(), &mut slices, &mut memory.metas) else {
                return;
            };
            let filled = memory.metas.iter().zip(memory.octets.chunks(BUFFER_BYTES));
            for (meta, octets) in filled.take(count) {
                let octets = octets.get(..meta.len).unwrap_or(octets);
                octets.chunks(meta.stride.max(1)).for_each(&mut hear);
            }
            if count < BUFFERS {
                return;
            }
        }
    }

    /// Sends a report; what the system refuses is lost, as a report may be.
    pub(super) fn report(&self, to: SocketAddr, compound: &[u8]) {
        let _ = self.rtcp.socket.send_to(compound, to);
    }
}
