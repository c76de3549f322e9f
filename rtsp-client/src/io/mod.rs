//! Sockets: connecting over TCP, TLS, tunnels, and pairs of datagram sockets with batched system calls.
//!
//! Nothing here knows RTSP; the server uses the same module.

pub mod connect;
pub(crate) mod framed;
mod leg;
pub mod multicast;
pub mod tls;
mod tunnel;
pub mod udp;
pub(crate) mod wire;
