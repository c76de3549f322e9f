//! RTSP sessions without I/O: connections, state machines, transports, authentication, timers.
#![forbid(unsafe_code)]

pub mod auth;
pub mod client;
mod error;
pub mod media;
mod now;
pub mod random;
pub mod server;
pub mod timer;
pub mod transport;

pub use error::ProtocolError;
pub use now::Now;
