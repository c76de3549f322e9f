//! The list of targets.

use super::{
    compound, connection, description, header, message, payload, rtp, secure, tunnel, uri,
};

/// Takes an input; panics where a property does not hold.
pub type Target = fn(&[u8]);

/// All targets, by the names of their folders.
pub const TARGETS: &[(&str, Target)] = &[
    ("message", message::message),
    ("header", header::header),
    ("uri", uri::uri),
    ("sdp", description::description),
    ("rtp", rtp::rtp),
    ("reorder", rtp::reorder),
    ("rtcp", compound::compound),
    ("rtcp-writer", compound::writer),
    ("depacketizer", payload::depacketizer),
    ("packetizer", payload::packetizer),
    ("srtp", secure::srtp),
    ("mikey", secure::mikey),
    ("connection", connection::connection),
    ("tunnel", tunnel::tunnel),
    ("websocket", tunnel::websocket),
];

/// Calls the target of that name.
///
/// # Panics
/// Where a property does not hold, and where there is no such target.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, run) = target.expect("a target that is listed");
    run(input);
}
