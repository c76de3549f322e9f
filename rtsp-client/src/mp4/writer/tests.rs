use std::io::Cursor;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;

use super::*;
use crate::mp4::MovieFile;
use crate::mp4::Track;

fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| digit.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect::<Vec<_>>()
        .into()
}

/// Parameter sets of 320×180 by x264, High profile with three B-frames.
fn h264() -> TrackConfig {
    TrackConfig::H264 {
        sps: vec![bytes(
            "6764000cacd941419f9f011000000300100000030320f1429960",
        )],
        pps: vec![bytes("68ebe3cb22c0")],
        width: 320,
        height: 180,
    }
}

/// Parameter sets of 320×180 by x265.
fn h265() -> TrackConfig {
    TrackConfig::H265 {
        vps: vec![bytes("40010c01ffff01600000030090000003000003003c959409")],
        sps: vec![bytes(
            "42010101600000030090000003000003003ca00a080b9f796565924caf016808000003000800000300c840",
        )],
        pps: vec![bytes("4401c172b46240")],
        width: 320,
        height: 180,
    }
}

/// AAC-LC, 48 kHz, two channels.
fn aac() -> TrackConfig {
    TrackConfig::Aac {
        config: Bytes::from_static(&[0x11, 0x90]),
        sample_rate: 48_000,
        channels: 2,
    }
}

fn payload(number: u32) -> Vec<u8> {
    let len = 5 + number * 7 % 900;
    let mut out = len.to_be_bytes().to_vec();
    out.extend((0..len).map(|byte| (byte + number) as u8));
    out
}

fn movie(writer: MovieWriter<Cursor<Vec<u8>>>) -> MovieFile {
    MovieFile::from_static(writer.finish().unwrap().into_inner().leak()).unwrap()
}

fn writer() -> MovieWriter<Cursor<Vec<u8>>> {
    MovieWriter::new(Cursor::new(Vec::new())).unwrap()
}

/// 100 frames in the order I P B B P B B …, at 25 frames a second, with a key frame each 25; the first is shown at `start`.
fn write_b_frames(writer: &mut MovieWriter<Cursor<Vec<u8>>>, track: usize, start: i64) -> Vec<i64> {
    let shown: Vec<i64> = (0..100)
        .map(|index| match index {
            0 => 0,
            _ if index % 3 == 1 => (index + 2).min(99),
            _ => index - 1,
        })
        .collect();
    for (index, frame) in shown.iter().enumerate() {
        let sample = NewSample {
            payload: &payload(index as u32),
            presentation_time: start + frame * 3600,
            random_access: index % 25 == 0,
        };
        writer.write(track, sample).unwrap();
    }
    shown.iter().map(|frame| frame * 3600).collect()
}

fn presentation_times(track: &Track) -> Vec<i64> {
    (0..track.sample_count())
        .map(|index| track.sample(index).unwrap().presentation_time)
        .collect()
}

#[test]
fn what_is_written_is_read() {
    for config in [h264(), h265()] {
        let mut writer = writer();
        let video = writer.add_track(config.clone(), 90_000).unwrap();
        let shown = write_b_frames(&mut writer, video, 1 << 33);
        let movie = movie(writer);
        assert_eq!(movie.skipped(), []);
        let [track] = movie.tracks() else { panic!() };
        assert_eq!(
            (track.config(), track.timescale(), track.sample_count()),
            (&config, 90_000, 100)
        );
        assert_eq!(presentation_times(track), shown);
        for index in 0..100 {
            let sample = track.sample(index).unwrap();
            assert!(sample.decode_time <= sample.presentation_time);
            assert_eq!(sample.random_access, index % 25 == 0);
            let mut read = BytesMut::from(&b"kept"[..]);
            movie.read_sample(0, index, &mut read).unwrap();
            assert_eq!(read[4..], payload(index));
        }
        assert_eq!(movie.duration(), Duration::from_secs(4));
        assert_eq!(track.frame_rate(), Some(25.0));
    }
}

#[test]
fn tracks_keep_their_distance() {
    let mut writer = writer();
    let video = writer.add_track(h264(), 90_000).unwrap();
    let audio = writer.add_track(aac(), 48_000).unwrap();
    // Video begins at 10 s, audio at 10.5 s.
    write_b_frames(&mut writer, video, 900_000);
    for index in 0..100 {
        let presentation_time = 504_000 + index * 1024;
        writer
            .write(
                audio,
                NewSample {
                    payload: &[7; 40],
                    presentation_time,
                    random_access: true,
                },
            )
            .unwrap();
    }
    let movie = movie(writer);
    let [video, audio] = movie.tracks() else {
        panic!()
    };
    assert_eq!(presentation_times(video).into_iter().min(), Some(0));
    assert_eq!(presentation_times(audio)[..2], [24_000, 25_024]);
    assert_eq!(audio.config(), &aac());
    assert_eq!(movie.duration(), Duration::from_secs(4));
}

#[test]
fn pcm_counts_its_samples() {
    for config in [
        TrackConfig::Pcmu {
            sample_rate: 8000,
            channels: 1,
        },
        TrackConfig::Pcma {
            sample_rate: 16_000,
            channels: 2,
        },
        TrackConfig::L16 {
            sample_rate: 44_100,
            channels: 2,
        },
    ] {
        let frame = config.pcm_frame_size().unwrap() as usize;
        let mut writer = writer();
        let track = writer.add_track(config.clone(), 8000).unwrap();
        for packet in 0..10_u8 {
            let sample = NewSample {
                payload: &vec![packet; 160 * frame],
                presentation_time: i64::from(packet) * 160,
                random_access: true,
            };
            writer.write(track, sample).unwrap();
        }
        if frame > 1 {
            let half = NewSample {
                payload: &[0],
                presentation_time: 0,
                random_access: true,
            };
            assert!(matches!(
                writer.write(track, half),
                Err(Error::Unwritable { .. })
            ));
        }
        let movie = movie(writer);
        let [track] = movie.tracks() else { panic!() };
        assert_eq!(track.config(), &config);
        assert_eq!(track.sample_count(), 1600);
        assert_eq!(track.sample(161).unwrap().presentation_time, 161);
        let mut read = BytesMut::new();
        movie.read_samples(0, 150, 20, &mut read).unwrap();
        assert_eq!(read, [vec![0; 10 * frame], vec![1; 10 * frame]].concat());
        assert!(movie.memory() < 2000, "not a word for each sample");
    }
}

#[test]
fn other_audio() {
    let opus = TrackConfig::Opus {
        channels: 2,
        pre_skip: 312,
    };
    let mp3 = TrackConfig::MpegAudio {
        sample_rate: 44_100,
        channels: 2,
    };
    for config in [opus, mp3] {
        let mut writer = writer();
        let track = writer.add_track(config.clone(), 48_000).unwrap();
        for index in 0..5 {
            let sample = NewSample {
                payload: &[1; 9],
                presentation_time: index * 960,
                random_access: true,
            };
            writer.write(track, sample).unwrap();
        }
        let movie = movie(writer);
        assert_eq!(movie.tracks()[0].config(), &config);
        assert_eq!(
            presentation_times(&movie.tracks()[0]),
            [0, 960, 1920, 2880, 3840]
        );
    }
}

#[test]
fn what_cannot_be_written_is_said() {
    let mut writer = writer();
    let empty = TrackConfig::H264 {
        sps: vec![],
        pps: vec![],
        width: 0,
        height: 0,
    };
    assert!(matches!(
        writer.add_track(empty.clone(), 90_000),
        Err(Error::Unwritable { .. })
    ));
    assert!(matches!(
        writer.add_track(aac(), 0),
        Err(Error::Unwritable { .. })
    ));
    let track = writer.add_track(h264(), 90_000).unwrap();
    assert!(writer.set_config(track, empty).is_err());
    assert!(writer.set_config(track, aac()).is_err());
    let sample = NewSample {
        payload: &[1],
        presentation_time: 0,
        random_access: true,
    };
    assert!(matches!(
        writer.write(7, sample),
        Err(Error::NoSample { track: 7, .. })
    ));
    assert!(
        matches!(writer.finish(), Err(Error::Unwritable { .. })),
        "no samples"
    );
}

#[test]
fn an_unfinished_file_is_no_movie() {
    let mut writer = writer();
    let video = writer.add_track(h264(), 90_000).unwrap();
    write_b_frames(&mut writer, video, 0);
    let unfinished = writer.out.into_inner().leak();
    assert!(matches!(
        MovieFile::from_static(unfinished),
        Err(Error::NoMovieBox)
    ));
}
