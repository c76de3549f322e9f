//! RTSP/2.0 with the peers that speak it; a witness attests that they did.

use super::{able, end, live, seen, sources};
use crate::failure::Result;
use crate::interop::fingerprint::{Evidence, Expect, Start};
use crate::interop::peer::{Peer, Reading, Transport, Version};
use crate::interop::peers::{ffmpeg, trackside};
use crate::interop::stage::Stage;
use crate::interop::witness::Witness;
use std::time::Duration;

/// What a peer gets by RTSP/2.0, and who has seen that it was spoken.
fn witnessed(
    stage: &Stage<'_>,
    peer: &Peer,
    reading: Reading<'_>,
    expect: &Expect,
) -> Result<(Evidence, Witness)> {
    let witness = Witness::of(reading.url)?;
    let reading = Reading {
        url: &witness.url,
        version: Version::V2,
        ..reading
    };
    let evidence = seen(stage, peer, &reading, reading.clip, expect)?;
    witness.spoke(Version::V2)?;
    Ok((evidence, witness))
}

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
    let reading = Reading {
        live: true,
        ..Reading::new(&url, transport, clip)
    };
    let (evidence, _) = witnessed(stage, peer, reading, &expect)?;
    end(server)?;
    Ok(evidence.to_string())
}

/// The demo, which is live and endless, from wherever it is.
pub(crate) fn demo(stage: &Stage<'_>, peer: &Peer, transport: Transport) -> Result<String> {
    let clip = stage.clip("demo")?;
    let server = trackside::server(stage, [""; 0])?;
    let url = format!("{}demo", server.url);
    let reading = Reading {
        live: true,
        ..Reading::new(&url, transport, clip)
    };
    let expect = Expect {
        audio: 0.0,
        endless: true,
        skew: None,
        ..Expect::LIVE
    };
    let (evidence, _) = witnessed(stage, peer, reading, &expect)?;
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
    let reading = Reading::new(&url, transport, clip);
    let expect = Expect {
        start: Start::First,
        skew,
        ..Expect::LIVE
    };
    let (evidence, _) = witnessed(stage, peer, reading, &expect)?;
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
    let reading = Reading::new(&served.url, transport, clip);
    let (evidence, witness) = witnessed(stage, &trackside::CLIENT, reading, &expect)?;
    witness.pipelined()?;
    Ok(format!("{evidence}; SETUP and PLAY pipelined"))
}
