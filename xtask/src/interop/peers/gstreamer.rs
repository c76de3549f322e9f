//! GStreamer's rtspsrc, through a script, and rtspclientsink, through gst-launch-1.0.

use crate::failure::{Failure, Result};
use crate::interop::fingerprint::Capture;
use crate::interop::machine;
use crate::interop::peer::{Peer, Publishing, Reading, Transport, Version};
use crate::interop::process::Process;
use crate::interop::stage::Stage;
use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

pub(crate) const PEER: Peer = Peer {
    read: Some(read),
    publish: Some(publish),
    ..Peer::new(
        "GStreamer",
        "apt-get install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-rtsp python3-gi gir1.2-gstreamer-1.0",
        |machine| {
            machine.system_version("import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst; print(Gst.version())")?;
            machine::version(Command::new("gst-inspect-1.0").arg("rtspclientsink"))?;
            machine::version(Command::new("gst-launch-1.0").arg("--version")).map(|line| {
                line.split_whitespace()
                    .nth(2)
                    .unwrap_or_default()
                    .to_owned()
            })
        },
    )
};

fn launch(pipeline: &str) -> Command {
    let mut command = Command::new("gst-launch-1.0");
    command.arg("-e").args(pipeline.split_whitespace());
    command
}

/// The elements between rtspsrc and the file, and between the file and rtspclientsink.
struct Chains {
    demux: &'static str,
    /// Video and audio, parsed.
    read: [&'static str; 2],
    /// What makes a file of each without a muxer, and the file's extension.
    alone: [(&'static str, &'static str); 2],
    publish: [&'static str; 2],
}

fn chains(clip: &str) -> Result<Chains> {
    match clip {
        "h264" | "h264-plain" | "h264-long-gop" | "demo" => Ok(Chains {
            demux: "qtdemux",
            read: ["rtph264depay ! h264parse", "rtpmp4gdepay ! aacparse"],
            alone: [
                (
                    "video/x-h264,stream-format=byte-stream,alignment=au",
                    "h264",
                ),
                ("audio/mpeg,stream-format=adts", "aac"),
            ],
            publish: ["h264parse config-interval=-1", "aacparse"],
        }),
        "hevc-opus" => Ok(Chains {
            demux: "matroskademux",
            read: ["rtph265depay ! h265parse", "rtpopusdepay ! opusparse"],
            alone: [
                (
                    "video/x-h265,stream-format=byte-stream,alignment=au",
                    "h265",
                ),
                ("oggmux", "ogg"),
            ],
            publish: ["h265parse config-interval=-1", "opusparse"],
        }),
        other => Err(Failure::new(format!(
            "no GStreamer elements are named for {other}"
        ))),
    }
}

fn read(stage: &Stage<'_>, reading: &Reading<'_>) -> Result<Capture> {
    let chains = chains(reading.clip.name())?;
    let (pipeline, capture) = if reading.live {
        apart(stage, &chains)
    } else {
        muxed(stage, &chains)
    };
    let version = match reading.version {
        Version::V1 => "1-0",
        Version::V2 => "2-0",
    };
    let Capture::Movie {
        video: ref movie, ..
    } = capture
    else {
        return Err(Failure::new("GStreamer writes a movie"));
    };
    let (url, way) = way(reading.url, reading.transport);
    let protocols = match way {
        Transport::Multicast => "udp-mcast",
        other => other.name(),
    };
    let mut command = stage.machine.system_script("gst_reader.py");
    command
        .args([&url, protocols, version])
        .arg(&pipeline)
        .args(reading.protection.authority);
    let mut process = stage.start("gstreamer", &mut command)?;
    stage.until(
        "GStreamer wrote media",
        Duration::from_secs(15),
        &mut process,
        || std::fs::metadata(movie).is_ok_and(|file| file.len() > 2000),
    )?;
    // It may also end by itself, with the stream.
    let _ = process.wait_quietly(stage.left(Duration::from_secs(reading.seconds.into())));
    process.interrupt(Duration::from_secs(10));
    Ok(capture)
}

/// The URL and `protocols`. That RTSP goes within HTTP is said by the scheme; its media are interleaved.
fn way(url: &str, transport: Transport) -> (String, Transport) {
    match (transport, url.split_once("://")) {
        (Transport::Http, Some((scheme, rest))) => (format!("{scheme}h://{rest}"), Transport::Tcp),
        _ => (url.to_owned(), transport),
    }
}

/// Both media in one file, with their times.
fn muxed(stage: &Stage<'_>, chains: &Chains) -> (String, Capture) {
    let movie = stage.path("gstreamer.mkv");
    let [video, audio] = chains.read;
    let pipeline = format!(
        "matroskamux name=m ! filesink location={} \
         identity name=video ! {video} ! queue ! m. \
         identity name=audio ! {audio} ! queue ! m.",
        movie.display()
    );
    (
        pipeline,
        Capture::Movie {
            video: movie,
            audio: None,
        },
    )
}

/// Each media in a file of its own. A burst makes GStreamer's jitter buffer let the time stand still, and its muxers leave
/// out frames that have no time of their own. It may even let the time go back, to before the stream began, and then its sinks
/// leave frames out, too (`dropping buffer, out of clipping segment`), unless those have no time at all, as `single-segment` makes it.
fn apart(stage: &Stage<'_>, chains: &Chains) -> (String, Capture) {
    let mut pipeline = String::new();
    let files = ["video", "audio"].map(|kind| {
        let index = usize::from(kind == "audio");
        let (form, extension) = chains.alone[index];
        let file = stage.path(&format!("gstreamer.{extension}"));
        let chain = chains.read[index];
        let _ = write!(
            pipeline,
            " identity name={kind} ! {chain} ! {form} ! identity single-segment=true ! queue ! filesink location={}",
            file.display()
        );
        file
    });
    let [video, audio] = files;
    (
        pipeline,
        Capture::Movie {
            video,
            audio: Some(audio),
        },
    )
}

fn publish(stage: &Stage<'_>, publishing: &Publishing<'_>) -> Result<Process> {
    let chains = chains(publishing.clip.name())?;
    let [video, audio] = chains.publish;
    // gst-launch-1.0 has no way to name an authority: our reader proves that GStreamer checks certificates.
    let unchecked = match publishing.protection.authority {
        Some(_) => " tls-validation-flags=0",
        None => "",
    };
    let profile = match publishing.protection.srtp {
        true => "savp",
        false => "avp",
    };
    let (url, protocols) = way(publishing.url, publishing.transport);
    let pipeline = format!(
        "filesrc location={} ! {} name=d rtspclientsink name=s location={} protocols={} profiles={profile}{unchecked} \
         d.video_0 ! queue ! {video} ! s. d.audio_0 ! queue ! {audio} ! s.",
        publishing.clip.path.display(),
        chains.demux,
        url,
        protocols,
    );
    stage.start("gstreamer-publisher", &mut launch(&pipeline))
}

/// Publishes an MPEG transport stream: one media that holds both.
pub(crate) fn publish_transport_stream(
    stage: &Stage<'_>,
    publishing: &Publishing<'_>,
) -> Result<Process> {
    let pipeline = format!(
        "filesrc location={} ! qtdemux name=d mpegtsmux name=m alignment=7 ! rtspclientsink location={} protocols={} \
         d.video_0 ! queue ! h264parse config-interval=-1 ! m. d.audio_0 ! queue ! aacparse ! m.",
        publishing.clip.path.display(),
        publishing.url,
        publishing.transport,
    );
    stage.start("gstreamer-publisher", &mut launch(&pipeline))
}
