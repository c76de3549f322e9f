//! Datagrams of strangers, as like those of the peers as can be, at every port of the program.

use super::*;
use crate::{
    peer::{Pair, server_ports},
    source::{Source, Track, video},
};

/// Rounds, and forged datagrams in each.
const ROUNDS: usize = 300;
const FORGED: usize = 10;

/// Reports that end streams and sessions, where somebody believes them: a BYE, and a sender report of the end of time.
fn reports(ssrc: u32) -> [Vec<u8>; 2] {
    let ssrc = ssrc.to_be_bytes();
    let mut report = [&[0x80, 200, 0, 6][..], &ssrc].concat();
    report.resize(28, 0xff);
    let bye = [&[0x80, 201, 0, 1][..], &ssrc, &[0x81, 203, 0, 1], &ssrc].concat();
    [bye, report]
}

#[tokio::test]
async fn threat_udp_injection_of_rtp_and_rtcp() {
    let program = Program::start("injection", "");
    let witnesses = Witnesses::new(&program).await;
    let own = [127, 0, 0, 1];
    let publisher = Peer::connect_from(program.address, own).await;
    let mut source = Source::udp_on(publisher, "/live", &video(), own.into()).await;
    let mut by_tcp = Peer::connect(program.address).await;
    by_tcp.play_tcp("/live", 1).await;
    let mut by_udp = Peer::connect(program.address).await;
    let pair = Pair::local().await;
    let uri = format!("{}/trackID=0", by_udp.uri("/live"));
    let answer = by_udp.setup(&uri, &pair.transport()).await.expect(200);
    let (rtp, rtcp) = server_ports(&answer);
    let uri = by_udp.uri("/live");
    by_udp.ask("PLAY", &uri, "").await.expect(200);
    let mut targets = vec![rtp, rtcp];
    targets.extend([source.ways[0].1.port(), source.ways[0].2.port()]);
    let (descriptors, memory) = (program.descriptors(), program.memory());
    // From another address, and from the same at other ports.
    let strangers = [Pair::bind(own).await, Pair::bind([127, 0, 0, 2]).await];
    let mut track = Track::video();
    let mut forged = track.clone();
    for round in 0..ROUNDS {
        for number in 0..FORGED {
            let target = (own.into(), targets[(round + number) % targets.len()]);
            let target = SocketAddr::from(target as (std::net::IpAddr, u16));
            let stranger = &strangers[number % 2];
            let packet = forged.key(700);
            let [bye, report] = reports([track.ssrc, 7][round % 2]);
            for (socket, bytes) in [
                (&stranger.rtp, &packet),
                (&stranger.rtcp, &packet),
                (&stranger.rtp, &bye),
                (&stranger.rtcp, &report),
            ] {
                // A full buffer of the system is as good as an arrival.
                let _ = socket.send_to(bytes, target).await;
            }
        }
        let packet = track.key(600);
        source.send(0, &packet).await;
        assert_eq!(by_tcp.frame_on(0).await, packet, "round {round}");
        assert_eq!(pair.packet().await, packet, "round {round}");
    }
    for peer in [&mut by_tcp, &mut by_udp, &mut source.peer] {
        let uri = peer.uri("/live");
        peer.ask("GET_PARAMETER", &uri, "").await.expect(200);
    }
    program.is_as_before(descriptors, memory).await;
    witnesses.got_everything().await;
}
