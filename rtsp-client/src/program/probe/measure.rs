//! What comes over one transport.

use std::time::Duration;
use std::time::Instant;

use rtp_core::Codec;
use rtp_core::Depacketizer;
use rtsp_client::Described;
use rtsp_client::Error;
use rtsp_client::Event;
use rtsp_client::MediaPacket;
use rtsp_client::PlayOptions;
use rtsp_session::client::Deviation;
use rtsp_session::client::PlayStart;
use rtsp_session::client::Seeking;
use rtsp_session::media::ReceiverStatistics;

/// How long a transport that is only tried may take for its first packet.
const TRY: Duration = Duration::from_secs(3);

/// What came of one media.
#[derive(Debug, Default)]
pub(super) struct MediaMeasurement {
    pub(super) media: usize,
    pub(super) first_packet: Option<Duration>,
    pub(super) first_key_frame: Option<Duration>,
    pub(super) has_key_frames: bool,
    pub(super) frames: u64,
    pub(super) dimensions: Option<(u32, u32)>,
    pub(super) codec: Option<String>,
    pub(super) statistics: ReceiverStatistics,
    /// Whether SRTP encrypts it.
    pub(super) secured: bool,
}

/// What came.
#[derive(Debug)]
pub(super) struct Measurement {
    pub(super) over: Duration,
    pub(super) media: Vec<MediaMeasurement>,
    /// Packets of SRTP that could not be opened.
    pub(super) unopened: u64,
    /// What the server said that it plays.
    pub(super) start: PlayStart,
    /// What the server does otherwise than the RFCs say, and how often.
    pub(super) deviations: Vec<(Deviation, u64)>,
    /// Where the presentation can be played from.
    pub(super) seeking: Seeking,
    /// Why it ended early, if it did.
    pub(super) end: Option<String>,
}

/// One media under observation.
struct Watch {
    codec: Codec,
    payload_type: u8,
    depacketizer: Option<Depacketizer>,
    measurement: MediaMeasurement,
}

impl Measurement {
    /// Plays for `duration`, or just until the first packet.
    pub(super) async fn take(
        described: Described,
        play: PlayOptions,
        duration: Duration,
        full: bool,
    ) -> Result<Self, Error> {
        let mut watches: Vec<Watch> = described
            .selected()
            .iter()
            .filter_map(|&index| Watch::new(&described, index))
            .collect();
        let start = Instant::now();
        let mut playing = described.play(play).await?;
        let playing_since = Instant::now();
        let deadline = playing_since + if full { duration.max(TRY) } else { TRY };
        let mut first = None;
        let mut end = None;
        loop {
            // The time counts from the first packet on, so that a slow start does not spoil the rates.
            let until = match first {
                Some(_) if !full => break,
                Some(at) => at + duration,
                None => deadline,
            };
            match tokio::time::timeout_at(until.into(), playing.next_event()).await {
                Err(_) => break,
                Ok(Ok(Some(Event::Packet(packet)))) => {
                    first.get_or_insert(packet.arrival);
                    let mut watches = watches.iter_mut();
                    let watch = watches.find(|w| w.measurement.media == packet.media);
                    if let Some(watch) = watch {
                        watch.take(&packet, start);
                    }
                }
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => {
                    end = playing.end().map(ToString::to_string);
                    break;
                }
                Ok(Err(error)) => {
                    end = Some(error.to_string());
                    break;
                }
            }
        }
        let over = first.map_or(Duration::ZERO, |first| first.elapsed());
        for watch in &mut watches {
            let statistics = playing.statistics(watch.measurement.media);
            watch.measurement.statistics = statistics.unwrap_or_default();
            watch.measurement.secured = playing.is_secured(watch.measurement.media);
        }
        let (start, seeking) = (playing.info().clone(), playing.seeking());
        let deviations = playing.deviations();
        let unopened = playing.unopened();
        playing.close().await;
        Ok(Self {
            over,
            deviations,
            unopened,
            start,
            seeking,
            media: watches.into_iter().map(Watch::finish).collect(),
            end,
        })
    }

    pub(super) fn any_packet(&self) -> bool {
        self.media.iter().any(|media| media.first_packet.is_some())
    }
}

impl Watch {
    fn new(described: &Described, index: usize) -> Option<Self> {
        let format = described.description().media.get(index)?.formats.first()?;
        let codec = Codec::from_encoding_name(&format.encoding);
        let depacketizer = Depacketizer::new(
            codec,
            format.clock_rate,
            format.channels,
            format.fmtp.as_deref(),
        );
        Some(Self {
            codec,
            payload_type: format.payload_type,
            depacketizer: depacketizer.ok(),
            measurement: MediaMeasurement {
                media: index,
                has_key_frames: rtp_core::keyframe::has_key_frames(codec),
                ..MediaMeasurement::default()
            },
        })
    }

    fn take(&mut self, packet: &MediaPacket, start: Instant) {
        let after = packet.arrival.saturating_duration_since(start);
        self.measurement.first_packet.get_or_insert(after);
        if packet.packet.payload_type() != self.payload_type {
            return;
        }
        if rtp_core::keyframe::random_access(self.codec, packet.packet.payload()) {
            self.measurement.first_key_frame.get_or_insert(after);
        }
        if let Some(depacketizer) = &mut self.depacketizer {
            // A packet that cannot be read is no reason to stop looking.
            let _ = depacketizer.push(&packet.packet);
            while depacketizer.pop().is_some() {
                self.measurement.frames += 1;
            }
        }
    }

    fn finish(mut self) -> MediaMeasurement {
        if let Some(parameters) = self
            .depacketizer
            .as_ref()
            .and_then(Depacketizer::parameters)
        {
            self.measurement.dimensions = parameters.dimensions();
            self.measurement.codec = parameters.codec_string();
        }
        self.measurement
    }
}
