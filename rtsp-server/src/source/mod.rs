//! Recorded sources: the built-in demo, played as one endless live stream, and files, played to each session on its own.
//!
//! What a track of a movie is in SDP and RTP, and how its samples become packets, is known to [`rtsp_client::movie`]. [`demo`]
//! and [`file`] decide which sample is due when. Neither knows of sessions, readers or sockets.

use std::time::Duration;
use std::time::SystemTime;

use bytes::Bytes;
use rtp_core::Codec;
use rtsp_client::movie::MediaSender;
use rtsp_client::movie::MediaStart;
use rtsp_client::movie::RtpFormat;
use rtsp_client::mp4::TrackConfig;

pub(crate) mod demo;

pub(crate) mod file;
pub(crate) mod live;
pub(crate) mod player;
pub(crate) mod pull;
pub(crate) mod splice;

/// Paths that begin so are files of the directory that the server was given.
pub(crate) const FILES: &str = "/files/";

/// Where a source puts its packets.
pub(crate) trait Sink {
    /// Takes one whole RTP packet of the media with this index.
    fn push(&mut self, media: usize, packet: Bytes);

    /// Takes note of what a sender report for this media would say now. Called now and then.
    fn report(&mut self, media: usize, report: SenderReport);

    /// Sends what was pushed since the last call, as one batch.
    ///
    /// # Errors
    /// When nothing that is pushed will be sent any more.
    fn flush(&mut self) -> Result<(), Closed>;
}

/// The sink takes no more packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream is closed")]
pub(crate) struct Closed;

/// What a sender report says of one media (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SenderReport {
    /// The media's synchronization source.
    pub(crate) ssrc: u32,
    /// A moment by the wall clock, for the NTP timestamp.
    pub(crate) wall: SystemTime,
    /// The same moment in RTP time.
    pub(crate) rtp_timestamp: u32,
    /// Packets sent so far, modulo 2^32.
    pub(crate) packet_count: u32,
    /// Payload bytes sent so far, modulo 2^32.
    pub(crate) octet_count: u32,
}

/// Why a movie cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The movie is unreadable, or was changed while in use.
    #[error(transparent)]
    Movie(#[from] rtsp_client::mp4::Error),
    /// There are no packets for this codec.
    #[error("no payload format for {0:?}")]
    Format(Codec),
    /// A sample is not what its codec says.
    #[error("sample {sample} of media {media}: {error}")]
    Sample {
        /// The media, by index.
        media: usize,
        /// The sample, by index.
        sample: u32,
        /// What the packetizer made of it.
        error: rtp_core::Error,
    },
}

/// The sending side of the track that is media `index` of its presentation.
pub(crate) fn sender(
    config: &TrackConfig,
    index: usize,
    start: MediaStart,
) -> Result<MediaSender, SourceError> {
    let format = RtpFormat::of(config, index).ok_or(SourceError::Format(Codec::Other))?;
    MediaSender::new(format, start).map_err(|_| SourceError::Format(format.codec))
}

/// The last moment at or before this one that is a whole number of ticks of the usual clocks: a multiple of 20 ms.
///
/// Reports are made of such moments: else each would be off by its own fraction of a tick, and receivers that take their times
/// from reports would see the media jump by a tick with each.
pub(crate) fn whole_ticks(time: Duration) -> Duration {
    const GRID: u128 = 20_000_000;
    let beyond = time.as_nanos() % GRID;
    time.saturating_sub(Duration::from_nanos(beyond as u64))
}
