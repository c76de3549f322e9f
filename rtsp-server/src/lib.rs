//! An RTSP server to embed or to run.
#![deny(unsafe_code)]

mod accept;
mod config;
mod connection;
mod handler;
mod io;
mod publisher;
mod server;
mod shard;
mod shared;

mod source;
mod stream;

pub use config::{Access, Config, DEFAULT_PORT, Limits, Pull, PullTransport, Start, UdpPorts};
pub use handler::{Action, Decision, DefaultHandler, Handler, Request};
pub use publisher::{Closed, Publisher};
pub use server::{Capacity, Server, ServerHandle, StartError};
pub use stream::registry::PublishError;
