//! What happens in a cell: who is started, what is read, what must be true at the end.

use super::clip::{self, Clip};
use super::fingerprint::{self, Evidence, Expect, Start};
use super::peer::{Peer, Publishing, Reading, Served, Transport};
use super::peers::{ffmpeg, gst_rtsp_server, trackside};
use super::process::Process;
use super::rtsp;
use super::stage::{self, Stage};
use crate::failure::{During, Failure, Result};
use std::time::Duration;

/// How long a live reader reads.
const SECONDS: u32 = 4;
/// How long a program has to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);

fn able<T>(ability: Option<T>, peer: &Peer, what: &str) -> Result<T> {
    ability.ok_or_else(|| Failure::new(format!("{} cannot {what}", peer.name)))
}

/// Our server with a publisher on `/live`; waits until readers are answered.
fn live(
    stage: &Stage<'_>,
    clip: &Clip,
    transport: Transport,
    publish: impl Fn(&Stage<'_>, &Publishing<'_>) -> Result<Process>,
) -> Result<(Served, Process, String)> {
    let server = trackside::server(stage, [""; 0])?;
    let url = format!("{}live", server.url);
    let mut publisher = publish(
        stage,
        &Publishing {
            url: &url,
            transport,
            clip,
        },
    )?;
    stage.until(
        "the path was published",
        Duration::from_secs(20),
        &mut publisher,
        || rtsp::describe(&url) == Some(200),
    )?;
    Ok((server, publisher, url))
}

/// Ctrl-C must end our server by itself.
fn end(mut server: Served) -> Result<()> {
    if !server.process.running() {
        return Err(Failure::new("rtsp-server ended before its time"));
    }
    if !server.process.interrupt(GRACE) {
        return Err(Failure::new(format!(
            "rtsp-server hung for {} s after Ctrl-C",
            GRACE.as_secs()
        )));
    }
    Ok(())
}

/// What a live reader of this clip must get.
fn expected(clip: &Clip) -> Expect {
    Expect {
        start: clip.recipe.start,
        ..Expect::LIVE
    }
}

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
    let publish = super::peers::gstreamer::publish_transport_stream;
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
        url: &url,
        transport: outward,
        clip,
        seconds: SECONDS,
    };
    let capture = able(ffmpeg::PEER.read, &ffmpeg::PEER, "read")?(stage, &reading)?;
    let evidence = fingerprint::judge(stage, clip, &capture, &expect)?;
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
        url: &url,
        transport,
        clip,
        seconds: SECONDS,
    };
    let capture = able(peer.read, peer, "read")?(stage, &reading)?;
    let evidence = fingerprint::judge(stage, clip, &capture, &expect)?;
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

fn read_relay(
    stage: &Stage<'_>,
    reader: &Peer,
    mut proxy: Served,
    transport: Transport,
    clip: &Clip,
) -> Result<Evidence> {
    // The proxy answers 404 until it knows what is upstream.
    let url = proxy.url.clone();
    stage.until(
        "the proxy knew the stream",
        Duration::from_secs(15),
        &mut proxy.process,
        || rtsp::describe(&url) == Some(200),
    )?;
    let reading = Reading {
        url: &url,
        transport,
        clip,
        seconds: SECONDS,
    };
    let capture = able(reader.read, reader, "read")?(stage, &reading)?;
    // The proxy passes on what it gets while it sets up: it may begin anywhere.
    fingerprint::judge(
        stage,
        clip,
        &capture,
        &Expect {
            start: Start::Anywhere,
            ..Expect::LIVE
        },
    )
}

/// Several readers of one stream at a time, over both transports.
pub(crate) fn crowd(stage: &Stage<'_>, clip: &str) -> Result<String> {
    let clip = stage.clip(clip)?;
    let (server, _publisher, url) = live(stage, clip, Transport::Tcp, ffmpeg::publish)?;
    let length = ["-t".to_owned(), SECONDS.to_string()];
    let mut readers = Vec::new();
    for number in 0..6 {
        let transport = Transport::BOTH[number % 2];
        let reading = Reading {
            url: &url,
            transport,
            clip,
            seconds: SECONDS,
        };
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
        url: &url,
        transport,
        clip,
        seconds: SECONDS,
    };
    let capture = able(ffmpeg::PEER.read, &ffmpeg::PEER, "read")?(stage, &reading)?;
    // The clip began a few seconds ago: its first frame is the only key frame so far.
    let evidence = fingerprint::judge(
        stage,
        clip,
        &capture,
        &Expect {
            start: Start::First,
            ..Expect::LIVE
        },
    )?;
    end(server)?;
    Ok(evidence.to_string())
}

/// A second publisher is refused and the first goes on; when that one goes, its readers are told and the path is free.
pub(crate) fn one_publisher(stage: &Stage<'_>, transport: Transport) -> Result<String> {
    let clip = stage.clip("h264")?;
    let (server, mut publisher, url) = live(stage, clip, transport, ffmpeg::publish)?;
    let mut second = ffmpeg::publish(
        stage,
        &Publishing {
            url: &url,
            transport,
            clip,
        },
    )?;
    if second.wait(stage.left(Duration::from_secs(10)))?.success() {
        return Err(Failure::new("the second publisher ended with success"));
    }
    let reading = Reading {
        url: &url,
        transport,
        clip,
        seconds: SECONDS,
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

/// Our server with a folder that holds the clip; the URL is the clip's.
fn with_file(stage: &Stage<'_>, clip: &Clip) -> Result<(Served, String)> {
    let folder = stage.path("files");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(&clip.path, folder.join("clip.mp4"))?;
    let server = trackside::server(stage, ["--files".as_ref(), folder.as_os_str()])?;
    let url = format!("{}files/clip.mp4", server.url);
    Ok((server, url))
}

/// A file from its first frame on.
pub(crate) fn file(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let (server, url) = with_file(stage, clip)?;
    let reading = Reading {
        url: &url,
        transport,
        clip,
        seconds: SECONDS,
    };
    let capture = able(peer.read, peer, "read")?(stage, &reading)?;
    let evidence = fingerprint::judge(
        stage,
        clip,
        &capture,
        &Expect {
            start: Start::First,
            ..Expect::LIVE
        },
    )?;
    end(server)?;
    Ok(evidence.to_string())
}

/// A file from 34 s on, to its end, which the reader must notice by itself.
pub(crate) fn file_seek(stage: &Stage<'_>, transport: Transport, clip: &str) -> Result<String> {
    let clip = stage.clip(clip)?;
    let (server, url) = with_file(stage, clip)?;
    let reading = Reading {
        url: &url,
        transport,
        clip,
        seconds: 0,
    };
    let capture = ffmpeg::read_with(
        stage,
        &reading,
        "ffmpeg",
        &["-ss".to_owned(), "34".to_owned()],
    )?;
    let expect = Expect {
        start: Start::Frame(34 * clip::RATE as usize),
        to_the_end: true,
        ..Expect::LIVE
    };
    let evidence = fingerprint::judge(stage, clip, &capture, &expect)?;
    end(server)?;
    Ok(evidence.to_string())
}

/// The built-in demo, over the seam of its loop.
pub(crate) fn demo(stage: &Stage<'_>, transport: Transport) -> Result<String> {
    let clip = stage.clip("demo")?;
    let server = trackside::server(stage, [""; 0])?;
    let url = format!("{}demo", server.url);
    // The clip is 10.24 s long: twelve seconds hold a seam wherever they begin.
    let reading = Reading {
        url: &url,
        transport,
        clip,
        seconds: 12,
    };
    let capture = able(ffmpeg::PEER.read, &ffmpeg::PEER, "read")?(stage, &reading)?;
    let expect = Expect {
        frames: 290,
        audio: 0.0,
        endless: true,
        skew: None,
        ..Expect::LIVE
    };
    let evidence = fingerprint::judge(stage, clip, &capture, &expect)?;
    end(server)?;
    Ok(evidence.to_string())
}

/// Our server pulls from the peer, FFmpeg reads from our server.
pub(crate) fn pulled(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let upstream = able(peer.serve, peer, "serve")?(stage, clip)?;
    let server = pulling(stage, &upstream.url, transport)?;
    let url = format!("{}pulled", server.url);
    let reading = Reading {
        url: &url,
        transport,
        clip,
        seconds: SECONDS,
    };
    let capture = able(ffmpeg::PEER.read, &ffmpeg::PEER, "read")?(stage, &reading)?;
    let evidence = fingerprint::judge(stage, clip, &capture, &Expect::LIVE)?;
    end(server)?;
    Ok(evidence.to_string())
}

fn pulling(stage: &Stage<'_>, upstream: &str, transport: Transport) -> Result<Served> {
    let config = stage.path("server.toml");
    let text = format!(
        "[paths.pulled]\npull = \"{upstream}\"\ntransport = \"{transport}\"\non_demand = true\n"
    );
    std::fs::write(&config, text)?;
    trackside::server(stage, ["--config".as_ref(), config.as_os_str()])
}

/// The upstream goes for some seconds and comes back; the reader stays and gets both parts.
pub(crate) fn pull_survives(stage: &Stage<'_>, transport: Transport) -> Result<String> {
    let clip = stage.clip("h264-plain")?;
    let port = stage::free_port()?;
    let upstream = gst_rtsp_server::serve_on(stage, clip, port)?;
    let server = pulling(stage, &upstream.url, transport)?;
    let url = format!("{}pulled", server.url);
    let reading = Reading {
        url: &url,
        transport: Transport::Tcp,
        clip,
        seconds: 0,
    };
    // A reader that is patient: FFmpeg's own time-out is 8 s in the other cells.
    let patient = ["-timeout".to_owned(), "40000000".to_owned()];
    let (mut reader, capture) = ffmpeg::start_reading(stage, &reading, "reader", &patient)?;
    stage.pass(Duration::from_secs(5));
    drop(upstream);
    stage.pass(Duration::from_secs(10));
    let _upstream = gst_rtsp_server::serve_on(stage, clip, port)?;
    stage.pass(Duration::from_secs(8));
    if !reader.running() {
        return Err(Failure::new("the reader was let go when the upstream went"));
    }
    reader.interrupt(GRACE);
    let (before, after) = fingerprint::judge_two_parts(clip, &capture, 50)?;
    end(server)?;
    Ok(format!("{before} frames, 10 s of nothing, {after} frames"))
}

/// The peer serves, our client records.
pub(crate) fn played(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
    start: Start,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let served = able(peer.serve, peer, "serve")?(stage, clip)?;
    let reading = Reading {
        url: &served.url,
        transport,
        clip,
        seconds: SECONDS,
    };
    let capture = able(trackside::CLIENT.read, &trackside::CLIENT, "read")?(stage, &reading)?;
    let evidence = fingerprint::judge(
        stage,
        clip,
        &capture,
        &Expect {
            start,
            ..Expect::LIVE
        },
    )?;
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
        &Publishing {
            url: &sink.url,
            transport,
            clip,
        },
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

/// Without us: gst-rtsp-server serves, the peer reads.
pub(crate) fn baseline(
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
    let reading = Reading {
        url: &upstream.url,
        transport,
        clip,
        seconds: SECONDS,
    };
    let capture = able(peer.read, peer, "read")?(stage, &reading)?;
    Ok(fingerprint::judge(stage, clip, &capture, &expect)?.to_string())
}

/// Without us: the peer serves, FFmpeg reads.
pub(crate) fn baseline_served(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
    start: Start,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let served = able(peer.serve, peer, "serve")?(stage, clip)?;
    let reading = Reading {
        url: &served.url,
        transport,
        clip,
        seconds: SECONDS,
    };
    let capture = able(ffmpeg::PEER.read, &ffmpeg::PEER, "read")?(stage, &reading)?;
    Ok(fingerprint::judge(
        stage,
        clip,
        &capture,
        &Expect {
            start,
            ..Expect::LIVE
        },
    )?
    .to_string())
}
