//! RTSP over TLS: the same server, sealed.

use std::{fs, path::PathBuf, time::Duration};

use bytes::BytesMut;
use rtsp_client::io::tls::{Fingerprint, Trust};
use rtsp_server::{Identity, Limit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    bridge::{narrow_peer, peer, sealed, secure_server, trust},
    peer::{Event, Peer, within},
    slow::{catches_up, overtake},
    source::{Source, Track, address, announce, av, server, video},
};

#[tokio::test]
async fn r2_tls_01_r2_tls_04_a_stream_is_the_same_over_tls_on_either_port_and_in_the_clear() {
    let server = secure_server(|_| {}).await;
    let secure = server.tls_addresses()[0];
    let publisher = peer(&server, secure).await;
    let mut source = Source::tcp_on(publisher, "/live", &av()).await;
    let mut track = Track::video();
    source.send_all(&[(0, track.key(1000))]).await;
    let mut readers = vec![
        peer(&server, secure).await,
        peer(&server, address(&server)).await,
        Peer::connect(address(&server)).await,
    ];
    for reader in &mut readers {
        let uri = reader.uri("/live");
        let described = reader.ask("DESCRIBE", &uri, "").await.expect(200);
        let base = described.expect_header("Content-Base");
        assert!(base.starts_with(&format!("{}://", reader.scheme)), "{base}");
        let playing = reader.play_tcp("/live", 2).await;
        let info = playing.expect_header("RTP-Info");
        assert!(info.contains(&format!("url={uri}")), "{info}");
    }
    // Large ones take many records, and more than one write.
    for size in [100, 5_000, 60_000] {
        let packet = track.key(size);
        source.send(0, &packet).await;
        for reader in &mut readers {
            while reader.frame_on(0).await != packet {}
        }
    }
}

#[tokio::test]
async fn r2_tls_03_what_is_had_by_tls_only_is_elsewhere_in_the_clear() {
    let server = secure_server(|config| {
        if let Some(tls) = &mut config.tls {
            tls.required = vec!["/door".into(), "/yard/*".into()];
        }
    })
    .await;
    let secure = server.tls_addresses()[0];
    let mut plain = Peer::connect(address(&server)).await;
    for version in ["RTSP/1.0", "RTSP/2.0"] {
        plain.version = version;
        for (method, path) in [("DESCRIBE", "/door"), ("SETUP", "/yard/1")] {
            let uri = plain.uri(path);
            let answer = plain.ask(method, &uri, "").await.expect(301);
            assert_eq!(
                answer.expect_header("Location"),
                format!("rtsps://{secure}{path}")
            );
        }
        let uri = plain.uri("/doors");
        plain.ask("DESCRIBE", &uri, "").await.expect(404);
    }
    let publisher = peer(&server, secure).await;
    let _source = Source::tcp_on(publisher, "/door", &video()).await;
    let mut reader = peer(&server, secure).await;
    reader.play_tcp("/door", 1).await;
    // Nor does anything of it go beside TLS, for readers and publishers.
    for (version, udp) in [
        ("RTSP/1.0", "RTP/AVP;unicast;client_port=5000-5001"),
        ("RTSP/2.0", "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\""),
        (
            "RTSP/2.0",
            "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";setup=passive;connection=new",
        ),
    ] {
        let mut reader = peer(&server, secure).await;
        reader.version = version;
        let uri = format!("{}/trackID=0", reader.uri("/door"));
        reader.setup(&uri, udp).await.expect(461);
        let both = format!("{udp},RTP/AVP/TCP;unicast;interleaved=0-1");
        let answer = reader.setup(&uri, &both).await.expect(200);
        assert!(
            answer
                .expect_header("Transport")
                .contains("interleaved=0-1")
        );
    }
    let mut publisher = peer(&server, secure).await;
    announce(&mut publisher, "/yard/1", &video())
        .await
        .expect(200);
    let uri = format!("{}/streamid=0", publisher.uri("/yard/1"));
    let udp = "RTP/AVP;unicast;client_port=5000-5001;mode=record";
    publisher.setup(&uri, udp).await.expect(461);
}

#[tokio::test]
async fn r2_tls_06_a_session_of_tls_is_never_spoken_of_in_the_clear() {
    let server = secure_server(|_| {}).await;
    let secure = server.tls_addresses()[0];
    let publisher = peer(&server, secure).await;
    let mut source = Source::tcp_on(publisher, "/live", &video()).await;
    let mut reader = peer(&server, secure).await;
    reader.version = "RTSP/2.0";
    reader.play_tcp("/live", 1).await;
    let mut eavesdropper = Peer::connect(address(&server)).await;
    eavesdropper.version = "RTSP/2.0";
    eavesdropper.session.clone_from(&reader.session);
    for method in ["OPTIONS", "PLAY", "PAUSE", "GET_PARAMETER", "TEARDOWN"] {
        let uri = eavesdropper.uri("/live");
        eavesdropper.ask(method, &uri, "").await.expect(454);
    }
    // The end of the stream is told on the connection with TLS, and only there.
    source.teardown().await;
    loop {
        match reader.next().await {
            Event::Message(told) if told.first_line.starts_with("PLAY_NOTIFY") => break,
            Event::Closed => panic!("closed without a word"),
            _ => {}
        }
    }
    eavesdropper.session = None;
    eavesdropper.sync().await;
}

#[tokio::test]
async fn r2_redir_11_who_comes_by_tls_is_sent_elsewhere_by_tls() {
    let server = secure_server(|_| {}).await;
    let secure = server.tls_addresses()[0];
    let publisher = peer(&server, secure).await;
    let _source = Source::tcp_on(publisher, "/live", &video()).await;
    server
        .drain(Some("rtsp://192.0.2.9:8554"))
        .await
        .expect("a URI");
    for (mut asks, scheme) in [
        (peer(&server, secure).await, "rtsps"),
        (Peer::connect(address(&server)).await, "rtsp"),
    ] {
        let uri = asks.uri("/live");
        let answer = asks.ask("DESCRIBE", &uri, "").await.expect(302);
        assert_eq!(
            answer.expect_header("Location"),
            format!("{scheme}://192.0.2.9:8554/live")
        );
    }
}

/// Says something and reads all that comes back.
async fn say(to: std::net::SocketAddr, words: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).await.expect("a connection");
    stream.write_all(words).await.expect("said");
    let mut answer = Vec::new();
    within("the end", stream.read_to_end(&mut answer))
        .await
        .expect("an orderly end");
    answer
}

#[tokio::test]
async fn who_is_at_the_wrong_door_is_told() {
    let secure = secure_server(|_| {}).await;
    let answer = say(
        secure.tls_addresses()[0],
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    )
    .await;
    let answer = String::from_utf8(answer).expect("text");
    assert!(
        answer.starts_with("RTSP/1.0 400 ") && answer.contains("rtsps"),
        "{answer}"
    );
    let plain = server(1).await;
    let hello = [22, 3, 1, 0, 5, 1, 0, 0, 1, 0];
    let alert = say(address(&plain), &hello).await;
    assert_eq!(alert, [21, 3, 3, 0, 2, 2, 40], "handshake_failure, fatal");
    // Garbage that begins like TLS.
    let alert = say(secure.tls_addresses()[0], &[22; 300]).await;
    assert_eq!(alert.first(), Some(&21), "an alert");
    let page = say(
        address(&plain),
        b"GET /index.html HTTP/1.1\r\nHost: h\r\n\r\n",
    )
    .await;
    let page = String::from_utf8(page).expect("text");
    assert!(page.starts_with("HTTP/1.1 404 "), "{page}");
}

#[tokio::test]
async fn who_is_silent_at_the_door_of_tls_is_never_heard_without_it() {
    let server = secure_server(|config| {
        config.limits.first_request_timeout = Duration::from_millis(300);
    })
    .await;
    let mut silent = TcpStream::connect(server.tls_addresses()[0])
        .await
        .expect("a connection");
    let mut buffer = Vec::new();
    let end = within("the end of its time", silent.read_to_end(&mut buffer)).await;
    end.ok();
    assert_eq!(server.refused(Limit::FirstRequest), 1);
    assert!(buffer.is_empty(), "{buffer:?}");
}

#[tokio::test]
async fn a_handshake_has_a_time_and_a_number() {
    let server = secure_server(|config| {
        config.limits.handshake_timeout = Duration::from_secs(2);
        config.limits.half_open_per_address = 2;
        config.limits.limit_loopback = true;
    })
    .await;
    let secure = server.tls_addresses()[0];
    let begin = || async {
        let mut stream = TcpStream::connect(secure).await.expect("a connection");
        stream.write_all(&[22, 3, 1]).await.expect("said");
        stream
    };
    let mut silent = vec![begin().await, begin().await];
    let mut buffer = Vec::new();
    // Two are waited for; whoever comes now is not, until their time is over.
    let mut third = begin().await;
    within("a refusal", third.read_to_end(&mut buffer))
        .await
        .ok();
    for stream in &mut silent {
        let end = within("the end of its time", stream.read_to_end(&mut buffer)).await;
        end.ok();
    }
    assert_eq!(server.refused(Limit::HalfOpen), 1);
    assert_eq!(server.refused(Limit::Handshake), 2);
    let mut good = peer(&server, secure).await;
    good.sync().await;
}

#[tokio::test]
async fn who_stops_reading_tls_delays_nobody_and_loses_whole_frames_only() {
    let server = secure_server(|config| config.limits.ring = 2 << 20).await;
    let secure = server.tls_addresses()[0];
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut track = Track::video();
    let first = track.key(1000);
    source.send_all(&[(0, first.clone())]).await;
    let mut stalled = narrow_peer(&server, secure).await;
    stalled.play_tcp("/live", 1).await;
    let mut good = peer(&server, secure).await;
    good.play_tcp("/live", 1).await;
    assert_eq!(good.frame_on(0).await, first);
    let mut good = [good];
    let packets = overtake(&mut source, &mut track, &mut good, first).await;
    catches_up(&mut stalled, &packets).await;
}

/// A folder with a certificate, gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("rtsp-server-wire-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn identity(&self) -> Identity {
        Identity::Files {
            certificate: self.0.join("c.pem"),
            key: self.0.join("k.pem"),
        }
    }

    fn renew(&self) -> Fingerprint {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        fs::write(self.0.join("k.pem"), made.signing_key.serialize_pem()).expect("written");
        fs::write(self.0.join("c.pem"), made.cert.pem()).expect("written");
        Fingerprint::of(made.cert.der())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_who_comes_and_disturbs_nobody() {
    let folder = Folder::new();
    let old = folder.renew();
    let server = secure_server(|config| {
        if let Some(tls) = &mut config.tls {
            tls.identity = folder.identity();
        }
    })
    .await;
    let secure = server.tls_addresses()[0];
    assert_eq!(server.fingerprint(), Some(old));
    let mut source = Source::tcp_on(peer(&server, secure).await, "/live", &video()).await;
    let mut reader = peer(&server, secure).await;
    reader.play_tcp("/live", 1).await;
    // A certificate without its key changes nothing.
    fs::write(folder.0.join("c.pem"), "").expect("written");
    let new = folder.renew();
    let shown = async {
        while server.fingerprint() != Some(new) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("the new certificate", shown).await;
    let (_, channel) = sealed(secure, trust(&server), None).await;
    let certificate = channel.peer_certificate().expect("a certificate");
    assert_eq!(Fingerprint::of(certificate), new);
    let mut track = Track::video();
    let packet = track.key(300);
    source.send(0, &packet).await;
    assert_eq!(reader.frame_on(0).await, packet);
}

#[tokio::test]
async fn r2_tls_02_r2_tls_14_nobody_else_is_believed_to_be_the_server() {
    let folder = Folder(std::env::temp_dir().join(format!("rtsp-wire-ca-{}", std::process::id())));
    fs::create_dir_all(&folder.0).expect("a folder");
    folder.renew();
    let server = secure_server(|config| {
        if let Some(tls) = &mut config.tls {
            tls.identity = folder.identity();
        }
    })
    .await;
    let secure = server.tls_addresses()[0];
    let certificate = folder.0.join("c.pem");
    let other = Fingerprint::of(b"another");
    let own = Trust::authorities(&certificate).expect("an authority");
    for (trust, name, expected) in [
        (own.clone(), "localhost", None),
        (own, "elsewhere.example", Some("not valid for name")),
        (Trust::system(), "localhost", Some("UnknownIssuer")),
        (Trust::pinned([other]), "localhost", Some("fingerprint")),
        (
            Trust::pinned([server.fingerprint().expect("TLS")]),
            "elsewhere.example",
            None,
        ),
    ] {
        // A system without authorities believes nobody, too.
        let Ok(config) = trust.config() else { continue };
        let stream = TcpStream::connect(secure).await.expect("a connection");
        let name = rustls::pki_types::ServerName::try_from(name.to_owned()).expect("a name");
        let mut channel = rtsp_client::io::tls::Channel::client(config, name).expect("a channel");
        let shaken = within("a handshake", channel.handshake(&stream)).await;
        match (shaken, expected) {
            (Ok(()), None) => {
                assert!(channel.is_for("localhost"), "R2-TLS-05");
                assert!(!channel.is_for("elsewhere.example"), "R2-TLS-05");
            }
            (Err(error), Some(expected)) => {
                let error = error.to_string();
                assert!(error.contains(expected), "{error}");
            }
            (shaken, expected) => panic!("{shaken:?} where {expected:?} was expected"),
        }
        let _ = channel.try_read_buf(&stream, &mut BytesMut::new());
    }
}

/// Options of a client that believes this server alone.
fn options(server: &rtsp_server::ServerHandle) -> rtsp_client::Options {
    let mut options = rtsp_client::Options::default();
    options.transport = rtsp_client::TransportPolicy::Tcp;
    options.trust = Trust::pinned(server.fingerprint());
    options
}

#[tokio::test]
async fn r2_tls_01_our_client_plays_and_publishes_by_tls_and_follows_into_it() {
    let server = secure_server(|config| {
        if let Some(tls) = &mut config.tls {
            tls.required = vec!["/live".into()];
        }
    })
    .await;
    let secure = server.tls_addresses()[0];
    let mut source = Source::tcp_on(peer(&server, secure).await, "/live", &video()).await;
    for url in [
        format!("rtsps://{secure}/live"),
        // 301, R2-TLS-03.
        format!("rtsp://{}/live", address(&server)),
    ] {
        let described = rtsp_client::Client::describe(&url, options(&server)).await;
        let described = described.expect("a description");
        let mut playing = described
            .play(rtsp_client::PlayOptions::default())
            .await
            .expect("it plays");
        let mut track = Track::video();
        source.send(0, &track.key(700)).await;
        let packet = within("a packet", playing.next()).await;
        assert!(packet.expect("no error").is_some(), "{url}");
    }
}

#[tokio::test]
async fn threat_tls_r2_tls_02_our_client_gives_up_rather_than_speak_to_somebody_else_or_in_the_clear()
 {
    let secure = secure_server(|_| {}).await;
    let plain = server(1).await;
    let url = |address| format!("rtsps://ann:secret@{address}/live");
    let mut strict = options(&secure);
    strict.trust = Trust::pinned([Fingerprint::of(b"another")]);
    for (address, options) in [
        (secure.tls_addresses()[0], strict),
        (address(&plain), options(&secure)),
    ] {
        let refused = rtsp_client::Client::describe(&url(address), options).await;
        let error = refused.expect_err("no trust, no description");
        assert_eq!(error.kind(), rtsp_client::ErrorKind::Untrusted, "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    // Whoever listens in its place hears nothing but the beginning of TLS.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let place = listener.local_addr().expect("its address");
    let heard = async {
        let (mut stream, _) = listener.accept().await.expect("it connects");
        let mut heard = Vec::new();
        stream.read_buf(&mut heard).await.expect("it speaks");
        drop(stream);
        heard
    };
    let url = url(place);
    let (refused, heard) =
        tokio::join!(rtsp_client::Client::describe(&url, options(&secure)), heard);
    assert!(refused.is_err());
    assert_eq!(heard.first(), Some(&22), "a handshake record");
    let again = tokio::time::timeout(Duration::from_millis(300), listener.accept()).await;
    assert!(again.is_err(), "and it does not come back");
}

/// Answers one DESCRIBE by TLS, in the way of `answer`, and says whether anything was asked after it.
async fn answering(
    answer: &'static str,
) -> (
    std::net::SocketAddr,
    Fingerprint,
    tokio::task::JoinHandle<bool>,
) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
    let fingerprint = Fingerprint::of(made.cert.der());
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(rtsp_client::io::tls::provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .expect("a configuration");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let place = listener.local_addr().expect("its address");
    let asked = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("it connects");
        let mut channel =
            rtsp_client::io::tls::Channel::server(std::sync::Arc::new(config)).expect("a channel");
        channel.handshake(&stream).await.expect("a handshake");
        let mut heard = BytesMut::new();
        let mut answered = false;
        loop {
            match channel.try_read_buf(&stream, &mut heard) {
                Ok(0) => return false,
                Ok(_) if answered => return true,
                Ok(_) if heard.ends_with(b"\r\n\r\n") => {
                    let text = String::from_utf8_lossy(&heard.split()).into_owned();
                    let (_, cseq) = text.split_once("CSeq:").expect("a CSeq");
                    let cseq = cseq.lines().next().expect("its line").trim();
                    let describes = text.starts_with("DESCRIBE");
                    let answer = match describes {
                        true => answer,
                        false => {
                            "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n"
                        }
                    };
                    let answer = answer.replace("CSeq: 1", &format!("CSeq: {cseq}"));
                    let words = [std::io::IoSlice::new(answer.as_bytes())];
                    channel.try_write_vectored(&stream, &words).expect("said");
                    answered = describes;
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    stream.readable().await.expect("a socket");
                }
                Err(_) => return false,
            }
        }
    });
    (place, fingerprint, asked)
}

#[tokio::test]
async fn threat_client_attacked_by_server_r2_redir_11_r2_tls_05_our_client_is_not_led_out_of_tls_nor_to_hosts_that_were_not_proved()
 {
    let media = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n";
    let foreign = format!("{media}a=control:rtsps://elsewhere.example/live/0\r\n");
    let foreign = format!(
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{foreign}",
        foreign.len()
    );
    for (answer, expected) in [
        (
            "RTSP/1.0 302 Found\r\nCSeq: 1\r\nLocation: rtsp://127.0.0.1:1/live\r\n\r\n".to_owned(),
            "not encrypted",
        ),
        (foreign, "the certificate is not for"),
    ] {
        let (place, fingerprint, asked) = answering(answer.leak()).await;
        let mut options = rtsp_client::Options::default();
        options.trust = Trust::pinned([fingerprint]);
        let url = format!("rtsps://{place}/live");
        let refused = within("an answer", rtsp_client::Client::describe(&url, options)).await;
        let error = refused.expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
        assert!(
            !within("the end", asked).await.expect("no panic"),
            "and nothing more is asked"
        );
    }
}
