//! Multicast: one send for all who are in the group, by loopback, which every machine has.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use rtsp_client::{
    Client, ErrorKind, Options, PlayOptions, TransportPolicy, VersionPolicy,
    io::{
        multicast::Membership,
        udp::{DatagramOptions, DatagramSocket, Outgoing, ReceiveBuffer},
    },
};
use rtsp_server::{Access, Config, GroupRange, Multicast, ServerHandle};

use crate::{
    peer::{Event, Message, Pair, Peer, within},
    source::{
        Source, Track, address, av, be32, has_rtcp, rtcp_packets, sequence, server_with, video,
    },
};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Groups and ports of a test's own, by a port that nobody else has now: tests of one machine must not hear each other.
pub(crate) async fn of_its_own() -> (GroupRange, (u16, u16)) {
    let first = Pair::local().await.port().min(65_500);
    let [high, low] = first.to_be_bytes();
    let groups = format!("239.254.{high}.{low}/31");
    (groups.parse().unwrap(), (first, first + 31))
}

fn offer(config: &mut Config, (groups, ports): (GroupRange, (u16, u16))) {
    let mut multicast = Multicast::new(vec![groups], vec![LOOPBACK]);
    multicast.ttl = 0;
    multicast.ports = ports;
    config.multicast = Some(multicast);
}

async fn server(threads: usize, change: impl FnOnce(&mut Config)) -> ServerHandle {
    let own = of_its_own().await;
    server_with(|config| {
        config.threads = threads;
        offer(config, own);
        change(config);
    })
    .await
}

/// The two sockets of somebody who is in a group.
pub(crate) struct Member {
    rtp: DatagramSocket,
    pub(crate) rtcp: DatagramSocket,
    pub(crate) group: SocketAddr,
}

impl Member {
    /// Joins the group that an answer names.
    pub(crate) fn of(answer: &Message, interface: IpAddr) -> Self {
        let of = |name| answer.parameter("Transport", name).expect(name);
        let ports = of("port");
        let (rtp, rtcp) = ports.split_once('-').unwrap();
        let group: IpAddr = of("destination").parse().unwrap();
        assert!(group.is_multicast());
        let at = |port: &str| Membership {
            group: SocketAddr::new(group, port.parse().unwrap()),
            source: Some(of("source").parse().unwrap()),
            interface,
            ttl: 0,
        };
        let options = DatagramOptions::default();
        Self {
            rtp: at(rtp).join(&options).unwrap(),
            rtcp: at(rtcp).join(&options).unwrap(),
            group: at(rtcp).group,
        }
    }

    pub(crate) async fn packet(&self) -> Vec<u8> {
        next(&self.rtp).await
    }

    /// The next compound that has a packet of this type; others are passed over.
    pub(crate) async fn compound(&self, kind: u8) -> Vec<u8> {
        loop {
            let compound = next(&self.rtcp).await;
            if has_rtcp(&compound, kind) {
                return compound;
            }
        }
    }
}

pub(crate) async fn next(socket: &DatagramSocket) -> Vec<u8> {
    let mut buffer = ReceiveBuffer::new(1);
    let read = within("a datagram", socket.receive(&mut buffer)).await;
    read.unwrap();
    let first = buffer.iter().next().map(|one| one.payload.to_vec());
    first.unwrap()
}

/// A publisher whose time the server knows, so that whoever joins is told it.
pub(crate) async fn timed(server: &ServerHandle, sdp: &str) -> (Source, Track) {
    let mut source = Source::tcp(server, "/live", sdp).await;
    let mut track = Track::video();
    source.send(0, &track.key(100)).await;
    source.send_report(0, &track.report(1 << 40)).await;
    source.peer.sync().await;
    (source, track)
}

/// A peer with the video of `/live` set up by multicast.
pub(crate) async fn reader(server: &ServerHandle, offer: &str) -> (Peer, Message) {
    let mut reader = Peer::connect(address(server)).await;
    let uri = format!("{}/trackID=0", reader.uri("/live"));
    let answer = reader.setup(&uri, offer).await.expect(200);
    (reader, answer)
}

pub(crate) async fn ask(reader: &mut Peer, method: &str) {
    let uri = reader.uri("/live");
    reader.ask(method, &uri, "").await.expect(200);
}

#[tokio::test]
async fn r1_trans_06_all_readers_of_a_stream_have_one_group_and_get_what_is_sent_once() {
    for threads in [1, 2] {
        let server = server(threads, |_| {}).await;
        let (mut source, mut track) = timed(&server, &video()).await;
        let mut readers = Vec::new();
        for offer in [
            "RTP/AVP/UDP;multicast",
            "RTP/AVP;multicast;port=5000-5001;ttl=127",
        ] {
            let (reader, answer) = reader(&server, offer).await;
            assert_eq!(answer.parameter("Transport", "ttl").as_deref(), Some("0"));
            readers.push((reader, answer));
        }
        let group = |at: usize| readers[at].1.expect_header("Transport").to_owned();
        let named = |text: &str| text.split(";ssrc").next().unwrap_or_default().to_owned();
        assert_eq!(named(&group(0)), named(&group(1)));
        let member = Member::of(&readers[0].1, LOOPBACK);
        for (reader, _) in &mut readers {
            ask(reader, "PLAY").await;
        }
        // The time is told at once, not when the publisher next tells it.
        let report = member.compound(200).await;
        assert_eq!(rtcp_packets(&report)[0][4..8], track.ssrc.to_be_bytes());
        let sent: Vec<_> = (0..20).map(|_| (0, track.key(100))).collect();
        source.send_all(&sent).await;
        for (_, packet) in &sent {
            assert_eq!(member.packet().await, *packet, "each once, in order");
        }

        // The last one to go ends it, and says so to the group.
        let (mut last, _) = readers.pop().unwrap();
        let (mut first, _) = readers.pop().unwrap();
        ask(&mut first, "TEARDOWN").await;
        let after = track.key(100);
        source.send(0, &after).await;
        assert_eq!(member.packet().await, after, "one is left");
        ask(&mut last, "PAUSE").await;
        member.compound(203).await;
        source.send_all(&[(0, track.key(100))]).await;
        ask(&mut last, "PLAY").await;
        member.compound(200).await;
        let again = track.key(100);
        source.send(0, &again).await;
        assert_eq!(
            member.packet().await,
            again,
            "what was sent to nobody stays away"
        );
        ask(&mut last, "TEARDOWN").await;
        member.compound(203).await;
    }
}

#[tokio::test]
async fn who_joins_what_goes_on_is_told_the_time_and_shown_a_picture() {
    let server = server(2, |_| {}).await;
    let (mut source, _) = timed(&server, &video()).await;
    let (mut first, answer) = reader(&server, "RTP/AVP;multicast").await;
    let member = Member::of(&answer, LOOPBACK);
    ask(&mut first, "PLAY").await;
    member.compound(200).await;
    // A key frame was asked for, and is not again for a moment.
    assert!(has_rtcp(&source.peer.frame_on(1).await, 206));
    let (mut second, _) = reader(&server, "RTP/AVP;multicast").await;
    // Not with every PLAY, but with one soon.
    let mut told = std::pin::pin!(member.compound(200));
    let comes_and_goes = async {
        loop {
            ask(&mut second, "PLAY").await;
            ask(&mut second, "PAUSE").await;
        }
    };
    tokio::select! {
        _ = &mut told => {}
        () = comes_and_goes => {}
    }
}

#[tokio::test]
async fn sessions_of_a_group_end_with_their_peers_silence_whoever_reports_to_the_group() {
    let server = server(2, |config| {
        config.limits.session_timeout = Duration::from_secs(1);
        config.limits.session_grace = Duration::from_millis(200);
    })
    .await;
    let (mut source, mut track) = timed(&server, &video()).await;
    let (mut reader, answer) = reader(&server, "RTP/AVP;multicast").await;
    let member = Member::of(&answer, LOOPBACK);
    ask(&mut reader, "PLAY").await;
    member.compound(200).await;
    // Reports are no sign of life of anybody: who sent them cannot be known.
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let ended = async {
        let mut bye = std::pin::pin!(member.compound(203));
        loop {
            tokio::select! {
                _ = &mut bye => return,
                _ = tick.tick() => {
                    let outgoing = Outgoing {
                        destination: member.group,
                        contents: &report,
                        segment_size: None,
                        source: None,
                    };
                    member.rtcp.send(&outgoing).await.unwrap();
                    source.send(0, &track.delta(50)).await;
                }
            }
        }
    };
    within("the end of the group", ended).await;
    let uri = reader.uri("/live");
    while !matches!(reader.next().await, Event::Closed) {}
    let session = reader.session.clone();
    let mut other = Peer::connect(address(&server)).await;
    other.session = session;
    other.ask("PLAY", &uri, "").await.expect(454);
}

#[tokio::test]
async fn a_stream_that_ends_and_a_server_that_goes_say_so_to_group_and_sessions() {
    for threads in [1, 3] {
        let server = server(threads, |_| {}).await;
        let (mut source, _) = timed(&server, &av()).await;
        let mut readers = Vec::new();
        for _ in 0..3 {
            let (mut reader, answer) = reader(&server, "RTP/AVP;multicast").await;
            let member = Member::of(&answer, LOOPBACK);
            ask(&mut reader, "PLAY").await;
            readers.push((reader, member));
        }
        readers[0].1.compound(200).await;
        source.teardown().await;
        for (reader, member) in &mut readers {
            member.compound(203).await;
            // Whichever shard it is of.
            reader.until_closed().await;
        }

        let (_source, _) = timed(&server, &video()).await;
        let (mut reader, answer) = reader(&server, "RTP/AVP;multicast").await;
        let member = Member::of(&answer, LOOPBACK);
        ask(&mut reader, "PLAY").await;
        member.compound(200).await;
        within("the end", server.shutdown()).await;
        member.compound(203).await;
    }
}

#[tokio::test]
async fn groups_run_out_rest_and_are_nobody_elses_to_choose() {
    let server = server(2, |config| config.limits.sessions_per_connection = 8).await;
    let mut sources = Vec::new();
    let mut peer = Peer::connect(address(&server)).await;
    for (path, status) in [("/a", 200), ("/b", 200), ("/c", 453)] {
        sources.push(Source::tcp(&server, path, &video()).await);
        let uri = format!("{}/trackID=0", peer.uri(path));
        peer.session = None;
        let asked = peer.setup(&uri, "RTP/AVP;multicast").await;
        asked.expect(status);
    }
    // Something else will do; a group of another's choice never does.
    peer.session = None;
    let uri = format!("{}/trackID=0", peer.uri("/c"));
    let either = "RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=0-1";
    let answer = peer.setup(&uri, either).await.expect(200);
    assert_eq!(
        answer.parameter("Transport", "interleaved").as_deref(),
        Some("0-1")
    );
    let mut other = Peer::connect(address(&server)).await;
    let uri = format!("{}/trackID=0", other.uri("/a"));
    let foreign = "RTP/AVP;multicast;destination=239.9.9.9;port=5000-5001";
    other.setup(&uri, foreign).await.expect(403);
    // What was lent rests: it is not lent to others. Its own stream has it again, however often somebody comes and goes.
    let mut group = None;
    for _ in 0..4 {
        let answer = other.setup(&uri, "RTP/AVP;multicast").await.expect(200);
        let named = answer.parameter("Transport", "destination");
        assert_eq!(*group.get_or_insert(named.clone()), named);
        other.ask("TEARDOWN", &uri, "").await.expect(200);
        other.session = None;
    }
    drop(peer);
    let mut third = Peer::connect(address(&server)).await;
    let uri = format!("{}/trackID=0", third.uri("/c"));
    third.setup(&uri, "RTP/AVP;multicast").await.expect(453);
}

#[tokio::test]
async fn a_server_that_cannot_send_offers_no_group() {
    // An address of nobody here (RFC 5737), and ports that somebody keeps for himself.
    let far = server(1, |config| {
        let multicast = config.multicast.as_mut().unwrap();
        multicast.sources = vec!["203.0.113.9".parse().unwrap()];
    })
    .await;
    let taken = Pair::local().await;
    let near = server(1, |config| {
        config.multicast.as_mut().unwrap().ports = (taken.port(), taken.port() + 1);
    })
    .await;
    for (server, status) in [(far, 461), (near, 453)] {
        let _source = Source::tcp(&server, "/live", &video()).await;
        let mut peer = Peer::connect(address(&server)).await;
        let uri = format!("{}/trackID=0", peer.uri("/live"));
        let asked = peer.setup(&uri, "RTP/AVP;multicast").await;
        asked.expect(status);
    }
}

#[tokio::test]
async fn what_is_not_for_everybody_is_not_offered_and_descriptions_may_name_groups() {
    let guarded = server(2, |config| {
        config.read = Access::Guarded;
        config.multicast.as_mut().unwrap().paths = vec!["/open/*".into()];
    })
    .await;
    let _hidden = Source::tcp(&guarded, "/live", &video()).await;
    let mut peer = Peer::connect(address(&guarded)).await;
    let uri = format!("{}/trackID=0", peer.uri("/live"));
    peer.setup(&uri, "RTP/AVP;multicast").await.expect(461);

    let server = server(2, |config| {
        config.multicast.as_mut().unwrap().describe = true;
    })
    .await;
    let _source = Source::tcp(&server, "/live", &video()).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let described = peer.ask("DESCRIBE", &uri, "").await.expect(200);
    let answer = peer
        .setup(&format!("{uri}/trackID=0"), "RTP/AVP;multicast")
        .await
        .expect(200);
    let group = answer.parameter("Transport", "destination").unwrap();
    let ports = answer.parameter("Transport", "port").unwrap();
    let port = ports.split('-').next().unwrap();
    let text = described.text();
    for line in [
        format!("c=IN IP4 {group}/0\r\n"),
        format!("m=video {port} RTP/AVP "),
        format!("a=source-filter: incl IN IP4 {group} 127.0.0.1\r\n"),
    ] {
        assert!(text.contains(&line), "{line} in {text}");
    }
}

#[tokio::test]
async fn our_clients_join_one_group_and_report_to_it() {
    for version in [VersionPolicy::V1_0, VersionPolicy::V2_0] {
        let server = server(2, |_| {}).await;
        let (mut source, mut track) = timed(&server, &video()).await;
        let (_set_up, answer) = reader(&server, "RTP/AVP;multicast").await;
        let member = Member::of(&answer, LOOPBACK);
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut options = Options::default();
            (options.transport, options.version) = (TransportPolicy::Multicast, version);
            let url = format!("rtsp://{}/live", address(&server));
            let described = Client::describe(&url, options).await.unwrap();
            let playing = described.play(PlayOptions::default()).await.unwrap();
            assert_eq!(playing.transport(), TransportPolicy::Multicast);
            clients.push(playing);
        }
        member.compound(200).await;
        let sent: Vec<_> = (0..5).map(|_| (0, track.key(100))).collect();
        source.send_all(&sent).await;
        for client in &mut clients {
            for (_, packet) in &sent {
                let next = within("a packet", client.next()).await.unwrap().unwrap();
                assert_eq!(next.packet.sequence(), sequence(packet));
            }
        }
        // Each is heard by all, the server among them.
        let mut reporters = BTreeSet::new();
        let heard = async {
            while reporters.len() < 2 {
                let compound = member.compound(201).await;
                let report = rtcp_packets(&compound)[0];
                assert_eq!((report[0] & 31, be32(report, 8)), (1, track.ssrc));
                reporters.insert(be32(report, 4));
            }
        };
        let (first, second) = clients.split_at_mut(1);
        tokio::select! {
            () = heard => {}
            ended = first[0].next() => panic!("{ended:?}"),
            ended = second[0].next() => panic!("{ended:?}"),
        }
        // One that goes takes nobody along; when all have gone it is over.
        clients.pop().unwrap().close().await;
        let after = track.key(100);
        source.send(0, &after).await;
        let next = within("a packet", clients[0].next()).await.unwrap();
        assert_eq!(next.unwrap().packet.sequence(), sequence(&after));
        clients.pop().unwrap().close().await;
        while be32(&member.compound(203).await, 4) != track.ssrc {}
    }
}

#[tokio::test]
async fn a_client_that_wants_multicast_takes_nothing_else() {
    let server = server_with(|_| {}).await;
    let _source = Source::tcp(&server, "/live", &video()).await;
    let mut options = Options::default();
    options.transport = TransportPolicy::Multicast;
    let url = format!("rtsp://{}/live", address(&server));
    let described = Client::describe(&url, options).await.unwrap();
    let refused = described.play(PlayOptions::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Transport, "{refused}");
}
