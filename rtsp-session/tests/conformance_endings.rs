//! Rules of RFC 7826 and RFC 2326 about how sessions end that did not time out, and what does not end them, each by the number of
//! its row in the table of requirements: on a virtual clock.

mod support;

use rtsp_msg::StatusCode;
use rtsp_session::server::{SessionId, State};
use std::time::Duration;
use support::header;
use support::world::World;

const VERSIONS: [&str; 2] = ["1.0", "2.0"];
const URI: &str = "rtsp://192.0.2.1/a";
const MINUTE: Duration = Duration::from_secs(60);

/// A reader of one media by UDP, on connection 0.
struct Reader {
    world: World,
    version: &'static str,
    cseq: u32,
    id: SessionId,
}

impl Reader {
    fn ready(version: &'static str) -> Self {
        let mut world = World::new();
        world.connect(7);
        let transport = match version {
            "1.0" => "RTP/AVP;unicast;client_port=5000-5001",
            _ => "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"",
        };
        let setup = format!(
            "SETUP {URI}/trackID=0 RTSP/{version}\r\nCSeq: 1\r\nTransport: {transport}\r\n\r\n"
        );
        let answer = world.send(0, setup);
        assert_eq!(&answer[9..12], "200", "{answer}");
        let id = *world.sessions.keys().next().unwrap();
        Self {
            world,
            version,
            cseq: 1,
            id,
        }
    }

    fn playing(version: &'static str) -> Self {
        let mut reader = Self::ready(version);
        assert_eq!(reader.ask("PLAY"), 200);
        reader
    }

    /// A request of the session: its status.
    fn ask(&mut self, method: &str) -> u16 {
        self.cseq += 1;
        let (version, cseq, id) = (self.version, self.cseq, self.id);
        let text =
            format!("{method} {URI} RTSP/{version}\r\nCSeq: {cseq}\r\nSession: {id}\r\n\r\n");
        let answer = self.world.send(0, text);
        let last = answer.rsplit("RTSP/").next().unwrap();
        last[4..7]
            .parse()
            .unwrap_or_else(|_| panic!("no answer: {answer}"))
    }

    fn state(&self) -> Option<State> {
        Some(self.world.sessions.get(&self.id)?.state())
    }

    /// Time passes, with a sign of life each half minute. What the server sent meanwhile.
    fn keep_alive(&mut self, minutes: u32) -> String {
        let mut sent = String::new();
        for _ in 0..minutes * 2 {
            if self.state().is_none() {
                break;
            }
            assert_eq!(self.ask("SET_PARAMETER"), 200);
            self.world.pass(MINUTE / 2);
            sent += &self.world.take(0);
        }
        sent
    }
}

#[test]
fn r2_tear_07_a_session_that_only_lives_is_ended_after_ten_timeouts_and_not_before() {
    let mut reader = Reader::ready("2.0");
    let quiet = reader.keep_alive(9);
    assert_eq!((quiet.as_str(), reader.state()), ("", Some(State::Ready)));
    let told = reader.keep_alive(2);
    assert!(
        told.starts_with(&format!("TEARDOWN {URI} RTSP/2.0\r\n")),
        "{told}"
    );
    assert_eq!(header(&told, "Terminate-Reason"), Some("Session-Timeout"));
    assert_eq!(header(&told, "Session"), Some(reader.id.as_str()));
    assert_eq!(reader.ask("PLAY"), 454);
}

#[test]
fn r2_tear_07_what_plays_is_not_inactive() {
    let mut reader = Reader::playing("2.0");
    assert_eq!(reader.keep_alive(60), "");
    assert_eq!(reader.state(), Some(State::Play));
    // A pause begins the count anew.
    assert_eq!(reader.ask("PAUSE"), 200);
    assert_eq!(reader.keep_alive(9), "");
    assert_eq!(reader.ask("PAUSE"), 200);
    assert_eq!(reader.keep_alive(9), "");
    assert!(reader.keep_alive(2).starts_with("TEARDOWN"));
    // In 2.0 a session whose range is done stays in Play, and does nothing there.
    let mut reader = Reader::playing("2.0");
    let now = reader.world.now;
    let session = reader.world.sessions.get_mut(&reader.id).unwrap();
    session.end_of_media(now);
    assert_eq!(session.state(), State::Play);
    assert_eq!(reader.keep_alive(9), "");
    assert!(reader.keep_alive(2).starts_with("TEARDOWN"));
}

#[test]
fn peers_of_1_0_that_cannot_be_told_may_pause_for_ever() {
    let mut reader = Reader::ready("1.0");
    assert_eq!(reader.keep_alive(120), "");
    assert_eq!(reader.state(), Some(State::Ready));
}

#[test]
fn r2_redir_05_r2_sm_10_r1_redir_01_03_until_the_time_of_a_redirect_all_goes_on() {
    for version in VERSIONS {
        for state in [State::Ready, State::Play] {
            let mut reader = match state {
                State::Play => Reader::playing(version),
                _ => Reader::ready(version),
            };
            let at = reader.world.now.after(MINUTE * 3).wall;
            reader.world.redirect(reader.id, Some(at));
            let request = reader.world.take(0);
            assert!(request.starts_with(&format!("REDIRECT {URI} RTSP/{version}\r\n")));
            assert_eq!(header(&request, "Location"), Some("rtsp://192.0.2.99/a"));
            // The clock of the scripts begins at Mon, 23 Nov 2026 00:00:00 GMT.
            assert_eq!(
                header(&request, "Date"),
                Some("Mon, 23 Nov 2026 00:00:00 GMT")
            );
            let (name, value) = match version {
                "1.0" => ("Range", "clock=20261123T000300Z-"),
                _ => ("Terminate-Reason", "Server-Admin;time=20261123T000300Z"),
            };
            assert_eq!(header(&request, name), Some(value));
            let cseq = header(&request, "CSeq").unwrap();
            reader
                .world
                .send(0, format!("RTSP/{version} 200 OK\r\nCSeq: {cseq}\r\n\r\n"));
            reader.keep_alive(2);
            assert_eq!(reader.state(), Some(state), "RedP is set, no more");
            assert_eq!(reader.ask("OPTIONS"), 200);
            let told = reader.keep_alive(1);
            assert_eq!(reader.state(), None, "RedP is reached");
            // 1.0 has no TEARDOWN from the server.
            assert_eq!(told.starts_with("TEARDOWN"), version == "2.0", "{told}");
            assert_eq!(reader.world.ended.last().unwrap().1, "redirect reached");
            assert_eq!(reader.ask("PLAY"), 454);
        }
    }
}

#[test]
fn r2_redir_10_a_redirect_without_an_answer_is_given_up() {
    let mut reader = Reader::playing("2.0");
    let at = reader.world.now.after(MINUTE * 3).wall;
    reader.world.redirect(reader.id, Some(at));
    reader.world.pass(Duration::from_secs(9));
    assert_eq!(reader.world.lines[0].0.unanswered.len(), 0);
    reader.world.pass(Duration::from_secs(1));
    assert_eq!(
        reader.world.lines[0].0.unanswered.len(),
        1,
        "the server may end it now"
    );
}

#[test]
fn a_redirect_to_a_time_that_has_passed_is_at_once_and_a_later_one_replaces_it() {
    let mut reader = Reader::ready("2.0");
    let start = reader.world.now;
    reader
        .world
        .redirect(reader.id, Some(start.after(MINUTE).wall));
    reader
        .world
        .redirect(reader.id, Some(start.after(MINUTE * 2).wall));
    assert!(reader.world.sessions[&reader.id].is_redirected());
    reader.keep_alive(1);
    assert_eq!(reader.state(), Some(State::Ready));
    reader.world.redirect(reader.id, Some(start.wall));
    reader.world.pass(Duration::ZERO);
    assert_eq!(reader.state(), None);
}

#[test]
fn r2_sm_12_what_an_answer_does_to_the_state() {
    for version in VERSIONS {
        for code in [
            300, 301, 302, 303, 305, 304, 400, 401, 403, 404, 405, 406, 408, 412, 413, 451, 452,
            453, 455, 456, 457, 458, 459, 460, 461, 464, 500, 501, 502, 503, 504, 505, 551, 553,
        ] {
            for state in [State::Ready, State::Play] {
                let mut reader = match state {
                    State::Play => Reader::playing(version),
                    _ => Reader::ready(version),
                };
                reader.world.inject = Some(StatusCode::new(code).unwrap());
                let method = if state == State::Play {
                    "PAUSE"
                } else {
                    "PLAY"
                };
                // What a method is never answered with goes out as its class (RFC 7826 Table 4).
                let sent = reader.ask(method);
                assert!(
                    sent == code || sent == code / 100 * 100,
                    "{sent} for {code}"
                );
                let ends = matches!(code, 300..=303 | 305);
                let expected = (!ends).then_some(state);
                assert_eq!(
                    reader.state(),
                    expected,
                    "{version} {method} answered {code}"
                );
                let next = if ends { 454 } else { 200 };
                assert_eq!(reader.ask("SET_PARAMETER"), next, "{version} after {code}");
                assert_eq!(reader.ask(method), next, "{version} {method} after {code}");
            }
        }
    }
}
