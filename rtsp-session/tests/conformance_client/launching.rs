//! SETUP and PLAY in one go: pipelined in RTSP/2.0 (RFC 7826 §12, §18.33), one by one in RTSP/1.0.

use rtsp_session::client::{
    ClientSession, Event, PlayRequest, SessionError, State, TransportRequest,
};
use std::time::Duration;

use crate::script::{SDP, Script, URI, header, response, with_every_split};

fn tcp(media: usize) -> (usize, TransportRequest) {
    let rtp = media as u8 * 2;
    (media, TransportRequest::Interleaved { rtp, rtcp: rtp + 1 })
}

fn begin(script: &mut Script, media: &[(usize, TransportRequest)]) -> Vec<String> {
    let play = PlayRequest::from(Duration::ZERO);
    script.command(|session, now| session.start(now, media, &play));
    std::mem::take(&mut script.sent)
}

fn granted(media: usize) -> String {
    let rtp = media * 2;
    format!(
        "Session: abcdefgh;timeout=20\r\nTransport: RTP/AVP/TCP;unicast;interleaved={rtp}-{}\r\n",
        rtp + 1
    )
}

fn described(version: &str, split: usize) -> Script {
    let mut script = Script::of(version);
    script.split = split;
    script.describe();
    script
}

/// `SetUp` with its media's index, or the variant's name.
fn names(script: &mut Script) -> Vec<String> {
    let events = std::mem::take(&mut script.events);
    let name = |event: &Event| match event {
        Event::SetUp { media, .. } => format!("set up {media}"),
        Event::Playing(_) => "playing".into(),
        Event::Failed(error) => format!("failed: {error}"),
        other => format!("{other:?}"),
    };
    events.iter().map(name).collect()
}

#[test]
fn r2_pipe_11_r2_pipe_15_r2_setup_05_r2_play_21_all_at_once_and_then_by_its_own_name() {
    with_every_split(|split| {
        let mut script = described("RTSP/2.0", split);
        let sent = begin(&mut script, &[tcp(0), tcp(1)]);
        let lines: Vec<_> = sent.iter().map(|one| one.lines().next().unwrap()).collect();
        assert_eq!(
            lines,
            [
                format!("SETUP {URI}/trackID=0 RTSP/2.0"),
                format!("SETUP {URI}/trackID=1 RTSP/2.0"),
                format!("PLAY {URI} RTSP/2.0"),
            ]
        );
        let id = header(&sent[0], "Pipelined-Requests");
        assert!(id.is_some());
        for request in &sent {
            assert_eq!(header(request, "Session"), None, "{request}");
            assert_eq!(header(request, "Pipelined-Requests"), id);
        }
        for setup in &sent[..2] {
            let units = header(setup, "Accept-Ranges").unwrap();
            assert!(units.split(", ").any(|unit| unit == "npt"), "{units}");
        }
        // Packets overtake the answer to PLAY.
        let mut answers = response(&sent[0], "200 OK", &granted(0), "").into_bytes();
        answers.extend(response(&sent[1], "200 OK", &granted(1), "").into_bytes());
        answers.extend(b"$\x00\x00\x05first");
        answers.extend(response(&sent[2], "200 OK", "Session: abcdefgh\r\n", "").into_bytes());
        answers.extend(b"$\x02\x00\x06second");
        script.arrives(answers);
        assert_eq!(names(&mut script), ["set up 0", "set up 1", "playing"]);
        assert_eq!(
            script.frames,
            [(0, b"first".to_vec()), (2, b"second".to_vec())]
        );
        assert_eq!(script.session.state(), State::Playing);
        assert!(script.sent.is_empty());
        script.command(ClientSession::pause);
        let pause = script.answer("200 OK", "", "");
        assert_eq!(header(&pause, "Session"), Some("abcdefgh"));
        assert_eq!(header(&pause, "Pipelined-Requests"), None);
        script.passes(Duration::from_secs(10));
        assert_eq!(header(&script.request(), "Pipelined-Requests"), None);
    });
}

#[test]
fn r2_pipe_12_no_id_comes_back_on_a_connection() {
    let mut script = described("RTSP/2.0", usize::MAX);
    let mut ids = Vec::new();
    for round in 0..3 {
        let sent = begin(&mut script, &[tcp(0)]);
        ids.push(header(&sent[0], "Pipelined-Requests").unwrap().to_owned());
        if round == 1 {
            for request in &sent {
                script.arrives(response(request, "461 Unsupported Transport", "", ""));
            }
            assert!(matches!(script.event(), Event::Failed(_)));
            continue;
        }
        script.arrives(response(&sent[0], "200 OK", &granted(0), ""));
        script.arrives(response(&sent[1], "200 OK", "", ""));
        script.events.clear();
        script.command(ClientSession::teardown);
        script.answer("200 OK", "", "");
        script.events.clear();
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3, "{ids:?}");
}

#[test]
fn r2_pipe_14_r2_play_30_a_failed_setup_stops_the_rest_and_can_be_mended() {
    with_every_split(|split| {
        let mut script = described("RTSP/2.0", split);
        let sent = begin(&mut script, &[tcp(0), tcp(1)]);
        script.arrives(response(&sent[0], "200 OK", &granted(0), ""));
        script.arrives(response(&sent[1], "461 Unsupported Transport", "", ""));
        assert_eq!(names(&mut script), ["set up 0"], "not all is known yet");
        script.arrives(response(&sent[2], "200 OK", "Session: abcdefgh\r\n", ""));
        assert!(script.events.is_empty(), "that it plays is not believed");
        let pause = script.answer("200 OK", "", "");
        assert!(pause.starts_with(&format!("PAUSE {URI} RTSP/2.0\r\n")));
        assert_eq!(header(&pause, "Session"), Some("abcdefgh"));
        let Event::Failed(SessionError::Refused { status, .. }) = script.event() else {
            panic!()
        };
        assert_eq!(status.code(), 461);
        assert_eq!(script.session.state(), State::Ready);
        // Another transport for the one that failed, and on it goes.
        let setup = script.setup(1, "Session: abcdefgh\r\n");
        assert_eq!(header(&setup, "Session"), Some("abcdefgh"));
        assert_eq!(header(&script.play(), "Pipelined-Requests"), None);
        assert_eq!(script.session.state(), State::Playing);
    });
}

#[test]
fn r2_pipe_14_without_a_first_setup_there_is_nothing() {
    with_every_split(|split| {
        let mut script = described("RTSP/2.0", split);
        let sent = begin(&mut script, &[tcp(0), tcp(1)]);
        script.arrives(response(&sent[0], "461 Unsupported Transport", "", ""));
        script.arrives(response(&sent[1], "461 Unsupported Transport", "", ""));
        script.arrives(response(&sent[2], "454 Session Not Found", "", ""));
        let events = names(&mut script);
        assert!(events.len() == 1 && events[0].contains("461"), "{events:?}");
        assert_eq!(script.session.state(), State::Init);
        assert!(script.sent.is_empty());
        assert_eq!(begin(&mut script, &[tcp(0)]).len(), 2);

        // Nor does silence leave it hanging.
        script.passes(Duration::from_secs(10));
        let events = names(&mut script);
        assert!(
            events.len() == 1 && events[0].contains("no response"),
            "{events:?}"
        );
    });
}

#[test]
fn a_refused_play_leaves_the_media_set_up() {
    let mut script = described("RTSP/2.0", usize::MAX);
    let sent = begin(&mut script, &[tcp(0)]);
    script.arrives(response(&sent[0], "200 OK", &granted(0), ""));
    script.arrives(response(&sent[1], "457 Invalid Range", "", ""));
    assert!(names(&mut script)[1].contains("457"));
    assert_eq!(script.session.state(), State::Ready);
    assert!(script.sent.is_empty(), "nothing flows, nothing to pause");
}

#[test]
fn r1_play_01_in_1_0_each_waits_for_the_one_before() {
    with_every_split(|split| {
        let mut script = described("RTSP/1.0", split);
        let sent = begin(&mut script, &[tcp(0), tcp(1)]);
        assert_eq!(sent.len(), 1);
        script.arrives(response(&sent[0], "200 OK", &granted(0), ""));
        let second = script.answer("200 OK", &granted(1), "");
        assert_eq!(header(&second, "Session"), Some("abcdefgh"));
        let play = script.answer("200 OK", "", "");
        assert!(play.starts_with(&format!("PLAY {URI} RTSP/1.0\r\n")));
        for request in &script.all {
            assert_eq!(header(request, "Pipelined-Requests"), None);
        }
        assert_eq!(names(&mut script), ["set up 0", "set up 1", "playing"]);

        let mut script = described("RTSP/1.0", split);
        let sent = begin(&mut script, &[tcp(0), tcp(1)]);
        script.arrives(response(&sent[0], "461 Unsupported Transport", "", ""));
        assert!(names(&mut script)[0].contains("461"));
        assert!(script.sent.is_empty(), "the rest is not asked for");
    });
}

#[test]
fn many_media_are_not_sent_all_at_once() {
    let mut script = Script::v2();
    let media: String = (2..40)
        .map(|n| format!("m=audio 0 RTP/AVP 0\r\na=control:trackID={n}\r\n"))
        .collect();
    script.describe_with("", "", &format!("{SDP}{media}"));
    let all: Vec<_> = (0..40).map(tcp).collect();
    let mut waiting = begin(&mut script, &all);
    let mut most = waiting.len();
    let mut answered = 0;
    while !waiting.is_empty() {
        let request = waiting.remove(0);
        let known = answered > 0 && header(&request, "Session").is_some();
        assert!(known != header(&request, "Pipelined-Requests").is_some());
        let headers = granted(answered.min(39));
        script.arrives(response(&request, "200 OK", &headers, ""));
        answered += 1;
        waiting.append(&mut script.sent);
        most = most.max(waiting.len());
    }
    assert_eq!(answered, 41);
    assert!(most > 8 && most < 32, "{most}");
    assert_eq!(names(&mut script).last().unwrap(), "playing");
}

#[test]
fn what_cannot_be_started() {
    let mut script = described("RTSP/2.0", usize::MAX);
    let play = PlayRequest::from(Duration::ZERO);
    let now = script.now;
    for media in [&[][..], &[tcp(0), tcp(7)]] {
        let refused = script.session.start(now, media, &play);
        assert!(matches!(refused, Err(SessionError::Misuse { .. })));
    }
    script.drain();
    assert!(script.sent.is_empty());
    begin(&mut script, &[tcp(0)]);
    assert!(script.session.start(now, &[tcp(0)], &play).is_err());
    assert!(script.session.pause(now).is_err());
    let mut script = Script::playing_in("RTSP/2.0");
    assert!(script.session.start(script.now, &[tcp(0)], &play).is_err());
}
