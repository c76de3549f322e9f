//! A scripted server on a virtual clock; what it says arrives in pieces of every size.

mod deviations;
mod errors;
mod ranges;
mod reading;
mod securing;
mod transports;
mod versions;

use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use bytes::BytesMut;
use rtsp_msg::Uri;

use super::*;
use crate::Now;
use crate::auth::Credentials;
use crate::random::Random;

/// Two media, each with a relative control.
pub(super) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=cam\r\nt=0 0\r\na=control:*\r\n\
    m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n\
    m=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n";

/// The session and the server's side of the wire.
pub(super) struct Bench {
    pub(super) session: ClientSession,
    pub(super) now: Now,
    /// Requests and responses of ours that the server has not looked at yet.
    pub(super) sent: Vec<String>,
    pub(super) events: Vec<Event>,
    pub(super) frames: Vec<(u8, Vec<u8>)>,
    pub(super) closed: Option<CloseReason>,
    pub(super) until: Option<Instant>,
    inbound: BytesMut,
    split: usize,
}

/// Runs a scenario with reads of one octet, of a few, and all at once.
pub(super) fn with_every_split(scenario: impl Fn(usize)) {
    for split in [1, 2, 3, 7, 64, usize::MAX] {
        scenario(split);
    }
}

impl Bench {
    pub(super) fn new(split: usize) -> Self {
        Self::with(split, SessionConfig::default())
    }

    pub(super) fn with_credentials(split: usize) -> Self {
        let mut config = SessionConfig::default();
        config.connection.credentials = Some(Credentials::new("ann", "hunter2"));
        Self::with(split, config)
    }

    pub(super) fn with(split: usize, config: SessionConfig) -> Self {
        let now = Now {
            monotonic: Instant::now(),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        };
        let uri = Uri::parse("rtsp://bob:secret@cam.example/live").unwrap();
        let session = ClientSession::new(now, &uri, config, Random::from_seed([7; 32]));
        Self {
            session,
            now,
            sent: Vec::new(),
            events: Vec::new(),
            frames: Vec::new(),
            closed: None,
            until: None,
            inbound: BytesMut::new(),
            split,
        }
    }

    /// Gives a command and takes what comes out.
    pub(super) fn command(
        &mut self,
        command: impl FnOnce(&mut ClientSession, Now) -> Result<(), SessionError>,
    ) {
        command(&mut self.session, self.now).unwrap();
        self.drain();
    }

    /// What the server says arrives, in pieces.
    pub(super) fn arrives(&mut self, bytes: impl AsRef<[u8]>) {
        for piece in bytes.as_ref().chunks(self.split.max(1)) {
            self.inbound.extend_from_slice(piece);
            self.session
                .handle(self.now, Input::Read(&mut self.inbound));
            self.drain();
        }
    }

    pub(super) fn eof(&mut self) {
        self.session.handle(self.now, Input::Eof);
        self.drain();
    }

    /// Time passes; every deadline on the way is kept.
    pub(super) fn passes(&mut self, time: Duration) {
        let end = self.now.after(time);
        while let Some(until) = self.until.filter(|until| *until <= end.monotonic) {
            self.now = self.now.after(until - self.now.monotonic);
            self.session.handle(self.now, Input::Timeout);
            self.drain();
        }
        self.now = end;
    }

    /// The one request that was sent since the last look.
    #[track_caller]
    pub(super) fn request(&mut self) -> String {
        let sent = std::mem::take(&mut self.sent);
        assert_eq!(sent.len(), 1, "{sent:#?}");
        sent.into_iter().next().unwrap()
    }

    /// Answers the one request that was sent, with its CSeq; `rest` are the other headers, line by line, and the body.
    #[track_caller]
    pub(super) fn answer(&mut self, status: &str, headers: &[&str], body: &str) -> String {
        let request = self.request();
        let response = response(&request, status, headers, body);
        self.arrives(response);
        request
    }

    /// The one event since the last look.
    #[track_caller]
    pub(super) fn event(&mut self) -> Event {
        let mut events = std::mem::take(&mut self.events);
        assert_eq!(events.len(), 1, "{events:#?}");
        events.remove(0)
    }

    #[track_caller]
    pub(super) fn failure(&mut self) -> SessionError {
        match self.event() {
            Event::Failed(error) => error,
            other => panic!("{other:?}"),
        }
    }

    /// Up to a description.
    pub(super) fn describe(&mut self, headers: &[&str]) {
        self.command(ClientSession::describe);
        let options = self.answer("200 OK", &["Public: DESCRIBE, SETUP, GET_PARAMETER"], "");
        assert!(
            options.starts_with("OPTIONS rtsp://cam.example/live RTSP/1.0\r\n"),
            "{options}"
        );
        let mut all = vec!["Content-Type: application/sdp"];
        all.extend(headers);
        let describe = self.answer("200 OK", &all, SDP);
        assert!(describe.starts_with("DESCRIBE rtsp://cam.example/live RTSP/1.0\r\n"));
        assert!(matches!(self.event(), Event::Described));
    }

    /// Sets up one media over TCP.
    pub(super) fn setup(&mut self, media: usize, headers: &[&str]) -> String {
        let channel = media as u8 * 2;
        let request = TransportRequest::Interleaved {
            rtp: channel,
            rtcp: channel + 1,
        };
        self.command(|session, now| session.setup(now, media, request));
        self.answer("200 OK", headers, "")
    }

    /// Up to playing both media over TCP, with a timeout of 20 s.
    pub(super) fn play(&mut self) {
        self.describe(&[]);
        for (media, transport) in [(0, "interleaved=0-1"), (1, "interleaved=2-3")] {
            let transport = format!("Transport: RTP/AVP/TCP;unicast;{transport}");
            self.setup(media, &["Session: abc;timeout=20", &transport]);
            assert!(matches!(self.event(), Event::SetUp { .. }));
        }
        let request = PlayRequest::from(Duration::ZERO);
        self.command(|session, now| session.play(now, &request));
        self.answer("200 OK", &["Session: abc"], "");
        assert!(matches!(self.event(), Event::Playing(_)));
    }

    pub(super) fn drain(&mut self) {
        loop {
            match self.session.poll() {
                SessionOutput::Write(bytes) => {
                    self.sent.push(String::from_utf8(bytes.to_vec()).unwrap());
                }
                SessionOutput::Event(event) => self.events.push(event),
                SessionOutput::Frames(run) => {
                    let frames = run
                        .iter()
                        .map(|(channel, payload)| (channel, payload.to_vec()));
                    self.frames.extend(frames);
                }
                SessionOutput::Close(reason) | SessionOutput::Reconnect(reason) => {
                    self.closed = Some(reason);
                }
                SessionOutput::Wait { until } => {
                    self.until = until;
                    return;
                }
            }
        }
    }
}

/// The value of a header in a message of ours.
pub(super) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = message.split("\r\n");
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub(super) fn response(request: &str, status: &str, headers: &[&str], body: &str) -> String {
    let cseq = header(request, "CSeq").unwrap();
    let mut all = format!("RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n");
    for line in headers {
        all += &format!("{line}\r\n");
    }
    if !body.is_empty() {
        all += &format!("Content-Length: {}\r\n", body.len());
    }
    all + "\r\n" + body
}
