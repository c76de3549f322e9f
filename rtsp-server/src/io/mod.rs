//! Sockets of the server: many connections at once, what a connection tells, and the datagram ports of a shard.

pub(crate) mod batch;
pub(crate) mod tcp;
pub(crate) mod udp;
