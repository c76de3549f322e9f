//! How to get to a server, and back to it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rtsp_msg::Scheme;
use rtsp_msg::Uri;
use rtsp_session::random::Random;
use tokio::time::Instant;

use crate::Error;
use crate::ErrorKind;
use crate::Options;
use crate::io::tls::Trust;
use crate::io::wire::Carriage;
use crate::io::wire::Destination;
use crate::io::wire::NotConnected;
use crate::io::wire::Wire;

/// Between a loss and the first attempt, so that the server has seen the end of the connection that was there, and between attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// Where a server is, and how it is spoken to.
#[derive(Clone, Debug)]
pub(super) struct Way {
    host: String,
    port: u16,
    pub(super) at: Option<SocketAddr>,
    pub(super) trust: Option<Trust>,
    carriage: Carriage,
    path: String,
    user_agent: String,
    patience: Duration,
}

impl Way {
    pub(super) fn new(uri: &Uri, options: &Options) -> Self {
        Self {
            host: uri.host().to_owned(),
            port: uri.port_or_default(),
            at: None,
            trust: (uri.scheme() == Scheme::Rtsps).then(|| options.trust.clone()),
            carriage: options.transport.carriage(),
            path: match uri.query() {
                Some(query) => format!("{}?{query}", uri.path()),
                None => uri.path().to_owned(),
            },
            user_agent: options.user_agent.clone(),
            patience: options.connect_timeout,
        }
    }

    pub(super) async fn connect(&self, random: &mut Random) -> Result<Wire, NotConnected> {
        let to = Destination {
            host: &self.host,
            port: self.port,
            at: self.at,
            trust: self.trust.as_ref(),
            carriage: self.carriage,
            path: &self.path,
            user_agent: &self.user_agent,
        };
        Wire::connect(&to, self.patience, random).await
    }

    /// Connects again, for a session that its server keeps for so long. Where nobody listens any more, nobody has it.
    pub(super) async fn again(
        self,
        mut random: Random,
        patience: Duration,
    ) -> Result<Wire, NotConnected> {
        let until = Instant::now() + patience;
        loop {
            tokio::time::sleep(PAUSE).await;
            match self.connect(&mut random).await {
                Err(NotConnected::Tcp(error))
                    if error.kind() != io::ErrorKind::ConnectionRefused
                        && Instant::now() < until => {}
                connected => return connected,
            }
        }
    }

    pub(super) fn not_connected(&self, error: NotConnected) -> Error {
        let place = |what| format!("{what} {} port {}", self.host, self.port);
        match error {
            NotConnected::Tcp(error) => {
                Error::io(ErrorKind::Connect, place("cannot connect to"), error)
            }
            NotConnected::Tls(error) => {
                Error::io(ErrorKind::Untrusted, place("no TLS with"), error)
            }
            NotConnected::Tunnel(error) => Error::io(
                ErrorKind::Transport,
                place("no tunnel for RTSP with"),
                error,
            ),
        }
    }
}
