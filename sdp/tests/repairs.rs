//! Each repair alone: the smallest description that needs it, and what is read.

use sdp::Description;
use sdp::Repair;

const HEAD: &str = "v=0\r\no=- 7 8 IN IP4 192.0.2.1\r\ns=x\r\n";
const TIME: &str = "t=0 0\r\n";
const VIDEO: &str = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";

/// A description with `session` behind `t=`, and `media` behind the video.
fn with(session: &str, media: &str) -> String {
    format!("{HEAD}{TIME}{session}{VIDEO}{media}")
}

/// One with these lines in front of `t=`.
fn before_time(lines: &str) -> String {
    format!("{HEAD}{lines}{TIME}{VIDEO}")
}

/// One with this media alone.
fn alone(media: &str) -> String {
    format!("{HEAD}{TIME}{media}")
}

fn cases() -> Vec<(Repair, Vec<u8>)> {
    let not_utf8 = [
        HEAD.as_bytes(),
        b"i=\xc9\xe3\xcf\xf1\r\n",
        TIME.as_bytes(),
        VIDEO.as_bytes(),
    ];
    let mut cases = vec![(Repair::NotUtf8, not_utf8.concat())];
    for (repair, input) in [of_lines(), of_fields(), of_media(), of_attributes()].concat() {
        cases.push((repair, input.into_bytes()));
    }
    cases
}

fn of_lines() -> Vec<(Repair, String)> {
    let whole = with("", "");
    let late_version = whole
        .replace("v=0\r\n", "")
        .replace("s=x\r\n", "s=x\r\nv=0\r\n");
    vec![
        (Repair::ByteOrderMark, format!("\u{feff}{whole}")),
        (Repair::NulByte, format!("{whole}\0\0")),
        (Repair::LineEnds, whole.replace("\r\n", "\n")),
        (Repair::LineEnds, whole.replace("\r\n", "\r")),
        (Repair::NoFinalNewline, whole.trim_end().to_owned()),
        (Repair::BlankLine, with("\r\n", "")),
        (Repair::BlankLine, with("", "   \r\n")),
        (Repair::SurroundingBlanks, with("a=tool:x \t\r\n", "")),
        (Repair::SurroundingBlanks, with("", " a=x:y\r\n")),
        (Repair::JunkLine, with("no letter here\r\n", "")),
        (Repair::JunkLine, with("", "tool=x\r\n")),
        (Repair::MissingVersion, whole.replace("v=0\r\n", "")),
        (Repair::MissingVersion, late_version),
        (
            Repair::MissingOrigin,
            whole.replace("o=- 7 8 IN IP4 192.0.2.1\r\n", ""),
        ),
        (Repair::MissingSessionName, whole.replace("s=x\r\n", "")),
        (
            Repair::RepeatedSessionName,
            whole.replace("s=x\r\n", "s=x\r\ns=y\r\n"),
        ),
        (
            Repair::RepeatedLine,
            alone("m=video 0 RTP/AVP 26\r\ni=a\r\ni=b\r\n"),
        ),
        (
            Repair::RepeatedLine,
            before_time("c=IN IP4 0.0.0.0\r\nc=IN IP4 0.0.0.0\r\n"),
        ),
        (Repair::MissingTime, whole.replace(TIME, "")),
        (Repair::AttributesBeforeTime, before_time("a=tool:x\r\n")),
        (Repair::OutOfOrder, with("i=late\r\n", "")),
        (Repair::OutOfOrder, with("", "b=AS:1\r\n")),
    ]
}

fn of_fields() -> Vec<(Repair, String)> {
    let whole = with("", "");
    vec![
        (Repair::OriginFields, whole.replace("- 7 8", "- 7 -0")),
        (Repair::OriginFields, whole.replace("IP4 192.0.2.1", "IP4")),
        (Repair::OriginFields, whole.replace("- 7 8", "- 7 8 9")),
        (
            Repair::OriginFields,
            whole.replace("- 7 8", "Big Camera 7 8"),
        ),
        (
            Repair::OriginFields,
            whole.replace("o=- 7 8 IN IP4 192.0.2.1", "o="),
        ),
        (Repair::TimeFields, whole.replace("t=0 0", "t=0")),
        (
            Repair::TimeFields,
            whole.replace("t=0 0", "t=-1 99999999999999999999"),
        ),
        (
            Repair::ConnectionFields,
            before_time("c=IN 192.168.4.232\r\n"),
        ),
        (Repair::ConnectionFields, before_time("c=192.168.4.232\r\n")),
        (Repair::ConnectionFields, before_time("c=IN IP4\r\n")),
        (Repair::BandwidthFields, before_time("b=AS:\r\n")),
        (Repair::BandwidthFields, before_time("b=AS:-5\r\n")),
        (Repair::BandwidthFields, before_time("b=5000\r\n")),
        (Repair::EmptyAttribute, with("a=\r\n", "")),
        (Repair::EmptyAttribute, with("", "a=:x\r\n")),
    ]
}

fn of_media() -> Vec<(Repair, String)> {
    let rtpmap = "a=rtpmap:96 H264/90000\r\n";
    vec![
        (Repair::MediaSubtype, alone("m=video/live 0 RTP/AVP 26\r\n")),
        (
            Repair::FormatFromRtpmap,
            alone(&format!("m=video 0 RTP/AVP\r\n{rtpmap}")),
        ),
        (
            Repair::FormatFromRtpmap,
            alone(&format!("m=video 0 RTP/AVP 999\r\n{rtpmap}")),
        ),
        (
            Repair::FormatFromRtpmap,
            alone(&format!("m=video 0 RTP/AVP 96 x\r\n{rtpmap}")),
        ),
        (Repair::RepeatedFormat, alone("m=video 0 RTP/AVP 26 26\r\n")),
        (Repair::MissingRtpmap, alone("m=video 0 RTP/AVP 96\r\n")),
        (
            Repair::StaticPayloadType,
            alone("m=audio 0 RTP/AVP 0\r\na=rtpmap:0 L16/8000\r\n"),
        ),
        (
            Repair::OpusRate,
            alone("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000\r\n"),
        ),
        (
            Repair::OpusRate,
            alone("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 OPUS/16000/1\r\n"),
        ),
        (
            Repair::FmtpElsewhere,
            with("", "m=audio 0 RTP/AVP 8\r\na=fmtp:96 a=1\r\n"),
        ),
    ]
}

fn of_attributes() -> Vec<(Repair, String)> {
    let whole = with("", "");
    vec![
        (Repair::BadRtpmap, with("", "a=rtpmap:96\r\n")),
        (Repair::BadRtpmap, with("", "a=rtpmap:x H264/90000\r\n")),
        (Repair::BadRtpmap, with("", "a=rtpmap:128 H264/90000\r\n")),
        (Repair::BadRtpmap, with("", "a=rtpmap:96 H265/90000\r\n")),
        (
            Repair::RtpmapBlanks,
            whole.replace("H264/90000", "H264 / 90000"),
        ),
        (Repair::RtpmapBlanks, whole.replace("96 H264", "96  H264")),
        (
            Repair::RtpmapBlanks,
            whole.replace("96 H264", "96 H264 left=over; text"),
        ),
        (Repair::ClockRate, whole.replace("H264/90000", "H264/0")),
        (Repair::ClockRate, whole.replace("H264/90000", "H264")),
        (
            Repair::ClockRate,
            whole.replace("H264/90000", "H264/4294967296"),
        ),
        (Repair::EmptyFmtp, with("", "a=fmtp:96\r\n")),
        (Repair::EmptyFmtp, with("", "a=fmtp:96 ;\r\n")),
        (Repair::FmtpSemicolon, with("", "a=fmtp:96 a=1;b=2; ;\r\n")),
        (
            Repair::RepeatedFmtp,
            with("", "a=fmtp:96 a=1\r\na=fmtp:96 b=2\r\n"),
        ),
        (Repair::Framerate, with("", "a=framerate:fast\r\n")),
        (Repair::Framerate, with("", "a=framerate:0\r\n")),
        (Repair::Framerate, with("", "a=framerate:inf\r\n")),
    ]
}

#[test]
fn each_is_named_alone() {
    assert_eq!(
        Description::parse(with("", "").as_bytes())
            .unwrap()
            .repairs(),
        []
    );
    for (repair, input) in cases() {
        let shown = String::from_utf8_lossy(&input).into_owned();
        let description =
            Description::parse(&input).unwrap_or_else(|error| panic!("{repair}: {error}\n{shown}"));
        assert_eq!(description.repairs(), [repair], "\n{shown}");
        assert!(!description.media.is_empty(), "{repair}\n{shown}");
        assert!(
            description
                .media
                .iter()
                .all(|media| !media.formats.is_empty()),
            "{repair}\n{shown}"
        );
    }
}

#[test]
fn what_was_repaired_is_valid_when_written_again() {
    for (repair, input) in cases() {
        // These are about the stream, not about its spelling, and stay as the source has them.
        let stays = [
            Repair::StaticPayloadType,
            Repair::MissingRtpmap,
            Repair::Framerate,
        ];
        if stays.contains(&repair) {
            continue;
        }
        let description = Description::parse(&input).unwrap();
        let written = description.encode();
        let again = Description::parse(written.as_bytes()).unwrap();
        assert_eq!(again.repairs(), [], "{repair}\n{written}");
        assert_eq!(again.media, description.media, "{repair}\n{written}");
    }
}

#[test]
fn every_repair_has_a_case() {
    let cases = cases();
    // Repairs are numbered without gaps: the list of cases misses none up to the last.
    let last = Repair::Framerate as usize;
    for number in 0..=last {
        assert!(
            cases.iter().any(|(repair, _)| *repair as usize == number),
            "no case for repair {number}"
        );
    }
}

#[test]
fn values_are_what_was_meant() {
    let format =
        |input: String| Description::parse(input.as_bytes()).unwrap().media[0].formats[0].clone();
    let whole = with("", "");
    assert_eq!(
        format(whole.replace("H264/90000", "H264/0")).clock_rate,
        90_000
    );
    assert_eq!(
        format(whole.replace("H264/90000", " H264 / 90000 ")).to_string(),
        "96 H264/90000"
    );
    assert_eq!(
        format(with("", "a=fmtp:96 a=1;b=2; ;\r\n")).fmtp.as_deref(),
        Some("a=1;b=2")
    );
    let joined = format(with("", "a=fmtp:96 a=1\r\na=fmtp:96 b=2\r\n"));
    assert_eq!(
        joined.parameters().collect::<Vec<_>>(),
        [("a", "1"), ("b", "2")]
    );
    assert_eq!(
        format(with("", "a=rtpmap:96 H265/90000\r\n")).encoding,
        "H264"
    );
    let opus = format(alone("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/8000/1\r\n"));
    assert_eq!(opus.to_string(), "97 opus/48000/2");
    let moved = with("", "m=audio 0 RTP/AVP 8\r\na=fmtp:96 a=1\r\n");
    assert_eq!(format(moved).parameter("A"), Some("1"));
    assert_eq!(
        format(alone("m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/0\r\n")).clock_rate,
        8_000
    );
    assert_eq!(
        format(alone("m=audio 0 RTP/AVP 10\r\n")).to_string(),
        "10 L16/44100/2"
    );
    assert_eq!(
        format(alone("m=video 0 RTP/AVP 33\r\n")).to_string(),
        "33 MP2T/90000"
    );
}

#[test]
fn parameters_for_a_payload_type_of_several_media_stay() {
    let input = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n".repeat(2);
    let input = alone(&format!("{input}m=audio 0 RTP/AVP 8\r\na=fmtp:96 a=1\r\n"));
    let description = Description::parse(input.as_bytes()).unwrap();
    assert_eq!(description.repairs(), []);
    assert_eq!(description.media[2].attribute("fmtp"), Some("96 a=1"));
}

#[test]
fn what_is_not_rtp_is_left_alone() {
    let input = alone("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n");
    let description = Description::parse(input.as_bytes()).unwrap();
    assert_eq!(description.repairs(), []);
    assert_eq!(description.media[0].other_formats, ["webrtc-datachannel"]);
    assert_eq!(description.encode(), input);
}
