//! Playback on a virtual clock, of files that the tests write.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use bytes::Bytes;
use rtp_core::PacketView;
use rtsp_client::movie::MediaStart;
use rtsp_client::mp4::MovieFile;
use rtsp_client::mp4::MovieWriter;
use rtsp_client::mp4::NewSample;
use rtsp_client::mp4::TrackConfig;

use super::*;
use crate::source::SourceError;

mod pacing;
mod seeking;

/// A folder that goes with the test.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("trackside-file-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// 10 s of video at 25 frames a second in the order I P B B P …, with a key frame each second, and AAC at 48 kHz.
///
/// The last four bytes of each sample are its number.
pub(super) fn write_movie(path: &Path) {
    let mut writer = MovieWriter::create(path).unwrap();
    let video = TrackConfig::H264 {
        sps: vec![Bytes::from_static(b"\x67\x42\xc0\x0a\xda\x79\x64")],
        pps: vec![Bytes::from_static(b"\x68\xce\x0f\xc8")],
        width: 64,
        height: 48,
    };
    let video = writer.add_track(video, 90_000).unwrap();
    let config = Bytes::from_static(&[0x11, 0x90]);
    let audio = TrackConfig::Aac {
        config,
        sample_rate: 48_000,
        channels: 2,
    };
    let audio = writer.add_track(audio, 48_000).unwrap();
    for frame in 0..250_u32 {
        let (gop, within) = (frame / 25, frame % 25);
        // Each P frame comes before the two B-frames that are shown before it.
        let shown = gop * 25
            + match within {
                0 => 0,
                _ if within % 3 == 1 => (within + 2).min(24),
                _ => within - 1,
            };
        let random_access = within == 0;
        let mut payload = 1504_u32.to_be_bytes().to_vec();
        payload.push(if random_access { 0x65 } else { 0x41 });
        payload.resize(1504, 1);
        payload.extend(frame.to_be_bytes());
        let presentation_time = i64::from(shown) * 3600;
        writer
            .write(
                video,
                NewSample {
                    payload: &payload,
                    presentation_time,
                    random_access,
                },
            )
            .unwrap();
    }
    for unit in 0..468_u32 {
        let mut payload = vec![2; 96];
        payload.extend(unit.to_be_bytes());
        let presentation_time = i64::from(unit) * 1024;
        writer
            .write(
                audio,
                NewSample {
                    payload: &payload,
                    presentation_time,
                    random_access: true,
                },
            )
            .unwrap();
    }
    writer.finish().unwrap();
}

const STARTS: [(usize, MediaStart); 2] = [
    (
        0,
        MediaStart {
            ssrc: 10,
            sequence: 65_530,
            timestamp: 4_000_000_000,
        },
    ),
    (
        1,
        MediaStart {
            ssrc: 20,
            sequence: 100,
            timestamp: 77,
        },
    ),
];

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A packet that was sent, and when.
#[derive(Debug, Clone)]
struct Sent {
    media: usize,
    at: Instant,
    packet: Bytes,
}

impl Sent {
    fn view(&self) -> PacketView<'_> {
        PacketView::parse(&self.packet).unwrap()
    }

    /// The number of the sample, of its last packet.
    fn sample(&self) -> u32 {
        u32::from_be_bytes(self.packet[self.packet.len() - 4..].try_into().unwrap())
    }

    /// The packet ends an access unit.
    fn ends_sample(&self) -> bool {
        self.view().marker()
    }
}

/// All there is, from where it is.
const WISH: Wish = Wish {
    start: None,
    end: End::Media,
    policy: SeekPolicy::Rap,
    scale: None,
    speed: None,
    delivery: Delivery::Stream,
    goes_on: false,
    not_before: None,
};

/// What a PLAY would be answered.
#[derive(Debug)]
struct Answer {
    start: Duration,
    end: Duration,
    policy: SeekPolicy,
    passed: bool,
    scale: f64,
    speed: f64,
    media: Vec<MediaPosition>,
}

/// One session on a virtual clock.
struct Session {
    playback: FilePlayback,
    now: Instant,
    sent: Vec<Sent>,
    reads: usize,
}

impl Session {
    fn new(movie: &Arc<MovieFile>, media: &[(usize, MediaStart)]) -> Self {
        let mut playback = FilePlayback::new(Arc::clone(movie));
        assert!(playback.choose(media).unwrap());
        Self {
            playback,
            now: Instant::now(),
            sent: Vec::new(),
            reads: 0,
        }
    }

    /// One step of what a session's task does; the end or the error, when there is one.
    fn step(&mut self, until: Instant) -> Result<Option<Progress>, SourceError> {
        if let Some(job) = self.playback.take_read(self.now) {
            self.reads += 1;
            let done = std::thread::spawn(|| job.run()).join().unwrap();
            self.playback.finish_read(done)?;
        }
        let (now, sent) = (self.now, &mut self.sent);
        let progress = self.playback.due(now, 64, |media, packet| {
            sent.push(Sent {
                media,
                at: now,
                packet,
            });
        });
        match progress {
            Progress::Wait(next) if next > until => {
                self.now = until;
                Ok(Some(progress))
            }
            Progress::Wait(next) => {
                self.now = next;
                Ok(None)
            }
            Progress::More | Progress::Reading => Ok(None),
            Progress::Idle | Progress::Ended => Ok(Some(progress)),
        }
    }

    fn run(&mut self, length: Duration) -> Result<Progress, SourceError> {
        let until = self.now + length;
        loop {
            if let Some(progress) = self.step(until)? {
                return Ok(progress);
            }
        }
    }

    /// As RTSP/1.0 asks: without a start it goes on as it was.
    fn play(&mut self, start: Option<Duration>, end: Option<Duration>) -> Answer {
        self.wish(&Wish {
            start,
            end: match (start, end) {
                (_, Some(end)) => End::At(end),
                (None, None) => End::Kept,
                (Some(_), None) => End::Media,
            },
            goes_on: start.is_none(),
            ..WISH
        })
        .unwrap()
    }

    fn wish(&mut self, wish: &Wish) -> Result<Answer, PlayError> {
        let started = self.playback.play(self.now, wish)?;
        Ok(Answer {
            start: started.start,
            end: started.end,
            policy: started.policy,
            passed: started.passed,
            scale: started.pace.scale(),
            speed: started.pace.speed(),
            media: self.playback.positions(started.start),
        })
    }

    fn take(&mut self, media: usize) -> Vec<Sent> {
        self.sent
            .iter()
            .filter(|sent| sent.media == media)
            .cloned()
            .collect()
    }

    /// The numbers of the samples that were sent of a media.
    fn samples(&mut self, media: usize) -> Vec<u32> {
        self.take(media)
            .iter()
            .filter(|sent| sent.ends_sample())
            .map(Sent::sample)
            .collect()
    }
}

fn movie(folder: &Folder) -> Arc<MovieFile> {
    let path = folder.file("movie.mp4");
    write_movie(&path);
    Arc::new(MovieFile::open(path).unwrap())
}

/// Sequence numbers go on by one, beginning with what RTP-Info said.
fn assert_continuous(sent: &[Sent], first: u16) {
    for (index, sent) in sent.iter().enumerate() {
        assert_eq!(sent.view().sequence(), first.wrapping_add(index as u16));
    }
}

#[test]
fn all_of_a_file_at_its_own_pace() {
    let folder = Folder::new("all");
    let mut session = Session::new(&movie(&folder), &STARTS);
    let start = session.now;
    let answer = session.play(None, None);
    assert_eq!(
        (answer.start, answer.end),
        (Duration::ZERO, Duration::from_secs(10))
    );
    for (media, (index, begin)) in answer.media.iter().zip(STARTS) {
        let expected = (index, begin.ssrc, begin.sequence, begin.timestamp);
        assert_eq!(
            (media.media, media.ssrc, media.sequence, media.rtp_timestamp),
            expected
        );
    }
    assert_eq!(
        session.run(Duration::from_secs(60)).unwrap(),
        Progress::Ended
    );
    assert_eq!(session.now, start + Duration::from_secs(10));
    assert_eq!(session.samples(0), (0..250).collect::<Vec<_>>());
    assert_eq!(session.samples(1), (0..468).collect::<Vec<_>>());
    assert!(session.reads < 20, "{} reads", session.reads);
    for (index, start_of) in STARTS {
        let sent = session.take(index);
        assert_continuous(&sent, start_of.sequence);
        let rate = [90_000.0, 48_000.0][index];
        for sent in &sent {
            let shown = f64::from(sent.view().timestamp().wrapping_sub(start_of.timestamp)) / rate;
            let late = sent.at.duration_since(start).as_secs_f64() - shown;
            // Video goes out when it is to be decoded: with B-frames up to a few frames before it is shown.
            assert!(
                (-0.13..0.001).contains(&late),
                "media {index} at {shown}: {late}"
            );
        }
    }
    assert_eq!(
        session.playback.due(session.now, 1, |_, _| {}),
        Progress::Idle
    );
    assert_eq!(
        session.playback.position(session.now),
        Duration::from_secs(10)
    );
}

#[test]
fn frames_carry_the_time_at_which_they_are_shown() {
    let folder = Folder::new("shown");
    let mut session = Session::new(&movie(&folder), &STARTS);
    session.play(None, Some(millis(500)));
    session.run(Duration::from_secs(1)).unwrap();
    let shown: Vec<_> = session
        .take(0)
        .iter()
        .filter(|sent| sent.ends_sample())
        .map(|sent| sent.view().timestamp().wrapping_sub(STARTS[0].1.timestamp) / 3600)
        .collect();
    assert_eq!(shown[..7], [0, 3, 1, 2, 6, 4, 5]);
    assert!(shown.contains(&12), "all that is shown before the end");
}

#[test]
fn a_range_begins_at_a_key_frame_and_ends_where_it_should() {
    let folder = Folder::new("range");
    let mut session = Session::new(&movie(&folder), &STARTS);
    let answer = session.play(Some(millis(3500)), Some(millis(5000)));
    assert_eq!(
        (answer.start, answer.end),
        (Duration::from_secs(3), Duration::from_secs(5))
    );
    let start = session.now;
    assert_eq!(
        session.run(Duration::from_secs(60)).unwrap(),
        Progress::Ended
    );
    assert_eq!(session.now, start + Duration::from_secs(2));
    assert_eq!(session.samples(0), (75..125).collect::<Vec<_>>());
    // The first that begins at 3 s or later, and the last that begins before 5 s.
    assert_eq!(session.samples(1), (141..235).collect::<Vec<_>>());
    let (video, audio) = (session.take(0), session.take(1));
    assert_eq!(video[0].view().timestamp(), answer.media[0].rtp_timestamp);
    let offset = audio[0]
        .view()
        .timestamp()
        .wrapping_sub(answer.media[1].rtp_timestamp);
    assert_eq!(
        offset,
        141 * 1024 - 144_000,
        "rtptime is that of the start, not of the first packet"
    );
}

#[test]
fn audio_alone_begins_where_it_was_asked_to() {
    let folder = Folder::new("audio");
    let mut session = Session::new(&movie(&folder), &STARTS[1..]);
    let answer = session.play(Some(millis(3500)), None);
    assert_eq!((answer.start, answer.media.len()), (millis(3500), 1));
    session.run(millis(100)).unwrap();
    assert_eq!(session.samples(1)[0], 165);
    assert!(session.samples(0).is_empty());
}

#[test]
fn r2_rtp_25_a_pause_is_as_long_in_rtp_as_it_was() {
    let folder = Folder::new("pause");
    let mut session = Session::new(&movie(&folder), &STARTS);
    session.play(None, None);
    session.run(millis(2500)).unwrap();
    assert_eq!(session.playback.pause(session.now), millis(2500));
    assert_eq!(session.run(millis(1)).unwrap(), Progress::Idle);
    let before = session.sent.len();
    session.now += Duration::from_secs(20);
    assert_eq!(session.playback.position(session.now), millis(2500));
    let answer = session.play(None, None);
    assert_eq!(
        (answer.start, answer.end),
        (millis(2500), Duration::from_secs(10))
    );
    let expected = STARTS[0].1.timestamp.wrapping_add(90_000 * 225 / 10);
    assert_eq!(answer.media[0].rtp_timestamp, expected);
    session.run(Duration::from_secs(30)).unwrap();

    assert_eq!(
        session.samples(0),
        (0..250).collect::<Vec<_>>(),
        "nothing is lost or repeated"
    );
    assert_eq!(session.samples(1), (0..468).collect::<Vec<_>>());
    for media in [0, 1] {
        let sent = session.take(media);
        assert_continuous(&sent, STARTS[media].1.sequence);
        let count = session.sent[..before]
            .iter()
            .filter(|sent| sent.media == media)
            .count();
        let resumed = &sent[count];
        let ticks = resumed
            .view()
            .timestamp()
            .wrapping_sub(sent[count - 1].view().timestamp());
        let seconds = f64::from(ticks.cast_signed()) / [90_000.0, 48_000.0][media];
        assert!((19.8..20.2).contains(&seconds), "media {media}: {seconds}");
    }
}

#[test]
fn r1_rtp_01_a_jump_leaves_no_trace_in_rtp() {
    let folder = Folder::new("jump");
    let mut session = Session::new(&movie(&folder), &STARTS);
    session.play(None, None);
    session.run(millis(2000)).unwrap();
    let before = session.take(0);
    let answer = session.play(Some(Duration::from_secs(7)), None);
    assert_eq!(answer.start, Duration::from_secs(7));
    assert_eq!(
        answer.media[0].sequence,
        before.last().unwrap().view().sequence().wrapping_add(1)
    );
    session.run(millis(500)).unwrap();
    let sent = session.take(0);
    assert_continuous(&sent, STARTS[0].1.sequence);
    let newest = before
        .iter()
        .map(|sent| sent.view().timestamp().wrapping_sub(STARTS[0].1.timestamp))
        .max();
    let jump = answer.media[0]
        .rtp_timestamp
        .wrapping_sub(STARTS[0].1.timestamp)
        - newest.unwrap();
    assert!((1..=3 * 3600).contains(&jump), "{jump} ticks");
    assert_eq!(
        sent[before.len()].view().timestamp(),
        answer.media[0].rtp_timestamp
    );
    // Both media jump by the same time.
    let [video, audio] = [0, 1].map(|media| {
        let ticks = answer.media[media]
            .rtp_timestamp
            .wrapping_sub(STARTS[media].1.timestamp);
        f64::from(ticks) / [90_000.0, 48_000.0][media]
    });
    assert!((video - audio).abs() < 0.0001, "{video} {audio}");
}

#[test]
fn what_was_asked_for_before_a_jump_is_not_sent_after_it() {
    let folder = Folder::new("stale");
    let mut session = Session::new(&movie(&folder), &STARTS);
    session.play(None, None);
    let stale = session.playback.take_read(session.now).unwrap();
    assert!(
        session.playback.take_read(session.now).is_none(),
        "one job at a time"
    );
    session.play(Some(Duration::from_secs(5)), None);
    session.playback.finish_read(stale.run()).unwrap();
    session.run(millis(200)).unwrap();
    assert_eq!(session.samples(0)[0], 125);
}

#[test]
fn ranges_outside_the_file_change_nothing() {
    let folder = Folder::new("outside");
    let mut session = Session::new(&movie(&folder), &STARTS);
    session.play(None, None);
    session.run(millis(1000)).unwrap();
    for (start, end) in [
        (10_000, None),
        (u64::MAX / 1000, None),
        (5000, Some(5000)),
        (5000, Some(4000)),
    ] {
        let result = session.wish(&Wish {
            start: Some(millis(start)),
            end: end.map_or(End::Media, |end| End::At(millis(end))),
            ..WISH
        });
        let duration = Duration::from_secs(10);
        assert_eq!(result.unwrap_err(), PlayError::InvalidRange { duration });
    }
    let answer = session.play(Some(millis(9990)), Some(Duration::from_secs(3600)));
    assert_eq!(
        (answer.start, answer.end),
        (Duration::from_secs(9), Duration::from_secs(10))
    );
}

#[test]
fn playing_while_it_plays_plays_on() {
    let folder = Folder::new("again");
    let mut session = Session::new(&movie(&folder), &STARTS);
    session.play(None, Some(Duration::from_secs(5)));
    session.run(millis(1200)).unwrap();
    let answer = session.play(None, None);
    assert_eq!(
        (answer.start, answer.end),
        (millis(1200), Duration::from_secs(5))
    );
    let expected = STARTS[1].1.timestamp + 48 * 1200;
    assert_eq!(answer.media[1].rtp_timestamp, expected);
    session.run(Duration::from_secs(60)).unwrap();
    assert_eq!(session.samples(1).len(), 235);
    // After the end it goes on from there, or begins anew, with the numbers going on.
    let answer = session.play(None, None);
    assert_eq!(answer.start, Duration::from_secs(5));
    let answer = session.play(Some(Duration::ZERO), None);
    assert_eq!(
        (answer.start, answer.end),
        (Duration::ZERO, Duration::from_secs(10))
    );
    session.run(millis(100)).unwrap();
    assert_continuous(&session.take(0), STARTS[0].1.sequence);
    assert_eq!(session.samples(0)[125..][..2], [0, 1]);
}

#[test]
fn reports_follow_what_was_sent() {
    let folder = Folder::new("report");
    let mut session = Session::new(&movie(&folder), &STARTS);
    let wall = SystemTime::UNIX_EPOCH;
    assert_eq!(session.playback.report(0, session.now, wall), None);
    session.play(Some(Duration::from_secs(3)), None);
    session.run(millis(1500)).unwrap();
    for (index, start) in STARTS {
        let report = session.playback.report(index, session.now, wall).unwrap();
        let ticks = [135_000, 72_000][index];
        assert_eq!(
            (report.ssrc, report.rtp_timestamp),
            (start.ssrc, start.timestamp.wrapping_add(ticks))
        );
        let sent = session.take(index);
        let octets: usize = sent.iter().map(|sent| sent.packet.len() - 12).sum();
        assert_eq!(
            (report.packet_count as usize, report.octet_count as usize),
            (sent.len(), octets)
        );
    }
    assert_eq!(session.playback.report(7, session.now, wall), None);
}

#[test]
fn a_stall_holds_the_session_instead_of_a_burst() {
    let folder = Folder::new("stall");
    let mut session = Session::new(&movie(&folder), &STARTS);
    session.play(None, None);
    session.run(millis(1000)).unwrap();
    let before = session.sent.len();
    session.now += Duration::from_secs(4);
    session.run(millis(0)).unwrap();
    let burst = session.sent.len() - before;
    assert!(burst < 10, "{burst} packets at once");
    session.run(Duration::from_secs(60)).unwrap();
    assert_eq!(session.samples(0), (0..250).collect::<Vec<_>>());
}

#[test]
fn a_file_that_is_replaced_ends_the_session_with_a_reason() {
    let folder = Folder::new("replaced");
    let mut session = Session::new(&movie(&folder), &STARTS);
    session.play(None, None);
    session.run(millis(3000)).unwrap();
    write_movie(&folder.file("other.mp4"));
    std::fs::rename(folder.file("other.mp4"), folder.file("movie.mp4")).unwrap();
    let error = session.run(Duration::from_secs(60)).unwrap_err();
    assert!(
        matches!(&error, SourceError::Movie(error) if error.is_file_changed()),
        "{error}"
    );
    assert!(session.samples(0).len() < 125, "within two seconds");
}

#[test]
fn a_file_that_is_cut_ends_the_session_with_a_reason() {
    let folder = Folder::new("cut");
    let mut session = Session::new(&movie(&folder), &STARTS);
    session.play(None, None);
    session.run(millis(3000)).unwrap();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(folder.file("movie.mp4"))
        .unwrap();
    file.set_len(10_000).unwrap();
    let error = session.run(Duration::from_secs(60)).unwrap_err();
    assert!(error.to_string().contains("truncated"), "{error}");
}

#[test]
fn a_media_can_begin_anew() {
    let folder = Folder::new("restart");
    let mut session = Session::new(&movie(&folder), &STARTS[1..]);
    session.play(None, None);
    session.run(Duration::from_secs(60)).unwrap();
    let fresh = MediaStart {
        ssrc: 99,
        sequence: 5,
        timestamp: 1000,
    };
    session.playback.restart_media(1, fresh);
    let answer = session.play(Some(Duration::ZERO), None);
    assert_eq!((answer.media[0].ssrc, answer.media[0].sequence), (99, 5));
    session.sent.clear();
    session.run(millis(50)).unwrap();
    let sent = session.take(1);
    assert_eq!(sent[0].view().timestamp(), answer.media[0].rtp_timestamp);
}

#[test]
fn a_media_that_is_not_there() {
    let folder = Folder::new("none");
    let movie = movie(&folder);
    let start = STARTS[0].1;
    assert!(!FilePlayback::new(movie).choose(&[(2, start)]).unwrap());
}

/// PCM goes out in packets of 20 ms; the first after a PLAY is marked (RFC 2326 §B).
#[test]
fn r1_rtp_02_pcm_in_packets_of_twenty_milliseconds() {
    let folder = Folder::new("pcm");
    let path = folder.file("pcm.mp4");
    let mut writer = MovieWriter::create(&path).unwrap();
    let track = writer
        .add_track(
            TrackConfig::Pcmu {
                sample_rate: 8000,
                channels: 1,
            },
            8000,
        )
        .unwrap();
    for second in 0..3 {
        let sample = NewSample {
            payload: &[0x55; 8000],
            presentation_time: second * 8000,
            random_access: true,
        };
        writer.write(track, sample).unwrap();
    }
    writer.finish().unwrap();
    let mut session = Session::new(&Arc::new(MovieFile::open(path).unwrap()), &STARTS[..1]);
    session.play(Some(millis(1010)), None);
    session.run(Duration::from_secs(60)).unwrap();
    let sent = session.take(0);
    assert_eq!(
        sent.iter()
            .map(|sent| sent.view().payload().len())
            .sum::<usize>(),
        24_000 - 8080
    );
    assert!(
        sent.iter()
            .all(|sent| sent.view().payload().len() <= 160 && sent.view().payload_type() == 0)
    );
    assert!(sent.len() < 110);
    assert!(sent[0].view().marker() && sent[1..].iter().all(|sent| !sent.view().marker()));
}
