//! Many sends to many connections at once: one submission to io_uring where the kernel has it, else one call each.
#![allow(
    unsafe_code,
    reason = "io_uring is handed addresses of the octets to send; what keeps them valid is said at each place"
)]

use std::io;

use tokio::net::TcpStream;

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
            tracing::warn!(%error, "io_uring failed: going on without");
            self.ring = None;
            // What the kernel has not looked at goes out as if there had never been a ring.
            for ((stream, octets), result) in sends.iter().zip(results.iter_mut()).skip(begun) {
                *result = send(stream, octets);
            }
            return;
        }
        results.extend(sends.iter().map(|(stream, octets)| send(stream, octets)));
    }
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
    use std::os::fd::AsRawFd;

    use io_uring::{IoUring, opcode, types};
    use rustix::net::SendFlags;

    use super::{AT_ONCE, Send};

    /// A ring in which nothing is left between two calls.
    pub(super) struct Ring(IoUring);

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
            Ok(Self(ring))
        }

        /// See [`Batch::send`](super::Batch::send). After an error, sends that the kernel has taken up and not told of are
        /// `ConnectionAborted`: how much of them has gone out is not known.
        pub(super) fn send(
            &mut self,
            sends: &[Send<'_>],
            results: &mut Vec<io::Result<usize>>,
        ) -> Result<(), Unfinished> {
            let sends = sends.get(..AT_ONCE).unwrap_or(sends);
            results.extend(
                sends
                    .iter()
                    .map(|_| Err(io::ErrorKind::ConnectionAborted.into())),
            );
            let flags = (SendFlags::DONTWAIT | SendFlags::NOSIGNAL).bits();
            let mut queue = self.0.submission();
            for (at, (stream, octets)) in (0_u64..).zip(sends) {
                let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
                let entry =
                    opcode::Send::new(types::Fd(stream.as_raw_fd()), octets.as_ptr(), length)
                        .flags(flags as i32)
                        .build()
                        .user_data(at);
                // SAFETY: the kernel may read `octets` until the entry has its completion. `sends` borrows stream and octets
                // beyond this function, which returns `Ok` only when there are as many completions as entries. On an error
                // the caller drops the ring: entries that were not submitted are then never looked at, and those that
                // were have been carried out within the system call, since with MSG_DONTWAIT none is left to wait.
                unsafe { queue.push(&entry) }.map_err(|_| Unfinished {
                    error: io::ErrorKind::QuotaExceeded.into(),
                    begun: 0,
                })?;
            }
            drop(queue);
            let mut open = sends.len();
            while open > 0 {
                let failure = match self.0.submit_and_wait(open) {
                    Ok(_) => None,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
                    Err(error) => Some(error),
                };
                open = open.saturating_sub(self.collect(results));
                if let Some(error) = failure {
                    // The kernel takes entries from the front, and each exactly once.
                    let begun = sends.len() - self.0.submission().len().min(sends.len());
                    return Err(Unfinished { error, begun });
                }
            }
            Ok(())
        }

        /// Puts what has come of the sends where it belongs; of how many.
        fn collect(&mut self, results: &mut [io::Result<usize>]) -> usize {
            let mut count = 0;
            for completion in self.0.completion() {
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
}

#[cfg(test)]
mod tests;
