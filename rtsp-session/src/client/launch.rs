//! From a description to media that flow in one command: SETUP of each media, then PLAY.
//!
//! RTSP/2.0 pipelines them (RFC 7826 §12): all go out at once, under one id of Pipelined-Requests while the session has none of its
//! own, so the first packet comes after one round trip. RTSP/1.0 has to wait for each answer.

use std::collections::VecDeque;

use rtsp_msg::Version;

use super::ClientSession;
use super::Event;
use super::PlayRequest;
use super::PlayStart;
use super::SessionError;
use super::State;
use super::TransportRequest;
use super::request::misuse;
use super::step::Step;
use crate::Now;

/// How many requests of RTSP/2.0 wait for their answers at once.
const WINDOW: usize = 16;

/// A start that is under way.
#[derive(Debug)]
pub(super) struct Launch {
    /// What is not sent yet.
    waiting: VecDeque<Step>,
    play: PlayRequest,
    /// The first thing that went wrong.
    failure: Option<SessionError>,
    /// The answer to PLAY, until all is known.
    playing: Option<PlayStart>,
}

impl ClientSession {
    /// Sets up these media of the description and plays them. There is one `SetUp` for each media that was set up, and in the end
    /// `Playing`; interleaved frames may come before it.
    ///
    /// Each answer is looked at (RFC 7826 §12): where one fails, the outcome is `Failed`, and nothing flows. Media that were set
    /// up stay so; [`setup`](Self::setup) of those that were not, with another transport, and [`play`](Self::play) mend it,
    /// another `start` or [`teardown`](Self::teardown) begin anew.
    ///
    /// # Errors
    ///
    /// See [`describe`](Self::describe); `Misuse` also without media, or for one that the description does not have.
    pub fn start(
        &mut self,
        now: Now,
        media: &[(usize, TransportRequest)],
        play: &PlayRequest,
    ) -> Result<(), SessionError> {
        let method = rtsp_msg::Method::Setup;
        self.check(now, &method)?;
        if matches!(self.state, State::Playing | State::Recording) {
            return Err(misuse(method, "media flow already"));
        }
        if media.is_empty() {
            return Err(misuse(method, "there is no media to play"));
        }
        let own = |(_, request): &(usize, TransportRequest)| {
            matches!(request, TransportRequest::Connections { .. })
        };
        if media.iter().any(own) {
            // RFC 7826 §C.2.2: no PLAY before all of them are there.
            return Err(misuse(method, "connections for media come before PLAY"));
        }
        // What cannot be said is found out before anything is said.
        for &(media, request) in media {
            self.offer_keys(media)?;
            self.setup_message(media, request)?;
        }
        self.play_message(play)?;
        let setups = media
            .iter()
            .map(|&(media, request)| Step::Setup { media, request });
        let launch = Launch {
            waiting: setups.chain([Step::Play]).collect(),
            play: play.clone(),
            failure: None,
            playing: None,
        };
        self.launch = Some(launch);
        if self.version == Version::V2_0 && self.session.is_none() {
            // RFC 7826 §18.33: an id is used once on a connection.
            self.pipelines = self.pipelines.wrapping_add(1);
            self.pipeline = Some(self.pipelines);
        }
        self.launch_on();
        Ok(())
    }

    /// Sends as much as may be under way.
    pub(super) fn launch_on(&mut self) {
        let window = match self.version {
            Version::V1_0 => 1,
            Version::V2_0 => WINDOW,
        };
        while self.steps.len() < window {
            let Some(launch) = &mut self.launch else {
                return;
            };
            let Some(step) = launch.waiting.pop_front() else {
                return;
            };
            let message = match &step {
                Step::Setup { media, request } => {
                    let (media, request) = (*media, *request);
                    self.setup_message(media, request)
                }
                _ => {
                    let play = launch.play.clone();
                    self.play_message(&play)
                }
            };
            match message {
                Ok(message) => self.send(step, message),
                Err(error) => self.launch_failed(error),
            }
        }
    }

    /// One of its requests has failed; nothing more is sent of it.
    pub(super) fn launch_failed(&mut self, error: SessionError) {
        if let Some(launch) = &mut self.launch {
            launch.failure.get_or_insert(error);
            launch.waiting.clear();
        }
    }

    /// Goes on after an answer; once all are there, tells how it went.
    pub(super) fn launch_answered(&mut self) {
        self.launch_on();
        let Some(launch) = self.launch.as_mut().filter(|_| self.steps.is_empty()) else {
            return;
        };
        self.pipeline = None;
        if launch.failure.is_some() && self.state == State::Playing {
            // Some of the media flow without the others: nobody wanted that (RFC 7826 §12).
            let message = self.message(rtsp_msg::Method::Pause, self.aggregate_target());
            self.send(Step::Pause, message);
            return;
        }
        let Some(launch) = self.launch.take() else {
            return;
        };
        match (launch.failure, launch.playing) {
            (Some(error), _) => self.emit(Event::Failed(error)),
            (None, Some(start)) => self.emit(Event::Playing(start)),
            (None, None) => {}
        }
    }

    /// What becomes of an outcome while a start is under way: only SETUPs are told at once.
    pub(super) fn launch_outcome(&mut self, event: Event) {
        match (&mut self.launch, event) {
            (Some(launch), Event::Playing(start)) => launch.playing = Some(start),
            (Some(_), Event::Paused) => {}
            (_, event) => self.emit(event),
        }
    }
}
