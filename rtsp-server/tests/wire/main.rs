//! The server as its peers see it: real sockets on loopback, a scripted peer at the other end, and assertions on the bytes
//! that it gets. One module a subject.
#![allow(missing_docs)]

mod bridge;
mod cutter;
mod http;
mod peer;
mod rsa;
mod signer;
mod source;
mod tunnelled;
mod users;

mod access;
mod asking;
mod channels;
mod datagrams;
mod describing;
mod ending;
mod files;
mod joining;
mod keys_by_rsa;
mod ladder;
mod lagging;
mod limits;
mod malformed;
mod multicast;
mod one_source;
mod outliving;
mod ownership;
mod proving;
mod publishing;
mod reading;
mod slow;
mod srtp;
mod stealing;
mod tls;
mod tokens;
mod tunnel;
mod websocket;
