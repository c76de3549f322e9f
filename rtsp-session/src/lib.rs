//! RTSP sessions without I/O: connections, state machines, transports, authentication, timers. RTSP/1.0 and RTSP/2.0.
//!
//! Nothing here has a socket, a task or a clock. Bytes and the time go in by `handle`, and `poll` says what to do: a request
//! to answer, bytes to write, a time to wake up at. Here is a server's whole conversation about one request:
//!
//! ```
//! use bytes::BytesMut;
//! use rtsp_session::{Now, random::Random};
//! use rtsp_session::server::{Addresses, ConnectionConfig, Input, Output, ServerConnection, respond};
//!
//! let addresses = Addresses { local: "192.0.2.1:554".parse()?, peer: "192.0.2.7:40000".parse()? };
//! let config = ConnectionConfig::default().into();
//! let seed = [0; 32]; // a real one comes from the system's random source
//! let mut connection = ServerConnection::new(Now::read(), config, addresses, Random::from_seed(seed));
//!
//! let mut read = BytesMut::from("DESCRIBE rtsp://192.0.2.1/cam RTSP/1.0\r\nCSeq: 2\r\n\r\n");
//! connection.handle(Now::read(), Input::Read(&mut read));
//!
//! let mut written = BytesMut::new();
//! loop {
//!     match connection.poll() {
//!         Output::Request(incoming) => {
//!             let base = incoming.request.target.as_str();
//!             let response = respond::describe(incoming.request.version, base, "v=0\r\n");
//!             connection.answer(incoming.id, response);
//!         }
//!         Output::Write(bytes) => written.extend_from_slice(&bytes),
//!         Output::Wait { until } => break assert!(until.is_some(), "it would close when idle"),
//!         _ => {}
//!     }
//! }
//! assert!(written.starts_with(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\n"));
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! - [`server`]: [`ServerConnection`](server::ServerConnection) owns framing, authentication and the order of answers;
//!   [`ServerSession`](server::ServerSession) owns state and transports and lives in a table above connections, because
//!   sessions outlive and change them.
//! - [`client`]: the same from the other end.
//! - [`transport`]: what a SETUP offers and what is chosen of it.
//! - [`auth`]: Basic and Digest, both sides.
//! - [`media`]: RTP and RTCP over time, where SDP, RTP and RTCP meet.
//! - [`srtp`]: packets that are encrypted and authenticated, and how their keys are agreed on.
//! - [`tunnel`]: RTSP within HTTP and WebSocket.
//! - [`ProtocolError`]: why a request is refused, and the only map from cause to status code.
//!
//! Randomness is handed over as well: [`random::Random`], seeded by the system in programs and by a constant in tests.
#![forbid(unsafe_code)]

mod applicability;
pub mod auth;
pub mod client;
mod error;
pub mod leniency;
pub mod media;
mod now;
pub mod random;
pub mod server;
pub mod srtp;
pub mod timer;
pub mod transport;
pub mod tunnel;

pub use error::{ProtocolError, Redirection};
pub use now::Now;
