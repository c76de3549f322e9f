//! What the user is told when the server ends a session.

use rtsp_client::Client;
use rtsp_client::Options;
use rtsp_client::PlayOptions;
use rtsp_client::TransportPolicy;
use rtsp_client::VersionPolicy;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::peer::Peer;
use crate::peer::SDP;

#[tokio::test]
async fn r2_media_11_the_message_to_the_user_is_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let mut peer = Peer::accept(&listener).await;
        peer.version = "RTSP/2.0";
        while let Some(request) = peer.request().await {
            let rest = match request.split(' ').next().unwrap() {
                "DESCRIBE" => format!("Content-Length: {}\r\n\r\n{SDP}", SDP.len()),
                "SETUP" => "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n".to_owned(),
                _ => String::new(),
            };
            let play = request.starts_with("PLAY ");
            peer.answer(&request, "200 OK", &rest).await;
            if play {
                let teardown = "TEARDOWN * RTSP/2.0\r\nCSeq: 1\r\nSession: s1\r\n\
                    Terminate-Reason: Server-Admin;user-msg=\"Back at noon\u{9b}2J\"\r\n\r\n";
                peer.stream.write_all(teardown.as_bytes()).await.unwrap();
            }
        }
    });
    let mut options = Options::default();
    options.transport = TransportPolicy::Tcp;
    options.version = VersionPolicy::V2_0;
    let url = format!("rtsp://127.0.0.1:{port}/x");
    let described = Client::describe(&url, options).await.unwrap();
    let mut playing = described.play(PlayOptions::default()).await.unwrap();
    assert!(playing.next().await.unwrap().is_none());
    let end = playing.end().unwrap().to_string();
    assert!(end.contains("Back at noon"), "{end}");
    assert!(
        !end.contains('\x1b'),
        "nothing that a terminal obeys: {end:?}"
    );
    drop(playing);
    server.await.unwrap();
}
