//! Many sends at once: one submission to io_uring where the kernel has it, else one call for each connection.
#![allow(
    unsafe_code,
    reason = "io_uring is handed addresses of the octets to send; what keeps them valid is said at each place"
)]

use std::io;
#[cfg(target_os = "linux")]
use std::net::SocketAddr;

#[cfg(target_os = "linux")]
use rtsp_client::io::udp::{DatagramSocket, Shared};
use tokio::net::TcpStream;

#[cfg(target_os = "linux")]
mod datagrams;

/// Sends of one submission. The more there are, the less each costs, up to about here.
pub(crate) const AT_ONCE: usize = 512;

/// Fewer sends than these are cheaper as calls of their own.
const WORTH_A_SUBMISSION: usize = 16;

/// What goes out on one connection.
pub(crate) type Send<'a> = (&'a TcpStream, &'a [u8]);

/// Sends, without ever waiting.
#[derive(Debug)]
pub(crate) struct Batch {
    #[cfg(target_os = "linux")]
    ring: Option<linux::Ring>,
}

impl Batch {
    /// With io_uring if the kernel has it and lets us; `wanted` is for those who know better.
    pub(crate) fn new(wanted: bool) -> Self {
        #[cfg(not(target_os = "linux"))]
        let _ = wanted;
        Self {
            #[cfg(target_os = "linux")]
            ring: wanted.then(linux::Ring::new).and_then(|ring| {
                ring.inspect_err(|error| tracing::debug!(%error, "no io_uring"))
                    .ok()
            }),
        }
    }

    /// Whether sends go out by io_uring.
    pub(crate) fn submits(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.ring.is_some();
        #[cfg(not(target_os = "linux"))]
        return false;
    }

    /// Sends up to [`AT_ONCE`]; for each, in order, how many octets the socket took, `WouldBlock` where it is full.
    ///
    /// `results` is filled anew. Each send is tried exactly once, also after an error of another.
    pub(crate) fn send(&mut self, sends: &[Send<'_>], results: &mut Vec<io::Result<usize>>) {
        results.clear();
        #[cfg(target_os = "linux")]
        if sends.len() >= WORTH_A_SUBMISSION
            && let Some(ring) = &mut self.ring
        {
            let Err(linux::Unfinished { error, begun }) = ring.send(sends, results) else {
                return;
            };
            self.give_up(&error);
            // What the kernel has not looked at goes out as if there had never been a ring.
            for ((stream, octets), result) in sends.iter().zip(results.iter_mut()).skip(begun) {
                *result = send(stream, octets);
            }
            return;
        }
        results.extend(sends.iter().map(|(stream, octets)| send(stream, octets)));
    }

    /// Sends the same datagrams to up to [`AT_ONCE`] peers, if that is what io_uring is for: `false` where it is not, and
    /// nothing was sent then. For each peer, in order, what came of it; the socket's readiness knows nothing of that.
    #[cfg(target_os = "linux")]
    pub(crate) fn send_to(
        &mut self,
        socket: &DatagramSocket,
        shared: &Shared<'_>,
        to: &[SocketAddr],
        results: &mut Vec<io::Result<usize>>,
    ) -> bool {
        results.clear();
        let Some(ring) = &mut self.ring else {
            return false;
        };
        if to.len() < WORTH_A_SUBMISSION || !socket.can_cut(shared) {
            return false;
        }
        if let Err(unfinished) = ring.send_to(socket, shared, to, results) {
            self.give_up(&unfinished.error);
        }
        true
    }

    #[cfg(target_os = "linux")]
    fn give_up(&mut self, error: &io::Error) {
        tracing::warn!(%error, "io_uring failed: going on without");
        self.ring = None;
    }
}

/// A message of nothing to nobody.
#[cfg(target_os = "linux")]
fn no_header() -> nix::libc::msghdr {
    // SAFETY: pointers that are null and lengths that are 0 are allowed everywhere in it; some systems have padding that nothing else sets.
    unsafe { std::mem::zeroed() }
}

#[cfg(target_os = "linux")]
fn send(stream: &TcpStream, octets: &[u8]) -> io::Result<usize> {
    use rustix::net::SendFlags;
    Ok(rustix::net::send(
        stream,
        octets,
        SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
    )?)
}

#[cfg(not(target_os = "linux"))]
fn send(stream: &TcpStream, octets: &[u8]) -> io::Result<usize> {
    stream.try_write(octets)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::net::SocketAddr;
    use std::os::fd::{AsFd, AsRawFd};

    use io_uring::{IoUring, opcode, squeue::Entry, types};
    use rtsp_client::io::udp::{DatagramSocket, Shared};
    use rustix::net::SendFlags;

    use super::datagrams::Messages;
    use super::{AT_ONCE, Send};

    /// A ring in which nothing is left between two calls.
    pub(super) struct Ring {
        ring: IoUring,
        messages: Messages,
    }

    impl std::fmt::Debug for Ring {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Ring")
        }
    }

    /// The ring has failed, and must be dropped before the octets are.
    pub(super) struct Unfinished {
        pub(super) error: io::Error,
        /// So many of the sends were taken up by the kernel; nothing was done for those behind them.
        pub(super) begun: usize,
    }

    /// Each send is tried at once, and none kills the process.
    fn flags() -> u32 {
        (SendFlags::DONTWAIT | SendFlags::NOSIGNAL).bits()
    }

    impl Ring {
        pub(super) fn new() -> io::Result<Self> {
            Self::with(&mut IoUring::builder())
        }

        /// One to which every submission is refused.
        #[cfg(test)]
        pub(super) fn refusing() -> io::Result<Self> {
            Self::with(IoUring::builder().setup_r_disabled())
        }

        fn with(builder: &mut io_uring::Builder) -> io::Result<Self> {
            // All of a submission is tried, whatever comes of one of it (Linux 5.18).
            let ring = builder
                .setup_submit_all()
                .setup_coop_taskrun()
                .build(AT_ONCE as u32)?;
            Ok(Self {
                ring,
                messages: Messages::default(),
            })
        }

        /// See [`Batch::send`](super::Batch::send). After an error, sends that the kernel has taken up and not told of are
        /// `ConnectionAborted`: how much of them has gone out is not known.
        pub(super) fn send(
            &mut self,
            sends: &[Send<'_>],
            results: &mut Vec<io::Result<usize>>,
        ) -> Result<(), Unfinished> {
            let sends = sends.get(..AT_ONCE).unwrap_or(sends);
            let entries = sends.iter().map(|(stream, octets)| {
                let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
                opcode::Send::new(types::Fd(stream.as_raw_fd()), octets.as_ptr(), length)
                    .flags(flags() as i32)
                    .build()
            });
            // SAFETY: `sends` borrows streams and octets beyond this function, and the caller drops the ring on an error.
            unsafe { run(&mut self.ring, entries, results) }
        }

        /// See [`Batch::send_to`](super::Batch::send_to), and for errors [`send`](Self::send).
        pub(super) fn send_to(
            &mut self,
            socket: &DatagramSocket,
            shared: &Shared<'_>,
            to: &[SocketAddr],
            results: &mut Vec<io::Result<usize>>,
        ) -> Result<(), Unfinished> {
            let to = to.get(..AT_ONCE).unwrap_or(to);
            let socket = types::Fd(socket.as_fd().as_raw_fd());
            let headers = self.messages.prepare(shared, to);
            let entries = headers
                .iter()
                .map(|header| opcode::SendMsg::new(socket, header).flags(flags()).build());
            // SAFETY: `socket` and the contents in `shared` are borrowed beyond this function. All else that the headers point
            // to is in `messages`, which is borrowed here as long as the headers are, and is dropped after the ring.
            unsafe { run(&mut self.ring, entries, results) }
        }
    }

    /// Submits `entries`, no more than [`AT_ONCE`], and waits until all are done.
    ///
    /// # Safety
    ///
    /// What the entries point to has to stay as it is until this returns, and after an error until the ring was dropped: entries that
    /// were not submitted are then never looked at, and those that were have been carried out within the system call, since with
    /// `MSG_DONTWAIT`, which each of them must have, none is left to wait.
    unsafe fn run(
        ring: &mut IoUring,
        entries: impl ExactSizeIterator<Item = Entry>,
        results: &mut Vec<io::Result<usize>>,
    ) -> Result<(), Unfinished> {
        let count = entries.len();
        results.extend((0..count).map(|_| Err(io::ErrorKind::ConnectionAborted.into())));
        let mut queue = ring.submission();
        for (at, entry) in (0_u64..).zip(entries) {
            // SAFETY: as the caller has promised.
            unsafe { queue.push(&entry.user_data(at)) }.map_err(|_| Unfinished {
                error: io::ErrorKind::QuotaExceeded.into(),
                begun: 0,
            })?;
        }
        drop(queue);
        let mut open = count;
        while open > 0 {
            let failure = match ring.submit_and_wait(open) {
                Ok(_) => None,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
                Err(error) => Some(error),
            };
            open = open.saturating_sub(collect(ring, results));
            if let Some(error) = failure {
                // The kernel takes entries from the front, and each exactly once.
                let begun = count - ring.submission().len().min(count);
                return Err(Unfinished { error, begun });
            }
        }
        Ok(())
    }

    /// Puts what has come of the sends where it belongs; of how many.
    fn collect(ring: &mut IoUring, results: &mut [io::Result<usize>]) -> usize {
        let mut count = 0;
        for completion in ring.completion() {
            count += 1;
            let place = usize::try_from(completion.user_data()).ok();
            if let Some(result) = place.and_then(|place| results.get_mut(place)) {
                *result = match usize::try_from(completion.result()) {
                    Ok(taken) => Ok(taken),
                    Err(_) => Err(io::Error::from_raw_os_error(-completion.result())),
                };
            }
        }
        count
    }
}

#[cfg(test)]
mod tests;
