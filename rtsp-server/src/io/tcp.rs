//! What the system knows of a connection that takes no more.

use tokio::net::TcpStream;

use crate::stream::slow::SlowCause;

/// Why a connection whose send buffer is full takes no more.
#[cfg(target_os = "linux")]
pub(crate) fn full_because(stream: &TcpStream) -> SlowCause {
    match nix::sys::socket::getsockopt(stream, linux::Snapshot) {
        Ok(fields) => linux::cause(&fields),
        Err(_) => SlowCause::Unknown,
    }
}

/// Why a connection whose send buffer is full takes no more: not told here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn full_because(_stream: &TcpStream) -> SlowCause {
    SlowCause::Unknown
}

#[cfg(target_os = "linux")]
mod linux {
    use super::SlowCause;
    use nix::libc;

    /// The part of `struct tcp_info` (linux/tcp.h) that every kernel has, up to `tcpi_total_retrans`.
    pub(super) type Fields = [u8; 104];

    /// The option `TCP_INFO` (tcp(7)).
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Snapshot;

    nix::getsockopt_impl!(
        Snapshot,
        libc::IPPROTO_TCP,
        libc::TCP_INFO,
        Fields,
        nix::sys::socket::sockopt::GetStruct<Fields>
    );

    /// Offsets of `tcpi_retransmits`, one byte, and of `tcpi_unacked` and `tcpi_snd_cwnd`, segments in 32 bits of the machine's
    /// byte order.
    const RETRANSMITS: usize = 2;
    const UNACKED: usize = 24;
    const CONGESTION_WINDOW: usize = 80;

    fn word(fields: &Fields, at: usize) -> u32 {
        let bytes = fields.get(at..).and_then(|rest| rest.first_chunk());
        u32::from_ne_bytes(bytes.copied().unwrap_or_default())
    }

    /// There is more to send, or nobody would ask. Where nothing is lost and less is under way than the network was found
    /// to take, what holds it back is the window of the receiver.
    pub(super) fn cause(fields: &Fields) -> SlowCause {
        let (unacked, network_takes) = (word(fields, UNACKED), word(fields, CONGESTION_WINDOW));
        let lost = fields.get(RETRANSMITS).is_some_and(|count| *count > 0);
        if unacked > 0 && (lost || unacked >= network_takes) {
            SlowCause::Network
        } else {
            SlowCause::WindowClosed
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn fields_are_told_apart() {
            let told = |retransmits: u8, unacked: u32, window: u32| {
                let mut fields = [0; 104];
                fields[RETRANSMITS] = retransmits;
                fields[UNACKED..UNACKED + 4].copy_from_slice(&unacked.to_ne_bytes());
                fields[CONGESTION_WINDOW..CONGESTION_WINDOW + 4]
                    .copy_from_slice(&window.to_ne_bytes());
                cause(&fields)
            };
            assert_eq!(told(0, 0, 10), SlowCause::WindowClosed);
            assert_eq!(told(0, 3, 10), SlowCause::WindowClosed);
            assert_eq!(told(0, 10, 10), SlowCause::Network);
            assert_eq!(told(2, 1, 10), SlowCause::Network);
            // Probes of a closed window count as retransmissions to some; nothing is under way.
            assert_eq!(told(1, 0, 10), SlowCause::WindowClosed);
        }

        #[tokio::test]
        async fn a_peer_that_does_not_read_has_closed_its_window() {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (stream, accepted) =
                tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
            let (stream, (_silent, _)) = (stream.unwrap(), accepted.unwrap());
            // Until the kernels at both ends hold all that they will.
            let mut full = 0;
            while full < 3 {
                stream.writable().await.unwrap();
                while stream.try_write(&[0; 65_536]).is_ok() {
                    full = 0;
                }
                full += 1;
                let more = stream.writable();
                if tokio::time::timeout(std::time::Duration::from_millis(300), more)
                    .await
                    .is_err()
                {
                    break;
                }
            }
            assert_eq!(super::super::full_because(&stream), SlowCause::WindowClosed);
        }
    }
}
