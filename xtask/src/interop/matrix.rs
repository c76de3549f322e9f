//! The matrix: which peer, in which direction, over which transport, with which clip.

use super::cell::{Cell, Direction};
use super::fingerprint::{Expect, Start};
use super::peer::{Peer, Transport, Version};
use super::peers::{
    aio_rtsp_toolkit, aiortsp, ffmpeg, gst_rtsp_server, gstreamer, live555, mpv, opencv, pyav,
    retina, trackside, vlc, websockets,
};
use super::scenario::multicast::{self as in_group, Groups};
use super::scenario::secured::{self as in_secret, Secrecy};
use super::scenario::{baseline, client, live, sources, version2 as in_version2};
use super::stage::Stage;
use crate::failure::Result;
use std::time::Duration;

use Transport::{Http, Multicast, Tcp, Udp, WebSocket};

/// A cell that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Collects cells; FFmpeg is needed by each of them, to look at what arrived.
#[derive(Default)]
struct Matrix(Vec<Cell>);

impl Matrix {
    fn add(
        &mut self,
        (direction, peer, transport): (Direction, &'static Peer, Transport),
        (clip, what): (&'static str, &'static str),
        run: impl Fn(&Stage<'_>) -> Result<String> + Send + Sync + 'static,
    ) {
        let mut needs = vec![&ffmpeg::PEER];
        if *peer != ffmpeg::PEER {
            needs.push(peer);
        }
        self.0.push(Cell {
            peer: peer.name,
            direction,
            transport,
            clip,
            what,
            needs,
            limit: LIMIT,
            run: Box::new(run),
        });
    }

    /// The last cell needs one more peer.
    fn needs(&mut self, peer: &'static Peer) {
        if let Some(cell) = self.0.last_mut() {
            cell.needs.push(peer);
        }
    }
}

/// All cells, in the order of the table.
pub(crate) fn cells() -> Vec<Cell> {
    let mut matrix = Matrix::default();
    publishers(&mut matrix);
    readers(&mut matrix);
    formats(&mut matrix);
    behaviours(&mut matrix);
    files(&mut matrix);
    version2(&mut matrix);
    pulls(&mut matrix);
    our_client(&mut matrix);
    secured(&mut matrix);
    tunnels(&mut matrix);
    multicast(&mut matrix);
    matrix.0
}

fn publishers(matrix: &mut Matrix) {
    for peer in [&ffmpeg::PEER, &gstreamer::PEER, &trackside::CLIENT] {
        for transport in Transport::BOTH {
            for clip in ["h264", "h264-plain"] {
                matrix.add(
                    (Direction::PublishesToServer, peer, transport),
                    (clip, ""),
                    move |stage| live::published(stage, peer, transport, clip),
                );
            }
        }
    }
}

/// Readers of a live stream, with the clip and the expectation that fit them.
const READERS: &[(&Peer, &str, Expect)] = &[
    (&ffmpeg::PEER, "h264", Expect::LIVE),
    (&gstreamer::PEER, "h264", Expect::LIVE),
    // mpv's recorder drops frames without a time, which FFmpeg gives to the first of a stream with B-frames.
    (&mpv::PEER, "h264-plain", Expect::LIVE),
    (&opencv::PEER, "h264", Expect::PICTURES),
    (&pyav::PEER, "h264", Expect::LIVE),
    (&aiortsp::PEER, "h264", Expect::PICTURES),
    (
        &retina::PEER,
        "h264",
        Expect {
            skew: None,
            ..Expect::LIVE
        },
    ),
];

fn readers(matrix: &mut Matrix) {
    for (peer, clip, expect) in
        READERS
            .iter()
            .copied()
            .chain([(&trackside::CLIENT, "h264", Expect::LIVE)])
    {
        for transport in Transport::BOTH {
            matrix.add(
                (Direction::ReadsFromServer, peer, transport),
                (clip, ""),
                move |stage| live::read(stage, peer, transport, clip, expect),
            );
        }
    }
    for transport in Transport::BOTH {
        matrix.add(
            (Direction::ReadsFromServer, &live555::PEER, transport),
            ("h264", "proxied to FFmpeg"),
            move |stage| live::relay(stage, &live555::PEER, transport, "h264"),
        );
    }
}

fn formats(matrix: &mut Matrix) {
    for clip in [
        "hevc-opus",
        "vp8-pcma",
        "vp9-opus",
        "mjpeg-pcmu",
        "mpeg4-l16",
        "theora-vorbis",
    ] {
        for transport in Transport::BOTH {
            matrix.add(
                (Direction::PublishesToServer, &ffmpeg::PEER, transport),
                (clip, ""),
                move |stage| live::formats(stage, transport, clip),
            );
        }
    }
    for transport in Transport::BOTH {
        matrix.add(
            (Direction::PublishesToServer, &gstreamer::PEER, transport),
            ("hevc-opus", ""),
            move |stage| live::published(stage, &gstreamer::PEER, transport, "hevc-opus"),
        );
        matrix.add(
            (Direction::PublishesToServer, &gstreamer::PEER, transport),
            ("h264-plain", "MPEG-TS"),
            move |stage| live::transport_stream(stage, transport),
        );
    }
    matrix.add(
        (Direction::ReadsFromServer, &trackside::CLIENT, Tcp),
        ("hevc-opus", ""),
        |stage| live::read(stage, &trackside::CLIENT, Tcp, "hevc-opus", Expect::LIVE),
    );
    matrix.add(
        (Direction::ReadsFromServer, &gstreamer::PEER, Tcp),
        ("hevc-opus", ""),
        |stage| live::read(stage, &gstreamer::PEER, Tcp, "hevc-opus", Expect::LIVE),
    );
}

fn behaviours(matrix: &mut Matrix) {
    let reads = |transport| (Direction::ReadsFromServer, &ffmpeg::PEER, transport);
    matrix.add(
        reads(Tcp),
        ("h264", "six readers over TCP and UDP"),
        |stage| live::crowd(stage, "h264"),
    );
    for transport in Transport::BOTH {
        matrix.add(
            reads(transport),
            ("h264-long-gop", "joins late"),
            move |stage| live::kept_key_frame(stage, transport),
        );
        matrix.add(
            (Direction::PublishesToServer, &ffmpeg::PEER, transport),
            ("h264", "one publisher a path"),
            move |stage| live::one_publisher(stage, transport),
        );
        matrix.add(reads(transport), ("demo", "over the seam"), move |stage| {
            sources::demo(stage, transport)
        });
    }
}

fn files(matrix: &mut Matrix) {
    let skew = Expect::LIVE.skew;
    for transport in Transport::BOTH {
        for (peer, clip, skew) in [
            (&ffmpeg::PEER, "h264", skew),
            (&gstreamer::PEER, "h264-plain", skew),
            // The times of B-frames, as in `our_client`.
            (&gstreamer::PEER, "h264", None),
            (&trackside::CLIENT, "h264", skew),
        ] {
            matrix.add(
                (Direction::ReadsFile, peer, transport),
                (clip, ""),
                move |stage| sources::file(stage, peer, transport, clip, skew),
            );
        }
        for clip in ["h264", "h264-plain"] {
            matrix.add(
                (Direction::ReadsFile, &ffmpeg::PEER, transport),
                (clip, "seek to the end"),
                move |stage| sources::file_seek(stage, transport, clip),
            );
        }
    }
}

/// GStreamer and we speak RTSP/2.0 to each other's servers, and we to our own.
fn version2(matrix: &mut Matrix) {
    const PEER: &Peer = &gstreamer::PEER;
    for transport in Transport::BOTH {
        matrix.add(
            (Direction::ReadsFromServer, PEER, transport),
            ("h264", "RTSP/2.0"),
            move |stage| in_version2::read(stage, PEER, transport, "h264", Expect::LIVE),
        );
        matrix.add(
            (Direction::ReadsFromServer, PEER, transport),
            ("demo", "RTSP/2.0"),
            move |stage| in_version2::demo(stage, PEER, transport),
        );
        matrix.add(
            (Direction::ReadsFile, PEER, transport),
            ("h264-plain", "RTSP/2.0"),
            move |stage| in_version2::file(stage, PEER, transport, "h264-plain", Expect::LIVE.skew),
        );
        matrix.add(
            (Direction::ReadsFromServer, &trackside::CLIENT, transport),
            ("h264", "RTSP/2.0"),
            move |stage| {
                in_version2::read(stage, &trackside::CLIENT, transport, "h264", Expect::LIVE)
            },
        );
        matrix.add(
            (Direction::PlaysToClient, &gst_rtsp_server::PEER, transport),
            ("h264", "RTSP/2.0"),
            move |stage| {
                let peer = &gst_rtsp_server::PEER;
                in_version2::played(stage, peer, transport, "h264", FROM_THE_START)
            },
        );
    }
}

fn pulls(matrix: &mut Matrix) {
    for transport in Transport::BOTH {
        matrix.add(
            (Direction::PulledByServer, &gst_rtsp_server::PEER, transport),
            ("h264", ""),
            move |stage| {
                sources::pulled(
                    stage,
                    &gst_rtsp_server::PEER,
                    transport,
                    "h264",
                    Expect::LIVE,
                )
            },
        );
    }
    matrix.add(
        (Direction::PulledByServer, &aio_rtsp_toolkit::PEER, Tcp),
        ("h264", ""),
        |stage| {
            sources::pulled(
                stage,
                &aio_rtsp_toolkit::PEER,
                Tcp,
                "h264",
                Expect {
                    repeats: true,
                    ..Expect::LIVE
                },
            )
        },
    );
    matrix.add(
        (Direction::PulledByServer, &gst_rtsp_server::PEER, Tcp),
        ("h264-plain", "10 s away"),
        |stage| sources::pull_survives(stage, Tcp),
    );
}

/// Servers, the transports that they have, and what they send.
const SERVERS: &[(&Peer, &[Transport], Expect)] = &[
    (&gst_rtsp_server::PEER, &[Tcp, Udp], FROM_THE_START),
    // VLC plays to whoever is there, from where it is.
    (
        &vlc::PEER,
        &[Udp],
        Expect {
            start: Start::Anywhere,
            ..Expect::LIVE
        },
    ),
    // It sends an audio frame twice now and then.
    (
        &aio_rtsp_toolkit::PEER,
        &[Tcp],
        Expect {
            repeats: true,
            ..FROM_THE_START
        },
    ),
];

const FROM_THE_START: Expect = Expect {
    start: Start::First,
    ..Expect::LIVE
};

fn our_client(matrix: &mut Matrix) {
    for (peer, transports, expect) in SERVERS.iter().copied() {
        for transport in transports.iter().copied() {
            matrix.add(
                (Direction::PlaysToClient, peer, transport),
                ("h264", "record"),
                move |stage| client::played(stage, peer, transport, "h264", expect),
            );
            matrix.add(
                (Direction::PlaysToClient, peer, transport),
                ("h264", "probe"),
                move |stage| client::probed(stage, peer, transport, "h264"),
            );
        }
    }
    for transport in Transport::BOTH {
        matrix.add(
            (Direction::PlaysToClient, &live555::PEER, transport),
            ("h264", "record"),
            move |stage| client::relay_played(stage, &live555::PEER, transport, "h264"),
        );
        matrix.needs(&gst_rtsp_server::PEER);
    }
    // GStreamer's jitter buffer takes the reordered times of B-frames for a clock that drifts, whoever publishes: their
    // place beside the audio is not looked at.
    let without_times = Expect {
        skew: None,
        ..FROM_THE_START
    };
    for (peer, clip, expect) in [
        (&gst_rtsp_server::PEER, "h264-plain", FROM_THE_START),
        (&gst_rtsp_server::PEER, "h264", without_times),
        (&ffmpeg::PEER, "h264", FROM_THE_START),
    ] {
        for transport in Transport::BOTH {
            matrix.add(
                (Direction::TakesFromClient, peer, transport),
                (clip, ""),
                move |stage| {
                    client::taken(stage, peer, &trackside::CLIENT, transport, clip, expect)
                },
            );
        }
    }
}

/// Who can do which of TLS and SRTP, by which ways.
const SECRETS: &[(&Peer, Secrecy, &[Transport])] = &[
    (&gstreamer::PEER, Secrecy::Tls, &[Tcp, Http]),
    (&gstreamer::PEER, Secrecy::SrtpOverTls, &[Tcp, Udp]),
    (&gstreamer::PEER, Secrecy::Srtp, &[Tcp, Udp]),
    (
        &trackside::CLIENT,
        Secrecy::Tls,
        &[Tcp, Udp, Http, WebSocket],
    ),
    (&trackside::CLIENT, Secrecy::SrtpOverTls, &[Tcp, Udp]),
    (&trackside::CLIENT, Secrecy::Srtp, &[Tcp, Udp]),
];

fn secured(matrix: &mut Matrix) {
    // FFmpeg takes media with `rtsps` by TCP only, and does not publish within HTTP.
    matrix.add(
        (Direction::PublishesToServer, &ffmpeg::PEER, Tcp),
        ("h264", Secrecy::Tls.name()),
        |stage| in_secret::publish(stage, &ffmpeg::PEER, Tcp, Secrecy::Tls),
    );
    for transport in [Tcp, Http] {
        matrix.add(
            (Direction::ReadsFromServer, &ffmpeg::PEER, transport),
            ("h264", Secrecy::Tls.name()),
            move |stage| {
                let how = (transport, Version::V1);
                in_secret::read(stage, &ffmpeg::PEER, how, Secrecy::Tls)
            },
        );
        matrix.add(
            (Direction::PlaysToClient, &gst_rtsp_server::PEER, transport),
            ("h264", Secrecy::Tls.name()),
            move |stage| in_secret::played_by_tls(stage, transport, FROM_THE_START),
        );
    }
    for (peer, secrecy, transports) in SECRETS.iter().copied() {
        for transport in transports.iter().copied() {
            matrix.add(
                (Direction::PublishesToServer, peer, transport),
                ("h264", secrecy.name()),
                move |stage| in_secret::publish(stage, peer, transport, secrecy),
            );
            matrix.add(
                (Direction::ReadsFromServer, peer, transport),
                ("h264", secrecy.name()),
                move |stage| in_secret::read(stage, peer, (transport, Version::V1), secrecy),
            );
        }
    }
    for transport in Transport::BOTH {
        // By `a=crypto`. It publishes no SRTP.
        matrix.add(
            (Direction::ReadsFromServer, &ffmpeg::PEER, transport),
            ("h264", Secrecy::Srtp.name()),
            move |stage| {
                let how = (transport, Version::V1);
                in_secret::read(stage, &ffmpeg::PEER, how, Secrecy::Srtp)
            },
        );
        matrix.add(
            (Direction::ReadsFromServer, &trackside::CLIENT, transport),
            ("h264", "SRTP in RTSP/2.0"),
            move |stage| {
                let how = (transport, Version::V2);
                in_secret::read(stage, &trackside::CLIENT, how, Secrecy::Srtp)
            },
        );
        matrix.add(
            (Direction::PlaysToClient, &gst_rtsp_server::PEER, transport),
            ("h264", "SRTP"),
            move |stage| in_secret::played(stage, transport, FROM_THE_START),
        );
        matrix.add(
            (
                Direction::TakesFromClient,
                &gst_rtsp_server::PEER,
                transport,
            ),
            ("h264-plain", "SRTP"),
            move |stage| in_secret::taken(stage, transport, FROM_THE_START),
        );
    }
}

/// RTSP within HTTP and WebSocket. FFmpeg reads so, and does not publish.
fn tunnels(matrix: &mut Matrix) {
    for (peer, transport, clip, expect) in [
        (&ffmpeg::PEER, Http, "h264", Expect::LIVE),
        (&gstreamer::PEER, Http, "h264", Expect::LIVE),
        (&mpv::PEER, Http, "h264-plain", Expect::LIVE),
        (&trackside::CLIENT, Http, "h264", Expect::LIVE),
        (&websockets::PEER, WebSocket, "h264", Expect::PICTURES),
        (&trackside::CLIENT, WebSocket, "h264", Expect::LIVE),
    ] {
        matrix.add(
            (Direction::ReadsFromServer, peer, transport),
            (clip, ""),
            move |stage| live::read(stage, peer, transport, clip, expect),
        );
    }
    for (peer, transport) in [
        (&gstreamer::PEER, Http),
        (&trackside::CLIENT, Http),
        (&trackside::CLIENT, WebSocket),
    ] {
        matrix.add(
            (Direction::PublishesToServer, peer, transport),
            ("h264", ""),
            move |stage| live::published(stage, peer, transport, "h264"),
        );
    }
    let server = &gst_rtsp_server::PEER;
    matrix.add(
        (Direction::PlaysToClient, server, Http),
        ("h264", "record"),
        |stage| client::played(stage, server, Http, "h264", FROM_THE_START),
    );
    matrix.add(
        (Direction::TakesFromClient, server, Http),
        ("h264-plain", ""),
        |stage| {
            let us = &trackside::CLIENT;
            client::taken(stage, server, us, Http, "h264-plain", FROM_THE_START)
        },
    );
}

fn multicast(matrix: &mut Matrix) {
    let by_loopback = [
        (&gstreamer::PEER, "", Groups::Loopback),
        (&gstreamer::PEER, "one source", Groups::OneSource),
        (&trackside::CLIENT, "", Groups::Loopback),
        (&trackside::CLIENT, "one source", Groups::OneSource),
    ];
    for (peer, what, groups) in by_loopback {
        matrix.add(
            (Direction::ReadsFromServer, peer, Multicast),
            ("h264", what),
            move |stage| in_group::read(stage, peer, Version::V1, groups),
        );
    }
    matrix.add(
        (Direction::ReadsFromServer, &ffmpeg::PEER, Multicast),
        ("h264", ""),
        |stage| in_group::read(stage, &ffmpeg::PEER, Version::V1, Groups::Routed),
    );
    matrix.needs(&in_group::ROUTE);
    for (version, what) in [
        (Version::V1, "one source in IPv6"),
        (Version::V2, "one source in IPv6, RTSP/2.0"),
    ] {
        matrix.add(
            (Direction::ReadsFromServer, &trackside::CLIENT, Multicast),
            ("h264", what),
            move |stage| in_group::read(stage, &trackside::CLIENT, version, Groups::OneSourceV6),
        );
        matrix.needs(&in_group::ROUTE_V6);
    }
    matrix.add(
        (Direction::PlaysToClient, &vlc::PEER, Multicast),
        ("h264", "record"),
        |stage| in_group::played(stage, "h264"),
    );
}

/// The same peers without us.
pub(crate) fn without_us() -> Vec<Cell> {
    let mut matrix = Matrix::default();
    let readers = READERS
        .iter()
        .copied()
        .chain([(&live555::PEER, "h264", Expect::LIVE)]);
    for (peer, clip, expect) in readers {
        for transport in Transport::BOTH {
            matrix.add(
                (Direction::Baseline, peer, transport),
                (clip, "reads"),
                move |stage| baseline::read(stage, peer, transport, clip, expect),
            );
            matrix.needs(&gst_rtsp_server::PEER);
        }
    }
    for (peer, transports, expect) in SERVERS.iter().copied() {
        for transport in transports.iter().copied() {
            matrix.add(
                (Direction::Baseline, peer, transport),
                ("h264", "serves"),
                move |stage| baseline::served(stage, peer, transport, "h264", expect),
            );
        }
    }
    // GStreamer's depacketizer drops access units of a first packet that holds several, as FFmpeg's do: no look at the audio.
    let picture = Expect {
        start: Start::First,
        ..Expect::PICTURES
    };
    for (sink, expect) in [
        (&gst_rtsp_server::PEER, picture),
        (&ffmpeg::PEER, FROM_THE_START),
    ] {
        for transport in Transport::BOTH {
            matrix.add(
                (Direction::Baseline, sink, transport),
                ("h264", "takes"),
                move |stage| client::taken(stage, sink, &ffmpeg::PEER, transport, "h264", expect),
            );
        }
    }
    matrix.0
}

#[cfg(test)]
mod tests {
    use super::super::clip;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_cell_has_a_name_of_its_own_and_a_clip() {
        let mut seen = BTreeSet::new();
        for cell in cells().into_iter().chain(without_us()) {
            assert!(clip::recipe(cell.clip).is_ok(), "{}", cell.clip);
            assert!(seen.insert(cell.id()), "{} twice", cell.id());
        }
    }

    #[test]
    fn each_peer_is_in_the_matrix() {
        for peer in super::super::peers::ALL {
            assert!(
                cells().iter().any(|cell| cell.peer == peer.name),
                "{}",
                peer.name
            );
        }
    }
}
