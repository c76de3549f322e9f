//! The built-in demo: a clip that repeats for ever, as one live stream.
//!
//! A loop lasts a whole number of ticks in both media, so all times follow from the start instant and the number of
//! the loop: nothing is added up, and nothing drifts.

use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use bytes::Bytes;
use bytes::BytesMut;
use rtsp_client::movie::MediaSender;
use rtsp_client::movie::MediaStart;
use rtsp_client::movie::describe;
use rtsp_client::movie::in_band_parameters;
use rtsp_client::mp4::MovieFile;
use rtsp_client::mp4::duration_to_ticks;
use sdp::Description;

use super::Closed;
use super::SenderReport;
use super::Sink;
use super::SourceError;
use super::sender;
use super::whole_ticks;

/// The clip: `demo/make.sh` makes it and says what is in it.
pub(crate) const CLIP: &[u8] = include_bytes!("../../demo/demo.mp4");

/// How many media the clip has: video, then audio.
pub(crate) const MEDIA: usize = 2;

/// How much is sent at once after a stall. What was due earlier is left out.
const MAX_LATE: Duration = Duration::from_secs(1);
/// How often a sender report is due.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// One sample of the clip.
#[derive(Debug)]
struct Unit {
    media: usize,
    /// From the start of the loop.
    due: Duration,
    /// From the start of the loop, in ticks of the RTP clock.
    ticks: i64,
    random_access: bool,
    /// As it is packetized: with the parameter sets before each key frame.
    payload: Bytes,
}

/// The clip as an endless stream: says which packets are due by a given time. Does not look at a clock.
#[derive(Debug)]
pub(crate) struct DemoStream {
    units: Vec<Unit>,
    senders: Vec<MediaSender>,
    /// The length of one loop, and the same in RTP ticks of each media.
    length: Duration,
    loop_ticks: Vec<i64>,
    start: Instant,
    /// The number of the present loop, and of the next unit within it.
    turn: u64,
    next: usize,
}

/// The clip as DESCRIBE shows it.
pub(crate) fn description() -> Result<Description, SourceError> {
    Ok(describe(&MovieFile::from_static(CLIP)?, "Trackside demo"))
}

impl DemoStream {
    /// The stream that starts at `start`.
    pub(crate) fn new(start: Instant, media: [MediaStart; MEDIA]) -> Result<Self, SourceError> {
        let movie = MovieFile::from_static(CLIP)?;
        let length = movie.duration();
        let mut units = Vec::new();
        let mut senders = Vec::with_capacity(MEDIA);
        for (index, (track, start)) in movie.tracks().iter().zip(media).enumerate() {
            let sender = sender(track.config(), index, start)?;
            let parameters = in_band_parameters(track.config());
            for number in 0..track.sample_count() {
                let Some(sample) = track.sample(number) else {
                    break;
                };
                let mut payload = BytesMut::new();
                if sample.random_access {
                    payload.extend_from_slice(&parameters);
                }
                movie.read_sample(index, number, &mut payload)?;
                let due = rtsp_client::mp4::ticks_to_duration(
                    sample.presentation_time,
                    track.timescale(),
                );
                units.push(Unit {
                    media: index,
                    due,
                    ticks: duration_to_ticks(due, sender.clock_rate()),
                    random_access: sample.random_access && track.config().is_video(),
                    payload: payload.freeze(),
                });
            }
            senders.push(sender);
        }
        units.sort_by_key(|unit| (unit.due, unit.media));
        let loop_ticks = senders
            .iter()
            .map(|sender| duration_to_ticks(length, sender.clock_rate()))
            .collect();
        Ok(Self {
            units,
            senders,
            length,
            loop_ticks,
            start,
            turn: 0,
            next: 0,
        })
    }

    fn turn_start(&self, turn: u64) -> Instant {
        let nanos = self.length.as_nanos().saturating_mul(u128::from(turn));
        let offset = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.start.checked_add(offset).unwrap_or(self.start)
    }

    /// When the next packet is due.
    pub(crate) fn next_due(&self) -> Instant {
        let within = self
            .units
            .get(self.next)
            .map_or(self.length, |unit| unit.due);
        self.turn_start(self.turn) + within
    }

    /// Hands all packets that are due by `now` to `out`, with the index of their media.
    ///
    /// After a stall of more than a second what is too old is left out, up to a key frame: the sequence numbers go on
    /// without a gap, the timestamps tell the time that is missing.
    pub(crate) fn due(
        &mut self,
        now: Instant,
        mut out: impl FnMut(usize, Bytes),
    ) -> Result<(), SourceError> {
        if now.saturating_duration_since(self.next_due()) > MAX_LATE {
            self.skip_to(now);
        }
        while self.next_due() <= now {
            let Some(unit) = self.units.get(self.next) else {
                self.turn += 1;
                self.next = 0;
                continue;
            };
            let (Some(sender), Some(length)) = (
                self.senders.get_mut(unit.media),
                self.loop_ticks.get(unit.media),
            ) else {
                break;
            };
            let turn = i64::try_from(self.turn).unwrap_or(0);
            let ticks = turn.wrapping_mul(*length).wrapping_add(unit.ticks);
            let media = unit.media;
            sender
                .send(&unit.payload, ticks, |packet| out(media, packet))
                .map_err(|error| SourceError::Sample {
                    media,
                    sample: self.next as u32,
                    error,
                })?;
            self.next += 1;
        }
        Ok(())
    }

    /// Goes on at the first key frame that is at most [`MAX_LATE`] old at `now`, or not due yet.
    fn skip_to(&mut self, now: Instant) {
        let Some(oldest) = now.checked_sub(MAX_LATE) else {
            return;
        };
        let elapsed = oldest.saturating_duration_since(self.start).as_nanos();
        self.turn = u64::try_from(elapsed / self.length.as_nanos().max(1)).unwrap_or(u64::MAX);
        self.next = 0;
        while self.next_due() < oldest || !self.at_random_access() {
            self.next += 1;
            if self.next >= self.units.len() {
                self.turn += 1;
                self.next = 0;
            }
        }
    }

    fn at_random_access(&self) -> bool {
        self.units
            .get(self.next)
            .is_none_or(|unit| unit.random_access)
    }

    /// What a sender report for each media says at `now`, which is `wall` by the wall clock.
    pub(crate) fn reports(
        &self,
        now: Instant,
        wall: SystemTime,
    ) -> impl Iterator<Item = (usize, SenderReport)> {
        let now = now.saturating_duration_since(self.start);
        let elapsed = whole_ticks(now);
        let wall = wall.checked_sub(now - elapsed).unwrap_or(wall);
        self.senders.iter().enumerate().map(move |(media, sender)| {
            let (packet_count, octet_count) = sender.counts();
            let ticks = duration_to_ticks(elapsed, sender.clock_rate());
            let report = SenderReport {
                ssrc: sender.ssrc(),
                wall,
                rtp_timestamp: sender.timestamp(ticks),
                packet_count,
                octet_count,
            };
            (media, report)
        })
    }
}

/// Plays the demo into `sink` until that is closed, and answers why it ended.
pub(crate) async fn run(
    mut sink: impl Sink,
    media: [MediaStart; MEDIA],
) -> Result<Closed, SourceError> {
    // The wall clock is read once, so that a report never contradicts an earlier one when that clock is set.
    let (start, wall) = (Instant::now(), SystemTime::now());
    let mut stream = DemoStream::new(start, media)?;
    let mut report_due = start;
    loop {
        let now = Instant::now();
        stream.due(now, |media, packet| sink.push(media, packet))?;
        if let Err(closed) = sink.flush() {
            return Ok(closed);
        }
        if now >= report_due {
            let wall = wall + now.duration_since(start);
            stream
                .reports(now, wall)
                .for_each(|(media, report)| sink.report(media, report));
            report_due = now + REPORT_INTERVAL;
        }
        tokio::time::sleep_until(stream.next_due().into()).await;
    }
}

#[cfg(test)]
mod tests;
