use rtp_core::PacketView;
use rtp_core::h264;
use rtsp_client::mp4::TrackConfig;
use sdp::MediaKind;

use super::*;

const STARTS: [MediaStart; MEDIA] = [
    MediaStart {
        ssrc: 1,
        sequence: 65_000,
        timestamp: u32::MAX - 1000,
    },
    MediaStart {
        ssrc: 2,
        sequence: 7,
        timestamp: 5,
    },
];
/// One loop, in ticks of each media.
const LOOP_TICKS: [u32; MEDIA] = [921_600, 491_520];
const LOOP: Duration = Duration::from_millis(10_240);

#[derive(Default)]
struct Seen {
    packets: u64,
    units: u64,
    last: Option<(u16, u32)>,
}

/// Follows the packets of one media: sequence without gap, timestamps in equal steps.
fn follow(seen: &mut Seen, packet: &[u8], step: u32) {
    let view = PacketView::parse(packet).unwrap();
    if let Some((sequence, timestamp)) = seen.last {
        assert_eq!(view.sequence(), sequence.wrapping_add(1));
        let advance = view.timestamp().wrapping_sub(timestamp);
        assert!(
            advance == 0 || advance == step,
            "timestamp advanced by {advance}"
        );
        seen.units += u64::from(advance == step);
    } else {
        seen.units = 1;
    }
    seen.packets += 1;
    seen.last = Some((view.sequence(), view.timestamp()));
}

#[test]
fn a_hundred_loops_run_on_without_a_jump_or_drift() {
    let start = Instant::now();
    let mut stream = DemoStream::new(start, STARTS).unwrap();
    let mut seen = [Seen::default(), Seen::default()];
    let mut now = start;
    while now < start + LOOP * 100 {
        stream
            .due(now, |media, packet| {
                let view = PacketView::parse(&packet).unwrap();
                assert_eq!(view.ssrc(), STARTS[media].ssrc);
                follow(&mut seen[media], &packet, [3600, 1024][media]);
            })
            .unwrap();
        assert!(stream.next_due() > now);
        now = stream.next_due();
    }
    // The next packets are those of the 101st loop, due to the nanosecond.
    assert_eq!(now, start + LOOP * 100);
    assert_eq!([seen[0].units, seen[1].units], [25_600, 48_000]);
    for (media, seen) in seen.iter().enumerate() {
        let expected = STARTS[media]
            .timestamp
            .wrapping_add(LOOP_TICKS[media].wrapping_mul(100));
        assert_eq!(
            seen.last.unwrap().1.wrapping_add([3600, 1024][media]),
            expected
        );
    }
}

#[test]
fn both_media_stay_in_step_and_reports_agree() {
    let start = Instant::now();
    let mut stream = DemoStream::new(start, STARTS).unwrap();
    let at = start + LOOP * 1000;
    stream.due(at, |_, _| {}).unwrap();
    let reports: Vec<_> = stream.reports(at, SystemTime::UNIX_EPOCH).collect();
    for (media, report) in reports {
        let expected = STARTS[media]
            .timestamp
            .wrapping_add(LOOP_TICKS[media].wrapping_mul(1000));
        assert_eq!(
            (report.ssrc, report.rtp_timestamp),
            (STARTS[media].ssrc, expected)
        );
        assert!(report.packet_count > 0 && report.octet_count > report.packet_count);
    }
}

#[test]
fn a_stall_costs_pictures_but_sends_no_burst() {
    let start = Instant::now();
    let mut stream = DemoStream::new(start, STARTS).unwrap();
    let mut before = [None, None];
    stream
        .due(start, |media, packet| before[media] = Some(packet))
        .unwrap();
    let now = start + Duration::from_secs(3600);
    let mut first = [None, None];
    let mut last = [0, 0];
    for late in 0..200 {
        stream
            .due(now + Duration::from_millis(10) * late, |media, packet| {
                first[media].get_or_insert(packet.clone());
                last[media] = PacketView::parse(&packet).unwrap().timestamp();
            })
            .unwrap();
    }
    for media in 0..MEDIA {
        let rate = [90_000, 48_000][media];
        let old = before[media].as_ref().unwrap();
        let first = PacketView::parse(first[media].as_ref().unwrap()).unwrap();
        let old = PacketView::parse(old).unwrap();
        assert_eq!(
            first.sequence(),
            old.sequence().wrapping_add(1),
            "no gap in the numbers"
        );
        let jump = f64::from(first.timestamp().wrapping_sub(old.timestamp())) / f64::from(rate);
        assert!(
            (3599.0..3600.5).contains(&jump),
            "media {media} goes on {jump} s later"
        );
        let now_ticks = last[media].wrapping_sub(STARTS[media].timestamp);
        assert!(
            (f64::from(now_ticks) / f64::from(rate) - 3601.99).abs() < 0.05,
            "and is on time again"
        );
    }
    let first = first[0].as_ref().map(|packet| packet.slice(12..)).unwrap();
    assert!(rtp_core::keyframe::random_access(
        rtp_core::Codec::H264,
        &first
    ));
}

#[test]
fn a_short_stall_is_caught_up_whole() {
    let start = Instant::now();
    let mut stream = DemoStream::new(start, STARTS).unwrap();
    let mut seen = [Seen::default(), Seen::default()];
    for millis in [0, 950, 1000] {
        let now = start + Duration::from_millis(millis);
        stream
            .due(now, |media, packet| {
                follow(&mut seen[media], &packet, [3600, 1024][media]);
            })
            .unwrap();
    }
    assert_eq!([seen[0].units, seen[1].units], [26, 47]);
}

#[test]
fn the_clip_is_what_the_script_promises() {
    let movie = MovieFile::from_static(CLIP).unwrap();
    assert!(CLIP.len() < 500_000);
    assert_eq!(movie.skipped(), []);
    let [video, audio] = movie.tracks() else {
        panic!("two tracks")
    };
    assert_eq!((video.sample_count(), video.duration()), (256, LOOP));
    assert_eq!((audio.sample_count(), audio.duration()), (480, LOOP));
    for number in 0..256 {
        let sample = video.sample(number).unwrap();
        assert_eq!(sample.presentation_time, sample.decode_time);
        assert_eq!(sample.random_access, number % 32 == 0);
    }
}

#[test]
fn reports_name_a_moment_of_whole_ticks() {
    let start = Instant::now();
    let mut stream = DemoStream::new(start, STARTS).unwrap();
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    for micros in [0, 1, 19_999, 20_000, 5_013_371, 12_345_678] {
        let elapsed = Duration::from_micros(micros);
        stream.due(start + elapsed, |_, _| {}).unwrap();
        for (media, report) in stream.reports(start + elapsed, wall + elapsed) {
            let moment = report.wall.duration_since(wall).unwrap();
            assert!(elapsed - moment < Duration::from_millis(20));
            let ticks = report.rtp_timestamp.wrapping_sub(STARTS[media].timestamp);
            let rate = [90_000, 48_000][media];
            assert_eq!(u128::from(ticks) * 1_000_000_000, moment.as_nanos() * rate);
        }
    }
}

#[test]
fn it_is_described() {
    let movie = MovieFile::from_static(CLIP).unwrap();
    let description = description().unwrap();
    assert_eq!(description.range, None);
    let [video, audio] = &description.media[..] else {
        panic!()
    };
    assert_eq!(
        (&video.kind, video.framerate),
        (&MediaKind::Video, Some(25.0))
    );
    let TrackConfig::H264 { sps, pps, .. } = movie.tracks()[0].config() else {
        panic!()
    };
    let format = &video.formats[0];
    assert_eq!(format.parameter("profile-level-id"), Some("4D401F"));
    let parameters = h264::Parameters::from_fmtp(format.fmtp.as_ref().unwrap()).unwrap();
    assert_eq!((&parameters.sps, &parameters.pps), (&sps[0], &pps[0]));
    let format = &audio.formats[0];
    assert_eq!((format.clock_rate, format.channels), (48_000, Some(1)));
    // AAC-LC, 48 kHz, one channel.
    assert!(format.parameter("config").unwrap().starts_with("1188"));
    let parsed = Description::parse(description.encode().as_bytes()).unwrap();
    assert_eq!(parsed.repairs(), []);
}
