//! Media aimed at somebody who did not ask for them.

use super::*;
use crate::{
    peer::Pair,
    source::{Source, Track, video},
};

const ROUNDS: usize = 40;

/// All ways to name another host, and a port of ours as a second choice.
fn offers(victim: &Pair, own: &Pair) -> Vec<(&'static str, String)> {
    let (port, next) = (victim.port(), victim.port() + 1);
    let own = own.port();
    let (old, new) = ("RTSP/1.0", "RTSP/2.0");
    vec![
        (
            old,
            format!("RTP/AVP;unicast;destination=127.0.0.2;client_port={port}-{next}"),
        ),
        (
            old,
            format!("RTP/AVP/UDP;unicast;destination=[::ffff:127.0.0.2];client_port={port}-{next}"),
        ),
        (
            old,
            format!(
                "RTP/AVP;unicast;source=127.0.0.2;client_port={own}-{};destination=127.0.0.2",
                own + 1
            ),
        ),
        (
            old,
            format!("RTP/AVP;multicast;destination=127.0.0.2;port={port}-{next};ttl=255"),
        ),
        (
            old,
            format!(
                "RTP/AVP;unicast;destination=127.0.0.2;client_port={port}-{next},RTP/AVP;unicast;client_port={own}-{}",
                own + 1
            ),
        ),
        (
            new,
            format!("RTP/AVP;unicast;dest_addr=\"127.0.0.2:{port}\"/\"127.0.0.2:{next}\""),
        ),
        (
            new,
            format!("RTP/AVP;unicast;dest_addr=\":{own}\"/\"127.0.0.2:{next}\""),
        ),
        (
            new,
            format!(
                "RTP/AVP;unicast;RTCP-mux;dest_addr=\"127.0.0.2:{port}\";src_addr=\"127.0.0.2:{port}\""
            ),
        ),
        (
            new,
            format!(
                "RTP/AVP;unicast;dest_addr=\"127.0.0.2:{port}\",RTP/AVP;unicast;dest_addr=\":{own}\"/\":{}\"",
                own + 1
            ),
        ),
    ]
}

#[tokio::test]
async fn threat_udp_amplification_r2_sec_03_at_a_host_that_asked_for_nothing() {
    let program = Program::start("aimed", "session_timeout = 2\nsession_grace = 1\n");
    let witnesses = Witnesses::new(&program).await;
    let publisher = Peer::connect(program.address).await;
    let mut source = Source::tcp_on(publisher, "/live", &video()).await;
    let mut track = Track::video();
    source.send(0, &track.key(900)).await;
    // Who asked for nothing, and another program behind the attacker's own address.
    let victim = Pair::bind([127, 0, 0, 2]).await;
    let neighbour = Pair::local().await;
    let (descriptors, memory) = (program.descriptors(), program.memory());
    let own = Pair::local().await;
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        for (version, offer) in offers(&victim, &own) {
            let mut peer = Peer::connect(program.address).await;
            peer.version = version;
            let uri = peer.uri("/live");
            let answer = peer.setup(&format!("{uri}/trackID=0"), &offer).await;
            if answer.status() == 200 {
                accepted += 1;
                let transport = answer.expect_header("Transport");
                assert!(!transport.contains("127.0.0.2"), "{transport}");
                peer.ask("PLAY", &uri, "").await.expect(200);
                // It was for the attacker itself: that works as for everybody.
                own.packet().await;
                peer.ask("TEARDOWN", &uri, "").await.expect(200);
            }
        }
        source.send(0, &track.key(900)).await;
    }
    assert!(accepted > 0, "a second choice of its own is good");
    // Who sends nothing, not even a report, gets everything all the same, and a neighbour what is meant for it.
    let mut silent = Peer::connect(program.address).await;
    let uri = silent.uri("/live");
    let media = format!("{uri}/trackID=0");
    silent
        .setup(&media, &neighbour.transport())
        .await
        .expect(200);
    silent.ask("PLAY", &uri, "").await.expect(200);
    let packet = track.key(900);
    source.send(0, &packet).await;
    while neighbour.packet().await != packet {}
    // Nothing was ever sent to the other host: what was sent before this packet would be there.
    for socket in [&victim.rtp, &victim.rtcp] {
        assert!(socket.try_recv(&mut [0; 2000]).is_err());
    }
    // Whoever goes without a word is sent nothing for long.
    drop(silent);
    let silence = async {
        loop {
            source.send(0, &track.delta(100)).await;
            let next = tokio::time::timeout(Duration::from_millis(500), neighbour.packet());
            if next.await.is_err() {
                return;
            }
        }
    };
    within("silence", silence).await;
    program.is_as_before(descriptors, memory).await;
    witnesses.got_everything().await;
}
