//! Answers that are owed, in the order of their requests.

use super::{ConnectionConfig, RequestId};
use crate::applicability;
use crate::now::Now;
use crate::server::date;
use bytes::BytesMut;
use rtsp_msg::{HeaderName, Headers, Method, Request, Response, StatusCode, Version};
use std::collections::VecDeque;
use std::time::{Instant, SystemTime};

/// What of a request its answer must repeat.
#[derive(Debug)]
pub(super) struct Echo {
    pub(super) version: Version,
    method: Option<Method>,
    cseq: Option<u32>,
    session: Option<String>,
    timestamp: Option<String>,
    proxy_supported: Option<String>,
    supported: bool,
    /// The peer asked for the connection to be closed after the answer (RFC 2326 §12.10).
    pub(super) close: bool,
    /// The credentials were right but for an old nonce.
    pub(super) stale: bool,
    /// What Pipelined-Requests calls the session that the request may create.
    pub(super) creates: Option<u64>,
}

impl Echo {
    /// Of a whole request.
    pub(super) fn of(request: &Request) -> Self {
        let text = |name| request.headers.first(&name).map(str::to_owned);
        let session = text(HeaderName::Session).map(|mut value| {
            // Without parameters: a timeout is never in requests (RFC 7826 §18.49).
            value.truncate(value.find(';').unwrap_or(value.len()));
            value.truncate(value.trim_end().len());
            value
        });
        let close = request.headers.all(&HeaderName::Connection).any(|value| {
            value
                .split(',')
                .any(|option| option.trim().eq_ignore_ascii_case("close"))
        });
        Self {
            version: request.version,
            method: Some(request.method.clone()),
            cseq: request.cseq(),
            session,
            timestamp: text(HeaderName::Timestamp),
            proxy_supported: text(HeaderName::ProxySupported),
            supported: request.headers.contains(&HeaderName::Supported),
            close,
            stale: false,
            creates: None,
        }
    }

    /// Of a request that could not be read, but for perhaps its number.
    pub(super) const fn unreadable(version: Version, cseq: Option<u32>) -> Self {
        Self {
            version,
            method: None,
            cseq,
            session: None,
            timestamp: None,
            proxy_supported: None,
            supported: false,
            close: false,
            stale: false,
            creates: None,
        }
    }

    /// Does the answer repeat the session's id? Never with DESCRIBE (RFC 7826 §18.49), nor with an id that is not valid; with
    /// TEARDOWN only the server knows whether the session still exists.
    fn session_for(&self, status: StatusCode) -> Option<&str> {
        let left_out = matches!(self.method, Some(Method::Describe | Method::Teardown));
        let invalid = matches!(
            status,
            StatusCode::SESSION_NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED
        );
        // Whether it is valid is not known before the work is done.
        let early = status.is_provisional();
        self.session
            .as_deref()
            .filter(|_| !left_out && !invalid && !early)
    }

    /// The response with all that does not depend on what was asked. CSeq comes first: several peers look for it there.
    fn complete(&self, response: &mut Response, config: &ConnectionConfig, wall: SystemTime) {
        let given = std::mem::take(&mut response.headers);
        let mut headers = Headers::new();
        if let Some(cseq) = self.cseq {
            headers.append(HeaderName::CSeq, cseq.to_string());
        }
        let mut fill = |name: HeaderName, value: &str| {
            if !given.contains(&name) {
                headers.append(name, value);
            }
        };
        let dated = date::is_known(wall);
        if dated {
            fill(HeaderName::Date, &date::format(wall));
        }
        if !config.server.is_empty() {
            fill(HeaderName::Server, &config.server);
        }
        if let Some(session) = self.session_for(response.status) {
            fill(HeaderName::Session, session);
        }
        if let Some(timestamp) = &self.timestamp {
            fill(HeaderName::Timestamp, timestamp);
        }
        if let Some(tags) = &self.proxy_supported {
            fill(HeaderName::ProxySupported, tags);
        }
        if self.supported {
            fill(HeaderName::Supported, &config.features.join(", "));
        }
        let ours = |name: &HeaderName| match name {
            HeaderName::CSeq => false,
            HeaderName::Date | HeaderName::Expires | HeaderName::LastModified => dated,
            _ => true,
        };
        for (name, value) in given.iter() {
            if let Some(name) = HeaderName::parse(name).filter(ours) {
                headers.append(name, value);
            }
        }
        response.version = self.version;
        response.headers = headers;
    }
}

#[derive(Debug)]
struct Owed {
    id: RequestId,
    echo: Echo,
    response: Option<Response>,
    /// When the request came, or when its peer was last told to wait.
    since: Instant,
}

/// The answers that are owed.
#[derive(Debug, Default)]
pub(super) struct Pending {
    queue: VecDeque<Owed>,
    next: u64,
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// One more request, after all others.
    pub(super) fn push(&mut self, echo: Echo, now: Instant) -> RequestId {
        let id = self.take_id();
        self.queue.push_back(Owed {
            id,
            echo,
            response: None,
            since: now,
        });
        id
    }

    /// When the peer has to hear that the first of its requests takes longer (RFC 7826 §10.4). Never for a request that could
    /// not be read: it is answered at once.
    pub(super) fn slow_at(&self, config: &ConnectionConfig) -> Option<Instant> {
        let first = self.queue.front()?;
        let told = first.response.is_none()
            && first.echo.method.is_some()
            && config.continue_versions.contains(&first.echo.version);
        told.then(|| first.since + config.continue_after)
    }

    /// Tells the peer that the first of its requests is being worked on: 100, with its number.
    pub(super) fn go_on(&mut self, config: &ConnectionConfig, now: Now, out: &mut BytesMut) {
        if let Some(first) = self.queue.front_mut() {
            first.since = now.monotonic;
            let mut response = Response::new(first.echo.version, StatusCode::CONTINUE);
            first.echo.complete(&mut response, config, now.wall);
            response.encode(out);
        }
    }

    /// An id that no other request of the connection has.
    pub(super) fn take_id(&mut self) -> RequestId {
        let id = RequestId(self.next);
        self.next = self.next.wrapping_add(1);
        id
    }

    pub(super) fn echo(&self, id: RequestId) -> Option<&Echo> {
        self.queue
            .iter()
            .find(|owed| owed.id == id)
            .map(|owed| &owed.echo)
    }

    /// Takes the answer. `false` when there is no such request, or it has its answer already. A status that the request's method is
    /// never answered with becomes that of its class (RFC 7826 Table 4).
    pub(super) fn answer(&mut self, id: RequestId, mut response: Response) -> bool {
        let Some(owed) = self
            .queue
            .iter_mut()
            .find(|owed| owed.id == id && owed.response.is_none())
        else {
            return false;
        };
        if let Some(method) = &owed.echo.method
            && !applicability::answers(response.status, method, owed.echo.version)
        {
            response.status = response.status.class();
            response.reason = response.status.reason().into();
        }
        owed.response = Some(response);
        true
    }

    /// Writes all answers that no unanswered request precedes. `true` when one of them asked for the connection to be closed.
    pub(super) fn flush(
        &mut self,
        config: &ConnectionConfig,
        wall: SystemTime,
        out: &mut BytesMut,
    ) -> bool {
        while let Some(Owed {
            response: Some(_), ..
        }) = self.queue.front()
        {
            let Some(Owed {
                echo,
                response: Some(mut response),
                ..
            }) = self.queue.pop_front()
            else {
                break;
            };
            echo.complete(&mut response, config, wall);
            response.encode(out);
            if echo.close {
                return true;
            }
        }
        if self.queue.is_empty() {
            // An idle connection keeps no queue.
            self.queue = VecDeque::new();
        }
        false
    }
}
