use rtcp::NtpTime;

use super::*;

const VIDEO: usize = 0;
const AUDIO: usize = 1;

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
    let place = timeline.place(media, timestamp).unwrap();
    (place.seconds * 1000.0).round() as i64
}

#[test]
fn sender_reports_align_media_exactly() {
    let start = Instant::now();
    let mut timeline = timeline();
    // The video packet of 12:00:00.000 arrives late, that of the audio of 12:00:00.100 early.
    timeline.on_packet(AUDIO, 5_000, start);
    timeline.on_packet(VIDEO, 900_000, start + Duration::from_millis(300));
    timeline.on_report(VIDEO, clocks(1_000_000, 900_000));
    assert_eq!(timeline.best(), Some(Alignment::Arrival));
    timeline.on_report(AUDIO, clocks(1_000_200, 5_000 + 4_800));
    assert_eq!(timeline.fix(), Some(Alignment::SenderReports));
    assert_eq!(millis(&mut timeline, VIDEO, 900_000), 0);
    assert_eq!(millis(&mut timeline, AUDIO, 5_000), 100);
    let place = timeline.place(AUDIO, 5_000 + 48_000).unwrap();
    let unix = place.wall.unwrap().duration_since(SystemTime::UNIX_EPOCH);
    let off = unix.unwrap().abs_diff(Duration::from_millis(1_001_100));
    assert!(off < Duration::from_micros(1), "{off:?}");
}

#[test]
fn a_report_before_the_first_packet_counts() {
    let start = Instant::now();
    let mut timeline = timeline();
    timeline.on_report(VIDEO, clocks(1_000_000, 0xffff_fff0));
    timeline.on_report(AUDIO, clocks(1_000_000, 0));
    timeline.on_packet(VIDEO, 0xffff_fff0, start);
    timeline.on_packet(AUDIO, 480, start);
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
        &[Some(1_000), Some(2_000), None],
    );
    // The video starts at the key frame half a second before the wanted position.
    timeline.on_packet(VIDEO, 1_000_u32.wrapping_sub(45_000), start);
    assert_eq!(timeline.fix(), Some(Alignment::RtpInfo));
    // The audio begins only now, and falls in.
    timeline.on_packet(AUDIO, 2_000, start + Duration::from_secs(3));
    assert_eq!(
        millis(&mut timeline, VIDEO, 1_000_u32.wrapping_sub(45_000)),
        0
    );
    assert_eq!(millis(&mut timeline, AUDIO, 2_000), 500);
    let position = timeline
        .place(VIDEO, 1_000_u32.wrapping_sub(45_000))
        .unwrap()
        .position;
    assert_eq!(position, Some(Duration::from_millis(59_500)));
    let position = timeline.place(AUDIO, 2_000 + 48_000).unwrap().position;
    assert_eq!(position, Some(Duration::from_secs(61)));
}

#[test]
fn without_a_word_from_the_server_arrival_decides() {
    let start = Instant::now();
    let mut timeline = timeline();
    timeline.on_packet(VIDEO, 7, start);
    assert_eq!(millis(&mut timeline, VIDEO, 7), 0);
    assert!(timeline.place(AUDIO, 0).is_none());
    timeline.on_packet(AUDIO, 4_000_000_000, start + Duration::from_millis(40));
    assert_eq!(millis(&mut timeline, AUDIO, 4_000_000_000), 40);
    assert_eq!(millis(&mut timeline, AUDIO, 4_000_048_000), 1_040);
    assert!(timeline.place(2, 0).is_none());
    assert!(timeline.place(3, 0).is_none());
}

#[test]
fn pictures_out_of_order_keep_their_places() {
    let mut timeline = timeline();
    timeline.on_packet(VIDEO, 10_800, Instant::now());
    for (timestamp, expected) in [(10_800, 0), (21_600, 120), (14_400, 40), (18_000, 80)] {
        timeline.on_packet(VIDEO, timestamp, Instant::now());
        assert_eq!(millis(&mut timeline, VIDEO, timestamp), expected);
    }
}
