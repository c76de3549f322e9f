//! Where a reading session is in what it plays: what PLAY, PAUSE and the notifications say of it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rtsp_msg::headers::{NptTime, Range};
use rtsp_session::{
    Now,
    server::{MediaUpdates, Nature},
};

use super::Reading;

/// What a PLAY asked for, and got.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    /// The number of the request.
    pub(crate) cseq: u32,
    /// As it was answered.
    pub(crate) range: Range,
}

/// The course of one reading session.
#[derive(Debug)]
pub(crate) struct Course {
    /// How long what it plays lasts; `None` for what is live.
    length: Option<Duration>,
    pub(crate) played: Option<Played>,
    /// Ranges that follow the one that plays (RFC 2326 §10.5).
    pub(crate) queue: VecDeque<Range>,
    /// All of the last range was sent.
    pub(crate) ended: bool,
    /// Where a live reader paused.
    pub(crate) paused: Option<Range>,
    /// When the peer is next told how far live media reach.
    updates: MediaUpdates,
}

impl Course {
    pub(crate) fn new(length: Option<Duration>) -> Self {
        Self {
            length,
            played: None,
            queue: VecDeque::new(),
            ended: false,
            paused: None,
            updates: MediaUpdates::new(Now::read(), 0),
        }
    }

    pub(crate) fn length(&self) -> Option<Duration> {
        self.length
    }

    /// A PLAY was done.
    pub(crate) fn play(&mut self, cseq: Option<u32>, range: Option<Range>) {
        self.ended = false;
        self.paused = None;
        self.played = cseq.zip(range).map(|(cseq, range)| Played { cseq, range });
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
        self.course.length.is_none() && self.course.updates.due(now, basis)
    }

    /// What it reads.
    pub(crate) fn nature(&self) -> Nature {
        match self.course.length {
            Some(length) => Nature::recorded(length),
            None => {
                let reach = self.stream.progress.reach(Instant::now());
                match reach.grows {
                    true => Nature::live(reach.elapsed),
                    false => Nature::halted(reach.elapsed),
                }
            }
        }
    }

    /// Where it is, or where a PLAY without a Range goes on.
    pub(crate) fn position(&self) -> Duration {
        let of = |range: &Range| match range {
            Range::Npt {
                start: Some(NptTime::At(at)),
                ..
            } => Some(*at),
            _ => None,
        };
        match (&self.player, &self.course.paused) {
            (Some(player), _) => NptTime::parse(&player.position())
                .and_then(|at| match at {
                    NptTime::At(at) => Some(at),
                    NptTime::Now => None,
                })
                .unwrap_or_default(),
            (None, Some(paused)) => of(paused).unwrap_or_default(),
            (None, None) => of(&self.nature().position()).unwrap_or_default(),
        }
    }

    /// The rest of what it plays, from where it is.
    pub(crate) fn rest(&self) -> Range {
        let end = match self.course.played.as_ref().map(|played| &played.range) {
            Some(Range::Npt { end, .. }) if self.player.is_some() => *end,
            _ => None,
        };
        Range::Npt {
            start: Some(NptTime::At(self.position())),
            end,
        }
    }

    /// All of what it played: to the end that was set, or to where it is.
    pub(crate) fn whole(&self) -> Range {
        let (start, end) = match self.course.played.as_ref().map(|played| &played.range) {
            Some(Range::Npt { start, end }) => (*start, *end),
            _ => (None, None),
        };
        Range::Npt {
            start,
            end: end.or_else(|| Some(NptTime::At(self.position()))),
        }
    }
}
