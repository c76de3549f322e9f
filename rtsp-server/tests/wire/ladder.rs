//! Our client in tunnels, and how it comes to them: by UDP, by TCP, by HTTP, each where the one before does not get through.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use rtsp_client::{
    Client, ErrorKind, Options, PlayOptions, Playing, TransportPolicy, VersionPolicy,
    io::tls::Trust,
};
use rtsp_server::{Access, ServerHandle};
use rtsp_session::{auth::Credentials, client::PlayRequest};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::{
    bridge::{peer, secure_server},
    cutter::Cutter,
    peer::within,
    source::{Source, Track, address, av, server, server_with, video},
};

const TUNNELS: [TransportPolicy; 2] = [TransportPolicy::Http, TransportPolicy::WebSocket];

fn options(transport: TransportPolicy) -> Options {
    let mut options = Options::default();
    options.transport = transport;
    options
}

/// Who publishes, and what.
struct Stream(Source, Track);

/// Plays two packets, and says how.
async fn plays(url: &str, options: Options, stream: &mut Stream) -> TransportPolicy {
    let described = within("a description", Client::describe(url, options)).await;
    let described = described.expect("a description");
    let mut playing = within("it plays", described.play(PlayOptions::default()))
        .await
        .expect("it plays");
    for size in [700, 50_000] {
        let sent = stream.1.key(size);
        stream.0.send(0, &sent).await;
        next_is(&mut playing, &sent).await;
    }
    let transport = playing.transport();
    within("the end", playing.close()).await;
    transport
}

/// Waits for a packet, past those that came before.
async fn next_is(playing: &mut Playing, sent: &[u8]) {
    loop {
        let packet = within("a packet", playing.next()).await.expect("no error");
        if packet.expect("a packet").packet.payload() == &sent[12..] {
            return;
        }
    }
}

#[tokio::test]
async fn our_client_plays_in_tunnels() {
    let server = server(2).await;
    let source = Source::tcp(&server, "/live", &video()).await;
    let mut stream = Stream(source, Track::video());
    let url = format!("rtsp://{}/live", address(&server));
    for tunnel in TUNNELS {
        for version in [VersionPolicy::V1_0, VersionPolicy::V2_0] {
            let mut options = options(tunnel);
            options.version = version;
            assert_eq!(plays(&url, options, &mut stream).await, tunnel);
        }
    }
}

#[tokio::test]
async fn our_client_plays_in_tunnels_within_tls() {
    let server = secure_server(|_| {}).await;
    let secure = server.tls_addresses()[0];
    let source = Source::tcp_on(peer(&server, secure).await, "/live", &video()).await;
    let mut stream = Stream(source, Track::video());
    for tunnel in TUNNELS {
        for at in [secure, address(&server)] {
            let mut trusting = options(tunnel);
            trusting.trust = Trust::pinned(server.fingerprint());
            let url = format!("rtsps://{at}/live");
            assert_eq!(plays(&url, trusting, &mut stream).await, tunnel);
        }
        // Whom it does not trust it tells nothing, in a tunnel or not.
        let url = format!("rtsps://{secure}/live");
        let refused = Client::describe(&url, options(tunnel)).await;
        let error = refused.expect_err("nobody it knows");
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    }
}

#[tokio::test]
async fn our_client_publishes_and_proves_itself_in_tunnels() {
    let server = server_with(|config| {
        config.users = vec![Credentials::new("ann", "secret")];
        config.publish = Access::Users;
        config.read = Access::Users;
    })
    .await;
    let mut track = Track::video();
    for tunnel in TUNNELS {
        let name = match tunnel {
            TransportPolicy::Http => "http",
            _ => "ws",
        };
        let url = format!("rtsp://ann:secret@{}/{name}", address(&server));
        let description = sdp::Description::parse(av().as_bytes()).expect("a description");
        let announced = Client::announce(&url, description, options(tunnel)).await;
        let mut recording = announced
            .expect("announced")
            .record()
            .await
            .expect("recording");
        assert_eq!(recording.transport(), tunnel);
        let described = Client::describe(&url, options(tunnel)).await;
        let described = described.expect("a description");
        assert!(described.was_challenged());
        let mut playing = described.play(PlayOptions::default()).await.expect("plays");
        for size in [700, 60_000] {
            let sent = track.key(size);
            recording.send(0, sent.clone().into()).await.expect("sent");
            next_is(&mut playing, &sent).await;
        }
        let wrong = url.replace("secret", "guess");
        let refused = Client::describe(&wrong, options(tunnel)).await;
        assert_eq!(refused.expect_err("wrong").kind(), ErrorKind::Unauthorized);
    }
}

/// What lies between, and what it lets through beside HTTP.
#[derive(Clone, Copy, PartialEq)]
enum Wall {
    /// No RTSP.
    Rtsp,
    /// RTSP, but no media.
    Media,
}

/// A network between a client and the server.
async fn behind(wall: Wall, server: &ServerHandle) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("its address");
    let to = address(server);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(pass(wall, near, to));
        }
    });
    at
}

async fn pass(wall: Wall, mut near: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    let mut far = TcpStream::connect(to).await?;
    let mut said = Vec::with_capacity(64 << 10);
    near.read_buf(&mut said).await?;
    if said.starts_with(b"GET ") || said.starts_with(b"POST ") {
        far.write_all(&said).await?;
        copy_bidirectional(&mut near, &mut far).await?;
        return Ok(());
    }
    if wall == Wall::Rtsp {
        return Ok(());
    }
    let mut heard = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&said).into_owned();
        if text.starts_with("SETUP ") && text.contains("interleaved") {
            return Ok(());
        } else if text.starts_with("SETUP ") {
            let cseq = text.lines().find(|line| line.starts_with("CSeq"));
            let cseq = cseq.unwrap_or_default();
            let refusal = format!("RTSP/1.0 461 Unsupported Transport\r\n{cseq}\r\n\r\n");
            near.write_all(refusal.as_bytes()).await?;
        } else {
            far.write_all(&said).await?;
        }
        said.clear();
        while said.is_empty() {
            tokio::select! {
                read = near.read_buf(&mut said) => if read? == 0 { return Ok(()) },
                read = far.read_buf(&mut heard) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    near.write_all(&heard).await?;
                    heard.clear();
                }
            }
        }
    }
}

#[tokio::test]
async fn our_client_turns_to_a_tunnel_where_nothing_else_gets_through() {
    let server = server(2).await;
    let source = Source::tcp(&server, "/live", &video()).await;
    let mut stream = Stream(source, Track::video());
    for wall in [Wall::Rtsp, Wall::Media] {
        let at = behind(wall, &server).await;
        let url = format!("rtsp://{at}/live");
        let transport = plays(&url, options(TransportPolicy::Auto), &mut stream).await;
        assert_eq!(transport, TransportPolicy::Http);
        let direct = Client::describe(&url, options(TransportPolicy::Tcp)).await;
        match wall {
            Wall::Rtsp => assert_eq!(direct.expect_err("cut").kind(), ErrorKind::Closed),
            Wall::Media => {
                let playing = direct.expect("described").play(PlayOptions::default());
                let error = playing.await.expect_err("cut");
                assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
            }
        }
    }
    // Without a wall it stays with what comes first.
    let url = format!("rtsp://{}/live", address(&server));
    let transport = plays(&url, options(TransportPolicy::Auto), &mut stream).await;
    assert_eq!(transport, TransportPolicy::Udp);
}

#[tokio::test]
async fn our_client_publishes_in_a_tunnel_where_nothing_else_gets_through() {
    let server = server(2).await;
    let mut track = Track::video();
    for (number, wall) in [Wall::Rtsp, Wall::Media].into_iter().enumerate() {
        let at = behind(wall, &server).await;
        let url = format!("rtsp://{at}/{number}");
        let description = sdp::Description::parse(av().as_bytes()).expect("a description");
        let announced = Client::announce(&url, description, options(TransportPolicy::Auto)).await;
        let recording = within("recording", announced.expect("announced").record()).await;
        let mut recording = recording.expect("recording");
        assert_eq!(recording.transport(), TransportPolicy::Http);
        let url = format!("rtsp://{}/{number}", address(&server));
        let described = Client::describe(&url, options(TransportPolicy::Tcp)).await;
        let described = described.expect("a description");
        let mut playing = described.play(PlayOptions::default()).await.expect("plays");
        let sent = track.key(700);
        recording.send(0, sent.clone().into()).await.expect("sent");
        next_is(&mut playing, &sent).await;
    }
}

#[tokio::test]
async fn our_client_goes_on_with_another_post_when_one_is_closed() {
    for secure in [false, true] {
        let server = secure_server(|_| {}).await;
        let (scheme, to) = match secure {
            false => ("rtsp", address(&server)),
            true => ("rtsps", server.tls_addresses()[0]),
        };
        let mut trusting = options(TransportPolicy::Http);
        trusting.trust = Trust::pinned(server.fingerprint());
        let description = sdp::Description::parse(av().as_bytes()).expect("a description");
        // What comes first is the GET, whatever hides it.
        let mut before = Cutter::before(to, 1).await;
        let url = format!("{scheme}://{}/live", before.at);
        let announced = Client::announce(&url, description, trusting.clone()).await;
        let mut recording = announced
            .expect("announced")
            .record()
            .await
            .expect("recording");
        let mut other = Cutter::before(to, 1).await;
        let url = format!("{scheme}://{}/live", other.at);
        let described = Client::describe(&url, trusting).await;
        let described = described.expect("a description");
        let mut playing = described.play(PlayOptions::default()).await.expect("plays");
        let mut track = Track::video();
        for size in [700, 60_000, 800] {
            let sent = track.key(size);
            recording.send(0, sent.clone().into()).await.expect("sent");
            next_is(&mut playing, &sent).await;
            // What is sent next goes by the next POST, all of it.
            let far = Instant::now() + Duration::from_secs(600);
            before.cut(recording.run_until(far)).await;
            let sent = track.key(size);
            recording.send(0, sent.clone().into()).await.expect("sent");
            next_is(&mut playing, &sent).await;
            // And who reads is answered on the GET that it has.
            other.cut(playing.next()).await;
            within("it pauses", playing.pause()).await.expect("paused");
            let again = PlayRequest::default();
            within("it plays", playing.resume(&again))
                .await
                .expect("plays");
        }
        assert_eq!(recording.transport(), TransportPolicy::Http);
        within("the end", playing.close()).await;
        within("the end", recording.close()).await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_tunnel_is_told() {
    for (answer, told) in [
        ("HTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found"),
        ("RTSP/1.0 400 Bad Request\r\n\r\n", "no HTTP"),
        ("", "closes instead of answering HTTP"),
    ] {
        for tunnel in TUNNELS {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let at = listener.local_addr().expect("its address");
            let server = async {
                let (mut stream, _) = listener.accept().await.expect("it connects");
                let mut said = Vec::new();
                while !said.ends_with(b"\r\n\r\n") {
                    stream.read_buf(&mut said).await.expect("it speaks");
                }
                stream.write_all(answer.as_bytes()).await.expect("said");
            };
            let url = format!("rtsp://ann:secret@{at}/live?a=b");
            let (refused, ()) = tokio::join!(Client::describe(&url, options(tunnel)), server);
            let error = refused.expect_err("no tunnel");
            assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
            let text = error.to_string();
            assert!(text.contains(told) && !text.contains("secret"), "{text}");
        }
    }
}
