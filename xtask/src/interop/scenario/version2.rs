//! RTSP/2.0 with the peers that speak it; a witness attests that they did.

use super::{able, end, live, sources};
use crate::failure::Result;
use crate::interop::fingerprint::{self, Expect, Start};
use crate::interop::peer::{Peer, Reading, Transport, Version};
use crate::interop::peers::{ffmpeg, trackside};
use crate::interop::stage::Stage;
use crate::interop::witness::Witness;
use std::time::Duration;

/// FFmpeg publishes, the peer reads.
pub(crate) fn read(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
    expect: Expect,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let (server, _publisher, url) = live(stage, clip, Transport::Tcp, ffmpeg::publish)?;
    stage.pass(Duration::from_secs(1));
    let witness = Witness::of(&url)?;
    let reading = Reading {
        live: true,
        version: Version::V2,
        ..Reading::new(&witness.url, transport, clip)
    };
    let capture = able(peer.read, peer, "read")?(stage, &reading)?;
    let evidence = fingerprint::judge(stage, clip, &capture, &expect)?;
    witness.spoke(Version::V2)?;
    end(server)?;
    Ok(evidence.to_string())
}

/// The demo, which is live and endless, from wherever it is.
pub(crate) fn demo(stage: &Stage<'_>, peer: &Peer, transport: Transport) -> Result<String> {
    let clip = stage.clip("demo")?;
    let server = trackside::server(stage, [""; 0])?;
    let witness = Witness::of(&format!("{}demo", server.url))?;
    let reading = Reading {
        live: true,
        version: Version::V2,
        ..Reading::new(&witness.url, transport, clip)
    };
    let capture = able(peer.read, peer, "read")?(stage, &reading)?;
    let expect = Expect {
        audio: 0.0,
        endless: true,
        skew: None,
        ..Expect::LIVE
    };
    let evidence = fingerprint::judge(stage, clip, &capture, &expect)?;
    witness.spoke(Version::V2)?;
    end(server)?;
    Ok(evidence.to_string())
}

/// A file from its first frame on.
pub(crate) fn file(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
    skew: Option<f64>,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let (server, url) = sources::with_file(stage, clip)?;
    let witness = Witness::of(&url)?;
    let reading = Reading {
        version: Version::V2,
        ..Reading::new(&witness.url, transport, clip)
    };
    let capture = able(peer.read, peer, "read")?(stage, &reading)?;
    let expect = Expect {
        start: Start::First,
        skew,
        ..Expect::LIVE
    };
    let evidence = fingerprint::judge(stage, clip, &capture, &expect)?;
    witness.spoke(Version::V2)?;
    end(server)?;
    Ok(evidence.to_string())
}

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
    let witness = Witness::of(&served.url)?;
    let reading = Reading {
        version: Version::V2,
        ..Reading::new(&witness.url, transport, clip)
    };
    let capture = able(trackside::CLIENT.read, &trackside::CLIENT, "read")?(stage, &reading)?;
    let evidence = fingerprint::judge(stage, clip, &capture, &expect)?;
    witness.spoke(Version::V2)?;
    witness.pipelined()?;
    Ok(format!("{evidence}; SETUP and PLAY pipelined"))
}
