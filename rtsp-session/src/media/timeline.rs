//! From RTP timestamps to positions in the presentation and to the time of day, with all media on one clock.

use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use rtp_core::timestamp::TimestampExtender;

use super::ClockPair;

/// By what the media of a presentation are aligned with each other. Later is better; complete by nature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alignment {
    /// By the arrival of the first packet of each: off by what the network and the server's start add.
    Arrival,
    /// By the timestamps that RTP-Info gives for one position (RFC 7826 §18.45).
    RtpInfo,
    /// By the wall clock in sender reports (RFC 3550 §6.4.1).
    SenderReports,
}

/// Where a timestamp lies.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Place {
    /// Ticks of the media's clock since the common start of all media; negative for what lies before it. Never wraps.
    pub ticks: i64,
    /// The same in seconds; media are in sync where theirs are equal.
    pub seconds: f64,
    /// The position in the presentation, if PLAY told where it starts.
    pub position: Option<Duration>,
    /// The sender's time of day, if it reported one.
    pub wall: Option<SystemTime>,
}

#[derive(Debug)]
struct Track {
    clock_rate: u32,
    extender: TimestampExtender,
    /// Extended timestamp and arrival of the first packet.
    first: Option<(i64, Instant)>,
    /// From RTP-Info: the timestamp of the start, not yet extended.
    start: Option<u32>,
    /// The last report: extended timestamp, Unix time in nanoseconds.
    report: Option<(i64, i128)>,
    /// A report that came before the first packet.
    early: Option<ClockPair>,
}

/// The clocks of the media of one presentation.
///
/// Media that start to be placed keep their alignment: [`place`](Self::place) uses the best that was known when
/// [`fix`](Self::fix) was called, or at the first call without it.
#[derive(Debug)]
pub struct Timeline {
    tracks: Vec<Option<Track>>,
    start: Option<Duration>,
    /// Per media: the extended timestamp that is the common start.
    origins: Option<(Alignment, Vec<i64>)>,
}

impl Timeline {
    /// For media with these clock rates in Hz; `None` for media that are not received.
    #[must_use]
    pub fn new(clock_rates: &[Option<u32>]) -> Self {
        let track = |rate: &Option<u32>| {
            let clock_rate = (*rate)?;
            Some(Track {
                clock_rate: clock_rate.max(1),
                extender: TimestampExtender::default(),
                first: None,
                start: None,
                report: None,
                early: None,
            })
        };
        Self {
            tracks: clock_rates.iter().map(track).collect(),
            start: None,
            origins: None,
        }
    }

    /// Takes what PLAY told: the position of the start, and the timestamp of each media there.
    pub fn on_play(&mut self, start: Option<Duration>, timestamps: &[Option<u32>]) {
        self.start = start;
        for (track, timestamp) in self.tracks.iter_mut().zip(timestamps) {
            if let Some(track) = track {
                track.start = *timestamp;
            }
        }
    }

    /// Takes a packet in order. The first of each media sets its start.
    pub fn on_packet(&mut self, media: usize, timestamp: u32, arrival: Instant) {
        let Some(Some(track)) = self.tracks.get_mut(media) else {
            return;
        };
        let extended = track.extender.extend(timestamp);
        if track.first.is_none() {
            track.first = Some((extended, arrival));
            if let Some(early) = track.early.take() {
                track.on_report(early);
            }
        }
    }

    /// Takes a sender report.
    pub fn on_report(&mut self, media: usize, clocks: ClockPair) {
        if let Some(Some(track)) = self.tracks.get_mut(media) {
            if track.first.is_some() {
                track.on_report(clocks);
            } else {
                track.early = Some(clocks);
            }
        }
    }

    /// The best alignment that all media allow which have packets; `None` while none has.
    #[must_use]
    pub fn best(&self) -> Option<Alignment> {
        let mut begun = self.begun().peekable();
        begun.peek()?;
        let mut best = Alignment::SenderReports;
        for track in begun {
            let allows = if track.report.is_some() {
                Alignment::SenderReports
            } else if track.start.is_some() {
                Alignment::RtpInfo
            } else {
                Alignment::Arrival
            };
            best = best.min(allows);
        }
        // What one media has from reports and another from RTP-Info does not fit together.
        if best == Alignment::RtpInfo && self.begun().any(|track| track.start.is_none()) {
            best = Alignment::Arrival;
        }
        Some(best)
    }

    /// Whether every received media has had a packet.
    #[must_use]
    pub fn all_begun(&self) -> bool {
        self.tracks
            .iter()
            .flatten()
            .all(|track| track.first.is_some())
    }

    /// Fixes the alignment by the best that is known now, and says which that is. Does nothing the second time.
    pub fn fix(&mut self) -> Option<Alignment> {
        if let Some((alignment, _)) = &self.origins {
            return Some(*alignment);
        }
        let alignment = self.best()?;
        let origins = self.origins_by(alignment);
        self.origins = Some((alignment, origins));
        Some(alignment)
    }

    /// Where `timestamp` lies; it must be near the last packet's. `None` for media without packets.
    pub fn place(&mut self, media: usize, timestamp: u32) -> Option<Place> {
        self.fix()?;
        let track = self.tracks.get(media)?.as_ref()?;
        track.first?;
        let extended = track.peek(timestamp);
        let origin = match &self.origins {
            Some((_, origins)) => origins.get(media).copied()?,
            None => return None,
        };
        let ticks = extended - origin;
        let from_start = track.start_extended().map(|start| extended - start);
        let position = self.start.zip(from_start).map(|(start, ticks)| {
            let time = rtp_core::timestamp::to_duration(ticks.unsigned_abs(), track.clock_rate);
            if ticks < 0 {
                start.saturating_sub(time)
            } else {
                start + time
            }
        });
        let wall = track.report.and_then(|(reported, unix)| {
            let nanos = unix + track.nanos(extended - reported);
            let nanos = u64::try_from(nanos).ok()?;
            Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos))
        });
        Some(Place {
            ticks,
            seconds: ticks as f64 / f64::from(track.clock_rate),
            position,
            wall,
        })
    }

    fn begun(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().flatten().filter(|t| t.first.is_some())
    }

    /// For each media the extended timestamp of one common moment: that of the earliest first packet.
    fn origins_by(&self, alignment: Alignment) -> Vec<i64> {
        let moments: Vec<Option<i128>> = self
            .tracks
            .iter()
            .map(|track| {
                track
                    .as_ref()
                    .and_then(|track| track.moment(alignment, self))
            })
            .collect();
        let earliest = moments.iter().flatten().min().copied().unwrap_or_default();
        self.tracks
            .iter()
            .zip(moments)
            .map(|(track, moment)| {
                let (Some(track), Some(moment)) = (track, moment) else {
                    return 0;
                };
                let first = track.first.map_or(0, |(first, _)| first);
                first - track.ticks(moment - earliest)
            })
            .collect()
    }
}

impl Track {
    fn on_report(&mut self, clocks: ClockPair) {
        let extended = self.peek(clocks.timestamp);
        let unix = i128::try_from(clocks.ntp.to_unix().as_nanos()).unwrap_or(i128::MAX);
        self.report = Some((extended, unix));
    }

    /// The extended value of a timestamp, without moving on.
    fn peek(&self, timestamp: u32) -> i64 {
        let mut copy = self.extender;
        copy.extend(timestamp)
    }

    fn start_extended(&self) -> Option<i64> {
        // The start lies near the first packet, however long ago that was.
        let (first, _) = self.first?;
        let step = rtp_core::timestamp::distance(first as u32, self.start?);
        Some(first + i64::from(step))
    }

    /// When the first packet was, on the clock that `alignment` shares, in nanoseconds.
    fn moment(&self, alignment: Alignment, timeline: &Timeline) -> Option<i128> {
        let (first, arrival) = self.first?;
        match alignment {
            Alignment::SenderReports => {
                let (reported, unix) = self.report?;
                Some(unix + self.nanos(first - reported))
            }
            Alignment::RtpInfo => Some(self.nanos(first - self.start_extended()?)),
            Alignment::Arrival => {
                let earliest = timeline
                    .begun()
                    .filter_map(|t| t.first)
                    .map(|(_, at)| at)
                    .min()?;
                i128::try_from(arrival.saturating_duration_since(earliest).as_nanos()).ok()
            }
        }
    }

    fn nanos(&self, ticks: i64) -> i128 {
        i128::from(ticks) * 1_000_000_000 / i128::from(self.clock_rate)
    }

    /// Nanoseconds in ticks, rounded to the nearest.
    fn ticks(&self, nanos: i128) -> i64 {
        let ticks = (nanos * i128::from(self.clock_rate) + 500_000_000).div_euclid(1_000_000_000);
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }
}
