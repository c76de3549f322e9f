//! Connecting over TCP: every address of a name is tried, none is waited for too long.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// After this long without success the next address is tried too (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to `host` (a name, an IPv4 address, or an IPv6 address without brackets) within `timeout`.
///
/// The addresses are tried in turn, families alternating, each a quarter of a second after the one before or as soon as
/// that has failed; the first that answers wins (RFC 8305). `TCP_NODELAY` is set.
///
/// # Errors
///
/// `NotFound` when the name has no address, `TimedOut` after `timeout`, else the error of the last attempt.
pub async fn tcp(host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
    let attempts = async {
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
        race(alternate(addresses)).await
    };
    let Ok(result) = tokio::time::timeout(timeout, attempts).await else {
        return Err(io::ErrorKind::TimedOut.into());
    };
    let stream = result?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Connects to this address and no other within `timeout`.
pub(super) async fn address(address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let connected = tokio::time::timeout(timeout, TcpStream::connect(address)).await;
    let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Families alternate, starting with that of the first address, which the resolver preferred.
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut preferred, mut other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|a| a.is_ipv6() == first_is_v6);
    let mut out = Vec::with_capacity(preferred.len() + other.len());
    preferred.reverse();
    other.reverse();
    while !(preferred.is_empty() && other.is_empty()) {
        out.extend(preferred.pop());
        out.extend(other.pop());
    }
    out
}

async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut running = JoinSet::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        let next = waiting.next();
        let more = next.is_some();
        if let Some(address) = next {
            running.spawn(TcpStream::connect(address));
        } else if running.is_empty() {
            return Err(last);
        }
        loop {
            let finished = if more {
                match tokio::time::timeout(ATTEMPT_DELAY, running.join_next()).await {
                    Ok(finished) => finished,
                    Err(_) => break,
                }
            } else {
                running.join_next().await
            };
            match finished {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => last = error,
                Some(Err(error)) => last = io::Error::other(error),
                None => {}
            }
            if more || running.is_empty() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refused_address_does_not_end_the_race() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            taken.local_addr().unwrap()
        };
        let stream = race(vec![closed, closed, open]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        let refused = race(vec![closed]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(
            race(Vec::new()).await.unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn families_alternate() {
        let v4 = |n: u8| SocketAddr::from(([10, 0, 0, n], 1));
        let v6 = |n: u16| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, n], 1));
        let mixed = alternate(vec![v6(1), v6(2), v6(3), v4(1)]);
        assert_eq!(mixed, [v6(1), v4(1), v6(2), v6(3)]);
    }
}
