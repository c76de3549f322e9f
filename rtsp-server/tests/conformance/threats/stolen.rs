//! Session ids travel in the clear: who has one has nothing.

use rtsp_server::ServerHandle;
use rtsp_session::auth::Credentials;
use tokio::io::AsyncWriteExt as _;

use crate::{
    TCP, VERSIONS,
    peer::{Event, Pair, Peer, receive, server_ports, within},
    source::{Source, Track, address, server_with, video},
    users::{ANN, BOB, METHODS, users_only},
};

/// What is asked without a session, what only servers send, and what there is not.
const OTHERS: [&str; 4] = ["ANNOUNCE", "REDIRECT", "PLAY_NOTIFY", "STEAL"];
const ANN_WRONG: &str = "Authorization: Basic YW5uOndyb25n\r\n";

async fn server(threads: usize, users: bool) -> ServerHandle {
    server_with(|config| {
        config.threads = threads;
        if users {
            users_only(config);
        }
    })
    .await
}

/// A session that is worth stealing.
struct Victim {
    peer: Peer,
    pair: Option<Pair>,
    version: &'static str,
}

impl Victim {
    async fn plays(server: &ServerHandle, version: &'static str, udp: bool, user: &str) -> Self {
        let mut peer = Peer::connect(address(server)).await;
        peer.version = version;
        peer.extra = user.to_owned();
        let pair = if udp { Some(Pair::local().await) } else { None };
        let transport = match (&pair, version) {
            (None, _) => TCP.to_owned(),
            (Some(pair), "RTSP/1.0") => pair.transport(),
            (Some(pair), _) => {
                let port = pair.port();
                format!("RTP/AVP;unicast;dest_addr=\":{port}\"/\":{}\"", port + 1)
            }
        };
        let uri = format!("{}/trackID=0", peer.uri("/live"));
        peer.setup(&uri, &transport).await.expect(200);
        let uri = peer.uri("/live");
        peer.ask("PLAY", &uri, "").await.expect(200);
        Self {
            peer,
            pair,
            version,
        }
    }

    /// It plays on, and its session is in the state that it was in.
    async fn is_unharmed(&mut self, source: &mut Source, video: &mut Track) {
        let packet = video.key(200);
        source.send(0, &packet).await;
        loop {
            let got = match &self.pair {
                Some(pair) => pair.packet().await,
                None => self.peer.frame_on(0).await,
            };
            if got == packet {
                break;
            }
        }
        let uri = self.peer.uri("/live");
        self.peer.ask("GET_PARAMETER", &uri, "").await.expect(200);
    }
}

/// Tries every method with an id that is another's.
async fn steal(server: &ServerHandle, id: &str, version: &'static str, from: u8, user: &str) {
    for method in METHODS.into_iter().chain(OTHERS) {
        let mut thief = Peer::connect_from(address(server), [127, 0, 0, from]).await;
        thief.version = version;
        thief.session = Some(id.to_owned());
        thief.extra = user.to_owned();
        let uri = match method {
            "SETUP" => format!("{}/trackID=0", thief.uri("/live")),
            _ => thief.uri("/live"),
        };
        let headers = match method {
            "SETUP" => format!("Transport: {TCP}\r\n"),
            "ANNOUNCE" => "Content-Type: application/sdp\r\n".to_owned(),
            _ => String::new(),
        };
        let sdp = video();
        let body = if method == "ANNOUNCE" {
            sdp.as_bytes()
        } else {
            b""
        };
        let answer = thief.ask_with(method, &uri, &headers, body).await;
        let expected: &[u16] = match method {
            // Nobody may ask a server for these, with an id or without.
            "REDIRECT" | "PLAY_NOTIFY" | "STEAL" => &[454, 501, 405],
            // In RTSP/2.0 a Session means nothing there: who may read without one is told, and nothing of the session.
            "DESCRIBE" if version == "RTSP/2.0" => &[200, 401],
            // It has neither.
            "ANNOUNCE" | "RECORD" if version == "RTSP/2.0" => &[454, 501, 405],
            _ => &[454],
        };
        let status = answer.status();
        assert!(
            expected.contains(&status),
            "{method} {user:?} from {from}: {status}"
        );
        if status == 454 || status == 200 {
            assert!(answer.header("Session").is_none(), "{answer:#?}");
        }
        // Nor does it get anything that is not its own.
        thief.session = None;
        thief.send_frame(1, &[0x81, 203, 0, 1, 0, 0, 0, 1]).await;
        thief.sync().await;
    }
}

#[tokio::test]
async fn threat_session_id_as_bearer_token() {
    let anonymous: &[&str] = &[""];
    let of_users: &[&str] = &["", ANN_WRONG, BOB];
    for (threads, users) in [(1, false), (1, true), (3, false), (3, true)] {
        let server = server(threads, users).await;
        let owner = if users { ANN } else { "" };
        let mut peer = Peer::connect(address(&server)).await;
        peer.extra = owner.to_owned();
        let mut source = Source::tcp_on(peer, "/live", &video()).await;
        let published = source.peer.session.clone().expect("a session");
        let mut track = Track::video();
        for version in VERSIONS {
            for udp in [false, true] {
                let mut victim = Victim::plays(&server, version, udp, owner).await;
                let id = victim.peer.session.clone().expect("a session");
                let thieves = if users { of_users } else { anonymous };
                for thief in thieves {
                    for from in [1, 2] {
                        steal(&server, &id, victim.version, from, thief).await;
                        steal(&server, &published, victim.version, from, thief).await;
                    }
                }
                victim.is_unharmed(&mut source, &mut track).await;
            }
        }
    }
}

/// Without users a session is its address's once its connection has closed; with users never.
#[tokio::test]
async fn threat_session_id_as_bearer_token_after_its_connection() {
    for users in [false, true] {
        let server = server(2, users).await;
        let owner = if users { ANN } else { "" };
        let mut peer = Peer::connect(address(&server)).await;
        peer.extra = owner.to_owned();
        let mut source = Source::tcp_on(peer, "/live", &video()).await;
        let Victim {
            peer,
            pair,
            version,
        } = Victim::plays(&server, "RTSP/1.0", true, owner).await;
        let id = peer.session.clone().expect("a session");
        crate::close(peer).await;
        let thieves: &[(u8, &str)] = match users {
            true => &[(1, ""), (1, ANN_WRONG), (1, BOB), (2, ""), (2, BOB)],
            false => &[(2, "")],
        };
        for (from, thief) in thieves {
            steal(&server, &id, version, *from, thief).await;
        }
        let packet = Track::video().key(200);
        source.send(0, &packet).await;
        while pair.as_ref().expect("UDP").packet().await != packet {}
    }
}

/// Who sends from another address, or another port of the same, is nobody, whatever the packets look like.
#[tokio::test]
async fn threat_udp_injection() {
    let server = server(2, false).await;
    let mut source = Source::udp(&server, "/live", &video()).await;
    let mut reader = Peer::connect(address(&server)).await;
    let pair = Pair::local().await;
    let uri = format!("{}/trackID=0", reader.uri("/live"));
    let answer = reader.setup(&uri, &pair.transport()).await.expect(200);
    let (rtp, rtcp) = server_ports(&answer);
    let uri = reader.uri("/live");
    reader.ask("PLAY", &uri, "").await.expect(200);
    let host = address(&server).ip();
    let mut video = Track::video();
    let mut forged = video.clone();
    // As the publisher's next packets, and with another source; as its BYE, and as the reader's.
    let bye = |ssrc: u32| [&[0x81, 203, 0, 1][..], &ssrc.to_be_bytes()].concat();
    let byes = [bye(video.ssrc), bye(7)];
    for from in [[127, 0, 0, 1], [127, 0, 0, 2]] {
        let stranger = Pair::bind(from).await;
        let (_, to_rtp, to_rtcp) = &source.ways[0];
        for _ in 0..20 {
            forged.ssrc ^= 1;
            let packet = forged.key(400);
            for socket in [&stranger.rtp, &stranger.rtcp] {
                for to in [to_rtp, to_rtcp] {
                    socket.send_to(&packet, to).await.expect("sent");
                    for bye in &byes {
                        socket.send_to(bye, to).await.expect("sent");
                    }
                }
                for port in [rtp, rtcp] {
                    for bye in &byes {
                        socket.send_to(bye, (host, port)).await.expect("sent");
                    }
                }
            }
        }
    }
    for _ in 0..20 {
        let packet = video.key(300);
        source.send(0, &packet).await;
        let (got, _) = receive(&pair.rtp).await;
        assert_eq!(got, packet, "only what was published, and all of it");
    }
    reader.ask("GET_PARAMETER", &uri, "").await.expect(200);
}

/// Media that are to go to somebody else: the flood would be ours.
#[tokio::test]
async fn threat_udp_amplification() {
    let server = server(2, false).await;
    let _source = Source::tcp(&server, "/live", &video()).await;
    for (version, transport) in [
        (
            "RTSP/1.0",
            "RTP/AVP;unicast;destination=192.0.2.7;client_port=5000-5001",
        ),
        (
            "RTSP/1.0",
            "RTP/AVP;unicast;destination=127.0.0.2;client_port=5000-5001",
        ),
        (
            "RTSP/1.0",
            "RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001;ttl=255",
        ),
        ("RTSP/1.0", "RTP/AVP;unicast;client_port=0-1"),
        (
            "RTSP/2.0",
            "RTP/AVP;unicast;dest_addr=\"192.0.2.7:5000\"/\"192.0.2.7:5001\"",
        ),
        (
            "RTSP/2.0",
            "RTP/AVP;unicast;dest_addr=\"127.0.0.2:5000\"/\"127.0.0.1:5001\"",
        ),
        (
            "RTSP/2.0",
            "RTP/AVP;unicast;dest_addr=\"victim.example:5000\"/\":5001\"",
        ),
        ("RTSP/2.0", "RTP/AVP;unicast;dest_addr=\":0\"/\":0\""),
    ] {
        let mut peer = Peer::connect(address(&server)).await;
        peer.version = version;
        let uri = format!("{}/trackID=0", peer.uri("/live"));
        let answer = peer.setup(&uri, transport).await;
        let status = answer.status();
        assert!((400..500).contains(&status), "{status} to {transport}");
        assert!(answer.header("Session").is_none());
    }
}

/// Where somebody was, who had sessions there, somebody else is now: its user, who has gone elsewhere, keeps no flood going there.
#[tokio::test]
async fn threat_udp_amplification_r2_sec_03_by_one_who_has_left() {
    let server = server_with(|config| {
        config.threads = 2;
        config.users = vec![Credentials::new("ann", "secret")];
        config.limits.session_timeout = std::time::Duration::from_secs(1);
        config.limits.session_grace = std::time::Duration::from_millis(100);
    })
    .await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    for version in VERSIONS {
        let victim = Pair::bind([127, 0, 0, 2]).await;
        let mut there = Peer::connect_from(address(&server), [127, 0, 0, 2]).await;
        (there.version, there.extra) = (version, ANN.to_owned());
        let port = victim.port();
        let transport = match version {
            "RTSP/1.0" => victim.transport(),
            _ => format!("RTP/AVP;unicast;dest_addr=\":{port}\"/\":{}\"", port + 1),
        };
        let uri = there.uri("/live");
        let answer = there.setup(&format!("{uri}/trackID=0"), &transport).await;
        answer.expect(200);
        there.ask("PLAY", &uri, "").await.expect(200);
        let packet = track.key(200);
        source.send(0, &packet).await;
        while victim.packet().await != packet {}

        let mut elsewhere = Peer::connect(address(&server)).await;
        (elsewhere.version, elsewhere.extra) = (version, ANN.to_owned());
        elsewhere.session = there.session.clone();
        crate::close(there).await;
        elsewhere.ask("PLAY", &uri, "").await.expect(403);
        // Asking is no sign of life from there, however often: the session ends, and its peer is told, or its connection closed.
        let forgotten = async {
            loop {
                let request = elsewhere.request("GET_PARAMETER", &uri, "", b"");
                let _ = elsewhere.stream.write_all(&request).await;
                match elsewhere.next().await {
                    Event::Message(answer) if answer.first_line.contains(" 200 ") => {}
                    _ => return,
                }
                // The publisher lives by what it sends.
                source.send(0, &track.key(200)).await;
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        within("the end of the session", forgotten).await;
        while victim.rtp.try_recv(&mut [0; 2000]).is_ok() {}
        source.send(0, &track.key(200)).await;
        let mut good = Peer::connect(address(&server)).await;
        good.extra = ANN.to_owned();
        good.play_tcp("/live", 1).await;
        good.frame_on(0).await;
        assert!(victim.rtp.try_recv(&mut [0; 2000]).is_err());
    }
}
