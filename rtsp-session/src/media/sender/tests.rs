use super::*;

fn now() -> Now {
    Now {
        monotonic: Instant::now(),
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
    }
}

fn info(compound: &[u8]) -> SenderInfo {
    let compound = Compound::parse(compound).unwrap();
    compound.sender_report().unwrap().sender_info()
}

#[test]
fn reports_keep_the_anchor_whatever_each_packet_does() {
    let start = now();
    let mut sender = Sender::new(1, 90_000, "me");
    assert_eq!(sender.report_due(), None);
    sender.anchor(start, 0xffff_0000);
    // The first packet goes out 100 ms late.
    sender.on_packet(start.after(Duration::from_millis(100)), 0xffff_0000, 500);
    let mut out = BytesMut::new();
    let at = start.after(Duration::from_secs(2));
    assert!(sender.report(at, 0, &mut out), "the first at once");
    assert!(!sender.report(at, 0, &mut out), "the second later");
    let info = info(&out);
    assert_eq!(info.rtp_timestamp, 0xffff_0000_u32.wrapping_add(180_000));
    assert_eq!(
        info.ntp,
        NtpTime::from_unix(Duration::from_secs(1_700_000_002))
    );
    assert_eq!((info.packet_count, info.octet_count), (1, 500));
}

#[test]
fn a_wall_clock_that_is_set_does_not_move_the_media() {
    let start = now();
    let mut sender = Sender::new(1, 8_000, "me");
    sender.on_packet(start, 0, 160);
    let mut later = start.after(Duration::from_secs(1));
    later.wall += Duration::from_secs(3_600);
    let mut out = BytesMut::new();
    sender.report(later, 0, &mut out);
    assert_eq!(
        info(&out).ntp,
        NtpTime::from_unix(Duration::from_secs(1_700_000_001))
    );
    assert_eq!(info(&out).rtp_timestamp, 8_000);
}

#[test]
fn an_anchor_ahead_counts_backwards() {
    let start = now();
    let mut sender = Sender::new(1, 1_000, "me");
    sender.anchor(start.after(Duration::from_secs(1)), 5_000);
    let mut out = BytesMut::new();
    sender.bye(start, &mut out);
    assert_eq!(info(&out).rtp_timestamp, 4_000);
    assert_eq!(
        info(&out).ntp,
        NtpTime::from_unix(Duration::from_secs(1_700_000_000))
    );
}
