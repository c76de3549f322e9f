//! Answers that are owed, in the order of their requests.

use super::RequestId;
use crate::server::date;
use bytes::BytesMut;
use rtsp_msg::{HeaderName, Headers, Method, Request, Response, StatusCode, Version};
use std::collections::VecDeque;
use std::time::SystemTime;

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
    pub(super) const fn unreadable(cseq: Option<u32>) -> Self {
        Self {
            version: Version::V1_0,
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
        self.session.as_deref().filter(|_| !left_out && !invalid)
    }

    /// The response with all that does not depend on what was asked. CSeq comes first: several peers look for it there.
    fn complete(
        &self,
        response: &mut Response,
        server: &str,
        features: &[String],
        wall: SystemTime,
    ) {
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
        fill(HeaderName::Date, &date::format(wall));
        if !server.is_empty() {
            fill(HeaderName::Server, server);
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
            fill(HeaderName::Supported, &features.join(", "));
        }
        for (name, value) in given.iter() {
            if let Some(name) = HeaderName::parse(name).filter(|name| *name != HeaderName::CSeq) {
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
    pub(super) fn push(&mut self, echo: Echo) -> RequestId {
        let id = self.take_id();
        self.queue.push_back(Owed {
            id,
            echo,
            response: None,
        });
        id
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

    /// Takes the answer. `false` when there is no such request, or it has its answer already.
    pub(super) fn answer(&mut self, id: RequestId, response: Response) -> bool {
        let Some(owed) = self
            .queue
            .iter_mut()
            .find(|owed| owed.id == id && owed.response.is_none())
        else {
            return false;
        };
        owed.response = Some(response);
        true
    }

    /// Writes all answers that no unanswered request precedes. `true` when one of them asked for the connection to be closed.
    pub(super) fn flush(
        &mut self,
        server: &str,
        features: &[String],
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
            echo.complete(&mut response, server, features, wall);
            response.encode(out);
            if echo.close {
                return true;
            }
        }
        false
    }
}
