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
    /// The extended timestamp of the common start, once it is fixed.
    origin: Option<i64>,
}

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
/// [`fix`](Self::fix) was called, or at the first call without it.
#[derive(Debug)]
pub struct Timeline {
    tracks: Vec<Option<Track>>,
    start: Option<Duration>,
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
                extender: TimestampExtender::default(),
                first: None,
                start: None,
                report: None,
                early: None,
                origin: None,
            })
        };
        Self {
            tracks: clock_rates.iter().map(track).collect(),
            start: None,
            fixed: None,
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

    /// The best alignment that all media allow by now; `None` while none has had a packet.
    #[must_use]
    pub fn best(&self) -> Option<Alignment> {
        self.begun().next()?;
        let tracks = || self.tracks.iter().flatten();
        Some(
            if tracks().all(|track| track.report.is_some() || track.early.is_some()) {
                Alignment::SenderReports
            } else if tracks().all(|track| track.start.is_some()) {
                Alignment::RtpInfo
            } else {
                Alignment::Arrival
            },
        )
    }

    /// Whether every received media has had a packet.
    #[must_use]
    pub fn all_begun(&self) -> bool {
        self.tracks
            .iter()
            .flatten()
            .all(|track| track.first.is_some())
    }

    /// Fixes the alignment by the best that is known now, and says which that is. The earliest first packet by now is the
    /// common start. Does nothing the second time.
    pub fn fix(&mut self) -> Option<Alignment> {
        if let Some(fixed) = &self.fixed {
            return Some(fixed.alignment);
        }
        let alignment = self.best()?;
        let arrival = self
            .begun()
            .filter_map(|t| t.first)
            .map(|(_, at)| at)
            .min()?;
        let moments = self.begun().filter_map(|t| t.moment(alignment, arrival));
        let moment = moments.min()?;
        self.fixed = Some(Fixed {
            alignment,
            moment,
            arrival,
        });
        Some(alignment)
    }

    /// Where `timestamp` lies; it must be near the last packet's. `None` for media without packets.
    pub fn place(&mut self, media: usize, timestamp: u32) -> Option<Place> {
        self.fix()?;
        let fixed = self.fixed?;
        let track = self.tracks.get_mut(media)?.as_mut()?;
        let origin = track.origin(&fixed)?;
        let extended = track.peek(timestamp);
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

    /// The extended timestamp of the common start.
    fn origin(&mut self, fixed: &Fixed) -> Option<i64> {
        if self.origin.is_none() {
            let (first, _) = self.first?;
            // A media that began later may lack what the others were aligned by.
            let since_start = match self.moment(fixed.alignment, fixed.arrival) {
                Some(moment) => moment - fixed.moment,
                None => self.moment(Alignment::Arrival, fixed.arrival)?,
            };
            self.origin = Some(first - self.ticks(since_start));
        }
        self.origin
    }

    /// When the first packet was, on the clock that `alignment` shares, in nanoseconds; arrivals count from `start`.
    fn moment(&self, alignment: Alignment, start: Instant) -> Option<i128> {
        let (first, arrival) = self.first?;
        match alignment {
            Alignment::SenderReports => {
                let (reported, unix) = self.report?;
                Some(unix + self.nanos(first - reported))
            }
            Alignment::RtpInfo => Some(self.nanos(first - self.start_extended()?)),
            Alignment::Arrival => {
                i128::try_from(arrival.saturating_duration_since(start).as_nanos()).ok()
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

#[cfg(test)]
mod tests;
