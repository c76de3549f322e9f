//! A whole session in one write.

use std::time::Duration;

use rtsp_client::{Client, Options, PlayOptions, TransportPolicy, VersionPolicy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{BOTH, FILM, House, address, ask, peer::Event};

#[tokio::test]
async fn r2_pipe_01_02_04_07_setup_setup_play_in_one_write() {
    let house = House::new().await;
    let mut peer = house.peer("RTSP/2.0").await;
    peer.extra = "Pipelined-Requests: 31\r\n".into();
    let mut all = Vec::new();
    for media in 0..2 {
        let uri = format!("{}/trackID={media}", peer.uri(FILM));
        let transport = format!(
            "Transport: RTP/AVP/TCP;unicast;interleaved={}-{}\r\n",
            media * 2,
            media * 2 + 1
        );
        all.extend(peer.request("SETUP", &uri, &transport, b""));
    }
    let uri = peer.uri(FILM);
    all.extend(peer.request("PLAY", &uri, "Range: npt=0-\r\n", b""));
    peer.send(&all).await;
    let mut session = None;
    for cseq in 1..=3 {
        // No media before the answer to PLAY.
        let Event::Message(answer) = peer.next().await else {
            panic!("an answer");
        };
        assert_eq!(
            (answer.status(), answer.expect_header("CSeq")),
            (200, &*cseq.to_string())
        );
        let id = answer.expect_header("Session").split(';').next().unwrap();
        assert_eq!(*session.get_or_insert_with(|| id.to_owned()), id);
    }
    peer.frame_on(0).await;
    peer.frame_on(2).await;
    ask(&mut peer, "TEARDOWN", FILM, "").await.expect(200);
    ask(&mut peer, "PLAY", FILM, "").await.expect(454);
}

#[tokio::test]
async fn pipelined_names_mean_nothing_in_1_0() {
    let house = House::new().await;
    for (version, code) in BOTH.into_iter().zip([454, 200]) {
        let mut peer = house.peer(version).await;
        peer.extra = "Pipelined-Requests: 1\r\n".into();
        let mut first = crate::setup(&mut peer, "/live", 0, "").await;
        first = first.expect(200);
        first.expect_header("Session");
        peer.session = None;
        ask(&mut peer, "PLAY", "/live", "").await.expect(code);
    }
}

/// A wire to the server that brings nothing back from DESCRIBE's answer on until PLAY has gone over it; the requests that it saw.
async fn wire_without_answers(
    listener: TcpListener,
    server: std::net::SocketAddr,
) -> std::io::Result<Vec<String>> {
    let (mut near, _) = listener.accept().await?;
    let mut far = TcpStream::connect(server).await?;
    let (mut asked, mut answered) = (String::new(), String::new());
    let mut held = Vec::new();
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = near.read(&mut up) => {
                let read = read?;
                if read == 0 {
                    break;
                }
                asked.push_str(&String::from_utf8_lossy(&up[..read]));
                far.write_all(&up[..read]).await?;
            }
            read = far.read(&mut down) => {
                let read = read?;
                answered.push_str(&String::from_utf8_lossy(&down[..read]));
                held.extend_from_slice(&down[..read]);
                if read == 0 {
                    break;
                }
            }
        }
        let starting = asked.contains("SETUP ") && !asked.contains("PLAY ");
        if !starting {
            near.write_all(&held).await?;
            held.clear();
        }
    }
    let lines = asked.lines().filter(|line| line.contains(" RTSP/"));
    Ok(lines.map(str::to_owned).collect())
}

#[tokio::test]
async fn our_client_has_its_first_packet_one_round_trip_after_the_description() {
    let house = House::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let wire = listener.local_addr().expect("an address");
    let wire_task = tokio::spawn(wire_without_answers(listener, address(&house.server)));
    let mut options = Options::default();
    options.version = VersionPolicy::V2_0;
    options.transport = TransportPolicy::Tcp;
    let described = Client::describe(&format!("rtsp://{wire}{FILM}"), options).await;
    let described = described.expect("a description");
    assert_eq!(described.selected().len(), 2);
    let play = described.play(PlayOptions::default());
    let play = tokio::time::timeout(Duration::from_secs(20), play).await;
    let mut playing = play.expect("nothing waits for an answer").expect("media");
    let mut seen = [false; 2];
    while seen != [true; 2] {
        let packet = playing
            .next()
            .await
            .expect("a connection")
            .expect("a packet");
        seen[packet.media] = true;
    }
    playing.close().await;
    let requests = wire_task.await.expect("a wire").expect("a wire");
    let methods: Vec<_> = requests
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        methods[..5],
        ["OPTIONS", "DESCRIBE", "SETUP", "SETUP", "PLAY"]
    );
    // Reports may stand before it, which end in no line and have any octet in them, spaces too.
    let last = requests.last().expect("requests");
    assert!(last.contains("TEARDOWN rtsp://"), "{last}");
}
