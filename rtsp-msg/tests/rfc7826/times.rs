//! Times and ranges of them (RFC 7826 §4.4).

use super::*;

#[test]
fn r2_time_01_hours_minutes_and_seconds_are_written_whole() {
    for (seconds, text) in [(420, "00:07:00"), (1_411_206, "392:00:06"), (0, "00:00:00")] {
        let mut out = String::new();
        NptTime::At(Duration::from_secs(seconds)).push_hms(&mut out);
        assert_eq!(out, text);
        assert_eq!(
            NptTime::parse(text),
            Some(NptTime::At(Duration::from_secs(seconds)))
        );
    }
}

#[test]
fn r2_time_02_no_leading_zeros_are_needed() {
    assert_eq!(header::<Range>("npt=0:7:5-"), npt(at(425.0), None));
}

#[test]
fn r2_time_03_nineteen_digits_nine_decimals_and_a_point() {
    let edge = NptTime::At(Duration::new(9_999_999_999_999_999_999, 123_456_789));
    assert_eq!(
        header::<Range>("npt=9999999999999999999.123456789-"),
        npt(Some(edge), None)
    );
    for text in ["npt=12345678901234567890-", "npt=1.1234567890-", "npt=1,5-"] {
        assert!(header::<Range>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_time_05_negative_times_are_not() {
    assert!(header::<Range>("npt=-5-").is_err());
    assert_eq!(header::<Range>("npt=-5"), npt(None, at(5.0)));
}

#[test]
fn r2_time_06_clock_times_are_utc() {
    let text = "clock=19961108T143720.25Z-";
    assert_eq!(encoded(&header::<Range>(text).unwrap()), text);
    for text in [
        "clock=19961108T143720+01:00-",
        "clock=19961108t143720z-",
        "clock=19961108T143720-",
        "clock=1996118T143720Z-",
        "clock=19961308T143720Z-",
    ] {
        assert!(header::<Range>(text).is_err(), "{text}");
    }
}

#[test]
fn r2_time_07_smpte_has_frames_and_subframes_of_three_rates() {
    for (text, expected) in [
        ("smpte=10:12:33:20-", SmpteRate::Default),
        ("smpte=10:07:33-", SmpteRate::Default),
        ("smpte=10:07:00-10:07:33:05.01", SmpteRate::Default),
        ("smpte-25=10:07:00-10:07:33:05.01", SmpteRate::Rate25),
        ("smpte-30-drop=10:07:00-", SmpteRate::Drop30),
    ] {
        let range = header::<Range>(text).unwrap();
        assert!(
            matches!(range, Range::Smpte { rate, .. } if rate == expected),
            "{text}"
        );
        assert_eq!(encoded(&range), text);
    }
    assert!(header::<Range>("smpte-25=00:00:00:25-").is_err());
    assert!(header::<Range>("smpte=00:00:00:29-").is_ok());
}

#[test]
fn r2_time_08_drop_frame_codes_leave_numbers_out() {
    let frame = |text| {
        SmpteTime::parse(text, SmpteRate::Drop30)
            .unwrap()
            .frame_number(SmpteRate::Drop30)
    };
    assert_eq!(
        (
            frame("00:01:00:02"),
            frame("00:10:00:00"),
            frame("00:00:59:29")
        ),
        (1800, 17982, 1799)
    );
}

#[test]
fn r2_time_10_one_end_at_least_is_given() {
    assert_eq!(kind(header::<Range>("npt=-")), HeaderErrorKind::Syntax);
    assert!(header::<Range>("clock=-").is_err());
    assert!(header::<Range>("npt=").is_err());
}

#[test]
fn r2_time_11_a_unit_alone_asks() {
    for text in ["npt", "clock", "smpte", "smpte-25"] {
        assert_eq!(encoded(&header::<Range>(text).unwrap()), text);
    }
    assert_eq!(header::<Range>("npt"), npt(None, None));
}
