//! Scale and Speed, on a virtual clock.

use super::seeking::plain;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn scaled(start: Option<Duration>, end: End, scale: f64) -> Wish {
    Wish {
        start,
        end,
        scale: Some(scale),
        ..WISH
    }
}

/// The frames that were sent, and when each is shown after the first, in ticks of 90 kHz.
fn shown(session: &mut Session) -> Vec<(u32, i32)> {
    let sent = session.take(0);
    let first = sent[0].view().timestamp();
    let ends = sent.iter().filter(|sent| sent.ends_sample());
    ends.map(|sent| {
        let ticks = sent.view().timestamp().wrapping_sub(first);
        (sent.sample(), ticks.cast_signed())
    })
    .collect()
}

#[test]
fn r2_rtp_27_r1_rtp_03_timestamps_follow_what_is_shown() {
    let folder = Folder::new("scales");
    let movie = plain(&folder, 25);
    for (scale, step, ticks) in [
        (2.0, 25, 45_000),
        (4.0, 25, 22_500),
        (0.5, 1, 7200),
        (1.0, 1, 3600),
    ] {
        let mut session = Session::new(&movie, &STARTS);
        let start = session.now;
        let wish = scaled(Some(SECOND * 2), End::At(SECOND * 6), scale);
        let answer = session.wish(&wish).unwrap();
        assert_eq!((answer.scale, answer.start), (scale, SECOND * 2));
        assert_eq!(session.run(SECOND * 60).unwrap(), Progress::Ended);
        // Four seconds of the film take that much less, or more.
        let took = (session.now - start).as_secs_f64();
        assert!((took - 4.0 / scale).abs() < 1e-6, "{scale}: {took}");
        let frames = shown(&mut session);
        let expected: Vec<_> = (50..150).step_by(step).zip((0..).step_by(ticks)).collect();
        assert_eq!(frames, expected, "{scale}");
        assert_continuous(&session.take(0), STARTS[0].1.sequence);
        // Sound that is not at its own pace is muted.
        assert_eq!(session.take(1).is_empty(), scale != 1.0);
        // Sent when it is shown.
        for sent in session.take(0) {
            let ticks = sent
                .view()
                .timestamp()
                .wrapping_sub(answer.media[0].rtp_timestamp);
            let late = (sent.at - start).as_secs_f64() - f64::from(ticks) / 90_000.0;
            assert!(late.abs() < 1e-4, "{scale}: {late}");
        }
        assert_eq!(session.playback.position(session.now), SECOND * 6);
    }
}

#[test]
fn frames_that_can_all_be_left_out_keep_their_spacing() {
    let folder = Folder::new("intra");
    let movie = plain(&folder, 1);
    let mut session = Session::new(&movie, &STARTS);
    let wish = scaled(Some(Duration::ZERO), End::At(SECOND * 8), 2.0);
    session.wish(&wish).unwrap();
    session.run(SECOND * 60).unwrap();
    let frames = shown(&mut session);
    // Every second one, 40 ms apart (RFC 7826 §C.6).
    let expected: Vec<_> = (0..200).step_by(2).zip((0..).step_by(3600)).collect();
    assert_eq!(frames, expected);
}

#[test]
fn r2_range_10_the_rate_of_bytes_stays_that_of_normal_play() {
    let folder = Folder::new("rate");
    // A key frame of 1200 bytes for every nine others of 300: scaled by 8 the key frames alone would be more than twice too much.
    let movie = plain(&folder, 10);
    let rate = |scale: f64| {
        let mut session = Session::new(&movie, &STARTS[..1]);
        let start = session.now;
        let wish = scaled(Some(Duration::ZERO), End::Media, scale);
        session.wish(&wish).unwrap();
        session.run(SECOND * 60).unwrap();
        let bytes: usize = session.sent.iter().map(|sent| sent.packet.len()).sum();
        bytes as f64 / (session.now - start).as_secs_f64()
    };
    let nominal = rate(1.0);
    for scale in [2.0, 4.0, 8.0] {
        let ratio = rate(scale) / nominal;
        assert!((0.6..1.6).contains(&ratio), "{scale}: {ratio}");
    }
}

#[test]
fn r2_range_05_backwards_from_key_frame_to_key_frame() {
    let folder = Folder::new("backwards");
    let movie = plain(&folder, 25);
    for (from, to, scale, start, frames) in [
        // To the beginning, which belongs to it.
        (3500, 0, -1.0, 3000, vec![75, 50, 25, 0]),
        (
            12_000,
            0,
            -4.0,
            11_000,
            (0..12).rev().map(|gop| gop * 25).collect(),
        ),
        // Any other end does not.
        (6000, 3000, -1.0, 6000, vec![150, 125, 100]),
        (6000, 2999, -1.0, 6000, vec![150, 125, 100, 75]),
        // Nothing lies between.
        (6900, 6500, -1.0, 6900, vec![]),
    ] {
        let mut session = Session::new(&movie, &STARTS);
        let wish = scaled(Some(millis(from)), End::At(millis(to)), scale);
        let began = session.now;
        let answer = session.wish(&wish).unwrap();
        assert_eq!(
            (answer.start, answer.end, answer.scale),
            (millis(start), millis(to), scale)
        );
        assert_eq!(session.run(SECOND * 60).unwrap(), Progress::Ended);
        let took = (session.now - began).as_secs_f64();
        let length = (start - to) as f64 / 1000.0 / -scale;
        assert!((took - length).abs() < 1e-6, "{from}-{to}: {took}");
        assert_eq!(session.samples(0), frames, "{from}-{to}");
        assert!(session.take(1).is_empty());
        if !frames.is_empty() {
            let ticks = (90_000.0 / -scale) as i32;
            for ((_, at), expected) in shown(&mut session).iter().zip(0..) {
                assert_eq!(*at, expected * ticks);
            }
            assert_eq!(
                session.sent[0].view().timestamp(),
                answer.media[0].rtp_timestamp
            );
        }
        assert_eq!(session.playback.position(session.now), millis(to));
    }
}

#[test]
fn r2_range_03_decreasing_ranges_only_backwards() {
    let folder = Folder::new("decreasing");
    let mut session = Session::new(&plain(&folder, 25), &STARTS);
    for (from, end, scale) in [
        (5000, End::At(SECOND * 2), 1.0),
        (5000, End::At(SECOND * 2), 2.0),
        (2000, End::At(SECOND * 5), -1.0),
        (5000, End::At(SECOND * 5), -1.0),
        // At the beginning there is nothing before (RFC 7826 §13.4.1), at the end nothing after.
        (0, End::Media, -1.0),
        (12_001, End::Media, -1.0),
        (12_000, End::Media, 1.0),
    ] {
        let wish = scaled(Some(millis(from)), end, scale);
        assert!(session.wish(&wish).is_err(), "{from} {end:?} {scale}");
    }
    assert!(session.wish(&scaled(None, End::Media, -1.0)).is_err());
    for (from, scale) in [(12_000, -1.0), (11_999, 1.0)] {
        let wish = scaled(Some(millis(from)), End::Media, scale);
        assert!(session.wish(&wish).is_ok(), "{from} {scale}");
    }
}

#[test]
fn the_scale_changes_in_the_middle_of_playing() {
    let folder = Folder::new("gears");
    let mut session = Session::new(&plain(&folder, 25), &STARTS);
    let start = session.now;
    session.play(Some(SECOND), None);
    session.run(millis(1500)).unwrap();
    // From 2.5 s on: forward, backward, and as it was.
    for (scale, from, after) in [(2.0, 2000, 3000), (-1.0, 3000, 2000), (1.0, 2000, 3000)] {
        let last = session.take(0).last().unwrap().view().timestamp();
        let answer = session.wish(&scaled(None, End::Media, scale)).unwrap();
        assert_eq!((answer.start, answer.scale), (millis(from), scale));
        let jump = answer.media[0].rtp_timestamp.wrapping_sub(last);
        assert!(jump < 90_000, "{scale}: {jump} ticks");
        let length = Duration::from_secs_f64(1.0 / scale.abs());
        session.run(length).unwrap();
        assert_eq!(session.playback.position(session.now), millis(after));
    }
    assert_continuous(&session.take(0), STARTS[0].1.sequence);
    // RTP time has gone with real time all along.
    let all = session.take(0).last().unwrap().view().timestamp();
    let all = f64::from(all.wrapping_sub(STARTS[0].1.timestamp)) / 90_000.0;
    let real = (session.now - start).as_secs_f64();
    assert!((all - real).abs() < 0.3, "{all} in {real}");
    // An end alone leaves the scale as it is; a PLAY that says nothing is at 1 (RFC 7826 §13.4.3).
    session.wish(&scaled(None, End::Media, 2.0)).unwrap();
    let end = Wish {
        end: End::At(SECOND * 9),
        goes_on: true,
        ..WISH
    };
    assert_eq!(session.wish(&end).unwrap().scale, 2.0);
    assert_eq!(session.wish(&WISH).unwrap().scale, 1.0);
}

#[test]
fn without_video_there_is_one_scale() {
    let folder = Folder::new("sound");
    let mut session = Session::new(&plain(&folder, 25), &STARTS[1..]);
    let wish = scaled(Some(SECOND), End::Media, 4.0);
    assert_eq!(session.wish(&wish).unwrap().scale, 1.0);
    session.run(millis(500)).unwrap();
    assert!(!session.take(1).is_empty());
}

fn fast(speed: f64, delivery: Delivery) -> Wish {
    Wish {
        start: Some(Duration::ZERO),
        speed: Some(speed),
        delivery,
        ..WISH
    }
}

#[test]
fn r2_range_11_12_faster_delivery_of_the_same_packets() {
    let folder = Folder::new("speed");
    let movie = plain(&folder, 25);
    let mut reference = Session::new(&movie, &STARTS);
    reference.play(None, None);
    reference.run(SECOND * 60).unwrap();
    for (asked, delivery, speed) in [
        (2.0, Delivery::Stream, 2.0),
        (0.5, Delivery::Stream, 0.5),
        (50.0, Delivery::Stream, 50.0),
        (50.0, Delivery::Datagrams, 4.0),
    ] {
        let mut session = Session::new(&movie, &STARTS);
        let start = session.now;
        let answer = session.wish(&fast(asked, delivery)).unwrap();
        assert_eq!((answer.speed, answer.scale), (speed, 1.0));
        assert_eq!(session.run(SECOND * 60).unwrap(), Progress::Ended);
        let took = (session.now - start).as_secs_f64();
        assert!((took - 12.0 / speed).abs() < 0.01, "{asked}: {took}");
        for media in [0, 1] {
            let packets = |session: &mut Session| {
                let sent = session.take(media);
                sent.iter()
                    .map(|sent| sent.packet.clone())
                    .collect::<Vec<_>>()
            };
            assert!(
                packets(&mut session) == packets(&mut reference),
                "not a bit differs but when it comes: {asked}, media {media}"
            );
        }
    }
}

#[test]
fn speed_and_scale_together() {
    let folder = Folder::new("both");
    let mut session = Session::new(&plain(&folder, 25), &STARTS);
    let start = session.now;
    let answer = session
        .wish(&Wish {
            scale: Some(2.0),
            ..fast(3.0, Delivery::Stream)
        })
        .unwrap();
    assert_eq!((answer.scale, answer.speed), (2.0, 3.0));
    session.run(SECOND * 60).unwrap();
    let took = (session.now - start).as_secs_f64();
    assert!((took - 2.0).abs() < 0.01, "{took}");
    assert_eq!(shown(&mut session)[1], (25, 45_000));
}

#[test]
fn what_is_read_ahead_is_bounded_however_fast_it_goes() {
    let folder = Folder::new("ahead");
    let path = folder.file("large.mp4");
    let mut writer = MovieWriter::create(&path).unwrap();
    let track = TrackConfig::Pcmu {
        sample_rate: 8000,
        channels: 1,
    };
    let track = writer.add_track(track, 8000).unwrap();
    // 20 minutes, 9.6 MB.
    for second in 0..1200 {
        let sample = NewSample {
            payload: &[0x55; 8000],
            presentation_time: second * 8000,
            random_access: true,
        };
        writer.write(track, sample).unwrap();
    }
    writer.finish().unwrap();
    let movie = Arc::new(MovieFile::open(path).unwrap());
    let mut session = Session::new(&movie, &STARTS[..1]);
    session.wish(&fast(1000.0, Delivery::Stream)).unwrap();
    let mut read = 0;
    // A peer that takes nothing: whatever could be read is.
    for _ in 0..20 {
        session.now += millis(100);
        if let Some(job) = session.playback.take_read(session.now) {
            let done = job.run();
            read += done
                .frames
                .as_ref()
                .unwrap()
                .iter()
                .map(|frame| frame.payload.len())
                .sum::<usize>();
            session.playback.finish_read(done).unwrap();
        }
    }
    assert!((1_000_000..5_000_000).contains(&read), "{read}");
    // It says where it is by what was sent, not by what could have been.
    session.run(millis(0)).unwrap();
    session.run(millis(100)).unwrap();
    let sent: usize = session
        .sent
        .iter()
        .map(|sent| sent.view().payload().len())
        .sum();
    let position = session.playback.position(session.now).as_secs_f64();
    assert!(
        (position - sent as f64 / 8000.0).abs() < 1.1,
        "{position} {sent}"
    );
    session.run(SECOND * 60).unwrap();
    let sent: usize = session
        .sent
        .iter()
        .map(|sent| sent.view().payload().len())
        .sum();
    assert_eq!(sent, 9_600_000);
}

#[test]
fn the_end_waits_for_what_is_being_read() {
    let folder = Folder::new("in-flight");
    let mut session = Session::new(&plain(&folder, 25), &STARTS);
    session.wish(&fast(1000.0, Delivery::Stream)).unwrap();
    let job = session.playback.take_read(session.now).unwrap();
    session.now += SECOND;
    let progress = session.playback.due(session.now, 1, |_, _| {});
    assert_eq!(progress, Progress::Reading);
    session.playback.finish_read(job.run()).unwrap();
    assert_eq!(session.run(SECOND * 60).unwrap(), Progress::Ended);
    assert_eq!(session.samples(0).len(), 300);
}
