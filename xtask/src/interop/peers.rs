//! The peers, one a file.

pub(crate) mod aio_rtsp_toolkit;
pub(crate) mod aiortsp;
pub(crate) mod ffmpeg;
pub(crate) mod gst_rtsp_server;
pub(crate) mod gstreamer;
pub(crate) mod live555;
pub(crate) mod mpv;
pub(crate) mod opencv;
pub(crate) mod pyav;
pub(crate) mod retina;
pub(crate) mod trackside;
pub(crate) mod vlc;
pub(crate) mod websockets;

use super::peer::Peer;

/// All of them, in the order of the table. FFmpeg first: every other cell needs it.
pub(crate) const ALL: &[&Peer] = &[
    &ffmpeg::PEER,
    &gstreamer::PEER,
    &gst_rtsp_server::PEER,
    &vlc::PEER,
    &mpv::PEER,
    &opencv::PEER,
    &pyav::PEER,
    &aiortsp::PEER,
    &aio_rtsp_toolkit::PEER,
    &live555::PEER,
    &websockets::PEER,
    &retina::PEER,
    &trackside::CLIENT,
];
