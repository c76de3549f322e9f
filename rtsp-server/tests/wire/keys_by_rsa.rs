//! Keys by MIKEY-RSA-R (RFC 4738), as RTSP/2.0 exchanges them (RFC 7826 §C.1.4.1).

use std::{fs, net::SocketAddr, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::BytesMut;
use rtsp_client::{
    Client, ErrorKind, KeyIdentity, Options, TransportPolicy, VersionPolicy,
    io::tls::{Fingerprint, Trust},
};
use rtsp_server::{Identity, ServerHandle, Srtp};
use rtsp_session::{random::Random, srtp::Sender};

use crate::{
    bridge::{sealing_front, secure_server},
    peer::{Message, Peer, within},
    rsa::{inquiry, pair},
    source::{Source, Track, address, arrive, av, server_with, video},
};

/// A certificate of RSA in files, for TLS.
struct Files(std::path::PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let name = format!("rtsp-wire-rsa-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let (key, certificate) = pair(2);
        fs::write(folder.join("k.pem"), key.serialize_pem()).expect("written");
        fs::write(folder.join("c.pem"), certificate.pem()).expect("written");
        Self(folder)
    }

    fn identity(&self) -> Identity {
        Identity::Files {
            certificate: self.0.join("c.pem"),
            key: self.0.join("k.pem"),
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn options(trust: Trust, transport: TransportPolicy, identity: &KeyIdentity) -> Options {
    let mut options = Options::default();
    options.version = VersionPolicy::V2_0;
    options.transport = transport;
    options.trust = trust;
    options.key_identity = identity.clone();
    options
}

#[tokio::test]
async fn r2_sec_08_r2_rtp_07_the_client_plays_by_rsa_whatever_key_the_server_has() {
    let files = Files::new("plays");
    let who = KeyIdentity::default();
    // The key of TLS is one of ECDSA, and vouches for one of RSA; or it is one of RSA itself.
    for with_rsa in [false, true] {
        let server = secure_server(|config| {
            config.srtp = Srtp::OverTls;
            if let (true, Some(tls)) = (with_rsa, &mut config.tls) {
                tls.identity = files.identity();
            }
        })
        .await;
        let mut source = Source::tcp(&server, "/live", &av()).await;
        let (mut picture, mut sound) = (Track::video(), Track::audio());
        source.send_all(&[(0, picture.key(900))]).await;
        let url = format!("rtsps://{}/live", server.tls_addresses()[0]);
        for transport in [TransportPolicy::Udp, TransportPolicy::Tcp] {
            // Paths of datagrams are opened with some that are no packets.
            let before = server.unopened_packets();
            let mut all = vec![Trust::pinned([server.fingerprint().expect("TLS")])];
            if with_rsa {
                all.push(Trust::authorities(&files.0.join("c.pem")).expect("an authority"));
            }
            for trust in all {
                let options = options(trust, transport, &who);
                let described = within("a description", Client::describe(&url, options));
                let described = described.await.expect("described");
                let playing = within("to play", described.play(Default::default()));
                let mut playing = playing.await.expect("it plays");
                assert!(playing.is_secured(0) && playing.is_secured(1));
                for _ in 0..8 {
                    // The sequence number of the picture rolls over.
                    let sent = [(0, picture.key(900)), (1, sound.sound(160))];
                    source.send_all(&sent).await;
                    arrive(&mut playing, &sent).await;
                }
                assert_eq!(playing.unopened(), 0);
                playing.close().await;
            }
            if transport == TransportPolicy::Tcp {
                assert_eq!(server.unopened_packets(), before);
            }
        }
    }
}

/// Somebody in the middle has TLS with the client and speaks to the server.
#[tokio::test]
async fn r2_sec_08_keys_of_a_server_that_is_not_the_one_of_tls_are_not_taken() {
    let files = Files::new("middle");
    let server = secure_server(|config| {
        config.srtp = Srtp::Forced;
        if let Some(tls) = &mut config.tls {
            tls.identity = files.identity();
        }
    })
    .await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut picture = Track::video();
    source.send_all(&[(0, picture.key(900))]).await;
    let play = async |at: SocketAddr, trust: Trust| {
        let options = options(trust, TransportPolicy::Tcp, &KeyIdentity::default());
        let url = format!("rtsps://{at}/live");
        let described = Client::describe(&url, options).await.expect("described");
        described.play(Default::default()).await
    };
    let (at, its) = sealing_front(address(&server)).await;
    let error = play(at, Trust::pinned([its])).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Untrusted);
    assert!(error.to_string().contains("not believed"), "{error}");
    assert!(error.to_string().contains("fingerprint"), "{error}");
    // Where the server itself is believed, too, it may stand there: it reads no keys.
    let (at, its) = sealing_front(address(&server)).await;
    let both: [Fingerprint; 2] = [its, server.fingerprint().expect("TLS")];
    let playing = play(at, Trust::pinned(both)).await.expect("it plays");
    assert!(playing.is_secured(0));
}

async fn asked(server: &ServerHandle, text: &str) -> (Peer, Message) {
    let mut peer = Peer::connect(address(server)).await;
    peer.version = "RTSP/2.0";
    let uri = format!("{}/trackID=0", peer.uri("/live"));
    let offer = format!("RTP/SAVP/TCP;unicast;interleaved=0-1;MIKEY={text}");
    let answer = peer.setup(&uri, &offer).await;
    (peer, answer)
}

#[tokio::test]
async fn r2_sec_08_r2_code_35_questions_that_are_changed_old_or_asked_twice_are_466_and_harm_nobody()
 {
    let server = server_with(|config| config.srtp = Srtp::Forced).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut picture = Track::video();
    source.send_all(&[(0, picture.key(900))]).await;
    let mut witness = Peer::connect(address(&server)).await;
    witness.play_tcp("/live", 1).await;
    let random = &mut Random::from_seed([7; 32]);

    let question = inquiry(Duration::ZERO, random);
    let octets = BASE64_STANDARD.decode(question.text()).expect("base64");
    // The header, the time, the certificate, the signature; not the version and the kind, which make another message of it.
    for at in [
        2,
        4,
        9,
        20,
        40,
        90,
        400,
        octets.len() - 200,
        octets.len() - 1,
    ] {
        let mut changed = octets.clone();
        changed[at] ^= 1;
        let (_, answer) = asked(&server, &BASE64_STANDARD.encode(&changed)).await;
        let answer = answer.expect(466);
        assert!(answer.header("Session").is_none(), "no session is left");
    }
    for length in [3, 60, octets.len() - 1] {
        let cut = BASE64_STANDARD.encode(&octets[..length]);
        asked(&server, &cut).await.1.expect(466);
    }
    let old = inquiry(Duration::from_secs(2 * 3600), random);
    asked(&server, old.text()).await.1.expect(466);

    // As it was it is answered, once.
    let (mut peer, answer) = asked(&server, question.text()).await;
    let answer = answer.expect(200);
    asked(&server, question.text()).await.1.expect(466);
    let given = answer.expect_header("Transport");
    let given = given.split(";MIKEY=").nth(1).expect("an answer");
    let given = given.split(';').next().expect("it").trim_matches('"');
    let told = question
        .take(given, None, &|_| Ok(()), random)
        .expect("keys");
    let mut receiver = told.theirs.receiver();
    let uri = peer.uri("/live");
    peer.ask("PLAY", &uri, "").await.expect(200);
    for _ in 0..12 {
        let packet = picture.key(900);
        source.send_all(&[(0, packet.clone())]).await;
        while witness.frame_on(0).await != packet {}
        let mut opened = BytesMut::new();
        while opened[..] != packet[..] {
            opened.clear();
            let sealed = peer.frame_on(0).await;
            receiver.open_rtp(&sealed, &mut opened).expect("its own");
        }
    }
    // What the peer sends is opened by the key that was made for it, once.
    let report = [0x80, 201, 0, 1, 0, 0, 0, 77];
    let mut sealed = BytesMut::new();
    Sender::new(&told.own)
        .seal_rtcp(&report, &mut sealed)
        .expect("sealed");
    for unopened in [0, 1] {
        peer.send_frame(1, &sealed).await;
        peer.sync().await;
        assert_eq!(server.unopened_packets(), unopened);
    }
}
