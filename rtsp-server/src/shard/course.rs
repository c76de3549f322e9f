//! Where a reading session is in what it plays: what PLAY, PAUSE and the notifications say of it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rtsp_msg::headers::{AcceptRanges, Range, Scale};
use rtsp_session::{
    Now,
    server::{MediaUpdates, Nature, TimeUnit},
};

use super::Reading;
use crate::source::file::{SCALES, Wish};

/// What a PLAY asked for, and got.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Played {
    /// The number of the request.
    pub(crate) cseq: u32,
    /// The range as it was answered.
    pub(crate) start: Option<Duration>,
    pub(crate) end: Option<Duration>,
    /// The scale as it was answered; none of what cannot be scaled.
    pub(crate) scale: Option<Scale>,
}

/// A PLAY that waits for those before it to be done (RFC 2326 §10.5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued {
    pub(crate) cseq: Option<u32>,
    pub(crate) wish: Wish,
}

/// The film that a session plays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// How long the media last that are set up.
    pub(crate) length: Duration,
    /// Whether there is a picture among them.
    pub(crate) video: bool,
}

/// The course of one reading session.
#[derive(Debug)]
pub(crate) struct Course {
    /// What of a film is played; `None` for what is live.
    pub(crate) film: Option<Extent>,
    /// The units of time that the peer knows, where it said so.
    pub(crate) accepts: Option<AcceptRanges>,
    /// The unit that the session's last PLAY spoke in (RFC 7826 §13.4.1).
    pub(crate) unit: Option<TimeUnit>,
    pub(crate) played: Option<Played>,
    pub(crate) queue: VecDeque<Queued>,
    /// All of the last range was sent.
    pub(crate) ended: bool,
    /// A PLAY has set an end that was passed already: its peer is told once it has the answer (RFC 7826 §13.4.3).
    pub(crate) passed: bool,
    /// When live media are to begin (RFC 2326 §10.5).
    pub(crate) not_before: Option<Instant>,
    /// Where a live reader paused.
    pub(crate) paused: Option<Duration>,
    /// When the peer is next told how far live media reach.
    updates: MediaUpdates,
}

impl Course {
    pub(crate) fn new() -> Self {
        Self {
            film: None,
            accepts: None,
            unit: None,
            played: None,
            queue: VecDeque::new(),
            ended: false,
            passed: false,
            not_before: None,
            paused: None,
            updates: MediaUpdates::new(Now::read(), 0),
        }
    }

    /// A PLAY was done.
    pub(crate) fn play(&mut self, played: Option<Played>) {
        self.ended = false;
        self.paused = None;
        self.played = played;
    }
}

impl Reading {
    /// Its PLAY was answered, and with it how far media reach.
    pub(crate) fn told(&mut self, now: Now) {
        let basis = self.stream.progress.reach(now.monotonic).basis;
        self.course.updates = MediaUpdates::new(now, basis);
    }

    /// True once each time that its peer has to hear how far live media reach.
    pub(crate) fn update_due(&mut self, now: Now) -> bool {
        let basis = self.stream.progress.reach(now.monotonic).basis;
        self.course.film.is_none() && self.course.updates.due(now, basis)
    }

    /// What it reads.
    pub(crate) fn nature(&self) -> Nature {
        let nature = match self.course.film {
            Some(film) => {
                let scales = SCALES.iter().filter(|_| film.video);
                let scales =
                    scales.filter_map(|(from, to)| Some((Scale::new(*from)?, Scale::new(*to))));
                Nature::recorded(film.length).with_scales(scales.collect())
            }
            None => {
                let reach = self.stream.progress.reach(Instant::now());
                let nature = match reach.grows {
                    true => Nature::live(reach.elapsed),
                    false => Nature::halted(reach.elapsed),
                };
                match reach.basis {
                    0 => nature.begun(self.stream.began.wall),
                    // It rested: how its time goes with that of the day nobody has kept.
                    _ => nature,
                }
            }
        };
        nature.accepted_by(self.course.accepts.clone())
    }

    /// The media that were set up have changed.
    pub(crate) fn set_up(&mut self, media: &[usize]) {
        if let Some(player) = &self.player {
            let (length, video) = player.extent(media);
            self.course.film = Some(Extent { length, video });
        }
    }

    /// Where it is, or where a PLAY without a Range goes on.
    pub(crate) fn position(&self) -> Duration {
        match (&self.player, self.course.paused) {
            (Some(player), _) => player.position(),
            (None, Some(paused)) => paused,
            (None, None) => self.nature().position(),
        }
    }

    /// A range in the unit that the session speaks in.
    pub(crate) fn range(&self, start: Option<Duration>, end: Option<Duration>) -> Range {
        let nature = self.nature();
        let unit = self.course.unit.filter(|unit| nature.may_say(*unit));
        nature.range_in(unit.unwrap_or(TimeUnit::Npt), start, end)
    }

    /// Where it is, without an end.
    pub(crate) fn place(&self) -> Range {
        self.range(Some(self.position()), None)
    }

    /// The rest of what it plays, from where it is.
    pub(crate) fn rest(&self) -> Range {
        let (start, end) = self.rest_bounds();
        self.range(start, end)
    }

    /// The same in a unit that was asked for, where it may be said.
    pub(crate) fn rest_in(&self, unit: TimeUnit) -> Range {
        let nature = self.nature();
        let (start, end) = self.rest_bounds();
        match nature.units().contains(&unit) {
            true => nature.range_in(unit, start, end),
            false => self.range(start, end),
        }
    }

    fn rest_bounds(&self) -> (Option<Duration>, Option<Duration>) {
        let played = self.course.played.as_ref();
        let end = match &self.player {
            Some(_) if !self.course.ended => played.and_then(|played| played.end),
            _ => None,
        };
        (Some(self.position()), end)
    }

    /// All of what it played: to the end that was set if it came `to_the_end`, else to where it is.
    pub(crate) fn whole(&self, to_the_end: bool) -> Range {
        let played = self.course.played.as_ref();
        let end = played
            .and_then(|played| played.end)
            .filter(|_| to_the_end)
            .unwrap_or_else(|| self.position());
        self.range(played.and_then(|played| played.start), Some(end))
    }
}
