//! What the server plays without a publisher: files, the demo, pulled streams.

use super::{GRACE, able, end, seen};
use crate::failure::{Failure, Result};
use crate::interop::clip::{self, Clip};
use crate::interop::fingerprint::{self, Expect, Start};
use crate::interop::peer::{Peer, Reading, Served, Transport};
use crate::interop::peers::{ffmpeg, gst_rtsp_server, trackside};
use crate::interop::stage::{self, Stage};
use std::time::Duration;

/// Our server with a folder that holds the clip; the URL is the clip's.
pub(super) fn with_file(stage: &Stage<'_>, clip: &Clip) -> Result<(Served, String)> {
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
    skew: Option<f64>,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let (server, url) = with_file(stage, clip)?;
    let reading = Reading::new(&url, transport, clip);
    let evidence = seen(
        stage,
        peer,
        &reading,
        clip,
        &Expect {
            start: Start::First,
            skew,
            ..Expect::LIVE
        },
    )?;
    end(server)?;
    Ok(evidence.to_string())
}

/// A file from the key frame at 34 s on, to its end, which the reader must notice by itself.
pub(crate) fn file_seek(stage: &Stage<'_>, transport: Transport, clip: &str) -> Result<String> {
    let clip = stage.clip(clip)?;
    let (server, url) = with_file(stage, clip)?;
    let reading = Reading {
        seconds: 0,
        ..Reading::new(&url, transport, clip)
    };
    let capture = ffmpeg::read_with(
        stage,
        &reading,
        "ffmpeg",
        &["-ss".to_owned(), "34.5".to_owned()],
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
        seconds: 12,
        live: true,
        ..Reading::new(&url, transport, clip)
    };
    let expect = Expect {
        frames: 290,
        audio: 0.0,
        endless: true,
        skew: None,
        ..Expect::LIVE
    };
    let evidence = seen(stage, &ffmpeg::PEER, &reading, clip, &expect)?;
    end(server)?;
    Ok(evidence.to_string())
}

/// Our server pulls from the peer, FFmpeg reads from our server.
pub(crate) fn pulled(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    clip: &str,
    expect: Expect,
) -> Result<String> {
    let clip = stage.clip(clip)?;
    let upstream = able(peer.serve, peer, "serve")?(stage, clip)?;
    let server = pulling(stage, &upstream.url, transport)?;
    let url = format!("{}pulled", server.url);
    let reading = Reading::new(&url, transport, clip);
    let evidence = seen(stage, &ffmpeg::PEER, &reading, clip, &expect)?;
    end(server)?;
    Ok(evidence.to_string())
}

fn pulling(stage: &Stage<'_>, upstream: &str, transport: Transport) -> Result<Served> {
    let config = stage.path("server.toml");
    let text = format!(
        "[[path]]\npath = \"/pulled\"\nsource = \"{upstream}\"\ntransport = \"{transport}\"\n"
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
        seconds: 0,
        ..Reading::new(&url, Transport::Tcp, clip)
    };
    // A reader that is patient: FFmpeg's own time-out is 8 s in the other cells.
    let patient = ["-timeout".to_owned(), "40000000".to_owned()];
    let (mut reader, capture) = ffmpeg::start_reading(stage, &reading, "reader", &patient)?;
    stage.pass(Duration::from_secs(5));
    drop(upstream);
    stage.pass(Duration::from_secs(10));
    let _upstream = gst_rtsp_server::serve_on(stage, clip, port)?;
    // Attempts are some seconds apart by now.
    stage.pass(Duration::from_secs(16));
    if !reader.running() {
        return Err(Failure::new("the reader was let go when the upstream went"));
    }
    reader.interrupt(GRACE);
    let (before, after) = fingerprint::judge_two_parts(clip, &capture, 50)?;
    end(server)?;
    Ok(format!("{before} frames, 10 s of nothing, {after} frames"))
}
