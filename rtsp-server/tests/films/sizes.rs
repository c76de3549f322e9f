//! How large packets are.

use crate::{BOTH, House, Played, V1, ask, play, setup};

/// The header of an RTP packet without extensions.
const HEADER: usize = 12;

#[tokio::test]
async fn r2_hdr_15_packets_are_no_larger_than_their_peer_asks_for() {
    let house = House::new().await;
    for version in BOTH {
        let mut whole = Vec::new();
        for size in [None, Some(100)] {
            let mut peer = house.peer(version).await;
            let more = size.map_or(String::new(), |size| format!("Blocksize: {size}\r\n"));
            for media in 0..2 {
                setup(&mut peer, media, &more).await.expect(200);
            }
            play(&mut peer, "2-3", "").await.expect(200);
            let played = Played::to_the_end(&mut peer, &[0, 1]).await;
            for packets in &played.packets {
                let largest = packets.iter().map(|packet| packet.len() - HEADER).max();
                assert_eq!(
                    size.is_some(),
                    largest <= Some(100),
                    "{version}: {largest:?}"
                );
            }
            // The sound is the same, however it is cut.
            let sound = played.packets[1].iter();
            whole.push(sound.map(|packet| packet.len() - HEADER).sum::<usize>());
        }
        assert_eq!(whole[0], whole[1], "{version}");
    }
}

#[tokio::test]
async fn r2_hdr_15_a_size_that_no_packet_can_have_is_no_error() {
    let house = House::new().await;
    let mut peer = house.peer(V1).await;
    setup(&mut peer, 0, "Blocksize: 1\r\n").await.expect(200);
    play(&mut peer, "2-2.5", "").await.expect(200);
    let played = Played::to_the_end(&mut peer, &[0]).await;
    let smallest = rtp_core::Packetizer::MIN_PAYLOAD;
    let largest = played.packets[0]
        .iter()
        .map(|packet| packet.len() - HEADER)
        .max();
    assert!(
        largest.is_some_and(|largest| (1..=smallest).contains(&largest)),
        "{largest:?}"
    );
    ask(&mut peer, "TEARDOWN", "").await.expect(200);
}
