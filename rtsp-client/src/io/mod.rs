//! Sockets: connecting over TCP, and pairs of datagram sockets with batched system calls.
//!
//! Nothing here knows RTSP; the server uses the same module.

pub mod connect;
pub(crate) mod framed;
pub mod udp;
