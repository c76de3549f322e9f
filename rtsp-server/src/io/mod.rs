//! Sockets of the server: listeners and the datagram ports of a shard.

pub(crate) mod udp;
