//! Sockets of the server: what connections tell, and the datagram ports of a shard.

pub(crate) mod tcp;
pub(crate) mod udp;
