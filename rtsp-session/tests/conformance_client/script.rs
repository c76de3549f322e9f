//! A client's session on a virtual clock, and a server that says what the test says.

use bytes::BytesMut;
use rtsp_msg::Uri;
use rtsp_session::Now;
use rtsp_session::client::{
    ClientSession, CloseReason, Event, Input, PlayRequest, SessionConfig, SessionError,
    SessionOutput, TransportRequest, VersionPolicy,
};
use rtsp_session::random::Random;
use std::time::{Duration, Instant, SystemTime};

pub(crate) const URI: &str = "rtsp://cam.example/live";

pub(crate) const BOTH: [&str; 2] = ["RTSP/1.0", "RTSP/2.0"];

pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=cam\r\nt=0 0\r\na=control:*\r\n\
    m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n\
    m=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n";

/// A session, and what went over the wire.
pub(crate) struct Script {
    pub(crate) session: ClientSession,
    pub(crate) now: Now,
    until: Option<Instant>,
    /// Why the session wants the connection closed.
    pub(crate) closed: Option<CloseReason>,
    /// Interleaved frames that came: channel and payload.
    pub(crate) frames: Vec<(u8, Vec<u8>)>,
    /// How many octets a read brings.
    pub(crate) split: usize,
    inbound: BytesMut,
    /// Messages of the session that the script has not looked at.
    pub(crate) sent: Vec<String>,
    /// All of them.
    pub(crate) all: Vec<String>,
    pub(crate) events: Vec<Event>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::with(URI, SessionConfig::default())
    }

    pub(crate) fn with(uri: &str, config: SessionConfig) -> Self {
        let now = Now {
            monotonic: Instant::now(),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        };
        let uri = Uri::parse(uri).unwrap();
        Self {
            session: ClientSession::new(now, &uri, config, Random::from_seed([7; 32])),
            now,
            until: None,
            closed: None,
            frames: Vec::new(),
            split: usize::MAX,
            inbound: BytesMut::new(),
            sent: Vec::new(),
            all: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn command(
        &mut self,
        command: impl FnOnce(&mut ClientSession, Now) -> Result<(), SessionError>,
    ) {
        command(&mut self.session, self.now).unwrap();
        self.drain();
    }

    pub(crate) fn arrives(&mut self, bytes: impl AsRef<[u8]>) {
        for piece in bytes.as_ref().chunks(self.split) {
            self.inbound.extend_from_slice(piece);
            self.session
                .handle(self.now, Input::Read(&mut self.inbound));
            self.drain();
        }
    }

    /// The server closes.
    pub(crate) fn eof(&mut self) {
        self.session.handle(self.now, Input::Eof);
        self.drain();
    }

    pub(crate) fn passes(&mut self, time: Duration) {
        let end = self.now.after(time);
        while let Some(until) = self.until.filter(|until| *until <= end.monotonic) {
            self.now = self.now.after(until - self.now.monotonic);
            self.session.handle(self.now, Input::Timeout);
            self.drain();
        }
        self.now = end;
    }

    pub(crate) fn drain(&mut self) {
        loop {
            match self.session.poll() {
                SessionOutput::Write(bytes) => {
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    self.all.push(text.clone());
                    self.sent.push(text);
                }
                SessionOutput::Event(event) => self.events.push(event),
                SessionOutput::Wait { until } => {
                    self.until = until;
                    return;
                }
                SessionOutput::Close(reason) => self.closed = Some(reason),
                SessionOutput::Frames(run) => {
                    let frames = run
                        .iter()
                        .map(|(channel, payload)| (channel, payload.to_vec()));
                    self.frames.extend(frames);
                }
                _ => {}
            }
        }
    }

    /// The one message that was sent since the last look.
    #[track_caller]
    pub(crate) fn request(&mut self) -> String {
        assert_eq!(self.sent.len(), 1, "{:#?}", self.sent);
        self.sent.remove(0)
    }

    /// Answers the one request that waits for it: the request.
    #[track_caller]
    pub(crate) fn answer(&mut self, status: &str, headers: &str, body: &str) -> String {
        let request = self.request();
        self.arrives(response(&request, status, headers, body));
        request
    }

    #[track_caller]
    pub(crate) fn event(&mut self) -> Event {
        assert_eq!(self.events.len(), 1, "{:#?}", self.events);
        self.events.remove(0)
    }

    pub(crate) fn describe(&mut self) {
        self.describe_with("Public: DESCRIBE, SETUP, OPTIONS\r\n", "", SDP);
    }

    pub(crate) fn describe_with(&mut self, options: &str, headers: &str, sdp: &str) {
        self.command(ClientSession::describe);
        self.answer("200 OK", options, "");
        self.answer(
            "200 OK",
            &format!("Content-Type: application/sdp\r\n{headers}"),
            sdp,
        );
        assert!(matches!(self.event(), Event::Described));
    }

    pub(crate) fn setup(&mut self, media: usize, headers: &str) -> String {
        let rtp = media as u8 * 2;
        let request = TransportRequest::Interleaved { rtp, rtcp: rtp + 1 };
        self.command(|session, now| session.setup(now, media, request));
        let transport = format!(
            "Transport: RTP/AVP/TCP;unicast;interleaved={rtp}-{}\r\n{headers}",
            rtp + 1
        );
        let sent = self.answer("200 OK", &transport, "");
        assert!(matches!(self.event(), Event::SetUp { .. }));
        sent
    }

    pub(crate) fn play(&mut self) -> String {
        let request = PlayRequest::from(Duration::ZERO);
        self.command(|session, now| session.play(now, &request));
        let sent = self.answer("200 OK", "", "");
        assert!(matches!(self.event(), Event::Playing(_)));
        sent
    }

    /// A session that speaks RTSP/2.0 and nothing else.
    pub(crate) fn v2() -> Self {
        let mut config = SessionConfig::default();
        config.version = VersionPolicy::V2_0;
        Self::with(URI, config)
    }

    /// In either version.
    pub(crate) fn of(version: &str) -> Self {
        match version {
            "RTSP/2.0" => Self::v2(),
            _ => Self::new(),
        }
    }

    /// Up to playing both media, with a timeout of 20 s.
    pub(crate) fn playing() -> Self {
        Self::new().on_to_playing()
    }

    /// The same in either version.
    pub(crate) fn playing_in(version: &str) -> Self {
        Self::of(version).on_to_playing()
    }

    pub(crate) fn on_to_playing(mut self) -> Self {
        let script = &mut self;
        script.describe();
        script.setup(0, "Session: abcdefgh;timeout=20\r\n");
        script.setup(1, "Session: abcdefgh;timeout=20\r\n");
        script.play();
        self
    }
}

pub(crate) fn response(request: &str, status: &str, headers: &str, body: &str) -> String {
    let version = if request.contains(" RTSP/2.0\r\n") {
        "2.0"
    } else {
        "1.0"
    };
    let cseq = header(request, "CSeq").unwrap();
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    format!("RTSP/{version} {status}\r\nCSeq: {cseq}\r\n{headers}{length}\r\n{body}")
}

pub(crate) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = message.split("\r\n");
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Runs a scenario with reads of one octet, of a few, and all at once.
pub(crate) fn with_every_split(scenario: impl Fn(usize)) {
    for split in [1, 3, 17, usize::MAX] {
        scenario(split);
    }
}
