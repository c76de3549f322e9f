//! Our own requests that the peer has not answered yet.

use super::RequestId;
use rtsp_msg::{HeaderName, Headers, Request};
use std::collections::VecDeque;
use std::time::Instant;

#[derive(Debug)]
struct Asked {
    cseq: u32,
    id: RequestId,
    until: Instant,
}

/// The requests that were sent, in their order.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    queue: VecDeque<Asked>,
    last: u32,
}

impl Outstanding {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Numbers a request of ours: our series has nothing to do with the peer's (RFC 7826 §18.20). CSeq comes first.
    pub(super) fn push(&mut self, request: &mut Request, id: RequestId, until: Instant) {
        self.last = self.last % 999_999_999 + 1;
        let given = std::mem::replace(&mut request.headers, Headers::new());
        request
            .headers
            .append(HeaderName::CSeq, self.last.to_string());
        for (name, value) in given.iter() {
            if let Some(name) = HeaderName::parse(name).filter(|name| *name != HeaderName::CSeq) {
                request.headers.append(name, value);
            }
        }
        self.queue.push_back(Asked {
            cseq: self.last,
            id,
            until,
        });
    }

    /// The request that has this number, once.
    pub(super) fn take(&mut self, cseq: u32) -> Option<RequestId> {
        let at = self.queue.iter().position(|asked| asked.cseq == cseq)?;
        self.queue.remove(at).map(|asked| asked.id)
    }

    /// When the first of them is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.queue.iter().map(|asked| asked.until).min()
    }

    /// A request whose time is up, once.
    pub(super) fn expire(&mut self, now: Instant) -> Option<RequestId> {
        let at = self.queue.iter().position(|asked| asked.until <= now)?;
        self.queue.remove(at).map(|asked| asked.id)
    }

    /// All of them: nobody will answer any more.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = RequestId> + '_ {
        self.queue.drain(..).map(|asked| asked.id)
    }
}
