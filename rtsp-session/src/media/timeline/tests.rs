use rtcp::NtpTime;

use super::*;

const VIDEO: usize = 0;
const AUDIO: usize = 1;
const SSRC: u32 = 0x5eed_0001;

fn timeline() -> Timeline {
    Timeline::new(&[Some(90_000), Some(48_000), None])
}

fn clocks(unix_millis: u64, timestamp: u32) -> ClockPair {
    ClockPair {
        ntp: NtpTime::from_unix(Duration::from_millis(unix_millis)),
        timestamp,
    }
}

fn millis(timeline: &mut Timeline, media: usize, timestamp: u32) -> i64 {
    let place = timeline.place(media, SSRC, timestamp).unwrap();
    (place.seconds * 1000.0).round() as i64
}

#[test]
fn sender_reports_align_media_exactly() {
    let start = Instant::now();
    let mut timeline = timeline();
    // The video packet of 12:00:00.000 arrives late, that of the audio of 12:00:00.100 early.
    timeline.on_packet(AUDIO, SSRC, 5_000, start);
    timeline.on_packet(VIDEO, SSRC, 900_000, start + Duration::from_millis(300));
    timeline.on_report(VIDEO, SSRC, clocks(1_000_000, 900_000));
    assert_eq!(timeline.best(), Some(Alignment::Arrival));
    timeline.on_report(AUDIO, SSRC, clocks(1_000_200, 5_000 + 4_800));
    assert_eq!(timeline.fix(), Some(Alignment::SenderReports));
    assert_eq!(millis(&mut timeline, VIDEO, 900_000), 0);
    assert_eq!(millis(&mut timeline, AUDIO, 5_000), 100);
    let place = timeline.place(AUDIO, SSRC, 5_000 + 48_000).unwrap();
    let unix = place.wall.unwrap().duration_since(SystemTime::UNIX_EPOCH);
    let off = unix.unwrap().abs_diff(Duration::from_millis(1_001_100));
    assert!(off < Duration::from_micros(1), "{off:?}");
}

#[test]
fn a_report_before_the_first_packet_counts() {
    let start = Instant::now();
    let mut timeline = timeline();
    timeline.on_report(VIDEO, SSRC, clocks(1_000_000, 0xffff_fff0));
    timeline.on_report(AUDIO, SSRC, clocks(1_000_000, 0));
    timeline.on_packet(VIDEO, SSRC, 0xffff_fff0, start);
    timeline.on_packet(AUDIO, SSRC, 480, start);
    assert_eq!(timeline.fix(), Some(Alignment::SenderReports));
    assert_eq!(millis(&mut timeline, AUDIO, 480), 10);
    // Over the wrap.
    assert_eq!(
        millis(&mut timeline, VIDEO, 0xffff_fff0_u32.wrapping_add(9_000)),
        100
    );
}

#[test]
fn rtp_info_aligns_and_gives_positions() {
    let start = Instant::now();
    let mut timeline = timeline();
    timeline.on_play(
        Some(Duration::from_secs(60)),
        1.0,
        &[Some(1_000), Some(2_000), None],
    );
    // The video starts at the key frame half a second before the wanted position.
    timeline.on_packet(VIDEO, SSRC, 1_000_u32.wrapping_sub(45_000), start);
    assert_eq!(timeline.fix(), Some(Alignment::RtpInfo));
    // The audio begins only now, and falls in.
    timeline.on_packet(AUDIO, SSRC, 2_000, start + Duration::from_secs(3));
    assert_eq!(
        millis(&mut timeline, VIDEO, 1_000_u32.wrapping_sub(45_000)),
        0
    );
    assert_eq!(millis(&mut timeline, AUDIO, 2_000), 500);
    let position = timeline
        .place(VIDEO, SSRC, 1_000_u32.wrapping_sub(45_000))
        .unwrap()
        .position;
    assert_eq!(position, Some(Duration::from_millis(59_500)));
    let position = timeline
        .place(AUDIO, SSRC, 2_000 + 48_000)
        .unwrap()
        .position;
    assert_eq!(position, Some(Duration::from_secs(61)));
}

#[test]
fn without_a_word_from_the_server_arrival_decides() {
    let start = Instant::now();
    let mut timeline = timeline();
    timeline.on_packet(VIDEO, SSRC, 7, start);
    assert_eq!(millis(&mut timeline, VIDEO, 7), 0);
    assert!(timeline.place(AUDIO, SSRC, 0).is_none());
    timeline.on_packet(
        AUDIO,
        SSRC,
        4_000_000_000,
        start + Duration::from_millis(40),
    );
    assert_eq!(millis(&mut timeline, AUDIO, 4_000_000_000), 40);
    assert_eq!(millis(&mut timeline, AUDIO, 4_000_048_000), 1_040);
    assert!(timeline.place(2, SSRC, 0).is_none());
    assert!(timeline.place(3, SSRC, 0).is_none());
}

#[test]
fn pictures_out_of_order_keep_their_places() {
    let mut timeline = timeline();
    timeline.on_packet(VIDEO, SSRC, 10_800, Instant::now());
    for (timestamp, expected) in [(10_800, 0), (21_600, 120), (14_400, 40), (18_000, 80)] {
        timeline.on_packet(VIDEO, SSRC, timestamp, Instant::now());
        assert_eq!(millis(&mut timeline, VIDEO, timestamp), expected);
    }
}

#[test]
fn r2_rtpi_09_positions_count_from_rtp_info_over_the_wrap() {
    let start = Instant::now();
    let mut timeline = timeline();
    let rtptime = 0xffff_f000_u32;
    timeline.on_play(
        Some(Duration::from_secs(10)),
        1.0,
        &[Some(rtptime), None, None],
    );
    let mut timestamp = rtptime;
    timeline.on_packet(VIDEO, SSRC, timestamp, start);
    // Six days, twelve wraps: each step is less than half of the circle.
    for step in 1..=60_u32 {
        timestamp = timestamp.wrapping_add(90_000 * 8_640);
        timeline.on_packet(VIDEO, SSRC, timestamp, start);
        let place = timeline.place(VIDEO, SSRC, timestamp).unwrap();
        let expected = Duration::from_secs(10 + u64::from(step) * 8_640);
        assert_eq!(place.position, Some(expected));
    }
    // A seek days later: its timestamp is near the last packet's, not near the first's.
    timeline.on_play(
        Some(Duration::from_secs(5)),
        2.0,
        &[Some(timestamp.wrapping_add(3_600)), None, None],
    );
    timestamp = timestamp.wrapping_add(3_600 + 90_000);
    timeline.on_packet(VIDEO, SSRC, timestamp, start);
    let position = timeline.place(VIDEO, SSRC, timestamp).unwrap().position;
    assert_eq!(
        position,
        Some(Duration::from_secs(7)),
        "a second at Scale 2"
    );
}

#[test]
fn r2_rtp_32_reports_correct_the_drift_of_a_clock_after_rtp_info() {
    let start = Instant::now();
    let mut timeline = timeline();
    let position = Some(Duration::ZERO);
    timeline.on_play(position, 1.0, &[Some(0), Some(0), None]);
    timeline.on_packet(VIDEO, SSRC, 0, start);
    timeline.on_packet(AUDIO, SSRC, 0, start);
    assert_eq!(timeline.fix(), Some(Alignment::RtpInfo));
    // The audio's clock runs at 48024 Hz instead of 48000: 0.05 % too fast.
    for second in (5..=3600).step_by(5) {
        let at = start + Duration::from_secs(second);
        let (video, audio) = ((second * 90_000) as u32, (second * 48_024) as u32);
        timeline.on_packet(VIDEO, SSRC, video, at);
        timeline.on_packet(AUDIO, SSRC, audio, at);
        timeline.on_report(VIDEO, SSRC, clocks(1_000_000 + second * 1000, video));
        timeline.on_report(AUDIO, SSRC, clocks(1_000_000 + second * 1000, audio));
    }
    let video = timeline.place(VIDEO, SSRC, 3_600 * 90_000).unwrap();
    let audio = timeline.place(AUDIO, SSRC, 3_600 * 48_024).unwrap();
    // Without the reports the audio would be 1.8 s ahead; the first five seconds had none.
    let skew = audio.seconds - video.seconds;
    assert!(skew.abs() < 0.005, "{skew}");
    let (video, audio) = (video.position.unwrap(), audio.position.unwrap());
    assert!(video.abs_diff(audio) < Duration::from_millis(5));
    // The wall clock is set an hour ahead: no drift.
    timeline.on_report(AUDIO, SSRC, clocks(9_000_000, 3_600 * 48_024 + 48_000));
    assert_eq!(
        timeline
            .place(AUDIO, SSRC, 3_600 * 48_024)
            .unwrap()
            .position,
        Some(audio)
    );
}

#[test]
fn a_source_that_takes_over_falls_in_and_a_media_without_rtptime_too() {
    let start = Instant::now();
    let mut timeline = timeline();
    timeline.on_play(Some(Duration::from_secs(20)), 1.0, &[Some(0), None, None]);
    timeline.on_packet(VIDEO, 1, 0, start);
    timeline.on_packet(AUDIO, 1, 7_000_000, start + Duration::from_secs(1));
    let position = |timeline: &mut Timeline, media, ssrc, timestamp| {
        timeline.place(media, ssrc, timestamp).unwrap().position
    };
    assert_eq!(
        position(&mut timeline, VIDEO, 1, 90_000),
        Some(Duration::from_secs(21))
    );
    let audio = position(&mut timeline, AUDIO, 1, 7_048_000);
    assert_eq!(audio, Some(Duration::from_secs(22)));
    timeline.on_packet(VIDEO, 2, 4_000_000_000, start + Duration::from_secs(3));
    let video = position(&mut timeline, VIDEO, 2, 4_000_000_000);
    assert_eq!(video, Some(Duration::from_secs(23)));
    // The one before is still known.
    assert_eq!(
        position(&mut timeline, VIDEO, 1, 180_000),
        Some(Duration::from_secs(22))
    );
    assert!(timeline.place(VIDEO, 3, 0).is_none());
}
