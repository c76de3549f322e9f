//! Session ids that were overheard, whatever carries the session and whatever carries who has overheard it: TCP, TLS, HTTP, WebSocket;
//! media within that or by UDP; with users and without. Every method gets 454, and nothing changes.

use std::sync::atomic::{AtomicU32, Ordering};

use rtsp_server::ServerHandle;

use crate::{
    bridge,
    peer::{Pair, Peer, server_ports},
    source::{Source, Track, address, server_with, video},
    tunnelled::{over_http, over_websocket},
    users::{ANN, BOB, METHODS, users_only},
};

const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

/// What RTSP goes over.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// TCP; TLS where there is that.
    Straight,
    /// TCP, where there is TLS.
    InTheClear,
    Http,
    WebSocket,
}

const WAYS: [Way; 3] = [Way::Straight, Way::Http, Way::WebSocket];

async fn connect(server: &ServerHandle, way: Way, user: &str) -> Peer {
    let mut peer = match (way, server.tls_addresses().first()) {
        (Way::Straight, Some(secure)) => bridge::peer(server, *secure).await,
        (Way::Straight, None) | (Way::InTheClear, _) => Peer::connect(address(server)).await,
        (Way::Http, _) => {
            // Each tunnel has a cookie of its own.
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            over_http(
                server,
                &format!("{way:?}-{user:.30}-{number}").replace([' ', ':'], "_"),
            )
            .await
        }
        (Way::WebSocket, _) => over_websocket(server).await,
    };
    peer.extra = user.to_owned();
    peer
}

/// Tries every method with an id that is another's, on one connection.
async fn steal(server: &ServerHandle, way: Way, user: &str, id: &str) {
    let mut thief = connect(server, way, user).await;
    for method in METHODS {
        thief.session = Some(id.to_owned());
        let (uri, headers) = match method {
            "SETUP" => (
                format!("{}/trackID=0", thief.uri("/live")),
                format!("Transport: {TCP}\r\n"),
            ),
            _ => (thief.uri("/live"), String::new()),
        };
        let answer = thief.ask(method, &uri, &headers).await;
        assert_eq!(answer.status(), 454, "{method} by {way:?} as {user:?}");
        assert!(answer.header("Session").is_none(), "{answer:#?}");
        // Nor are the channels of others its own.
        for channel in 0..4 {
            let bye = [0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 203, 0, 1, 0, 0, 0, 7];
            thief.send_frame(channel, &bye).await;
        }
    }
    thief.session = None;
    thief.sync().await;
}

/// A session that plays, its id stolen by all, and unharmed.
async fn is_its_owners(
    server: &ServerHandle,
    source: &mut Source,
    victim: Way,
    udp: bool,
    users: bool,
) {
    let owner = if users { ANN } else { "" };
    let mut peer = connect(server, victim, owner).await;
    let pair = if udp { Some(Pair::local().await) } else { None };
    let transport = pair.as_ref().map_or(TCP.to_owned(), Pair::transport);
    let uri = format!("{}/trackID=0", peer.uri("/live"));
    let answer = peer.setup(&uri, &transport).await.expect(200);
    let uri = peer.uri("/live");
    peer.ask("PLAY", &uri, "").await.expect(200);
    let id = peer.session.clone().expect("a session");
    let published = source.peer.session.clone().expect("a session");
    let secure = !server.tls_addresses().is_empty();
    for way in WAYS {
        for user in if users { &["", BOB][..] } else { &[""] } {
            for id in [&id, &published] {
                steal(server, way, user, id).await;
            }
        }
    }
    if secure {
        // Not even to its owner is it told in the clear.
        for user in ["", owner] {
            steal(server, Way::InTheClear, user, &id).await;
        }
    }
    if udp {
        // Reports of others than its peer end nothing.
        let (_, port) = server_ports(&answer);
        let stranger = Pair::local().await;
        let bye = [0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 203, 0, 1, 0, 0, 0, 7];
        let to = (address(server).ip(), port);
        stranger.rtcp.send_to(&bye, to).await.expect("sent");
    }
    let packet = Track::video().key(200);
    source.send(0, &packet).await;
    loop {
        let got = match &pair {
            Some(pair) => pair.packet().await,
            None => peer.frame_on(0).await,
        };
        if got == packet {
            break;
        }
    }
    peer.ask("PAUSE", &uri, "").await.expect(200);
    peer.ask("TEARDOWN", &uri, "").await.expect(200);
}

async fn all_are_their_owners(server: &ServerHandle, users: bool) {
    let owner = if users { ANN } else { "" };
    for victim in WAYS {
        let publisher = connect(server, victim, owner).await;
        let mut source = Source::tcp_on(publisher, "/live", &video()).await;
        for udp in [false, true] {
            is_its_owners(server, &mut source, victim, udp, users).await;
        }
        source.teardown().await;
    }
}

#[tokio::test]
async fn threat_session_id_as_bearer_token_over_every_transport() {
    let server = server_with(|config| config.threads = 3).await;
    all_are_their_owners(&server, false).await;
}

#[tokio::test]
async fn threat_session_id_as_bearer_token_over_every_transport_with_users() {
    let server = server_with(|config| {
        config.threads = 3;
        users_only(config);
    })
    .await;
    all_are_their_owners(&server, true).await;
}

#[tokio::test]
async fn threat_session_id_as_bearer_token_over_every_transport_with_tls() {
    let server = bridge::secure_server(|config| config.threads = 3).await;
    all_are_their_owners(&server, false).await;
}

#[tokio::test]
async fn threat_session_id_as_bearer_token_over_every_transport_with_tls_and_users() {
    let server = bridge::secure_server(|config| {
        config.threads = 3;
        users_only(config);
    })
    .await;
    all_are_their_owners(&server, true).await;
}

/// What a reader sends on its channels are reports, and of its own sessions only: it publishes nothing, and ends nobody.
#[tokio::test]
async fn channels_belong_to_sessions() {
    for way in WAYS {
        let server = server_with(|config| config.threads = 1).await;
        let publisher = connect(&server, way, "").await;
        let mut source = Source::tcp_on(publisher, "/live", &video()).await;
        let mut witness = connect(&server, Way::Straight, "").await;
        witness.play_tcp("/live", 1).await;
        let mut reader = connect(&server, way, "").await;
        reader.play_tcp("/live", 1).await;
        let mut track = Track::video();
        let forged = track.clone().key(300);
        for channel in [0, 1, 2, 3, 255] {
            reader.send_frame(channel, &forged).await;
            // The publisher's own connection has no such channels.
            if channel > 1 {
                source.peer.send_frame(channel, &forged).await;
            }
            let mut bye = vec![0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 203, 0, 1];
            bye.extend_from_slice(&track.ssrc.to_be_bytes());
            if channel != 1 {
                reader.send_frame(channel, &bye).await;
            }
        }
        reader.sync().await;
        source.peer.sync().await;
        let packet = track.key(200);
        source.send(0, &packet).await;
        for peer in [&mut witness, &mut reader] {
            assert_eq!(
                peer.frame_on(0).await,
                packet,
                "{way:?}: what was published comes first"
            );
        }
    }
}
