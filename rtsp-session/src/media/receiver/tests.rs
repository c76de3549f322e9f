use rtp_core::Header;

use super::*;

const SSRC: u32 = 0xabcd_0001;

fn packet(ssrc: u32, sequence: u16) -> Packet {
    let header = Header {
        marker: false,
        payload_type: 96,
        sequence,
        timestamp: u32::from(sequence) * 3_600,
        ssrc,
    };
    Packet::new(&header, b"payload")
}

fn receiver(now: Instant) -> Receiver {
    Receiver::new(now, ReceiverConfig::datagrams(90_000, 7, "me"))
}

fn drain(receiver: &mut Receiver, now: Instant) -> Vec<String> {
    std::iter::from_fn(|| receiver.pop(now))
        .map(|(_, next)| match next {
            Reordered::Item(arrived) => arrived.packet.sequence().to_string(),
            Reordered::Lost { first, count } => format!("lost {first}+{count}"),
        })
        .collect()
}

#[test]
fn late_packets_are_put_in_order_and_missing_ones_are_values() {
    let start = Instant::now();
    let mut receiver = receiver(start);
    for sequence in [1, 3, 2, 5] {
        receiver.push(start, packet(SSRC, sequence));
    }
    assert_eq!(drain(&mut receiver, start), ["1", "2", "3"]);
    let deadline = receiver.deadline().unwrap();
    assert!(drain(&mut receiver, deadline - Duration::from_millis(1)).is_empty());
    assert_eq!(drain(&mut receiver, deadline), ["lost 4+1", "5"]);
    let statistics = receiver.statistics();
    assert_eq!(
        (statistics.packets, statistics.lost, statistics.reordered),
        (4, 1, 1)
    );
}

#[test]
fn over_a_connection_a_gap_is_a_loss_at_once() {
    let start = Instant::now();
    let mut receiver = Receiver::new(start, ReceiverConfig::interleaved(90_000, 7, "me"));
    for sequence in [1, 4] {
        receiver.push(start, packet(SSRC, sequence));
    }
    assert_eq!(drain(&mut receiver, start), ["1", "lost 2+2", "4"]);
}

#[test]
fn a_stray_packet_of_another_source_changes_nothing_and_two_take_over() {
    let start = Instant::now();
    let mut receiver = receiver(start);
    receiver.push(start, packet(SSRC, 1));
    receiver.push(start, packet(9, 500));
    receiver.push(start, packet(SSRC, 2));
    assert_eq!(drain(&mut receiver, start), ["1", "2"]);
    assert_eq!(receiver.source(), Some(SSRC));
    receiver.push(start, packet(SSRC, 4));
    receiver.push(start, packet(9, 500));
    receiver.push(start, packet(9, 501));
    // What waited behind the gap of the old source comes out before the new one.
    assert_eq!(drain(&mut receiver, start), ["lost 3+1", "4", "500", "501"]);
    assert_eq!(receiver.source(), Some(9));
    let statistics = receiver.statistics();
    assert_eq!(
        (statistics.foreign, statistics.restarts, statistics.packets),
        (1, 1, 5)
    );
    assert_eq!(statistics.lost, 1, "the sum does not start anew");
}

#[test]
fn reports_come_at_the_intervals_of_the_rfc_and_echo_the_sender() {
    let start = Instant::now();
    let mut receiver = receiver(start);
    assert_eq!(receiver.report_due(), None, "nothing to report on yet");
    receiver.push(start, packet(SSRC, 1));
    receiver.push(start, packet(SSRC, 3));
    let mut sr = BytesMut::new();
    CompoundWriter::new(&mut sr).sender_report(
        &rtcp::SenderInfo {
            ssrc: SSRC,
            ntp: NtpTime(0x0000_1234_5678_0000),
            rtp_timestamp: 3_600,
            packet_count: 3,
            octet_count: 21,
        },
        &[],
    );
    let told = receiver.on_compound(start, &Compound::parse(&sr).unwrap());
    assert_eq!(told.clocks.unwrap().1.timestamp, 3_600);

    let mut now = receiver.report_due().unwrap();
    let mut out = BytesMut::new();
    assert!(!receiver.report(now - Duration::from_millis(1), 0, &mut out));
    assert!(receiver.report(now, 0, &mut out));
    let compound = Compound::parse(&out).unwrap();
    let report = compound.iter().find_map(|packet| match packet {
        rtcp::Packet::ReceiverReport(report) => report.report_blocks().next(),
        _ => None,
    });
    let report = report.unwrap();
    assert_eq!(report.ssrc, SSRC);
    assert_eq!((report.cumulative_lost, report.fraction_lost), (1, 85));
    assert_eq!(report.last_sender_report, 0x1234_5678);
    assert_eq!(report.delay_since_last_sender_report, 65_536 / 2);

    for random in [0, u32::MAX, 1 << 31] {
        let next = receiver.report_due().unwrap();
        let interval = (next - now).as_secs_f64();
        // Half to one and a half of 5 s, divided by e − 3/2 (RFC 3550 §6.3.1).
        assert!((2.0..6.2).contains(&interval), "{interval}");
        now = next;
        assert!(receiver.report(now, random, &mut out));
    }
}

#[test]
fn goodbyes_count_for_our_source_only() {
    let start = Instant::now();
    let mut receiver = receiver(start);
    receiver.push(start, packet(SSRC, 1));
    for (ssrc, expected) in [(9, false), (SSRC, true)] {
        let mut out = BytesMut::new();
        CompoundWriter::new(&mut out)
            .receiver_report(ssrc, &[])
            .bye(&[ssrc], None);
        let told = receiver.on_compound(start, &Compound::parse(&out).unwrap());
        assert_eq!(told.bye, expected);
    }
}

fn sources(receiver: &mut Receiver, now: Instant) -> Vec<(u32, u16)> {
    std::iter::from_fn(|| receiver.pop(now))
        .filter_map(|(ssrc, next)| match next {
            Reordered::Item(arrived) => Some((ssrc, arrived.packet.sequence())),
            Reordered::Lost { .. } => None,
        })
        .collect()
}

#[test]
fn r2_rtp_31_several_sources_are_received_at_a_time() {
    let start = Instant::now();
    let mut receiver = receiver(start);
    for step in 0..4 {
        receiver.push(start, packet(SSRC, 10 + step));
        receiver.push(start, packet(9, 500 + step));
    }
    let all = sources(&mut receiver, start);
    for (ssrc, first) in [(SSRC, 10), (9, 500)] {
        let of = |all: &[(u32, u16)]| -> Vec<u16> {
            let own = all.iter().filter(|(source, _)| *source == ssrc);
            own.map(|(_, sequence)| *sequence).collect()
        };
        assert_eq!(of(&all), [first, first + 1, first + 2, first + 3]);
    }
    assert_eq!(receiver.statistics().packets, 8);
    let mut out = BytesMut::new();
    receiver.bye(start, &mut out);
    let compound = Compound::parse(&out).unwrap();
    let reported = compound.iter().find_map(|packet| match packet {
        rtcp::Packet::ReceiverReport(report) => Some(report.report_blocks().count()),
        _ => None,
    });
    assert_eq!(reported, Some(2));
    // One goodbye is not the end, two are.
    for (ssrc, end) in [(SSRC, false), (9, true)] {
        let mut out = BytesMut::new();
        CompoundWriter::new(&mut out)
            .receiver_report(ssrc, &[])
            .bye(&[ssrc], None);
        let told = receiver.on_compound(start, &Compound::parse(&out).unwrap());
        assert_eq!(told.bye, end, "{ssrc}");
    }
}

#[test]
fn sources_are_bounded_whatever_is_sent() {
    let start = Instant::now();
    let mut receiver = receiver(start);
    for ssrc in 0..10_000 {
        receiver.push(start, packet(ssrc, 1));
        receiver.push(start, packet(ssrc, 2));
    }
    assert_eq!(receiver.sources.len(), MAX_SOURCES);
    for ssrc in 20_000..30_000 {
        receiver.push(start, packet(ssrc, 1));
    }
    assert_eq!(receiver.candidates.len(), MAX_CANDIDATES);
}

#[test]
fn r1_rtp_04_late_packets_of_the_range_before_a_seek_are_dropped() {
    let start = Instant::now();
    let mut receiver = receiver(start);
    for sequence in [100, 101, 104] {
        receiver.push(start, packet(SSRC, sequence));
    }
    assert_eq!(drain(&mut receiver, start), ["100", "101"]);
    receiver.on_seek(start, 110);
    assert!(
        drain(&mut receiver, start).is_empty(),
        "104 is of the range before"
    );
    for sequence in [105, 110, 109, 111] {
        receiver.push(start, packet(SSRC, sequence));
    }
    let deadline = receiver.deadline().unwrap_or(start);
    assert_eq!(drain(&mut receiver, deadline), ["110", "111"]);
    assert_eq!(receiver.statistics().too_late, 2);
}

#[test]
fn a_sequence_number_that_means_nothing_drops_nothing() {
    let start = Instant::now();
    // What Hikvision (0) and Tapo (1) say in RTP-Info, wherever they are.
    for told in [0, 1] {
        let mut receiver = receiver(start);
        receiver.push(start, packet(SSRC, 40_000));
        receiver.on_seek(start, told);
        receiver.push(start, packet(SSRC, 40_001));
        assert_eq!(drain(&mut receiver, start), ["40000", "40001"]);
    }
}

/// The types and formats of the packets of a compound, such as 206/1 for PLI.
fn kinds(compound: &[u8]) -> Vec<String> {
    let mut rest = compound;
    let mut kinds = Vec::new();
    while let [first, kind, high, low, ..] = rest {
        kinds.push(format!("{kind}/{}", first & 31));
        let len = 4 * (1 + usize::from(u16::from_be_bytes([*high, *low])));
        rest = rest.get(len..).unwrap_or_default();
    }
    kinds
}

/// What a receiver under this description says of packets 1, 2 and 5, and when, in milliseconds, for ten seconds.
fn says(lines: &[&str], profile: &str) -> Vec<(u128, Vec<String>)> {
    let mut media = sdp::Media::new(sdp::MediaKind::Video, profile);
    let line = |line: &&str| sdp::Attribute::new("rtcp-fb", *line);
    media.attributes = lines.iter().map(line).collect();
    let start = Instant::now();
    let mut config = ReceiverConfig::datagrams(90_000, 7, "me");
    config.feedback = Feedback::of(&media);
    let mut receiver = Receiver::new(start, config);
    for sequence in [1, 2, 5] {
        receiver.push(start, packet(SSRC, sequence));
    }
    drain(&mut receiver, start);
    let mut said = Vec::new();
    let mut now = start;
    while now < start + Duration::from_secs(10) {
        let next = receiver.report_due().into_iter().chain(receiver.deadline());
        now = next.min().unwrap().max(now);
        drain(&mut receiver, now);
        let mut out = BytesMut::new();
        if receiver.report(now, 1 << 31, &mut out) {
            said.push((now.duration_since(start).as_millis(), kinds(&out)));
        }
    }
    said
}

#[test]
fn r2_rtp_06_losses_are_told_at_once_where_the_description_says_so() {
    let told = |lines: &[&str], profile: &str| {
        let all = says(lines, profile).into_iter();
        all.filter(|(_, kinds)| kinds.len() > 2)
            .map(|(at, kinds)| (at, kinds[2..].join(" ")))
            .collect::<Vec<_>>()
    };
    assert!(told(&["* nack", "* nack pli"], "RTP/AVP").is_empty());
    assert!(told(&[], "RTP/AVPF").is_empty());
    // Lost packets are named at once; when they have not come, a key frame is asked for.
    let both = told(&["96 nack", "96 nack pli"], "RTP/AVPF");
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!(both[0], (0, "205/1".to_owned()));
    assert_eq!(both[1].1, "206/1");
    assert!(
        (1..500).contains(&both[1].0),
        "not as late as the report: {both:?}"
    );
    let fir = told(&["* ccm fir"], "RTP/AVPF");
    assert_eq!(fir.len(), 1);
    assert_eq!(fir[0].1, "206/4");
}

#[test]
fn r2_rtp_06_reports_are_as_far_apart_as_the_description_says() {
    let regular = |lines: &[&str]| {
        let all = says(lines, "RTP/AVPF");
        all.iter().map(|(at, _)| *at).collect::<Vec<_>>()
    };
    // The first comes soon. With a random number in the middle the rest keep the interval exactly.
    assert_eq!(&regular(&["* trr-int 2000"])[..4], [500, 2500, 4500, 6500]);
    let often = regular(&["* trr-int 200"]);
    assert!(often.len() > 40, "{often:?}");
    assert!(regular(&[]).len() <= 5);
}

#[test]
fn r2_rtp_06_feedback_keeps_its_share_of_the_bandwidth() {
    let mut media = sdp::Media::new(sdp::MediaKind::Video, "RTP/AVPF");
    media.attributes = vec![sdp::Attribute::new("rtcp-fb", "* nack")];
    let start = Instant::now();
    let mut config = ReceiverConfig::datagrams(90_000, 7, "me");
    config.feedback = Feedback::of(&media);
    let mut receiver = Receiver::new(start, config);
    // Every second packet is missing, 1000 come in a second.
    let mut octets = 0;
    for step in 0..1000_u16 {
        let now = start + Duration::from_millis(u64::from(step));
        receiver.push(now, packet(SSRC, step * 2));
        drain(&mut receiver, now);
        let mut out = BytesMut::new();
        receiver.report(now, 1 << 31, &mut out);
        octets += out.len();
    }
    assert!((500..6_250).contains(&octets), "{octets}");
}

fn in_a_group(start: Instant) -> Receiver {
    let mut config = ReceiverConfig::datagrams(90_000, 7, "me");
    config.group = true;
    Receiver::new(start, config)
}

/// Takes a compound of somebody; what it told.
fn hears(
    receiver: &mut Receiver,
    now: Instant,
    write: impl FnOnce(&mut CompoundWriter<'_>),
) -> Told {
    let mut out = BytesMut::new();
    write(&mut CompoundWriter::new(&mut out));
    receiver.on_compound(now, &Compound::parse(&out).unwrap())
}

#[test]
fn in_a_group_others_may_go_and_their_reports_are_not_the_senders() {
    let start = Instant::now();
    let mut receiver = in_a_group(start);
    let leaves = |writer: &mut CompoundWriter<'_>| {
        writer.receiver_report(99, &[]).bye(&[99], None);
    };
    assert!(
        !hears(&mut receiver, start, leaves).bye,
        "before the first packet"
    );
    receiver.push(start, packet(SSRC, 1));
    assert!(!hears(&mut receiver, start, leaves).bye);
    let told = hears(&mut receiver, start, |writer| {
        writer.receiver_report(SSRC, &[]).bye(&[SSRC], None);
    });
    assert!(told.bye);
}

#[test]
fn in_a_group_reports_are_as_rare_as_its_members_are_many() {
    let start = Instant::now();
    // Each reports every five seconds, as far as we hear; how often we do within two minutes.
    let reports = |others: u32, group: bool| {
        let mut receiver = in_a_group(start);
        receiver.config.group = group;
        receiver.push(start, packet(SSRC, 1));
        let mut count = 0;
        for second in 1..120 {
            let now = start + Duration::from_secs(second);
            for ssrc in (1000..1000 + others).filter(|_| second % 5 == 0) {
                hears(&mut receiver, now, |writer| {
                    writer.receiver_report(ssrc, &[]);
                });
            }
            let mut out = BytesMut::new();
            count += u32::from(receiver.report(now, 1 << 31, &mut out));
        }
        count
    };
    assert_eq!(reports(2000, false), reports(0, true));
    let (few, many, very_many) = (reports(10, true), reports(400, true), reports(2000, true));
    assert!(
        few > 20 && many < few && (1..5).contains(&very_many),
        "{few} {many} {very_many}"
    );
}

#[test]
fn members_are_bounded_and_forgotten() {
    let start = Instant::now();
    let mut receiver = in_a_group(start);
    receiver.push(start, packet(SSRC, 1));
    for ssrc in 1000..11_000 {
        hears(&mut receiver, start, |writer| {
            writer.receiver_report(ssrc, &[]);
        });
    }
    // Our own come back to us.
    hears(&mut receiver, start, |writer| {
        writer.receiver_report(7, &[]);
    });
    assert_eq!(receiver.members.count(), 4096);
    hears(&mut receiver, start, |writer| {
        writer.receiver_report(1000, &[]).bye(&[1000], None);
    });
    assert_eq!(receiver.members.count(), 4095);
    let mut now = start;
    while receiver.members.count() > 0 {
        now = receiver.report_due().unwrap().max(now);
        let mut out = BytesMut::new();
        receiver.report(now, 1 << 31, &mut out);
        assert!(now < start + Duration::from_secs(3600));
    }
}
