//! Sockets: connecting over TCP, and pairs of datagram sockets with batched system calls.
//!
//! Nothing here knows RTSP; the server uses the same module.

pub mod connect;
pub mod udp;
