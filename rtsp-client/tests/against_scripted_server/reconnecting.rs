//! What becomes of a presentation whose server goes and comes back.

use std::time::Duration;

use rtsp_client::Client;
use rtsp_client::End;
use rtsp_client::ErrorKind;
use rtsp_client::Event;
use rtsp_client::FrameEvent;
use rtsp_client::Interruption;
use rtsp_client::Options;
use rtsp_client::PlayOptions;
use rtsp_client::Playing;
use rtsp_client::ReconnectPolicy;
use rtsp_client::TransportPolicy;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::peer::Peer;
use crate::peer::SDP;
use crate::peer::bye;
use crate::peer::frame;
use crate::peer::packet;

/// What the server does with one connection.
enum Act {
    /// There is no such path.
    Refuse,
    /// Sends packets with these sequence numbers, and then does as is said.
    Play(&'static [u16], Then),
    /// The same, as something of 10 s that begins with sequence number 1.
    Recorded(&'static [u16], Then),
    /// Describes another format.
    Other,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    Close,
    Bye,
    Nothing,
}

/// Serves one connection for each act; the requests that each saw.
async fn serve(listener: TcpListener, acts: Vec<Act>) -> Vec<Vec<String>> {
    let mut seen = Vec::new();
    for act in acts {
        let mut peer = Peer::accept(&listener).await;
        seen.push(converse(&mut peer, &act).await);
    }
    seen
}

/// One connection: the requests, each whole.
async fn converse(peer: &mut Peer, act: &Act) -> Vec<String> {
    let mut seen = Vec::new();
    while let Some(request) = peer.request().await {
        seen.push(request.clone());
        match (request.split(' ').next().unwrap(), act) {
            ("DESCRIBE", Act::Refuse) => {
                peer.answer(&request, "404 Not Found", "").await;
                return seen;
            }
            ("DESCRIBE", act) => {
                let sdp = match act {
                    Act::Other => SDP.replace("AVP 0", "AVP 8"),
                    Act::Recorded(..) => SDP.replace("t=0 0\r\n", "t=0 0\r\na=range:npt=0-10\r\n"),
                    _ => SDP.to_owned(),
                };
                let body = format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len());
                peer.answer(&request, "200 OK", &body).await;
            }
            ("SETUP", _) => {
                let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
                peer.answer(&request, "200 OK", transport).await;
            }
            ("PLAY", Act::Play(sequences, then) | Act::Recorded(sequences, then)) => {
                let told = match act {
                    Act::Recorded(..) => {
                        "Range: npt=0-10\r\nRTP-Info: url=trackID=0;seq=1;rtptime=160\r\n"
                    }
                    _ => "",
                };
                peer.answer(&request, "200 OK", told).await;
                let mut bytes: Vec<u8> = sequences
                    .iter()
                    .flat_map(|&sequence| frame(0, &packet(sequence)))
                    .collect();
                if *then == Then::Bye {
                    bytes.extend(frame(1, &bye()));
                }
                peer.stream.write_all(&bytes).await.unwrap();
                if *then == Then::Close {
                    return seen;
                }
            }
            ("PAUSE", _) => {
                peer.answer(&request, "200 OK", "").await;
                return seen;
            }
            _ => peer.answer(&request, "200 OK", "").await,
        }
    }
    seen
}

fn policy() -> ReconnectPolicy {
    let mut policy = ReconnectPolicy::default();
    policy.first_wait = Duration::from_millis(1);
    policy
}

async fn play(
    acts: Vec<Act>,
    policy: Option<ReconnectPolicy>,
) -> (Playing, JoinHandle<Vec<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(serve(listener, acts));
    let mut options = Options::default();
    options.transport = TransportPolicy::Tcp;
    options.reconnect = policy;
    let url = format!("rtsp://127.0.0.1:{port}/x");
    let described = Client::describe(&url, options).await.unwrap();
    let playing = described.play(PlayOptions::default()).await.unwrap();
    (playing, server)
}

fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::Packet(packet) => packet.packet.sequence().to_string(),
        Event::Interrupted {
            reason, attempt, ..
        } => {
            let reason = match reason {
                Interruption::Ended(end) => format!("{end:?}"),
                Interruption::Lost(error) => format!("{:?}", error.kind()),
                Interruption::Silent(_) => "Silent".to_owned(),
                other => panic!("{other:?}"),
            };
            format!("{attempt} after {reason}")
        }
        Event::Resumed { same_formats: true } => "same".to_owned(),
        Event::Resumed { .. } => "other".to_owned(),
        _ => return None,
    })
}

/// The next events that say anything, so many.
async fn take(playing: &mut Playing, count: usize) -> Vec<String> {
    let mut got = Vec::new();
    while got.len() < count {
        let event = playing.next_event().await.unwrap().expect("no end");
        got.extend(told(&event));
    }
    got
}

#[tokio::test]
async fn without_a_policy_the_end_is_the_end() {
    let (mut playing, _server) = play(vec![Act::Play(&[1], Then::Close)], None).await;
    assert_eq!(take(&mut playing, 1).await, ["1"]);
    assert!(playing.next_event().await.unwrap().is_none());
    assert_eq!(playing.end(), Some(&End::Disconnected));
}

#[tokio::test]
async fn what_is_lost_comes_back() {
    let acts = vec![
        Act::Play(&[1, 2], Then::Close),
        Act::Refuse,
        Act::Play(&[60_000], Then::Bye),
        Act::Play(&[7], Then::Nothing),
    ];
    let (mut playing, server) = play(acts, Some(policy())).await;
    let got = take(&mut playing, 9).await;
    let expected = [
        "1",
        "2",
        "1 after Disconnected",
        "2 after NotFound",
        "same",
        "60000",
        "3 after Bye",
        "same",
        "7",
    ];
    assert_eq!(got, expected);
    assert_eq!(playing.end(), None);
    assert_eq!(playing.statistics(0).unwrap().packets, 1);
    playing.close().await;
    let seen = server.await.unwrap();
    let last = |requests: &[String]| {
        requests
            .last()
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(last(&seen[2]), "TEARDOWN", "the session is not left behind");
    assert_eq!(last(&seen[3]), "TEARDOWN");
}

#[tokio::test]
async fn silence_is_an_interruption_and_what_is_paused_is_left_alone() {
    let mut policy = policy();
    policy.silence = Duration::from_millis(60);
    let acts = vec![
        Act::Play(&[1], Then::Nothing),
        Act::Play(&[2], Then::Nothing),
    ];
    let (mut playing, server) = play(acts, Some(policy)).await;
    let got = take(&mut playing, 4).await;
    assert_eq!(got, ["1", "1 after Silent", "same", "2"]);
    playing.pause().await.unwrap();
    assert!(playing.next_event().await.unwrap().is_none());
    assert_eq!(playing.end(), Some(&End::Disconnected));
    let seen = server.await.unwrap();
    assert!(seen[0].last().unwrap().starts_with("TEARDOWN "));
}

#[tokio::test]
async fn other_formats_are_told() {
    let acts = vec![Act::Play(&[1], Then::Close), Act::Other];
    let (mut playing, _server) = play(acts, Some(policy())).await;
    let got = take(&mut playing, 3).await;
    assert_eq!(got, ["1", "1 after Disconnected", "other"]);
    let format = &playing.description().media[0].formats[0];
    assert_eq!(format.encoding, "PCMA");
}

#[tokio::test]
async fn a_recording_goes_on_where_it_was_and_ends_at_its_end() {
    let acts = vec![
        Act::Recorded(&[1, 2, 3, 51], Then::Close),
        Act::Recorded(&[1], Then::Bye),
    ];
    let (mut playing, server) = play(acts, Some(policy())).await;
    while take(&mut playing, 1).await != ["same"] {}
    assert_eq!(take(&mut playing, 1).await, ["1"]);
    while let Some(event) = playing.next_event().await.unwrap() {
        assert_eq!(told(&event), None);
    }
    assert_eq!(playing.end(), Some(&End::Bye));
    playing.close().await;
    let seen = server.await.unwrap();
    let play = seen[1].iter().find(|r| r.starts_with("PLAY ")).unwrap();
    // 50 packets of 20 ms.
    assert_eq!(crate::peer::header(play, "Range"), Some("npt=1-"));
}

#[tokio::test]
async fn it_gives_up_when_it_is_told_to() {
    let mut policy = policy();
    policy.max_attempts = Some(2);
    let acts = vec![Act::Play(&[1], Then::Close), Act::Refuse];
    let (mut playing, _server) = play(acts, Some(policy)).await;
    let got = take(&mut playing, 3).await;
    assert_eq!(got, ["1", "1 after Disconnected", "2 after NotFound"]);
    // The listener is gone with the last act.
    let error = playing.next_event().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(playing.next_event().await.unwrap().is_none());
}

#[tokio::test]
async fn every_call_can_be_cancelled() {
    let acts = vec![
        Act::Play(&[1], Then::Close),
        Act::Refuse,
        Act::Play(&[2], Then::Nothing),
    ];
    let (mut playing, server) = play(acts, Some(policy())).await;
    let mut got = Vec::new();
    while got.len() < 5 {
        tokio::select! {
            biased;
            // Most calls are dropped unfinished.
            () = tokio::task::yield_now() => {}
            event = playing.next_event() => got.extend(told(&event.unwrap().unwrap())),
        }
    }
    let expected = ["1", "1 after Disconnected", "2 after NotFound", "same", "2"];
    assert_eq!(got, expected);
    playing.close().await;
    server.await.unwrap();
}

#[tokio::test]
async fn frames_lie_one_after_the_other_with_a_gap() {
    let mut policy = policy();
    policy.first_wait = Duration::from_millis(40);
    let acts = vec![
        Act::Play(&[100, 101], Then::Close),
        Act::Play(&[9, 10], Then::Nothing),
    ];
    let (playing, _server) = play(acts, Some(policy)).await;
    let mut frames = playing.frames().aligned(Duration::from_millis(1));
    let (mut ticks, mut outages) = (Vec::new(), Vec::new());
    while ticks.len() < 4 {
        match frames.next_event().await.unwrap().unwrap() {
            FrameEvent::Frame(frame) => ticks.push(frame.place.unwrap().ticks),
            FrameEvent::Interrupted { attempt, .. } => outages.push((attempt, ticks.len())),
            FrameEvent::Resumed { same_formats } => assert!(same_formats),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(outages, [(1, 2)], "frames before the outage come before it");
    assert_eq!(&ticks[..2], [0, 160]);
    // At least three quarters of the pause, in ticks of 8 kHz.
    assert!(ticks[2] >= 160 + 240, "{ticks:?}");
    assert_eq!(ticks[3] - ticks[2], 160);
}
