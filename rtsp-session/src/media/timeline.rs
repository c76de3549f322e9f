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
    /// The same in seconds, corrected by what sender reports tell about the drift of the media's clock; media are in sync where
    /// theirs are equal.
    pub seconds: f64,
    /// The position in the presentation, if PLAY told where it starts.
    pub position: Option<Duration>,
    /// The sender's time of day, if it reported one.
    pub wall: Option<SystemTime>,
}

/// One media.
#[derive(Debug)]
struct Track {
    clock_rate: u32,
    /// From RTP-Info: the timestamp of the start, until there is a packet to extend it by.
    start: Option<u32>,
    /// In the order of their first packets.
    sources: Vec<Source>,
    /// A report that came before the first packet.
    early: Option<ClockPair>,
}

/// One source of a media: its timestamps begin anywhere.
#[derive(Debug)]
struct Source {
    ssrc: u32,
    clock_rate: u32,
    extender: TimestampExtender,
    /// Extended timestamp and arrival of the first packet.
    first: (i64, Instant),
    /// The extended timestamp at the position where PLAY started.
    start: Option<i64>,
    /// The next packet is where PLAY started.
    starts_next: bool,
    /// The last report: extended timestamp, Unix time in nanoseconds.
    report: Option<(i64, i128)>,
    /// How far the sender's wall clock has run ahead of its media clock since the first report, in nanoseconds.
    drift: i128,
    /// The extended timestamp of the common start, once it is fixed.
    origin: Option<i64>,
}

/// More sources than this in one media are not kept apart; the oldest is forgotten.
const MAX_SOURCES: usize = 16;

/// Between two reports clocks drift by less than one part in this. What is more is a step: a pause, a seek, a corrected clock.
const STEP: i128 = 100;

/// The common start of all media, on both clocks that place them.
#[derive(Clone, Copy, Debug)]
struct Fixed {
    alignment: Alignment,
    /// On the clock of the alignment, nanoseconds.
    moment: i128,
    arrival: Instant,
}

/// The clocks of the media of one presentation.
///
/// Media that start to be placed keep their alignment: [`place`](Self::place) uses the best that was known when
/// [`fix`](Self::fix) was called, or at the first call without it. Sender reports correct what drifts after that.
#[derive(Debug)]
pub struct Timeline {
    tracks: Vec<Option<Track>>,
    start: Option<Duration>,
    scale: f64,
    /// PLAY gave no timestamp at all: what comes next is where it started.
    untold: bool,
    fixed: Option<Fixed>,
}

impl Timeline {
    /// For media with these clock rates in Hz; `None` for media that are not received.
    #[must_use]
    pub fn new(clock_rates: &[Option<u32>]) -> Self {
        let track = |rate: &Option<u32>| {
            let clock_rate = (*rate)?;
            Some(Track {
                clock_rate: clock_rate.max(1),
                start: None,
                sources: Vec::new(),
                early: None,
            })
        };
        Self {
            tracks: clock_rates.iter().map(track).collect(),
            start: None,
            scale: 1.0,
            untold: true,
            fixed: None,
        }
    }

    /// Takes what PLAY told: the position of the start, how fast positions go by (`Scale`), and the timestamp of each media at
    /// the start. Media without a timestamp are placed by their alignment; where none has one, each starts with its next packet.
    pub fn on_play(&mut self, start: Option<Duration>, scale: f64, timestamps: &[Option<u32>]) {
        self.start = start;
        self.scale = scale;
        self.untold = timestamps.iter().all(Option::is_none);
        for (track, timestamp) in self.tracks.iter_mut().zip(timestamps) {
            if let Some(track) = track {
                track.start = *timestamp;
                for source in &mut track.sources {
                    source.start = timestamp.map(|timestamp| source.peek(timestamp));
                    source.starts_next = self.untold;
                    // The wall clock may have gone on while the media's stood still.
                    source.report = None;
                }
            }
        }
    }

    /// Takes a packet in order. The first of each media sets its start.
    pub fn on_packet(&mut self, media: usize, ssrc: u32, timestamp: u32, arrival: Instant) {
        let Some(Some(track)) = self.tracks.get_mut(media) else {
            return;
        };
        if let Some(source) = track.sources.iter_mut().find(|source| source.ssrc == ssrc) {
            let extended = source.extender.extend(timestamp);
            if std::mem::take(&mut source.starts_next) {
                source.start = Some(extended);
            }
            return;
        }
        if track.sources.len() == MAX_SOURCES {
            track.sources.remove(0);
        }
        let first = track.sources.is_empty();
        let mut source = Source::new(ssrc, track.clock_rate, timestamp, arrival);
        // The start lies near the first packet. RTP-Info is about the source that was there when PLAY was answered.
        let start = track.start.filter(|_| first);
        source.start = start.map(|start| source.peek(start));
        if first && self.untold {
            source.start = Some(source.first.0);
        }
        if let Some(early) = track.early.take() {
            source.on_report(early);
        }
        track.sources.push(source);
    }

    /// Takes a sender report of a source.
    pub fn on_report(&mut self, media: usize, ssrc: u32, clocks: ClockPair) {
        if let Some(Some(track)) = self.tracks.get_mut(media) {
            let known = track.sources.iter_mut().find(|source| source.ssrc == ssrc);
            match known {
                Some(source) => source.on_report(clocks),
                None => track.early = Some(clocks),
            }
        }
    }

    /// The best alignment that all media allow by now; `None` while none has had a packet.
    #[must_use]
    pub fn best(&self) -> Option<Alignment> {
        self.begun().next()?;
        let tracks = || self.tracks.iter().flatten();
        Some(if tracks().all(Track::is_reported) {
            Alignment::SenderReports
        } else if tracks().all(|track| track.start.is_some()) {
            Alignment::RtpInfo
        } else {
            Alignment::Arrival
        })
    }

    /// Whether every received media has had a packet.
    #[must_use]
    pub fn all_begun(&self) -> bool {
        let mut tracks = self.tracks.iter().flatten();
        tracks.all(|track| !track.sources.is_empty())
    }

    /// Fixes the alignment by the best that is known now, and says which that is. The earliest first packet by now is the
    /// common start. Does nothing the second time.
    pub fn fix(&mut self) -> Option<Alignment> {
        if let Some(fixed) = &self.fixed {
            return Some(fixed.alignment);
        }
        let alignment = self.best()?;
        let arrival = self.begun().map(|source| source.first.1).min()?;
        let moments = self.begun().filter_map(|s| s.moment(alignment, arrival));
        let moment = moments.min()?;
        self.fixed = Some(Fixed {
            alignment,
            moment,
            arrival,
        });
        Some(alignment)
    }

    /// Where `timestamp` of a source lies; it must be near the last packet's. `None` for media and sources without packets.
    pub fn place(&mut self, media: usize, ssrc: u32, timestamp: u32) -> Option<Place> {
        self.fix()?;
        let fixed = self.fixed?;
        let reference = self.start_on_common_clock();
        let track = self.tracks.get_mut(media)?.as_mut()?;
        let source = track
            .sources
            .iter_mut()
            .find(|source| source.ssrc == ssrc)?;
        let origin = source.origin(&fixed)?;
        let extended = source.peek(timestamp);
        let ticks = extended - origin;
        let drift = source.drift as f64 / 1e9;
        let seconds = source.seconds(ticks) + drift;
        let since = match source.start {
            // RFC 7826 §18.45: the time since the start, on the media's clock, corrected by the sender's.
            Some(at) => Some(source.seconds(extended - at) + drift),
            None => reference.map(|start| seconds - start),
        };
        let position = self.start.zip(since).map(|(start, since)| {
            let position = start.as_secs_f64() + since * self.scale;
            Duration::try_from_secs_f64(position).unwrap_or_default()
        });
        let wall = source.report.and_then(|(reported, unix)| {
            let nanos = unix + source.nanos(extended - reported);
            let nanos = u64::try_from(nanos).ok()?;
            Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos))
        });
        Some(Place {
            ticks,
            seconds,
            position,
            wall,
        })
    }

    /// Where PLAY started, in seconds since the common start, as far as some media that is placed knows it.
    fn start_on_common_clock(&self) -> Option<f64> {
        let mut sources = self.tracks.iter().flatten().flat_map(|t| &t.sources);
        sources.find_map(|source| Some(source.seconds(source.start? - source.origin?)))
    }

    /// The first source of each media that has one.
    fn begun(&self) -> impl Iterator<Item = &Source> {
        self.tracks
            .iter()
            .flatten()
            .filter_map(|t| t.sources.first())
    }
}

impl Track {
    fn is_reported(&self) -> bool {
        let first = self.sources.first();
        self.early.is_some() || first.is_some_and(|source| source.report.is_some())
    }
}

impl Source {
    fn new(ssrc: u32, clock_rate: u32, timestamp: u32, arrival: Instant) -> Self {
        let mut extender = TimestampExtender::default();
        let first = extender.extend(timestamp);
        Self {
            ssrc,
            clock_rate,
            extender,
            first: (first, arrival),
            start: None,
            starts_next: false,
            report: None,
            drift: 0,
            origin: None,
        }
    }

    fn on_report(&mut self, clocks: ClockPair) {
        let extended = self.peek(clocks.timestamp);
        let unix = i128::try_from(clocks.ntp.to_unix().as_nanos()).unwrap_or(i128::MAX);
        if let Some((before, then)) = self.report {
            let elapsed = unix - then;
            let ahead = elapsed - self.nanos(extended - before);
            if elapsed > 0 && ahead.abs() * STEP < elapsed {
                self.drift += ahead;
            }
        }
        self.report = Some((extended, unix));
    }

    /// The extended value of a timestamp, without moving on.
    fn peek(&self, timestamp: u32) -> i64 {
        let mut copy = self.extender;
        copy.extend(timestamp)
    }

    /// The extended timestamp of the common start.
    fn origin(&mut self, fixed: &Fixed) -> Option<i64> {
        if self.origin.is_none() {
            // A media that began later may lack what the others were aligned by.
            let since_start = match self.moment(fixed.alignment, fixed.arrival) {
                Some(moment) => moment - fixed.moment,
                None => self.moment(Alignment::Arrival, fixed.arrival)?,
            };
            self.origin = Some(self.first.0 - self.ticks(since_start));
        }
        self.origin
    }

    /// When the first packet was, on the clock that `alignment` shares, in nanoseconds; arrivals count from `start`.
    fn moment(&self, alignment: Alignment, start: Instant) -> Option<i128> {
        let (first, arrival) = self.first;
        match alignment {
            Alignment::SenderReports => {
                let (reported, unix) = self.report?;
                Some(unix + self.nanos(first - reported))
            }
            Alignment::RtpInfo => Some(self.nanos(first - self.start?)),
            Alignment::Arrival => {
                i128::try_from(arrival.saturating_duration_since(start).as_nanos()).ok()
            }
        }
    }

    fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 / f64::from(self.clock_rate)
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

#[cfg(test)]
mod tests;
