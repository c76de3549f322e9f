//! Publishers that die in the middle of a frame, again and again, under their readers.

use super::*;
use crate::{
    peer::frame,
    source::{Source, Track, av, is_key},
};

const ROUNDS: usize = 60;

#[tokio::test]
async fn threat_a_publisher_that_is_killed_in_the_middle_of_a_frame() {
    let program = Program::start("publisher", "");
    let witnesses = Witnesses::new(&program).await;
    let mut before = None;
    for round in 0..ROUNDS {
        // The path is free again, as soon as the program has seen that the one before is gone.
        let free = async {
            loop {
                let mut peer = Peer::connect(program.address).await;
                let answer = source::announce(&mut peer, "/live", &av()).await;
                match answer.status() {
                    200 => return peer,
                    status => assert_eq!(status, 403, "{answer:#?}"),
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let peer = within("a free path", free).await;
        let mut source = Source::tcp_on(peer, "/live", &av()).await;
        let mut readers = Vec::new();
        for _ in 0..3 {
            let mut reader = Peer::connect(program.address).await;
            reader.play_tcp("/live", 2).await;
            readers.push(reader);
        }
        let mut track = Track::video();
        let packet = track.key(900);
        source.send(0, &packet).await;
        for reader in &mut readers {
            assert_eq!(reader.frame_on(0).await, packet);
        }
        // A part of a frame, of its header too, behind whole ones; then the end, in one way or the other.
        let whole = frame(0, &track.key(1300));
        let cut = 1 + round * (whole.len() - 2) / (ROUNDS - 1);
        let last = track.key(1200);
        let bytes = [&frame(0, &last), &whole[..cut]].concat();
        source.peer.send(&bytes).await;
        if round % 2 == 0 {
            let socket = socket2::SockRef::from(&source.peer.stream);
            socket.set_linger(Some(Duration::ZERO)).expect("an option");
        } else {
            // What was sent arrives, and then nothing.
            readers[0].frame_on(0).await;
        }
        drop(source);
        for mut reader in readers {
            // Whole packets of the publisher, BYE, and the end: a half frame would be no event.
            for event in reader.until_closed().await {
                match event {
                    Event::Frame(0, got) => assert!(got == last && is_key(&got), "round {round}"),
                    Event::Frame(..) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        if before.is_none() {
            // What the first round allocates is there to stay.
            program.has_let_go(program.descriptors()).await;
            before = Some((program.descriptors(), program.memory()));
        }
    }
    let (descriptors, memory) = before.expect("a round");
    program.is_as_before(descriptors, memory).await;
    witnesses.got_everything().await;
}
