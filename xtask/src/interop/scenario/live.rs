//! Published streams: who publishes, who reads, and what happens when one of them goes.

use super::{GRACE, able, end, expected, live, read_relay, seen};
use crate::failure::{During, Failure, Result};
use crate::interop::clip::Clip;
use crate::interop::fingerprint::{self, Expect, Start};
use crate::interop::peer::{Peer, Publishing, Reading, Transport};
use crate::interop::peers::{ffmpeg, gstreamer};
use crate::interop::process::Process;
use crate::interop::rtsp;
use crate::interop::stage::Stage;
use std::time::Duration;

/// The peer publishes, FFmpeg reads.
pub(crate) fn published(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
) -> Result<String> {
    let publish = able(peer.publish, peer, "publish")?;
    relayed(
        stage,
        publish,
        transport,
        Transport::Tcp,
        stage.clip(clip)?,
        Expect::LIVE,
    )
}

/// FFmpeg publishes and reads: a question of formats.
pub(crate) fn formats(stage: &Stage<'_>, transport: Transport, clip: &str) -> Result<String> {
    let clip = stage.clip(clip)?;
    relayed(
        stage,
        ffmpeg::publish,
        transport,
        transport,
        clip,
        expected(clip),
    )
}

/// An MPEG transport stream in RTP: a format without a depacketizer, with two formats inside.
pub(crate) fn transport_stream(stage: &Stage<'_>, transport: Transport) -> Result<String> {
    let expect = Expect {
        start: Start::Anywhere,
        ..Expect::LIVE
    };
    let publish = gstreamer::publish_transport_stream;
    relayed(
        stage,
        publish,
        transport,
        Transport::Tcp,
        stage.clip("h264-plain")?,
        expect,
    )
}

fn relayed(
    stage: &Stage<'_>,
    publish: fn(&Stage<'_>, &Publishing<'_>) -> Result<Process>,
    inward: Transport,
    outward: Transport,
    clip: &Clip,
    expect: Expect,
) -> Result<String> {
    let (server, mut publisher, url) = live(stage, clip, inward, publish)?;
    stage.pass(Duration::from_secs(1));
    let reading = Reading {
        live: true,
        ..Reading::new(&url, outward, clip)
    };
    let evidence = seen(stage, &ffmpeg::PEER, &reading, clip, &expect)?;
    if !publisher.running() {
        return Err(Failure::new("the publisher ended before its time"));
    }
    end(server)?;
    Ok(evidence.to_string())
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
    let evidence = seen(stage, peer, &reading, clip, &expect)?;
    end(server)?;
    Ok(evidence.to_string())
}

/// FFmpeg publishes, the peer relays, FFmpeg reads from the peer.
pub(crate) fn relay(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let (server, _publisher, url) = live(stage, clip, Transport::Tcp, ffmpeg::publish)?;
    let proxy = able(peer.relay, peer, "relay")?(stage, &url)?;
    let evidence = read_relay(stage, &ffmpeg::PEER, proxy, transport, clip)?;
    end(server)?;
    Ok(evidence.to_string())
}

/// Several readers of one stream at a time, over both transports.
pub(crate) fn crowd(stage: &Stage<'_>, clip: &str) -> Result<String> {
    let clip = stage.clip(clip)?;
    let (server, _publisher, url) = live(stage, clip, Transport::Tcp, ffmpeg::publish)?;
    let mut readers = Vec::new();
    for number in 0..6 {
        let transport = Transport::BOTH[number % 2];
        let reading = Reading {
            live: true,
            ..Reading::new(&url, transport, clip)
        };
        let length = ["-t".to_owned(), reading.seconds.to_string()];
        readers.push((
            number,
            ffmpeg::start_reading(stage, &reading, &format!("reader-{number}"), &length)?,
        ));
        // Each joins at another place of the group of pictures.
        stage.pass(Duration::from_millis(300));
    }
    let count = readers.len();
    for (number, (mut process, capture)) in readers {
        process.wait(stage.left(Duration::from_secs(30)))?;
        fingerprint::judge(stage, clip, &capture, &Expect::LIVE)
            .during(|| format!("reader {number}"))?;
    }
    end(server)?;
    Ok(format!("{count} readers at once"))
}

/// A reader that joins late in a long group of pictures starts at its key frame, which is long past.
pub(crate) fn kept_key_frame(stage: &Stage<'_>, transport: Transport) -> Result<String> {
    let clip = stage.clip("h264-long-gop")?;
    let (server, _publisher, url) = live(stage, clip, Transport::Tcp, ffmpeg::publish)?;
    stage.pass(Duration::from_secs(4));
    let reading = Reading {
        live: true,
        ..Reading::new(&url, transport, clip)
    };
    // The clip began a few seconds ago: its first frame is the only key frame so far.
    let expect = Expect {
        start: Start::First,
        ..Expect::LIVE
    };
    let evidence = seen(stage, &ffmpeg::PEER, &reading, clip, &expect)?;
    end(server)?;
    Ok(evidence.to_string())
}

/// A second publisher is refused and the first goes on; when that one goes, its readers are told and the path is free.
pub(crate) fn one_publisher(stage: &Stage<'_>, transport: Transport) -> Result<String> {
    let clip = stage.clip("h264")?;
    let (server, mut publisher, url) = live(stage, clip, transport, ffmpeg::publish)?;
    let mut second = ffmpeg::publish(stage, &Publishing::new(&url, transport, clip))?;
    if second.wait(stage.left(Duration::from_secs(10)))?.success() {
        return Err(Failure::new("the second publisher ended with success"));
    }
    let reading = Reading {
        live: true,
        ..Reading::new(&url, transport, clip)
    };
    let (mut reader, capture) = ffmpeg::start_reading(stage, &reading, "reader", &[])?;
    stage.pass(Duration::from_secs(5));
    publisher.interrupt(GRACE);
    reader
        .wait(stage.left(Duration::from_secs(5)))
        .during(|| "the publisher has gone".into())?;
    let evidence = fingerprint::judge(stage, clip, &capture, &Expect::LIVE)?;
    match rtsp::describe(&url) {
        Some(404) => {}
        other => {
            return Err(Failure::new(format!(
                "DESCRIBE of the path that was left gets {other:?}, not 404"
            )));
        }
    }
    end(server)?;
    Ok(format!("{evidence}; refused, told, freed"))
}
