//! Our client against the servers of others.

use super::{GRACE, able, read_relay, seen};
use crate::failure::{Failure, Result};
use crate::interop::fingerprint::{self, Expect};
use crate::interop::peer::{Peer, Publishing, Reading, Transport};
use crate::interop::peers::{gst_rtsp_server, trackside};
use crate::interop::stage::Stage;
use std::time::Duration;

/// The peer serves, our client records.
pub(crate) fn played(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
    expect: Expect,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let served = able(peer.serve, peer, "serve")?(stage, clip)?;
    let reading = Reading::new(&served.url, transport, clip);
    let evidence = seen(stage, &trackside::CLIENT, &reading, clip, &expect)?;
    Ok(evidence.to_string())
}

/// `rtsp-client probe --json` against the peer.
pub(crate) fn probed(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let served = able(peer.serve, peer, "serve")?(stage, clip)?;
    let found = trackside::probe(stage, &served.url, transport.name())?;
    let text = found.to_string();
    for wanted in ["H264", "320", "176"] {
        if !text.contains(wanted) {
            return Err(Failure::new(format!(
                "probe --json does not name {wanted}: {text}"
            )));
        }
    }
    Ok("codec and size named".to_owned())
}

/// gst-rtsp-server serves, live555 relays, our client records.
pub(crate) fn relay_played(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let upstream =
        able(gst_rtsp_server::PEER.serve, &gst_rtsp_server::PEER, "serve")?(stage, clip)?;
    let proxy = able(peer.relay, peer, "relay")?(stage, &upstream.url)?;
    let evidence = read_relay(stage, &trackside::CLIENT, proxy, transport, clip)?;
    Ok(evidence.to_string())
}

/// `publisher` publishes to the peer.
pub(crate) fn taken(
    stage: &Stage<'_>,
    peer: &Peer,
    publisher: &Peer,
    transport: Transport,
    clip: &str,
    expect: Expect,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let mut sink = able(peer.accept, peer, "take a publisher")?(stage, clip, transport)?;
    let mut process = able(publisher.publish, publisher, "publish")?(
        stage,
        &Publishing::new(&sink.url, transport, clip),
    )?;
    stage.pass(Duration::from_secs(6));
    if !process.running() {
        return Err(Failure::new(format!(
            "{} ended before its time",
            publisher.name
        )));
    }
    if !process.interrupt(GRACE) {
        return Err(Failure::new(format!(
            "{} hung after Ctrl-C",
            publisher.name
        )));
    }
    // FFmpeg ends with its publisher, gst-rtsp-server waits for the next.
    if sink.process.wait_quietly(Duration::from_secs(3)).is_none() {
        sink.process.interrupt(GRACE);
    }
    let evidence = fingerprint::judge(stage, clip, &sink.capture, &expect)?;
    Ok(evidence.to_string())
}
