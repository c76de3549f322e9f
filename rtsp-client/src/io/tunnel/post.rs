//! RTSP over HTTP: what the server says comes on a GET, what we say goes on a POST, and on another one when that is closed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use rtsp_session::tunnel::head;
use rtsp_session::tunnel::http;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::connect;
use super::super::leg::Leg;
use super::super::tls::Trust;
use super::super::wire::Destination;
use super::super::wire::write_all;
use super::PIECE_BYTES;
use super::READS;
use super::answer;
use super::flush;
use super::host;
use super::refused;

/// What goes on for less time than this is not followed by another at once: where each POST is closed, that costs one connection in
/// so long, until an answer is missed.
const SHORT: Duration = Duration::from_secs(1);

/// What it takes to begin a POST.
#[derive(Debug)]
struct Way {
    /// Where the GET is: a name may have several addresses, and the two have to meet.
    to: SocketAddr,
    host: String,
    trust: Option<Trust>,
    head: Vec<u8>,
    patience: Duration,
}

impl Way {
    async fn begin(&self) -> io::Result<Leg> {
        let begun = async {
            let tcp = connect::address(self.to, self.patience).await?;
            let mut leg = Leg::new(tcp, &self.host, self.trust.as_ref()).await?;
            write_all(&mut leg, &self.head).await?;
            Ok(leg)
        };
        let begun = tokio::time::timeout(self.patience, begun).await;
        begun.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// The other half of a tunnel over HTTP: what we say goes there. Its GET is handed in where it is read.
#[derive(Debug)]
pub(crate) struct Post {
    way: Arc<Way>,
    leg: Leg,
    begun: Instant,
    /// The POST that is to follow it.
    next: JoinSet<io::Result<Leg>>,
    /// Nothing more will be said.
    finished: bool,
    /// What is encoded and has not left.
    outbound: BytesMut,
    /// Some of it has.
    parted: bool,
    /// What came behind the head of the answer to the GET.
    early: BytesMut,
    /// What the server answers to the POST.
    answer: BytesMut,
    /// That was all right.
    answered: bool,
}

impl Post {
    /// Opens a tunnel by its GET; what came behind the answer.
    pub(crate) async fn ask(
        to: &Destination<'_>,
        get: &mut Leg,
        cookie: &str,
    ) -> io::Result<BytesMut> {
        let asked = http::get(&host(to), to.path, cookie, to.user_agent);
        write_all(get, &asked).await?;
        let (answer, early) = answer(get).await?;
        match answer.status {
            200 => Ok(early),
            _ => Err(refused("the GET of a tunnel", &answer)),
        }
    }

    /// Begins the POST of a tunnel whose GET is open at `at`.
    pub(crate) async fn begin(
        to: &Destination<'_>,
        at: SocketAddr,
        cookie: &str,
        early: BytesMut,
        patience: Duration,
    ) -> io::Result<Self> {
        let way = Way {
            to: at,
            host: to.host.to_owned(),
            trust: to.trust.cloned(),
            head: http::post(&host(to), to.path, cookie, to.user_agent),
            patience,
        };
        Ok(Self {
            leg: way.begin().await?,
            way: Arc::new(way),
            begun: Instant::now(),
            next: JoinSet::new(),
            finished: false,
            outbound: BytesMut::new(),
            parted: false,
            early,
            answer: BytesMut::new(),
            answered: false,
        })
    }

    pub(crate) fn poll_read_buf(
        &mut self,
        cx: &mut Context<'_>,
        get: &mut Leg,
        into: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        if !self.early.is_empty() {
            let count = self.early.len();
            into.extend_from_slice(&self.early);
            self.early = BytesMut::new();
            return Poll::Ready(Ok(count));
        }
        self.poll_post(cx)?;
        get.poll_read_buf(cx, into)
    }

    /// Hears what the server has against the POST, and goes on with another one when it is closed. Waits for what comes next.
    fn poll_post(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        for _ in 0..READS {
            if self.finished {
                return Ok(());
            }
            match self.next.poll_join_next(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(None) => {}
                Poll::Ready(Some(next)) => {
                    self.leg = next.map_err(io::Error::other)??;
                    self.begun = Instant::now();
                    self.answer = BytesMut::new();
                    self.answered = false;
                }
            }
            match self.leg.poll_read_buf(cx, &mut self.answer) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(1..)) => self.heard()?,
                Poll::Ready(Ok(0) | Err(_)) => self.closed()?,
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Whether the server has something against the POST: it would never answer what is said there.
    fn heard(&mut self) -> io::Result<()> {
        if !self.answered {
            let answer = head::response(&self.answer);
            match answer.map_err(|error| io::Error::other(format!("it answers with {error}")))? {
                None => return Ok(()),
                Some(answer) if answer.status >= 300 => {
                    return Err(refused("the POST of the tunnel", &answer));
                }
                Some(_) => self.answered = true,
            }
        }
        // What it says besides is of no interest.
        self.answer.clear();
        Ok(())
    }

    /// The POST is closed, by the server or on the way: another takes its place, while the GET goes on. What was said in part cannot be
    /// gone on with: nobody knows how much of it has arrived.
    fn closed(&mut self) -> io::Result<()> {
        if self.parted {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the POST of the tunnel was closed in the middle of what is said",
            ));
        }
        tracing::debug!(to = %self.way.to, "the POST of the tunnel was closed: another follows");
        let way = Arc::clone(&self.way);
        let earliest = self.begun + SHORT;
        self.next.spawn(async move {
            tokio::time::sleep_until(earliest).await;
            way.begin().await
        });
        Ok(())
    }

    /// Waits until something can be said.
    pub(crate) fn poll_write_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.next.is_empty() {
            self.poll_post(cx)?;
        }
        match self.next.is_empty() {
            true => self.leg.poll_write_ready(cx),
            false => Poll::Pending,
        }
    }

    pub(crate) fn try_write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.flush()?;
        if from.is_empty() {
            return self.leg.try_write(&[]);
        }
        let piece = from.get(..PIECE_BYTES).unwrap_or(from);
        http::encode(piece, &mut self.outbound);
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(piece.len()),
        }
    }

    /// Writes what was taken before. `WouldBlock` while something is left, or there is nothing to write it to.
    fn flush(&mut self) -> io::Result<()> {
        if !self.next.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let before = self.outbound.len();
        let flushed = flush(&mut self.leg, &mut self.outbound);
        self.parted = !self.outbound.is_empty() && (self.parted || self.outbound.len() < before);
        match flushed {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock && !self.finished => {
                self.closed()?;
                Err(io::ErrorKind::WouldBlock.into())
            }
            flushed => flushed,
        }
    }

    pub(crate) fn finish(&mut self) {
        self.finished = true;
        let _ = self.flush();
        self.leg.finish();
        self.next.abort_all();
    }
}
