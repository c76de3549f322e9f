//! Servers that refuse in the middle of a start, or send us elsewhere.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rtsp_client::Client;
use rtsp_client::ErrorKind;
use rtsp_client::Event;
use rtsp_client::Options;
use rtsp_client::PlayOptions;
use rtsp_client::Playing;
use rtsp_client::ReconnectPolicy;
use rtsp_client::TransportPolicy;
use rtsp_client::VersionPolicy;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::peer::Peer;
use super::peer::SDP;
use super::peer::frame;
use super::peer::header;
use super::peer::packet;

/// What the server says to SETUP and PLAY: nothing special, or these lines.
#[derive(Clone, Default)]
struct Manners {
    udp_refused: bool,
    setup_elsewhere: Option<String>,
    /// A REDIRECT after PLAY.
    redirect: Option<String>,
    /// The description has a tag.
    tagged: bool,
    /// The media are others than the tag says.
    changed: bool,
}

/// Serves one connection in RTSP/2.0; the first lines of what it heard.
async fn serve(listener: &TcpListener, manners: &Manners) -> Vec<String> {
    let mut peer = Peer::accept(listener).await;
    peer.version = "RTSP/2.0";
    let mut set_up = false;
    while let Some(request) = peer.request().await {
        match request.split(' ').next().unwrap() {
            "RTSP/2.0" => {}
            "DESCRIBE" => {
                let tag = if manners.tagged {
                    "t=0 0\r\na=mtag:\"one\"\r\n"
                } else {
                    "t=0 0\r\n"
                };
                let sdp = SDP.replace("t=0 0\r\n", tag);
                let body = format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len());
                peer.answer(&request, "200 OK", &body).await;
            }
            "SETUP" => {
                let transport = header(&request, "Transport").unwrap();
                if manners.changed {
                    assert_eq!(header(&request, "If-Match"), Some("\"one\""));
                    peer.answer(&request, "412 Precondition Failed", "").await;
                } else if let Some(location) = &manners.setup_elsewhere {
                    let location = format!("Location: {location}\r\n");
                    peer.answer(&request, "302 Found", &location).await;
                } else if manners.udp_refused && !transport.contains("interleaved") {
                    peer.answer(&request, "461 Unsupported Transport", "").await;
                } else {
                    set_up = true;
                    let granted = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
                    peer.answer(&request, "200 OK", granted).await;
                }
            }
            "PLAY" if !set_up => peer.answer(&request, "454 Session Not Found", "").await,
            "PLAY" => {
                // Packets overtake the answer.
                peer.stream.write_all(&frame(0, &packet(1))).await.unwrap();
                peer.answer(&request, "200 OK", "").await;
                if let Some(location) = &manners.redirect {
                    let redirect = format!(
                        "REDIRECT * RTSP/2.0\r\nCSeq: 1\r\nTerminate-Reason: Server-Admin\r\nLocation: {location}\r\n\r\n"
                    );
                    peer.stream.write_all(redirect.as_bytes()).await.unwrap();
                }
            }
            _ => peer.answer(&request, "200 OK", "").await,
        }
    }
    peer.requests
}

fn options(transport: TransportPolicy) -> Options {
    let mut options = Options::default();
    options.version = VersionPolicy::V2_0;
    options.transport = transport;
    options
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtsp://{}/x", listener.local_addr().unwrap());
    (listener, url)
}

async fn play(url: &str, options: Options) -> Result<Playing, rtsp_client::Error> {
    let described = Client::describe(url, options).await?;
    described.play(PlayOptions::default()).await
}

fn methods(requests: &[String]) -> Vec<&str> {
    let lines = requests.iter().map(|line| line.split(' ').next().unwrap());
    lines.collect()
}

#[tokio::test]
async fn without_udp_a_pipelined_start_goes_on_over_tcp_on_the_same_connection() {
    let (listener, url) = listen().await;
    let manners = Manners {
        udp_refused: true,
        ..Manners::default()
    };
    let server = tokio::spawn(async move { serve(&listener, &manners).await });
    let mut playing = play(&url, options(TransportPolicy::Auto)).await.unwrap();
    assert_eq!(playing.transport(), TransportPolicy::Tcp);
    assert!(playing.next().await.unwrap().is_some());
    playing.close().await;
    let requests = server.await.unwrap();
    let expected = [
        "OPTIONS", "DESCRIBE", "SETUP", "PLAY", "SETUP", "PLAY", "TEARDOWN",
    ];
    assert_eq!(methods(&requests), expected);
}

#[tokio::test]
async fn a_setup_that_is_redirected_begins_anew_with_describe_there() {
    let ((here, url), (there, elsewhere)) = (listen().await, listen().await);
    let server = tokio::spawn(async move {
        let manners = Manners {
            setup_elsewhere: Some(elsewhere),
            ..Manners::default()
        };
        let first = serve(&here, &manners).await;
        (first, serve(&there, &Manners::default()).await)
    });
    let mut playing = play(&url, options(TransportPolicy::Tcp)).await.unwrap();
    assert!(playing.next().await.unwrap().is_some());
    playing.close().await;
    let (first, second) = server.await.unwrap();
    assert_eq!(methods(&first), ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]);
    let expected = ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN"];
    assert_eq!(methods(&second), expected);
}

#[tokio::test]
async fn r2_stat_07_circles_come_to_an_end() {
    // Of descriptions, and of SETUPs.
    for setups in [false, true] {
        let (listener, url) = listen().await;
        let location = url.clone();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let server = tokio::spawn(async move {
            loop {
                if setups {
                    let manners = Manners {
                        setup_elsewhere: Some(location.clone()),
                        ..Manners::default()
                    };
                    serve(&listener, &manners).await;
                } else {
                    let mut peer = Peer::accept(&listener).await;
                    peer.version = "RTSP/2.0";
                    while let Some(request) = peer.request().await {
                        let location = format!("Location: {location}\r\n");
                        peer.answer(&request, "307 Elsewhere", &location).await;
                    }
                }
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut options = options(TransportPolicy::Tcp);
        options.max_redirects = 3;
        let error = play(&url, options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(error.to_string().contains("circles"), "{error}");
        server.abort();
        let connections = connections.load(Ordering::Relaxed);
        assert!((3..=5).contains(&connections), "{connections}");
    }
}

#[tokio::test]
async fn r2_redir_08_a_redirected_player_describes_there_first() {
    let ((here, url), (there, elsewhere)) = (listen().await, listen().await);
    let server = tokio::spawn(async move {
        let manners = Manners {
            redirect: Some(elsewhere),
            ..Manners::default()
        };
        let first = serve(&here, &manners).await;
        (first, serve(&there, &Manners::default()).await)
    });
    let mut options = options(TransportPolicy::Tcp);
    let mut policy = ReconnectPolicy::default();
    policy.first_wait = Duration::from_millis(10);
    options.reconnect = Some(policy);
    let mut playing = play(&url, options).await.unwrap();
    let mut resumed = false;
    while let Some(event) = playing.next_event().await.unwrap() {
        match event {
            Event::Resumed { .. } => resumed = true,
            Event::Packet(_) if resumed => break,
            _ => {}
        }
    }
    playing.close().await;
    let (first, second) = server.await.unwrap();
    // Its 200 has ended the session there; no TEARDOWN.
    let expected = ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "RTSP/2.0"];
    assert_eq!(methods(&first), expected);
    assert_eq!(second[1].split(' ').next(), Some("DESCRIBE"));
    assert!(methods(&second).contains(&"PLAY"));
}

#[tokio::test]
async fn r2_redir_09_a_host_alone_has_the_same_media_if_its_tag_says_so() {
    for changed in [false, true] {
        let ((here, url), (there, elsewhere)) = (listen().await, listen().await);
        let host = elsewhere.trim_end_matches("/x").to_owned();
        let server = tokio::spawn(async move {
            let manners = Manners {
                redirect: Some(host),
                tagged: true,
                ..Manners::default()
            };
            serve(&here, &manners).await;
            let manners = Manners {
                changed,
                ..Manners::default()
            };
            let first = serve(&there, &manners).await;
            let second = match changed {
                true => serve(&there, &Manners::default()).await,
                false => Vec::new(),
            };
            (first, second)
        });
        let mut options = options(TransportPolicy::Tcp);
        let mut policy = ReconnectPolicy::default();
        policy.first_wait = Duration::from_millis(10);
        options.reconnect = Some(policy);
        let mut playing = play(&url, options).await.unwrap();
        let mut resumed = false;
        while let Some(event) = playing.next_event().await.unwrap() {
            match event {
                Event::Resumed { .. } => resumed = true,
                Event::Packet(_) if resumed => break,
                _ => {}
            }
        }
        playing.close().await;
        let (first, second) = server.await.unwrap();
        // No DESCRIBE: what is known is confirmed by its tag, or asked for after all.
        assert_eq!(methods(&first)[..3], ["OPTIONS", "SETUP", "PLAY"]);
        assert_eq!(methods(&second).contains(&"DESCRIBE"), changed);
    }
}
