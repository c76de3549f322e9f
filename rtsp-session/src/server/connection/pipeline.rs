//! Pipelined-Requests: a name for a session whose id the peer does not know yet (RFC 7826 §18.33).

use crate::leniency::Leniency;
use rtsp_msg::{HeaderName, Method, Request, Response, Version};

/// The most names that one connection may bind. Each belongs to a session, of which servers allow fewer.
const MOST: usize = 64;

/// Which name means which session, on one connection.
#[derive(Debug, Default)]
pub(super) struct Bindings(Vec<(u64, String)>);

/// What the header means for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing: there is no header, or it is to be ignored.
    None,
    /// It names a session that exists: the request has its Session header now.
    Bound,
    /// The request may create the session that this names.
    Creates(u64),
    /// It names no session, and the method creates none: 454.
    Unknown,
}

impl Bindings {
    /// What a request's header means. A request for a session that is known gets its Session header, as if the peer had sent it.
    ///
    /// Ignored in RTSP/1.0, which does not have it; beside a Session header; and with DESCRIBE, which has no session.
    pub(super) fn resolve(&self, request: &mut Request, leniency: &Leniency) -> Meaning {
        if request.version != Version::V2_0
            || request.method == Method::Describe
            || request.headers.contains(&HeaderName::Session)
        {
            return Meaning::None;
        }
        let digits = if leniency.long_pipeline_names { 10 } else { 8 };
        let value = request.headers.first(&HeaderName::PipelinedRequests);
        let Some(name) = value.and_then(|value| number(value.trim(), digits)) else {
            return Meaning::None;
        };
        match self.0.iter().find(|(known, _)| *known == name) {
            Some((_, session)) => {
                request.headers.append(HeaderName::Session, session);
                Meaning::Bound
            }
            None if request.method == Method::Setup => Meaning::Creates(name),
            None => Meaning::Unknown,
        }
    }

    /// A SETUP with this name was answered: if it created a session, the name means that from now on.
    pub(super) fn answered(&mut self, name: u64, response: &Response) {
        let session = response
            .headers
            .first(&HeaderName::Session)
            .filter(|_| response.status.is_success())
            .map(|value| value.split(';').next().unwrap_or_default().trim());
        if let Some(session) = session.filter(|_| self.0.len() < MOST) {
            self.0.push((name, session.to_owned()));
        }
    }

    /// A session has ended: its name is free.
    pub(super) fn forget(&mut self, session: &str) {
        self.0.retain(|(_, bound)| bound != session);
    }
}

/// A number of at most so many digits.
fn number(text: &str, digits: usize) -> Option<u64> {
    let plain = text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}
