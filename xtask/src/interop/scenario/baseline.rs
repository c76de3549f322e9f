//! The peers without us: tells a fault of theirs from one of ours.

use super::{able, read_relay, seen};
use crate::failure::Result;
use crate::interop::fingerprint::Expect;
use crate::interop::peer::{Peer, Reading, Transport};
use crate::interop::peers::{ffmpeg, gst_rtsp_server};
use crate::interop::stage::Stage;

/// Without us: gst-rtsp-server serves, the peer reads.
pub(crate) fn read(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
    expect: Expect,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let upstream =
        able(gst_rtsp_server::PEER.serve, &gst_rtsp_server::PEER, "serve")?(stage, clip)?;
    if let Some(relay) = peer.relay {
        let proxy = relay(stage, &upstream.url)?;
        return Ok(read_relay(stage, &ffmpeg::PEER, proxy, transport, clip)?.to_string());
    }
    let reading = Reading::new(&upstream.url, transport, clip);
    Ok(seen(stage, peer, &reading, clip, &expect)?.to_string())
}

/// Without us: the peer serves, FFmpeg reads.
pub(crate) fn served(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
    expect: Expect,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let served = able(peer.serve, peer, "serve")?(stage, clip)?;
    let reading = Reading::new(&served.url, transport, clip);
    Ok(seen(stage, &ffmpeg::PEER, &reading, clip, &expect)?.to_string())
}
