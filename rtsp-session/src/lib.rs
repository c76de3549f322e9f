//! RTSP sessions without I/O: connections, state machines, transports, authentication, timers.
#![forbid(unsafe_code)]

pub mod client;
pub mod media;
