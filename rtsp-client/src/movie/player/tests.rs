use std::io::Cursor;

use rtp_core::PacketView;

use super::*;
use crate::mp4::MovieWriter;
use crate::mp4::NewSample;
use crate::mp4::TrackConfig;

/// One second of G.711.
fn movie() -> Arc<MovieFile> {
    let mut writer = MovieWriter::new(Cursor::new(Vec::new())).unwrap();
    let config = TrackConfig::Pcmu {
        sample_rate: 8_000,
        channels: 1,
    };
    let track = writer.add_track(config, 8_000).unwrap();
    for tenth in 0..10 {
        let sample = NewSample {
            payload: &[tenth; 800],
            presentation_time: i64::from(tenth) * 800,
            random_access: true,
        };
        writer.write(track, sample).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    Arc::new(MovieFile::from_static(Box::leak(bytes.into_boxed_slice())).unwrap())
}

fn player(looping: bool) -> MoviePlayer {
    let mut random = Random::from_seed([3; 32]);
    MoviePlayer::new(movie(), "test", looping, &mut random).unwrap()
}

#[test]
fn once_through_and_then_the_end() {
    let mut player = player(false);
    let format = &player.description().media[0].formats[0];
    assert_eq!((format.payload_type, format.clock_rate), (0, 8_000));
    let mut payload: Vec<u8> = Vec::new();
    let mut due = Vec::new();
    while let Some(packet) = player.pop().unwrap() {
        payload.extend(PacketView::parse(&packet.packet).unwrap().payload());
        due.push(packet.due);
    }
    let expected: Vec<u8> = (0..10).flat_map(|tenth| [tenth; 800]).collect();
    assert_eq!(payload, expected);
    assert!(due.is_sorted());
    assert_eq!(due[0], Duration::ZERO);
    assert!(*due.last().unwrap() < Duration::from_secs(1));
    assert!(player.pop().unwrap().is_none(), "the end is the end");
}

#[test]
fn rounds_follow_each_other_without_a_jump() {
    let mut player = player(true);
    let (ssrc, base) = player.anchors().next().unwrap();
    let mut expected: Option<(u16, u32)> = None;
    let mut last = Duration::ZERO;
    while last < Duration::from_millis(3_500) {
        let packet = player.pop().unwrap().unwrap();
        let view = PacketView::parse(&packet.packet).unwrap();
        assert_eq!(view.ssrc(), ssrc);
        if let Some(expected) = expected {
            assert_eq!((view.sequence(), view.timestamp()), expected);
        } else {
            assert_eq!(view.timestamp(), base);
        }
        let samples = view.payload().len() as u32;
        expected = Some((
            view.sequence().wrapping_add(1),
            view.timestamp().wrapping_add(samples),
        ));
        assert!(packet.due >= last);
        last = packet.due;
    }
}
