//! Descriptions that come from elsewhere, media that are elsewhere, and what the requests say about who asks.

use rtsp_client::Client;
use rtsp_client::ErrorKind;
use rtsp_client::Options;
use rtsp_client::PlayOptions;
use rtsp_client::TransportPolicy;
use sdp::Description;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::peer::Peer;
use crate::peer::SDP;
use crate::peer::header;

/// A server that says yes to `connections` in a row; all requests.
async fn server(connections: usize) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let mut seen = Vec::new();
        let mut served = Vec::new();
        for number in 0..connections {
            let mut peer = Peer::accept(&listener).await;
            served.push(tokio::spawn(async move {
                let mut seen = Vec::new();
                while let Some(request) = peer.request().await {
                    let rest = match request.split(' ').next().unwrap() {
                        "SETUP" => "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
                        _ => "",
                    };
                    peer.session = format!("session{number}");
                    peer.answer(&request, "200 OK", rest).await;
                    seen.push(request);
                }
                seen
            }));
        }
        for served in served {
            seen.extend(served.await.unwrap());
        }
        seen
    });
    (port, server)
}

fn tcp() -> Options {
    let mut options = Options::default();
    options.transport = TransportPolicy::Tcp;
    options
}

fn methods(seen: &[String]) -> Vec<&str> {
    seen.iter()
        .map(|request| request.split(' ').next().unwrap())
        .collect()
}

#[tokio::test]
async fn r2_desc_04_and_r1_desc_02_a_description_from_elsewhere_is_not_asked_for() {
    let (port, server) = server(1).await;
    let url = format!("rtsp://127.0.0.1:{port}/x");
    let description = Description::parse(SDP.as_bytes()).unwrap();
    let described = Client::with_description(&url, description, tcp())
        .await
        .unwrap();
    described
        .play(PlayOptions::default())
        .await
        .unwrap()
        .close()
        .await;
    let seen = server.await.unwrap();
    assert_eq!(methods(&seen), ["OPTIONS", "SETUP", "PLAY", "TEARDOWN"]);
    assert!(
        seen[1].starts_with(&format!("SETUP {url}/trackID=0 ")),
        "{}",
        seen[1]
    );
}

#[tokio::test]
async fn r2_play_31_each_media_has_a_session_of_its_own_if_it_is_to_be_controlled_alone() {
    let (port, server) = server(3).await;
    let url = format!("rtsp://127.0.0.1:{port}/x");
    let two = format!("{SDP}m=audio 0 RTP/AVP 8\r\na=control:trackID=1\r\n");
    let description = Description::parse(two.as_bytes()).unwrap();
    let described = Client::with_description(&url, description, tcp())
        .await
        .unwrap();
    let parts = described.apart().await.unwrap();
    assert_eq!(parts.len(), 2);
    for part in parts {
        let mut playing = part.play(PlayOptions::default()).await.unwrap();
        playing.pause().await.unwrap();
        playing.close().await;
    }
    let seen = server.await.unwrap();
    for track in 0..2 {
        let about = format!("{url}/trackID={track} ");
        let own: Vec<_> = seen
            .iter()
            .filter(|request| request.contains(&about))
            .collect();
        let methods: Vec<_> = own.iter().map(|r| r.split(' ').next().unwrap()).collect();
        assert_eq!(methods, ["OPTIONS", "SETUP", "PLAY", "PAUSE", "TEARDOWN"]);
        let session = format!("session{}", track + 1);
        assert_eq!(header(own[2], "Session"), Some(&*session));
    }
}

#[tokio::test]
async fn r2_sdp_19_without_a_control_for_all_media_may_be_on_several_servers() {
    let (one_port, one) = server(2).await;
    let (other_port, other) = server(1).await;
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
         m=audio 0 RTP/AVP 0\r\na=control:rtsp://127.0.0.1:{one_port}/audio\r\n\
         m=audio 0 RTP/AVP 8\r\na=control:rtsp://localhost:{other_port}/other\r\n"
    );
    let described = || async {
        let url = format!("rtsp://ann:hunter2@127.0.0.1:{one_port}/x");
        let description = Description::parse(sdp.as_bytes()).unwrap();
        Client::with_description(&url, description, tcp())
            .await
            .unwrap()
    };
    let parts = described().await.apart().await.unwrap();
    for part in parts {
        part.play(PlayOptions::default())
            .await
            .unwrap()
            .close()
            .await;
    }
    let seen = other.await.unwrap();
    assert_eq!(methods(&seen), ["OPTIONS", "SETUP", "PLAY", "TEARDOWN"]);
    assert!(seen[1].starts_with(&format!("SETUP rtsp://localhost:{other_port}/other ")));
    assert!(
        one.await
            .unwrap()
            .iter()
            .any(|request| request.contains("/audio RTSP/1.0"))
    );
}

#[tokio::test]
async fn media_on_several_servers_are_not_asked_of_one() {
    let (port, server) = server(1).await;
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
         m=audio 0 RTP/AVP 0\r\na=control:rtsp://127.0.0.1:{port}/audio\r\n\
         m=audio 0 RTP/AVP 8\r\na=control:rtsp://192.0.2.1/other\r\n"
    );
    let url = format!("rtsp://127.0.0.1:{port}/x");
    let description = Description::parse(sdp.as_bytes()).unwrap();
    let described = Client::with_description(&url, description, tcp())
        .await
        .unwrap();
    let refused = described.play(PlayOptions::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert_eq!(methods(&server.await.unwrap()), ["OPTIONS"]);
}

/// On UDP requests would have to be repeated, with the same number, by the time that answers take. This client never speaks RTSP so:
/// RFC 7826 has taken it out.
#[tokio::test]
async fn r1_conn_03_nothing_is_repeated_because_nothing_is_asked_by_udp() {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtspu://{}/live", socket.local_addr().unwrap());
    let refused = Client::describe(&url, tcp()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported, "{refused}");
    let came = socket.try_recv(&mut [0; 16]);
    assert_eq!(came.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn r2_conn_02_requests_never_go_to_multicast_groups() {
    for url in ["rtsp://239.1.1.1/x", "rtsp://[ff02::1]:8554/x"] {
        let refused = Client::describe(url, tcp()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Url, "{refused}");
        assert!(refused.to_string().contains("multicast"), "{refused}");
    }
}

#[tokio::test]
async fn r1_ver_05_a_host_name_stays_a_name() {
    let (port, server) = server(1).await;
    let url = format!("rtsp://LocalHost:{port}/x");
    let description = Description::parse(SDP.as_bytes()).unwrap();
    let described = Client::with_description(&url, description, tcp())
        .await
        .unwrap();
    described
        .play(PlayOptions::default())
        .await
        .unwrap()
        .close()
        .await;
    for request in server.await.unwrap() {
        let target = request.split(' ').nth(1).unwrap();
        let host = target["rtsp://".len()..].split(':').next().unwrap();
        assert!(host.eq_ignore_ascii_case("localhost"), "{request}");
    }
}

/// What every request of a session says, with these options.
async fn said(options: Options, sdp: &str) -> Vec<String> {
    let (port, server) = server(1).await;
    let url = format!("rtsp://127.0.0.1:{port}/x");
    let description = Description::parse(sdp.as_bytes()).unwrap();
    let described = Client::with_description(&url, description, options)
        .await
        .unwrap();
    described
        .play(PlayOptions::default())
        .await
        .unwrap()
        .close()
        .await;
    server.await.unwrap()
}

#[tokio::test]
async fn r2_hdr_13_r2_hdr_22_and_r2_hdr_26_nothing_is_said_about_the_user_unless_he_says_it() {
    for request in said(tcp(), SDP).await {
        for name in ["From", "Referer", "Referrer", "Bandwidth"] {
            assert_eq!(header(&request, name), None, "{request}");
        }
    }
    let mut options = tcp();
    options.courtesy.from = Some("mailto:ann@example.com".to_owned());
    options.courtesy.bandwidth = Some(2_000_000);
    options.courtesy.referrer = Some("http://example.com/page#there".to_owned());
    for request in said(options, SDP).await {
        assert_eq!(header(&request, "From"), Some("mailto:ann@example.com"));
        assert_eq!(header(&request, "Bandwidth"), Some("2000000"));
        assert_eq!(header(&request, "Referer"), Some("http://example.com/page"));
    }
    // What was on an encrypted page stays off the open wire.
    let mut options = tcp();
    options.courtesy.referrer = Some("https://example.com/secret".to_owned());
    for request in said(options, SDP).await {
        assert!(!request.contains("secret"), "{request}");
    }
}

#[tokio::test]
async fn r2_sdp_18_and_r1_sdp_08_the_tag_of_the_description_makes_setup_conditional() {
    for (attribute, if_match, expected) in [
        ("a=mtag:\"v1\"\r\n", true, Some("\"v1\"")),
        ("a=etag:\"v2\"\r\n", true, Some("\"v2\"")),
        ("a=etag:broken\r\n", true, None),
        ("a=mtag:\"v1\"\r\n", false, None),
        ("", true, None),
    ] {
        let sdp = SDP.replacen("t=0 0\r\n", &format!("t=0 0\r\n{attribute}"), 1);
        let mut options = tcp();
        options.if_match = if_match;
        let seen = said(options, &sdp).await;
        assert_eq!(header(&seen[1], "If-Match"), expected, "{attribute}");
        assert_eq!(header(&seen[2], "If-Match"), None);
    }
}
