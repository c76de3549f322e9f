//! The halves of tunnels over HTTP, from the time when the first comes.
//!
//! The connections of a GET and of its POST may be taken by different shards. That of the GET stays where it is and writes; that of the
//! POST is handed to it, and is read there. Both come from one address, and a cookie means something there only.

use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::BytesMut;
use rtsp_client::io::tls::Channel;
use rtsp_session::tunnel::http::Body;
use tokio::{
    net::TcpStream,
    sync::{Notify, mpsc},
};

use super::socket::{Leg, Socket};
use crate::accept::Permit;

/// One read of a POST.
const READ: usize = 16 * 1024;
/// Reads that bring nothing but blanks, before others get their turn.
const READS: usize = 8;

/// Who can be told apart by a cookie.
type Name = (IpAddr, String);

/// The tunnels of which a half has come.
#[derive(Debug, Default)]
pub(crate) struct Tunnels(Mutex<Halves>);

#[derive(Debug, Default)]
struct Halves {
    /// Those whose GET has come.
    open: HashMap<Name, Half>,
    /// Those whose POST came first.
    expected: HashMap<Name, Arc<Notify>>,
}

#[derive(Debug)]
struct Half {
    secure: bool,
    posts: mpsc::Sender<Post>,
}

/// The connection of a POST, on its way to the shard of its GET.
#[derive(Debug)]
struct Post {
    tcp: std::net::TcpStream,
    tls: Option<Channel>,
    /// What was read behind its head.
    body: BytesMut,
    permit: Permit,
}

/// Why a half does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoFit {
    /// There is no GET with its cookie from its address.
    Orphan,
    /// The GET has a POST, and another that waits for its end.
    Taken,
    /// One is sealed, and the other is not.
    Mixed,
    /// A GET, but the tunnel with its cookie has one.
    InUse,
    /// Too many wait for their other half.
    Crowded,
}

impl NoFit {
    /// The status of HTTP that says so.
    pub(crate) const fn status(self) -> &'static str {
        match self {
            Self::Orphan => "404 Not Found",
            Self::Taken | Self::Mixed | Self::InUse => "400 Bad Request",
            Self::Crowded => "503 Service Unavailable",
        }
    }

    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Orphan => "no GET of this address has opened a tunnel with this cookie",
            Self::Taken => "the tunnel has a POST",
            Self::Mixed => "GET and POST use TLS both, or neither",
            Self::InUse => "a tunnel with this cookie is open",
            Self::Crowded => "too many tunnels have one half only",
        }
    }
}

/// Something came on the GET of a tunnel, behind its head.
#[derive(Debug, thiserror::Error)]
#[error("something came on the GET of a tunnel")]
pub(super) struct Spoken;

/// A POST that is to be brought to its GET.
#[derive(Debug)]
pub(crate) struct Poster {
    pub(crate) socket: Socket,
    /// What was read behind its head.
    pub(crate) body: BytesMut,
    pub(crate) permit: Permit,
}

impl Tunnels {
    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The GET of a new tunnel; `None` where its cookie is in use.
    pub(crate) fn begin(
        self: &Arc<Self>,
        address: IpAddr,
        cookie: &str,
        secure: bool,
    ) -> Option<Tunnel> {
        let name = (address.to_canonical(), cookie.to_owned());
        // One is read, one may wait: clients close a POST and open the next, which may be seen first.
        let (sender, posts) = mpsc::channel(1);
        let mut halves = self.halves();
        if halves.open.contains_key(&name) {
            return None;
        }
        let half = Half {
            secure,
            posts: sender,
        };
        halves.open.insert(name.clone(), half);
        // Nobody else is woken: a GET costs the same however many POSTs wait.
        if let Some(expected) = halves.expected.get(&name) {
            expected.notify_one();
        }
        drop(halves);
        Some(Tunnel {
            of: Arc::clone(self),
            name,
            posts,
            inbound: None,
        })
    }

    /// To be told of the GET of a POST that has come; `None` where another POST waits for it.
    pub(crate) fn expect(self: &Arc<Self>, address: IpAddr, cookie: &str) -> Option<Expected> {
        let name = (address.to_canonical(), cookie.to_owned());
        let begun = Arc::<Notify>::default();
        match self.halves().expected.entry(name.clone()) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(place) => place.insert(Arc::clone(&begun)),
        };
        Some(Expected {
            of: Arc::clone(self),
            name,
            begun,
        })
    }

    /// Brings a POST to its GET.
    pub(crate) fn join(
        &self,
        address: IpAddr,
        cookie: &str,
        poster: Box<Poster>,
    ) -> Result<(), (NoFit, Box<Poster>)> {
        let halves = self.halves();
        let half = match halves
            .open
            .get(&(address.to_canonical(), cookie.to_owned()))
        {
            None => return Err((NoFit::Orphan, poster)),
            Some(half) if half.secure != poster.socket.is_secure() => {
                return Err((NoFit::Mixed, poster));
            }
            Some(half) => half,
        };
        let place = match half.posts.try_reserve() {
            Ok(place) => place,
            Err(mpsc::error::TrySendError::Full(())) => return Err((NoFit::Taken, poster)),
            Err(mpsc::error::TrySendError::Closed(())) => return Err((NoFit::Orphan, poster)),
        };
        let (tcp, tls) = poster.socket.into_parts();
        // A connection that cannot be moved is gone.
        if let Ok(tcp) = tcp.into_std() {
            place.send(Post {
                tcp,
                tls,
                body: poster.body,
                permit: poster.permit,
            });
        }
        Ok(())
    }
}

/// A POST that waits for its GET; it waits no more when dropped.
#[derive(Debug)]
pub(crate) struct Expected {
    of: Arc<Tunnels>,
    name: Name,
    begun: Arc<Notify>,
}

impl Expected {
    /// Waits for the GET, which may have come since then.
    pub(crate) async fn begun(&self) {
        self.begun.notified().await;
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.of.halves().expected.remove(&self.name);
    }
}

/// A tunnel, as its GET has it; over when dropped.
#[derive(Debug)]
pub(crate) struct Tunnel {
    of: Arc<Tunnels>,
    name: Name,
    posts: mpsc::Receiver<Post>,
    inbound: Option<Inbound>,
}

/// The POST that is read.
#[derive(Debug)]
struct Inbound {
    leg: Leg,
    body: BytesMut,
    /// It may have more, whatever its socket says: TLS has opened what came with the head, on another shard.
    unread: bool,
    decoder: Body,
    _permit: Permit,
}

impl Tunnel {
    /// Waits until there is a POST.
    pub(super) fn poll_joined(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.inbound.is_none() {
            match self.posts.poll_recv(cx) {
                Poll::Ready(Some(post)) => self.take(post)?,
                Poll::Ready(None) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until there is a POST that can be read.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.poll_joined(cx)?.is_pending() {
            return Poll::Pending;
        }
        match &self.inbound {
            Some(inbound) if inbound.body.is_empty() && !inbound.unread => {
                inbound.leg.tcp.poll_read_ready(cx)
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    fn take(&mut self, post: Post) -> io::Result<()> {
        self.inbound = Some(Inbound {
            leg: Leg {
                tcp: TcpStream::from_std(post.tcp)?,
                tls: post.tls.map(|tls| Box::new(RefCell::new(tls))),
            },
            body: post.body,
            unread: true,
            decoder: Body::default(),
            _permit: post.permit,
        });
        Ok(())
    }

    /// Reads what the peer says. A POST that has ended may be followed by another.
    pub(super) fn try_read_buf(&mut self, into: &mut BytesMut) -> io::Result<usize> {
        let before = into.len();
        for _ in 0..READS {
            let Some(inbound) = &mut self.inbound else {
                match self.posts.try_recv() {
                    Ok(post) => self.take(post)?,
                    Err(_) => return Err(io::ErrorKind::WouldBlock.into()),
                }
                continue;
            };
            if inbound.body.is_empty() {
                inbound.body.reserve(READ);
                match inbound.leg.try_read_buf(&mut inbound.body) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        // An idle connection keeps no buffer.
                        inbound.body = BytesMut::new();
                        inbound.unread = false;
                        return Err(error);
                    }
                    // However it ends, the tunnel is there until its GET ends.
                    Ok(0) | Err(_) => {
                        self.inbound = None;
                        continue;
                    }
                }
            }
            let decoded = inbound.decoder.decode(&mut inbound.body, into);
            decoded.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if into.len() > before {
                return Ok(into.len() - before);
            }
        }
        // The socket has not said so: it will be ready again at once.
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.of.halves().open.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;

    use super::*;

    fn is_told(expected: &Expected) -> bool {
        let told = std::pin::pin!(expected.begun());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        told.poll(&mut cx).is_ready()
    }

    #[test]
    fn a_get_wakes_the_post_with_its_cookie_and_address_alone() {
        let tunnels = Arc::<Tunnels>::default();
        let [here, there] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        let mine = tunnels.expect(here, "c").unwrap();
        let others = [(here, "d"), (there, "c")]
            .map(|(address, cookie)| tunnels.expect(address, cookie).unwrap());
        assert!(tunnels.expect(here, "c").is_none(), "one waits");
        let tunnel = tunnels.begin(here, "c", false).unwrap();
        assert!(is_told(&mine));
        assert!(others.iter().all(|other| !is_told(other)));
        assert!(tunnels.begin(here, "c", false).is_none(), "one is open");
        drop((mine, others, tunnel));
        let halves = tunnels.halves();
        assert!(halves.open.is_empty() && halves.expected.is_empty());
    }
}
