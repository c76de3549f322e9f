//! How a session ends: torn down, lost, or moved to another server.

use std::time::Instant;

use rtsp_msg::Method;
use rtsp_msg::Version;

use super::ClientSession;
use super::CloseReason;
use super::EndReason;
use super::Event;
use super::Redirect;
use super::State;

/// A redirection that has been announced and is not due yet.
#[derive(Clone, Debug)]
pub(super) struct Departure {
    redirect: Redirect,
    pub(super) at: Instant,
}

impl ClientSession {
    /// The server has asked us to go, at a time or at once.
    pub(super) fn redirected(&mut self, redirect: Redirect, at: Option<Instant>) {
        match at {
            Some(at) if self.session.is_some() => {
                self.departure = Some(Departure {
                    redirect: redirect.clone(),
                    at,
                });
                self.emit(Event::RedirectedAt { redirect, at });
            }
            // RFC 7826 §13.10: our 200 has ended the session. In RTSP/1.0 we have to (RFC 2326 §10.10).
            _ => self.leave(redirect, self.version == Version::V1_0),
        }
    }

    /// Goes if it is time to.
    pub(super) fn leave_in_time(&mut self) {
        let now = self.now.monotonic;
        if let Some(departure) = self.departure.take_if(|departure| departure.at <= now) {
            self.leave(departure.redirect, true);
        }
    }

    /// Ends the session here because it goes on elsewhere. What is not answered yet is of no interest any more.
    pub(super) fn leave(&mut self, redirect: Redirect, teardown: bool) {
        if teardown && self.session.is_some() {
            let message = self.message(Method::Teardown, self.aggregate_target());
            self.connection.request_optional(self.now, message);
        }
        self.finish();
        self.emit(Event::Redirected(redirect));
        self.closing = Some(CloseReason::Redirected);
    }

    /// The server does not know the session any more. If it has told before that it would go, it has gone a little early.
    pub(super) fn lost(&mut self) {
        match self.departure.take() {
            Some(departure) => self.leave(departure.redirect, false),
            None => self.end(EndReason::SessionLost),
        }
    }

    pub(super) fn end(&mut self, reason: EndReason) {
        if self.session.is_some() || self.state != State::Init {
            self.finish();
            self.emit(Event::Ended(reason));
        }
    }

    /// Forgets the session, and whatever was to become of it.
    pub(super) fn finish(&mut self) {
        self.state = State::Init;
        self.session = None;
        self.departure = None;
        self.give_up_steps();
        self.keepalive.stop();
        self.channels.clear();
        self.media.iter_mut().for_each(|media| *media = None);
    }

    /// Whatever runs is of no interest any more.
    pub(super) fn give_up_steps(&mut self) {
        self.then = None;
        self.launch = None;
        self.pipeline = None;
        self.steps.clear();
    }
}
