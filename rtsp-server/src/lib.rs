//! An RTSP server to embed or to run.
//!
//! Start it, and publish packets from your program; any RTSP player reads them:
//!
//! ```
//! use bytes::Bytes;
//! use rtp_core::{Header, Packet};
//! use rtsp_server::{Config, Server};
//! use sdp::{Description, Format, Media, MediaKind, Origin};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = Config::default();
//! config.listen = vec!["127.0.0.1:0".parse()?];
//! let server = Server::start(config).await?;
//!
//! let mut description = Description::new(Origin::new(1, 1, [127, 0, 0, 1].into()), "tone");
//! description.media.push(Media::rtp(MediaKind::Audio, Format::new(0, "PCMU", 8000)));
//! let mut publisher = server.publish("/tone", description)?;
//!
//! let header = Header { marker: true, payload_type: 0, sequence: 1, timestamp: 0, ssrc: 0x7ac };
//! let packet = Packet::new(&header, &[0xff; 160]); // 20 ms of silence
//! publisher.push(0, packet.into_bytes());
//! publisher.flush().await?; // to all readers at once
//!
//! println!("play rtsp://{}/tone", server.addresses()[0]);
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Peers publish too, by ANNOUNCE and RECORD, as FFmpeg and GStreamer do; files of a directory are played on demand, with
//! seek and pause; paths can be pulled from other servers. [`Config`] says what of that happens, a [`Handler`] who may.
//!
//! # How it works
//!
//! Every connection belongs to one *shard*, a thread with its own event loop that alone reads and writes it. What one read
//! of a publisher brought becomes one immutable batch, handed once to each shard with readers and kept there in a ring. A
//! reader is a position in that ring and a socket: nothing is copied, allocated, locked or woken up for each reader and
//! packet, and a reader that is too slow is overtaken by the ring and goes on at a key frame, without anybody waiting for it.
//!
//! The protocol itself is in `rtsp-session`, without I/O; the packets in `rtp-core` and `rtcp`. This crate has the sockets.
//!
//! The library starts no logger (it uses `tracing`) and holds no global state, but for one that [`Tokens`] name. Peers can make it use memory and
//! descriptors only within [`Limits`].
#![deny(unsafe_code)]

mod accept;
mod access;
mod admission;
mod config;
mod connection;
mod exchange;
mod handler;
mod io;
mod listen;
mod multicast;
mod places;
mod publisher;
mod refusals;
mod server;
mod shard;
mod shared;
mod source;
mod stream;

pub use access::{
    http::{HttpUrlError, check_http_url},
    passwords::{HashError, check as check_password_hash, hash_password},
    permission::{AddressRange, AddressRangeError, Permission, Who},
};
pub use config::{
    Access, Config, DEFAULT_PORT, DEFAULT_TLS_PORT, GroupRange, HttpCheck, Identity, Limits,
    Multicast, NotGroups, PathRule, Pull, PullTransport, PullTrust, SlowReaders, Srtp, Start,
    TlsOptions, Tokens, UdpPorts,
};
pub use handler::{
    Action, Decision, DefaultHandler, Elsewhere, Handler, ParameterError, Request, Scope,
};
pub use io::tls::TlsError;
pub use publisher::{Closed, Publisher};
pub use refusals::Limit;
pub use server::{Capacity, Server, ServerHandle, StartError};
pub use stream::registry::PublishError;
pub use stream::slow::{SlowCause, SlowReader, SlowReaderCounts};

pub use rtsp_client::io::tls::Fingerprint;
pub use rtsp_session::auth::Credentials;
