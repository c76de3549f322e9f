//! Where playing begins and ends: Seek-Style, ends that change, pauses.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// 12 s of video at 25 frames a second, each in its place, with a key frame every second; and 10 s of PCM at 8 kHz.
///
/// The last four bytes of each frame are its number. Key frames are 1200 bytes, the others 300.
pub(super) fn plain(folder: &Folder, key_every: u32) -> Arc<MovieFile> {
    let path = folder.file("plain.mp4");
    let mut writer = MovieWriter::create(&path).unwrap();
    let video = TrackConfig::H264 {
        sps: vec![Bytes::from_static(b"\x67\x42\xc0\x0a\xda\x79\x64")],
        pps: vec![Bytes::from_static(b"\x68\xce\x0f\xc8")],
        width: 64,
        height: 48,
    };
    let video = writer.add_track(video, 90_000).unwrap();
    let sound = TrackConfig::Pcmu {
        sample_rate: 8000,
        channels: 1,
    };
    let sound = writer.add_track(sound, 8000).unwrap();
    for frame in 0..300_u32 {
        let random_access = frame % key_every == 0;
        let size = if random_access { 1200 } else { 300 };
        let mut payload = (size - 4_u32).to_be_bytes().to_vec();
        payload.push(if random_access { 0x65 } else { 0x41 });
        payload.resize(size as usize - 4, 1);
        payload.extend(frame.to_be_bytes());
        let sample = NewSample {
            payload: &payload,
            presentation_time: i64::from(frame) * 3600,
            random_access,
        };
        writer.write(video, sample).unwrap();
    }
    for second in 0..10 {
        let sample = NewSample {
            payload: &[0x55; 8000],
            presentation_time: second * 8000,
            random_access: true,
        };
        writer.write(sound, sample).unwrap();
    }
    writer.finish().unwrap();
    Arc::new(MovieFile::open(path).unwrap())
}

fn at(start: Duration, policy: SeekPolicy) -> Wish {
    Wish {
        start: Some(start),
        policy,
        ..WISH
    }
}

/// The first video frame that comes, and the time of the first sound in samples of the presentation.
fn first(session: &mut Session, answer: &Answer) -> (u32, u32) {
    session.sent.clear();
    session.run(millis(300)).unwrap();
    let sound = session.take(1)[0].view().timestamp();
    let begin = answer.media[1].rtp_timestamp;
    let after = sound.wrapping_sub(begin);
    let at = (answer.start.as_secs_f64() * 8000.0).round() as u32;
    (session.samples(0)[0], at + after)
}

#[test]
fn r2_range_18_20_21_r2_play_02_where_each_policy_begins() {
    let folder = Folder::new("policies");
    let movie = plain(&folder, 25);
    for (asked, policy, start, frame, sound) in [
        (3500, SeekPolicy::Rap, 3000, 75, 24_000),
        (3000, SeekPolicy::Rap, 3000, 75, 24_000),
        (3500, SeekPolicy::FirstPrior, 3480, 87, 27_840),
        (3520, SeekPolicy::FirstPrior, 3520, 88, 28_160),
        // The sound that comes next begins at once.
        (3500, SeekPolicy::Next, 3500, 88, 28_000),
        (3520, SeekPolicy::Next, 3520, 88, 28_160),
        (3500, SeekPolicy::CoRap, 3000, 75, 24_000),
    ] {
        let mut session = Session::new(&movie, &STARTS);
        let answer = session.wish(&at(millis(asked), policy)).unwrap();
        assert_eq!(
            (answer.start, answer.policy),
            (millis(start), policy),
            "{asked} {policy:?}"
        );
        let found = first(&mut session, &answer);
        assert_eq!(found, (frame, sound), "{asked} {policy:?}");
    }
    // Without sound the next unit is the next frame.
    let mut session = Session::new(&movie, &STARTS[..1]);
    let answer = session.wish(&at(millis(3500), SeekPolicy::Next)).unwrap();
    assert_eq!(answer.start, millis(3520));
    // Nothing is left of the video: nothing comes of it.
    let answer = session.wish(&at(millis(11_970), SeekPolicy::Next)).unwrap();
    assert_eq!(answer.start, millis(11_970));
    session.sent.clear();
    assert_eq!(session.run(SECOND).unwrap(), Progress::Ended);
    assert!(session.sent.is_empty());
}

#[test]
fn r2_range_19_corap_seeks_only_to_what_is_nearer() {
    let folder = Folder::new("corap");
    let mut session = Session::new(&plain(&folder, 25), &STARTS[..1]);
    session.play(Some(SECOND * 5), None);
    session.run(millis(700)).unwrap();
    let paused = session.playback.pause(session.now);
    assert_eq!(paused, millis(5700));
    // 6.9 s: the point at 6 s is 0.9 s away, the pause point 1.2 s.
    let answer = session.wish(&at(millis(6900), SeekPolicy::CoRap)).unwrap();
    assert_eq!(
        (answer.start, answer.policy),
        (SECOND * 6, SeekPolicy::CoRap)
    );
    session.sent.clear();
    session.run(millis(700)).unwrap();
    assert_eq!(session.samples(0)[0], 150);
    session.playback.pause(session.now);
    // 6.8 s: the pause point, 6.7 s, is nearer than 6 s.
    let answer = session.wish(&at(millis(6800), SeekPolicy::CoRap)).unwrap();
    assert_eq!(
        (answer.start, answer.policy),
        (millis(6700), SeekPolicy::Next)
    );
    session.sent.clear();
    session.run(millis(100)).unwrap();
    assert_eq!(session.samples(0)[0], 168, "the frame after the last one");
}

#[test]
fn frames_that_are_shown_later_than_they_are_sent() {
    let folder = Folder::new("order");
    // I P B B P B B: shown 0 3 1 2 6 4 5.
    let movie = movie(&folder);
    let shown = |session: &mut Session, answer: &Answer| {
        session.sent.clear();
        session.run(millis(300)).unwrap();
        let start = answer.media[0].rtp_timestamp;
        let frames = session.take(0);
        let ends = frames.iter().filter(|sent| sent.ends_sample());
        let mut shown: Vec<_> = ends
            .map(|sent| sent.view().timestamp().wrapping_sub(start).cast_signed() / 3600)
            .collect();
        shown.truncate(6);
        shown.sort_unstable();
        shown
    };
    for policy in [SeekPolicy::FirstPrior, SeekPolicy::Next] {
        let mut session = Session::new(&movie, &STARTS[..1]);
        // Frame 29, 4 within its second, which follows frame 31 in the file.
        let answer = session.wish(&at(millis(29 * 40), policy)).unwrap();
        assert_eq!(answer.start, millis(29 * 40), "{policy:?}");
        assert_eq!(
            shown(&mut session, &answer),
            [0, 1, 2, 3, 4, 5],
            "{policy:?}"
        );
    }
}

#[test]
fn r2_time_09_r1_time_09_ranges_begin_at_their_start_and_stop_before_their_end() {
    let folder = Folder::new("half-open");
    let movie = plain(&folder, 25);
    for (end, frames, sound) in [
        (3080, 75..77, 640),
        (3081, 75..78, 648),
        (3100, 75..78, 800),
    ] {
        let mut session = Session::new(&movie, &STARTS);
        let answer = session.play(Some(SECOND * 3), Some(millis(end)));
        assert_eq!((answer.start, answer.end), (SECOND * 3, millis(end)));
        session.run(SECOND).unwrap();
        assert_eq!(session.samples(0), frames.collect::<Vec<_>>(), "{end}");
        let samples: usize = session
            .take(1)
            .iter()
            .map(|sent| sent.view().payload().len())
            .sum();
        assert_eq!(samples, sound, "{end}");
    }
}

#[test]
fn r2_play_17_a_new_end_goes_on_to_there() {
    let folder = Folder::new("new-end");
    let mut session = Session::new(&plain(&folder, 25), &STARTS);
    session.play(Some(SECOND), Some(SECOND * 3));
    session.run(millis(1500)).unwrap();
    let to = |end| Wish {
        end: End::At(end),
        goes_on: true,
        ..WISH
    };
    // Farther, nearer than what was read already, and farther again.
    for (end, passed) in [(SECOND * 5, 500), (millis(3200), 10), (SECOND * 4, 0)] {
        let answer = session.wish(&to(end)).unwrap();
        assert_eq!((answer.end, answer.passed), (end, false));
        session.run(millis(passed)).unwrap();
    }
    assert_eq!(session.run(SECOND * 60).unwrap(), Progress::Ended);
    assert_eq!(session.samples(0), (25..100).collect::<Vec<_>>());
    for media in [0, 1] {
        assert_continuous(&session.take(media), STARTS[media].1.sequence);
    }
    // In RTP there is no trace of it.
    let video = session.take(0);
    let ends: Vec<_> = video.iter().filter(|sent| sent.ends_sample()).collect();
    for pair in ends.windows(2) {
        let [before, after] = [0, 1].map(|of: usize| pair[of].view().timestamp());
        assert_eq!(after.wrapping_sub(before), 3600);
    }
    assert_eq!(session.playback.position(session.now), SECOND * 4);
}

#[test]
fn r2_play_18_an_end_that_has_passed_stops_at_once_and_is_the_pause_point() {
    let folder = Folder::new("passed");
    let mut session = Session::new(&plain(&folder, 25), &STARTS);
    session.play(Some(SECOND), Some(SECOND * 8));
    session.run(SECOND * 4).unwrap();
    let answer = session
        .wish(&Wish {
            end: End::At(SECOND * 3),
            goes_on: true,
            ..WISH
        })
        .unwrap();
    assert!(answer.passed);
    assert_eq!((answer.start, answer.end), (SECOND, SECOND * 3));
    let sent = session.sent.len();
    assert_eq!(session.run(SECOND).unwrap(), Progress::Idle);
    assert_eq!(session.sent.len(), sent, "nothing more");
    assert_eq!(session.playback.position(session.now), SECOND * 3);
    let answer = session.wish(&WISH).unwrap();
    assert_eq!((answer.start, answer.end), (SECOND * 3, SECOND * 12));
    session.sent.clear();
    session.run(millis(100)).unwrap();
    assert_eq!(session.samples(0)[0], 75);
}

#[test]
fn r2_play_10_an_end_before_the_pause_point_is_none() {
    let folder = Folder::new("before");
    let mut session = Session::new(&plain(&folder, 25), &STARTS);
    session.play(Some(SECOND * 5), None);
    session.run(millis(500)).unwrap();
    session.playback.pause(session.now);
    for end in [SECOND, millis(5500)] {
        let wish = Wish {
            end: End::At(end),
            ..WISH
        };
        assert!(session.wish(&wish).is_err(), "{end:?}");
    }
    assert_eq!(session.playback.position(session.now), millis(5500));
}

#[test]
fn without_a_range_2_0_plays_to_the_end_and_1_0_to_the_end_that_was_set() {
    let folder = Folder::new("rest");
    for (end, expected) in [(End::Media, 12), (End::Kept, 4)] {
        let mut session = Session::new(&plain(&folder, 25), &STARTS);
        session.play(Some(SECOND), Some(SECOND * 4));
        session.run(SECOND).unwrap();
        session.playback.pause(session.now);
        let answer = session.wish(&Wish { end, ..WISH }).unwrap();
        assert_eq!((answer.start, answer.end), (SECOND * 2, SECOND * expected));
    }
}

#[test]
fn r1_pause_07_a_unit_that_begins_at_the_pause_point_is_not_played() {
    let folder = Folder::new("pause-point");
    let mut session = Session::new(&plain(&folder, 25), &STARTS);
    session.play(Some(SECOND), None);
    session.run(millis(100)).unwrap();
    assert!(
        !session.playback.end_at(session.now, SECOND),
        "it has passed"
    );
    assert!(!session.playback.end_at(session.now, SECOND * 13));
    assert!(session.playback.end_at(session.now, SECOND * 2));
    assert_eq!(session.run(SECOND * 60).unwrap(), Progress::Ended);
    assert_eq!(session.samples(0), (25..50).collect::<Vec<_>>());
    // It goes on without a gap.
    let answer = session.play(None, None);
    assert_eq!((answer.start, answer.end), (SECOND * 2, SECOND * 12));
    session.run(millis(500)).unwrap();
    assert_eq!(session.samples(0)[..30], (25..55).collect::<Vec<_>>());
}

#[test]
fn playing_begins_when_it_was_asked_to() {
    let folder = Folder::new("later");
    let mut session = Session::new(&plain(&folder, 25), &STARTS);
    let start = session.now;
    let answer = session
        .wish(&Wish {
            not_before: Some(start + SECOND * 7),
            ..at(SECOND, SeekPolicy::Rap)
        })
        .unwrap();
    session.run(millis(6900)).unwrap();
    assert!(session.sent.is_empty());
    assert_eq!(session.playback.position(session.now), SECOND);
    session.run(millis(200)).unwrap();
    assert_eq!(session.sent[0].at, start + SECOND * 7);
    assert_eq!(
        session.sent[0].view().timestamp(),
        answer.media[0].rtp_timestamp
    );
}

#[test]
fn r2_play_20_r1_pause_06_r2_pause_04_media_stay_together() {
    let folder = Folder::new("sync");
    let movie = plain(&folder, 25);
    let mut session = Session::new(&movie, &STARTS);
    // The time of the presentation that a packet stands for, as RTP-Info tells it.
    let together = |session: &mut Session, answer: &Answer| {
        session.sent.clear();
        session.run(millis(700)).unwrap();
        let time = |media: usize, rate: f64| {
            let start = answer.media[media].rtp_timestamp;
            let packets = session.sent.iter().filter(move |sent| sent.media == media);
            let times = packets.map(move |sent| {
                let ticks = sent.view().timestamp().wrapping_sub(start).cast_signed();
                (sent.at, f64::from(ticks) / rate)
            });
            times.collect::<Vec<_>>()
        };
        // Whatever is sent at one time is shown at one time.
        for (media, rate) in [(0, 90_000.0), (1, 48_000.0)] {
            let rate = if media == 1 { rate / 6.0 } else { rate };
            for (at, shown) in time(media, rate) {
                let sent = at.duration_since(session.now - millis(700)).as_secs_f64();
                assert!((sent - shown).abs() < 0.021, "{media}: {sent} {shown}");
            }
        }
    };
    let answer = session.wish(&at(SECOND * 2, SeekPolicy::Rap)).unwrap();
    together(&mut session, &answer);
    for pause in [3, 20] {
        session.playback.pause(session.now);
        session.now += SECOND * pause;
        let answer = session.wish(&WISH).unwrap();
        together(&mut session, &answer);
    }
    let answer = session.wish(&at(SECOND * 8, SeekPolicy::Rap)).unwrap();
    together(&mut session, &answer);
}

#[test]
fn media_that_come_and_go_between_plays() {
    let folder = Folder::new("rearranged");
    let mut session = Session::new(&plain(&folder, 25), &STARTS[..1]);
    session.play(Some(SECOND), None);
    session.run(millis(400)).unwrap();
    session.playback.pause(session.now);
    assert!(session.playback.choose(&STARTS).unwrap());
    let answer = session.wish(&WISH).unwrap();
    assert_eq!((answer.media.len(), answer.start), (2, SECOND));
    session.run(millis(300)).unwrap();
    assert!(!session.take(1).is_empty());
    assert_continuous(&session.take(0), STARTS[0].1.sequence);
    session.playback.pause(session.now);
    assert!(session.playback.choose(&STARTS[1..]).unwrap());
    session.sent.clear();
    let answer = session.wish(&WISH).unwrap();
    assert_eq!(answer.media.len(), 1);
    session.run(millis(300)).unwrap();
    assert!(session.take(0).is_empty() && !session.take(1).is_empty());
}

#[test]
fn r2_rtp_26_r2_rtp_24_a_range_that_replaces_another_goes_on_where_that_was() {
    let folder = Folder::new("replace");
    let mut session = Session::new(&plain(&folder, 25), &STARTS);
    session.play(Some(SECOND), None);
    session.run(millis(990)).unwrap();
    let answer = session.wish(&at(SECOND * 7, SeekPolicy::Rap)).unwrap();
    let [old, old_sound] = [0, 1].map(|media| session.take(media).last().unwrap().clone());
    session.sent.clear();
    session.run(millis(200)).unwrap();
    let [new, sound] = [0, 1].map(|media| session.take(media)[0].clone());
    assert_eq!(new.view().sequence(), old.view().sequence().wrapping_add(1));
    assert_eq!(new.view().timestamp(), answer.media[0].rtp_timestamp);
    let jump = new.view().timestamp().wrapping_sub(old.view().timestamp());
    assert_eq!(jump, 3600, "one frame");
    assert_eq!(
        sound.view().sequence(),
        old_sound.view().sequence().wrapping_add(1)
    );
    // R2-RTP-28: sound tells its player of the jump.
    assert!(sound.view().marker() && !old_sound.view().marker());
}

#[test]
fn r2_rtp_28_sound_is_marked_after_each_play() {
    let folder = Folder::new("marks");
    let mut session = Session::new(&plain(&folder, 25), &STARTS);
    for start in [0, 5, 2] {
        session.play(Some(SECOND * start), None);
        session.run(millis(500)).unwrap();
    }
    session.playback.pause(session.now);
    session.play(None, None);
    session.run(millis(500)).unwrap();
    let marks = session.take(1);
    let marks = marks.iter().filter(|sent| sent.view().marker()).count();
    assert_eq!(marks, 4);
}
