//! Sockets of the server: the stream of a connection, many of them at once, what one tells, TLS, tunnels over HTTP and WebSocket, and the
//! datagram ports of a shard.

pub(crate) mod batch;
pub(crate) mod socket;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod tunnel;
pub(crate) mod udp;
pub(crate) mod websocket;
