//! Where RTP and RTCP flow, as the server grants it in RTSP/2.0.

use std::net::SocketAddr;
use std::time::Duration;

use rtsp_client::Client;
use rtsp_client::Options;
use rtsp_client::PlayOptions;
use rtsp_client::Playing;
use rtsp_client::TransportPolicy;
use rtsp_client::VersionPolicy;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::peer::Peer;
use super::peer::SDP;
use super::peer::header;
use super::peer::packet;

const PATIENCE: Duration = Duration::from_secs(20);

async fn within<T>(future: impl Future<Output = T>) -> T {
    let patience = tokio::time::timeout(PATIENCE, future);
    patience.await.expect("it does not take so long")
}

/// Starts a client, and talks to it up to its SETUP.
async fn until_setup(
    transport: TransportPolicy,
) -> (
    JoinHandle<Result<Playing, rtsp_client::Error>>,
    Peer,
    String,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtsp://{}/live", listener.local_addr().unwrap());
    let mut options = Options::default();
    options.transport = transport;
    options.version = VersionPolicy::V2_0;
    let client = tokio::spawn(async move {
        let described = Client::describe(&url, options).await?;
        described.play(PlayOptions::default()).await
    });
    let mut peer = Peer::accept(&listener).await;
    loop {
        let request = within(peer.request()).await.expect("a request");
        match request.split(' ').next().unwrap() {
            "OPTIONS" => say(&mut peer, &request, "Public: DESCRIBE, SETUP, PLAY\r\n\r\n").await,
            "DESCRIBE" => {
                let len = SDP.len();
                let body =
                    format!("Content-Type: application/sdp\r\nContent-Length: {len}\r\n\r\n{SDP}");
                say(&mut peer, &request, &body).await;
            }
            _ => return (client, peer, request),
        }
    }
}

/// Answers 200.
async fn say(peer: &mut Peer, request: &str, rest: &str) {
    let cseq = header(request, "CSeq").unwrap();
    let text = format!("RTSP/2.0 200 OK\r\nCSeq: {cseq}\r\n{rest}");
    peer.stream.write_all(text.as_bytes()).await.unwrap();
}

async fn grant(peer: &mut Peer, request: &str, transport: &str) {
    let rest = format!(
        "Session: s1\r\nTransport: {transport}\r\nAccept-Ranges: npt\r\n\
         Media-Properties: No-Seeking, Time-Progressing, Time-Duration=0.0\r\n\r\n"
    );
    say(peer, request, &rest).await;
}

/// Lets it play.
async fn play(peer: &mut Peer) {
    let request = within(peer.request()).await.expect("PLAY");
    assert!(request.starts_with("PLAY "), "{request}");
    say(peer, &request, "Session: s1\r\nRange: npt=0-\r\n\r\n").await;
}

/// The port of the first address of the first alternative.
fn port(request: &str) -> u16 {
    let (_, rest) = request.split_once("dest_addr=\":").expect("dest_addr");
    rest.split('"').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn r2_rtp_01_r2_rtp_03_r2_rtp_04_r2_rtp_13_reports_go_where_the_answer_says() {
    for (mux, addresses) in [(true, 1), (false, 2), (false, 1)] {
        let (client, mut peer, setup) = until_setup(TransportPolicy::Udp).await;
        let rtp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let rtcp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let [first, second] = [&rtp, &rtcp].map(|s| s.local_addr().unwrap().port());
        let theirs = port(&setup);
        let mut transport = format!("RTP/AVP;unicast;dest_addr=\":{theirs}\"");
        if addresses == 2 {
            transport += &format!("/\":{}\"", theirs + 1);
        }
        transport += &format!(";src_addr=\"127.0.0.1:{first}\"");
        if addresses == 2 {
            transport += &format!("/\"127.0.0.1:{second}\"");
        }
        if mux {
            transport += ";RTCP-mux";
        }
        grant(&mut peer, &setup, &transport).await;
        play(&mut peer).await;
        let mut playing = within(client).await.unwrap().unwrap();
        let to = SocketAddr::from(([127, 0, 0, 1], theirs));
        let feed = async {
            let mut sequence = 0;
            loop {
                rtp.send_to(&packet(sequence), to).await.unwrap();
                sequence += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let read = async {
            loop {
                playing.next().await.unwrap().expect("it plays");
            }
        };
        // Its first report comes half a second after its first packet.
        let report = async {
            let (mut one, mut other) = ([0; 1500], [0; 1500]);
            loop {
                tokio::select! {
                    got = rtp.recv_from(&mut one) => {
                        let (len, from) = got.unwrap();
                        if one[1] == 201 && len > 8 {
                            return (first, from.port());
                        }
                    }
                    got = rtcp.recv_from(&mut other) => {
                        let (len, from) = got.unwrap();
                        if other[1] == 201 && len > 8 {
                            return (second, from.port());
                        }
                    }
                }
            }
        };
        let watched = async {
            tokio::select! {
                got = report => Some(got),
                () = feed => None,
                () = read => None,
            }
        };
        let expected = match (mux, addresses) {
            (true, _) => Some((first, theirs)),
            (_, 2) => Some((second, theirs + 1)),
            _ => None,
        };
        let patience = Duration::from_secs(if expected.is_some() { 20 } else { 2 });
        let got = tokio::time::timeout(patience, watched).await.ok().flatten();
        assert_eq!(got, expected, "{transport}");
    }
}

/// One packet behind its length.
fn framed(sequence: u16) -> Vec<u8> {
    let packet = packet(sequence);
    let mut out = (packet.len() as u16).to_be_bytes().to_vec();
    out.extend(packet);
    out
}

/// What follows once both connections are there: packets, pause, and the end.
async fn carry(
    client: JoinHandle<Result<Playing, rtsp_client::Error>>,
    mut peer: Peer,
    mut streams: [TcpStream; 2],
) {
    play(&mut peer).await;
    let mut playing = within(client).await.unwrap().unwrap();
    assert_eq!(playing.transport(), TransportPolicy::Connections);
    // Two packets and a half in one write.
    let wire = [framed(1), framed(2), framed(3)].concat();
    let (now, later) = wire.split_at(wire.len() - 100);
    streams[0].write_all(now).await.unwrap();
    for sequence in [1, 2] {
        let got = within(playing.next()).await.unwrap().unwrap();
        assert_eq!(got.packet.sequence(), sequence);
    }
    streams[0].write_all(later).await.unwrap();
    let got = within(playing.next()).await.unwrap().unwrap();
    assert_eq!(got.packet.sequence(), 3);
    // Its report: behind a length as well, on the other connection.
    let mut prefix = [0; 2];
    let report = async {
        tokio::select! {
            _ = playing.next() => panic!("nothing comes"),
            read = streams[1].read_exact(&mut prefix) => read.unwrap(),
        }
    };
    within(report).await;
    let mut report = vec![0; usize::from(u16::from_be_bytes(prefix))];
    within(streams[1].read_exact(&mut report)).await.unwrap();
    assert_eq!(report[1], 201, "{report:?}");
    // PAUSE keeps the connections, TEARDOWN ends them.
    let answers = tokio::spawn(async move {
        while let Some(request) = peer.request().await {
            say(&mut peer, &request, "Session: s1\r\n\r\n").await;
        }
        peer.requests
    });
    within(playing.pause()).await.unwrap();
    streams[0].write_all(&framed(4)).await.unwrap();
    let got = within(playing.next()).await.unwrap().unwrap();
    assert_eq!(got.packet.sequence(), 4, "open still");
    within(playing.close()).await;
    for stream in &mut streams {
        let mut rest = Vec::new();
        within(stream.read_to_end(&mut rest)).await.unwrap();
    }
    let requests = within(answers).await.unwrap();
    assert!(requests.last().unwrap().starts_with("TEARDOWN "));
}

#[tokio::test]
async fn r2_rtp_16_r2_rtp_20_r2_rtp_22_r2_rtp_23_connections_that_the_client_opens() {
    let (client, mut peer, setup) = until_setup(TransportPolicy::Connections).await;
    let offer = header(&setup, "Transport").unwrap();
    assert!(
        offer.contains("RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";setup=active"),
        "{offer}"
    );
    let listeners = [
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    ];
    let [first, second] = listeners
        .each_ref()
        .map(|listener| listener.local_addr().unwrap().port());
    let transport = format!(
        "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";src_addr=\"127.0.0.1:{first}\"/\"127.0.0.1:{second}\";setup=passive;connection=new"
    );
    grant(&mut peer, &setup, &transport).await;
    let (rtp, _) = within(listeners[0].accept()).await.unwrap();
    // One is not all: no PLAY yet.
    let mut buffer = [0; 1];
    assert!(peer.stream.try_read(&mut buffer).is_err());
    let (rtcp, _) = within(listeners[1].accept()).await.unwrap();
    carry(client, peer, [rtp, rtcp]).await;
}

#[tokio::test]
async fn r2_rtp_20_connections_that_the_server_opens() {
    let (client, mut peer, setup) = until_setup(TransportPolicy::ServerConnects).await;
    let first = port(&setup);
    let (_, rest) = setup.split_once("\"/\":").expect("two addresses");
    let second: u16 = rest.split('"').next().unwrap().parse().unwrap();
    let transport = format!(
        "RTP/AVP/TCP;unicast;dest_addr=\":{first}\"/\":{second}\";src_addr=\":9\"/\":9\";setup=active;connection=new"
    );
    grant(&mut peer, &setup, &transport).await;
    let rtp = TcpStream::connect(("127.0.0.1", first)).await.unwrap();
    let mut buffer = [0; 1];
    assert!(peer.stream.try_read(&mut buffer).is_err(), "no PLAY yet");
    let rtcp = TcpStream::connect(("127.0.0.1", second)).await.unwrap();
    carry(client, peer, [rtp, rtcp]).await;
}

#[tokio::test]
async fn nobody_makes_the_client_connect_elsewhere() {
    let (client, mut peer, setup) = until_setup(TransportPolicy::Connections).await;
    let transport = "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";src_addr=\"127.0.0.2:7\"/\"127.0.0.2:8\";setup=passive;connection=new";
    grant(&mut peer, &setup, transport).await;
    let error = within(client).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), rtsp_client::ErrorKind::Transport);
}
