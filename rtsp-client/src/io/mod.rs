//! Sockets: connecting over TCP, TLS, and pairs of datagram sockets with batched system calls.
//!
//! Nothing here knows RTSP; the server uses the same module.

pub mod connect;
pub(crate) mod framed;
pub mod multicast;
pub mod tls;
pub mod udp;
pub(crate) mod wire;
