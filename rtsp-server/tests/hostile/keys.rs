//! Who makes the program keep keys and challenges without end.

use rtsp_session::{
    random::Random,
    srtp::{MasterKey, Suite, mikey::Keying},
};

use super::*;
use crate::source::{Source, Track, video};

/// Sessions with a key each, all of one connection after the other, and challenges on one connection.
const SESSIONS: usize = 1500;
const CHALLENGES: usize = 5000;

/// A message that tells of a new key.
fn told(random: &mut Random) -> String {
    let keying = Keying {
        master: MasterKey::generate(Suite::default(), random),
        // As many sources as a message can have, each with a context of its own.
        sources: (0..255).map(|number| (number, 0)).collect(),
    };
    keying
        .to_message(rtcp::NtpTime(1 << 60), random)
        .encode_base64()
}

#[tokio::test]
async fn threat_key_exhaustion() {
    let text = "srtp = \"forced\"\npublish = \"open\"\n[users]\nann = \"a long password\"\n\
        [[permission]]\neverybody = true\nactions = [\"read\"]\npaths = [\"/demo\", \"/live\"]\n\
        [[permission]]\nuser = \"*\"\nactions = [\"read\"]\n\
        [limits]\nsessions_per_connection = 1000\nunauthenticated_timeout = \"2h\"\n";
    let program = Program::with("keys", text);
    let witnesses = Witnesses::new(&program).await;
    let publisher = Peer::connect(program.address).await;
    let mut source = Source::tcp_on(publisher, "/live", &video()).await;
    let mut good = Peer::connect(program.address).await;
    good.play_tcp("/live", 1).await;
    let (descriptors, memory) = (program.descriptors(), program.memory());
    let random = &mut Random::from_seed([7; 32]);
    let mut track = Track::video();
    for _ in 0..3 {
        let mut all = Vec::new();
        for _ in 0..3 {
            let mut peer = Peer::connect(program.address).await;
            peer.version = "RTSP/2.0";
            let uri = format!("{}/trackID=0", peer.uri("/live"));
            for number in 0..SESSIONS / 9 {
                peer.session = None;
                let (rtp, rtcp) = (number % 120 * 2, number % 120 * 2 + 1);
                let key = told(random);
                let offer = format!("RTP/SAVP/TCP;unicast;interleaved={rtp}-{rtcp};MIKEY={key}");
                let status = peer.setup(&uri, &offer).await.status();
                assert!((200..500).contains(&status), "{status}");
                // The same media again: a new key in place of the old one.
                if status == 200 {
                    let key = told(random);
                    let offer =
                        format!("RTP/SAVP/TCP;unicast;interleaved={rtp}-{rtcp};MIKEY={key}");
                    let status = peer.setup(&uri, &offer).await.status();
                    assert!((200..500).contains(&status), "{status}");
                }
            }
            all.push(peer);
        }
        let packet = track.key(500);
        source.send(0, &packet).await;
        assert_eq!(good.frame_on(0).await, packet);
        drop(all);
    }
    // Each challenge has a nonce.
    let mut peer = Peer::connect(program.address).await;
    let uri = peer.uri("/secret");
    for _ in 0..CHALLENGES {
        peer.ask("DESCRIBE", &uri, "").await.expect(401);
    }
    drop(peer);
    let packet = track.key(500);
    source.send(0, &packet).await;
    assert_eq!(good.frame_on(0).await, packet);
    program.is_as_before(descriptors, memory).await;
    witnesses.got_everything().await;
}
