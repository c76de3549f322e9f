//! Servers that do not know RTSP/2.0, in every way of not knowing it.

use rtsp_client::Client;
use rtsp_client::ErrorKind;
use rtsp_client::Options;
use rtsp_client::VersionPolicy;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::peer::Peer;
use super::peer::SDP;

/// What the server does with a request of RTSP/2.0.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Surprise {
    HangsUp,
    Babbles,
    SaysNo,
}

async fn serve(listener: TcpListener, surprise: Surprise, connections: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..connections {
        let mut peer = Peer::accept(&listener).await;
        while let Some(request) = peer.request().await {
            if request.contains(" RTSP/2.0\r\n") {
                match surprise {
                    Surprise::HangsUp => break,
                    Surprise::Babbles => {
                        let nonsense = b"HTTP/1.0 400 Bad Request\r\n\r\n";
                        peer.stream.write_all(nonsense).await.unwrap();
                    }
                    Surprise::SaysNo => {
                        let no = "505 RTSP Version Not Supported";
                        peer.answer(&request, no, "").await;
                    }
                }
            } else if request.starts_with("OPTIONS ") {
                peer.answer(&request, "200 OK", "Public: DESCRIBE\r\n")
                    .await;
            } else {
                let body = format!("Content-Length: {}\r\n\r\n{SDP}", SDP.len());
                peer.answer(&request, "200 OK", &body).await;
            }
        }
        seen.append(&mut peer.requests);
    }
    seen
}

#[tokio::test]
async fn r2_ver_07_negotiating_ends_in_1_0_whatever_the_server_does() {
    for (surprise, connections) in [
        (Surprise::HangsUp, 2),
        (Surprise::Babbles, 2),
        (Surprise::SaysNo, 1),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("rtsp://{}/live", listener.local_addr().unwrap());
        let server = tokio::spawn(serve(listener, surprise, connections));
        let mut options = Options::default();
        options.version = VersionPolicy::Negotiate;
        let described = Client::describe(&url, options).await.unwrap();
        assert_eq!(described.version(), rtsp_msg::Version::V1_0);
        drop(described);
        let seen = server.await.unwrap();
        let versions: Vec<_> = seen
            .iter()
            .map(|line| line.rsplit(' ').next().unwrap())
            .collect();
        assert_eq!(
            versions,
            ["RTSP/2.0", "RTSP/1.0", "RTSP/1.0"],
            "{surprise:?}"
        );
    }
}

#[tokio::test]
async fn r2_ver_07_or_stops_where_only_2_0_will_do() {
    for surprise in [Surprise::HangsUp, Surprise::Babbles, Surprise::SaysNo] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("rtsp://{}/live", listener.local_addr().unwrap());
        let server = tokio::spawn(serve(listener, surprise, 1));
        let mut options = Options::default();
        options.version = VersionPolicy::V2_0;
        let error = Client::describe(&url, options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains("RTSP/2.0"), "{error}");
        assert_eq!(server.await.unwrap().len(), 1);
    }
}
