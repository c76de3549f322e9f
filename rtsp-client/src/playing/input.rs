//! What comes in while a presentation plays, and what time asks for.

use std::future::poll_fn;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use rtsp_msg::FrameRun;
use rtsp_session::Now;
use rtsp_session::client::ClientSession;
use rtsp_session::client::CloseReason;
use rtsp_session::client::PacketKind;

use super::Playing;
use super::reception::Heard;
use crate::End;
use crate::Error;
use crate::paths::Path;

/// How long after the last BYE packets may still be on their way.
const BYE_GRACE: Duration = Duration::from_millis(250);

impl Playing {
    /// Waits for input or the next deadline and takes what there is.
    pub(super) async fn turn(&mut self, deadline: Option<Instant>) {
        let until = self.deadline().into_iter().chain(deadline).min();
        let inputs = poll_fn(|cx| self.poll_inputs(cx));
        let result = match until {
            Some(until) => tokio::time::timeout_at(until.into(), inputs).await,
            None => Ok(inputs.await),
        };
        if let Ok(Err(error)) = result {
            // What came before it is handed out first.
            self.failure.get_or_insert(error);
        }
        self.on_time();
        self.take_inputs();
    }

    fn poll_inputs(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut progress = self.conversation.poll_io(cx)?.is_ready();
        for index in 0..self.media.len() {
            progress |= self.poll_path(index, cx)?.is_ready();
        }
        if progress {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn poll_path(&mut self, index: usize, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(Some(reception)) = self.media.get_mut(index) else {
            return Poll::Pending;
        };
        let arrived = &mut self.arrived;
        let take = |kind, bytes| arrived.push((kind, bytes));
        let result = match (&mut reception.path, &mut self.buffer) {
            (Path::Datagrams(path), Some(buffer)) => {
                path.poll_read(cx, buffer, &mut self.datagrams, take)
            }
            (Path::Connections(path), _) => path.poll_read(cx, take).map_ok(|open| {
                // Where its connection ends so does the media; what has arrived comes first.
                reception.bye |= !open;
            }),
            _ => return Poll::Pending,
        };
        let now = Instant::now();
        for (kind, bytes) in self.arrived.drain(..) {
            let heard = &mut self.heard;
            if let Some(bytes) = open(&mut self.conversation.session, index, kind, bytes, heard) {
                reception.take(now, kind, bytes, heard);
            }
        }
        result.map_err(|error| {
            Error::io(
                crate::ErrorKind::Io,
                "cannot read from a media socket",
                error,
            )
        })
    }

    /// Takes what the connection has brought, and moves packets that are in order by now.
    pub(super) fn take_inputs(&mut self) {
        while let Some((now, run)) = self.conversation.take_frames() {
            self.take_run(now, &run);
        }
        while let Some(event) = self.conversation.events.pop_front() {
            self.take_event(&event);
        }
        let now = Instant::now();
        for reception in self.media.iter_mut().flatten() {
            reception.release(now, &mut self.heard);
        }
        self.look_for_end(now);
    }

    fn take_run(&mut self, now: Now, run: &FrameRun) {
        for frame in &run.frames {
            let Some((index, negotiated)) = self.conversation.session.channel(frame.channel) else {
                self.heard.unassigned += 1;
                continue;
            };
            let Some(Some(reception)) = self.media.get_mut(index) else {
                self.heard.unassigned += 1;
                continue;
            };
            let (payload, heard) = (run.payload(*frame), &mut self.heard);
            let session = &mut self.conversation.session;
            if let Some(payload) = open(session, index, negotiated, payload, heard) {
                reception.take(now.monotonic, negotiated, payload, heard);
            }
        }
    }

    /// When something is to be done without input.
    fn deadline(&self) -> Option<Instant> {
        let receptions = self.media.iter().flatten();
        receptions
            .flat_map(|r| [r.receiver.deadline(), r.receiver.report_due()])
            .chain([self.conversation.until, self.ending])
            .flatten()
            .min()
    }

    /// Does what is due: keep-alives, reports.
    fn on_time(&mut self) {
        self.conversation.timeout();
        let now = Instant::now();
        for index in 0..self.media.len() {
            let random = self.random.number();
            let reception = self.media.get_mut(index).and_then(Option::as_mut);
            if let Some(compound) = reception.and_then(|r| r.report(now, random))
                && self.send_rtcp(index, &compound)
            {
                self.conversation.session.on_report(Now::read());
            }
        }
    }

    fn look_for_end(&mut self, now: Instant) {
        if self.end.is_some() {
            return;
        }
        if let Some(reason) = &self.conversation.closed {
            if let CloseReason::Framing(_) = reason {
                let error = Error::closed(self.conversation.place(), reason.clone());
                self.failure.get_or_insert(error);
            }
            self.end = Some(End::Disconnected);
            return;
        }
        if self.at_end || self.media.iter().flatten().all(|reception| reception.bye) {
            let ending = *self.ending.get_or_insert(now + BYE_GRACE);
            if ending <= now {
                self.end = Some(End::Bye);
            }
        } else {
            self.ending = None;
        }
    }
}

/// A packet as it was before SRTP sealed it, if it was; `None` where it is not the server's, or was here before.
fn open(
    session: &mut ClientSession,
    media: usize,
    negotiated: PacketKind,
    packet: Bytes,
    heard: &mut Heard,
) -> Option<Bytes> {
    if !session.is_secured(media) {
        return Some(packet);
    }
    // What tells the two kinds apart is not encrypted.
    let kind = PacketKind::of(&packet, negotiated);
    match session.open(media, kind, packet) {
        Ok(opened) => Some(opened),
        Err(error) => {
            if heard.unopened == 0 {
                tracing::warn!(media, %error, "a packet cannot be opened: it is dropped, and further ones are counted");
            }
            heard.unopened += 1;
            None
        }
    }
}
