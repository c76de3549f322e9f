//! Descriptions as peers write them: read, with exactly the repairs that each needs.

use sdp::Description;
use sdp::Direction;
use sdp::MediaKind;
use sdp::Repair;
use sdp::control;

fn read(description: &[u8], repairs: &[Repair]) -> Description {
    let description = Description::parse(description).unwrap();
    assert_eq!(description.repairs(), repairs);
    description
}

macro_rules! fixture {
    ($name:literal, $repairs:expr) => {
        read(
            include_bytes!(concat!("fixtures/", $name, ".sdp")),
            &$repairs,
        )
    };
}

/// Payload type, encoding, clock rate and channels of the first format of each media.
fn formats(description: &Description) -> Vec<String> {
    let first = |media: &sdp::Media| media.formats.first().map(ToString::to_string);
    description.media.iter().filter_map(first).collect()
}

fn controls(description: &Description) -> Vec<&str> {
    description
        .media
        .iter()
        .filter_map(|media| media.control.as_deref())
        .collect()
}

#[test]
fn ffmpeg() {
    let description = fixture!("ffmpeg", []);
    assert_eq!(
        formats(&description),
        ["96 H264/90000", "97 MPEG4-GENERIC/48000/2"]
    );
    assert_eq!(controls(&description), ["streamid=0", "streamid=1"]);
    let audio = &description.media[1].formats[0];
    assert_eq!(audio.parameter("SizeLength"), Some("13"));
    assert_eq!(audio.parameter("config"), Some("1190"));
    assert_eq!(audio.parameter("con"), None);
    assert_eq!(description.media[0].bandwidth[0].value, 400);
    assert_eq!(description.attribute("tool"), Some("libavformat 61.7.100"));
    assert_eq!(description.control, None);
}

#[test]
fn rtspclientsink() {
    let description = fixture!("rtspclientsink", []);
    assert_eq!(formats(&description), ["96 H264/90000", "97 OPUS/48000/2"]);
    assert_eq!(description.media[0].framerate, Some(30.0));
    assert_eq!(description.media[0].attribute("ts-refclk"), Some("local"));
    assert_eq!(description.information.as_deref(), Some("rtspclientsink"));
}

#[test]
fn gst_rtsp_server() {
    let description = fixture!("gst-rtsp-server", []);
    assert_eq!(description.control.as_deref(), Some("*"));
    assert_eq!(description.range.as_deref(), Some("npt=now-"));
    assert_eq!(formats(&description), ["96 H264/90000"]);
    let sprop = description.media[0].formats[0].parameter("sprop-parameter-sets");
    assert_eq!(sprop, Some("Z0LgHtsCwfU=,aM48gA=="));
}

#[test]
fn vlc() {
    let description = fixture!("vlc", [Repair::FmtpSemicolon]);
    // The same payload type in both media is no mistake: each has its own parameters.
    assert_eq!(
        formats(&description),
        ["96 mpeg4-generic/44100/2", "96 H264/90000"]
    );
    assert_eq!(
        description.media[0].formats[0].parameter("Profile"),
        Some("1")
    );
    assert_eq!(
        description.media[1].formats[0].parameter("packetization-mode"),
        Some("1")
    );
    assert_eq!(description.media[1].direction, Direction::ReceiveOnly);
    let uri = control::resolve(
        "rtsp://192.0.2.22:8554/movie/",
        description.media[1].control.as_deref(),
    );
    assert_eq!(uri, "rtsp://192.0.2.22:8554/movie/trackID=1");
}

#[test]
fn hikvision() {
    let description = fixture!("hikvision", []);
    assert_eq!(formats(&description), ["96 H264/90000", "8 PCMA/8000"]);
    assert_eq!(
        description.media[0].attribute("x-dimensions"),
        Some("1920,1080")
    );
    assert_eq!(description.media[0].connections[0].address, "0.0.0.0");
}

#[test]
fn dahua() {
    let description = fixture!("dahua", []);
    assert_eq!(
        formats(&description),
        [
            "98 H265/90000",
            "97 MPEG4-GENERIC/48000",
            "107 vnd.onvif.metadata/90000"
        ]
    );
    assert_eq!(description.media[0].framerate, Some(25.0));
    assert_eq!(description.media[2].kind, MediaKind::Application);
    let vps = description.media[0].formats[0]
        .parameter("sprop-vps")
        .unwrap();
    assert!(
        vps.starts_with("QAEMAf//AW") && vps.ends_with("kqA=="),
        "{vps}"
    );
}

#[test]
fn onvif_back_channel() {
    let description = fixture!("onvif-back-channel", []);
    assert_eq!(
        formats(&description),
        ["26 JPEG/90000", "0 PCMU/8000", "0 PCMU/8000"]
    );
    let back: Vec<_> = (0..4)
        .map(|index| description.is_back_channel(index))
        .collect();
    assert_eq!(back, [false, false, true, false]);
}

#[test]
fn a_cheap_camera() {
    let description = fixture!(
        "cheap-camera",
        [
            Repair::LineEnds,
            Repair::BlankLine,
            Repair::SurroundingBlanks,
            Repair::NoFinalNewline,
            Repair::MissingOrigin,
            Repair::ConnectionFields,
            Repair::MissingTime,
            Repair::FmtpSemicolon,
        ]
    );
    assert_eq!(formats(&description), ["96 H264/90000"]);
    assert_eq!(description.control.as_deref(), Some("*"));
    assert_eq!(controls(&description), ["track1"]);
    let connection = description.connection_of(&description.media[0]).unwrap();
    assert_eq!(connection.ip_address(), Some([192, 168, 4, 232].into()));
    assert_eq!(connection.address_type, "IP4");
}

#[test]
fn tp_link() {
    let description = fixture!(
        "tp-link",
        [
            Repair::OriginFields,
            Repair::MediaSubtype,
            Repair::FormatFromRtpmap
        ]
    );
    assert_eq!(
        formats(&description),
        ["96 H264/90000", "8 PCMA/8000", "95 TP-LINK/90000"]
    );
    assert_eq!(description.media[2].kind, MediaKind::Application);
    assert_eq!(controls(&description), ["track1", "track2", "track3"]);
    assert_eq!(description.media[0].range.as_deref(), Some("npt=0-"));
    assert_eq!(description.origin.address, "192.168.1.60");
}

#[test]
fn anpviz() {
    let description = fixture!(
        "anpviz",
        [Repair::AttributesBeforeTime, Repair::StaticPayloadType]
    );
    assert_eq!(
        formats(&description),
        ["96 H264/90000", "0 MPEG4-GENERIC/16000/2"]
    );
    assert_eq!(description.range.as_deref(), Some("npt=0-"));
    assert_eq!(
        description.media[1].formats[0].parameter("config"),
        Some("1410")
    );
}

#[test]
fn hanwha() {
    let description = fixture!("hanwha", [Repair::OutOfOrder, Repair::RepeatedSessionName]);
    assert_eq!(description.session_name, "Media Presentation");
    assert_eq!(description.information.as_deref(), Some("live"));
    assert_eq!(description.media[0].title.as_deref(), Some("late title"));
    assert_eq!(description.media[0].port, 40000);
}

#[test]
fn flir() {
    let description = fixture!(
        "flir",
        [
            Repair::OriginFields,
            Repair::TimeFields,
            Repair::ClockRate,
            Repair::EmptyFmtp
        ]
    );
    assert_eq!(formats(&description), ["100 MP4V-ES/90000"]);
    assert_eq!(description.media[0].formats[0].fmtp, None);
    assert_eq!(description.media[0].direction, Direction::ReceiveOnly);
    assert_eq!(description.origin.session_version, 0);
    assert_eq!(description.origin.address, "192.168.250.116");
}

/// What is written is valid: it reads back as the same, and needs no repair.
#[test]
fn each_is_valid_when_written_again() {
    for fixture in [
        &include_bytes!("fixtures/ffmpeg.sdp")[..],
        include_bytes!("fixtures/rtspclientsink.sdp"),
        include_bytes!("fixtures/gst-rtsp-server.sdp"),
        include_bytes!("fixtures/vlc.sdp"),
        include_bytes!("fixtures/hikvision.sdp"),
        include_bytes!("fixtures/dahua.sdp"),
        include_bytes!("fixtures/onvif-back-channel.sdp"),
        include_bytes!("fixtures/cheap-camera.sdp"),
        include_bytes!("fixtures/tp-link.sdp"),
        include_bytes!("fixtures/hanwha.sdp"),
        include_bytes!("fixtures/flir.sdp"),
    ] {
        let description = Description::parse(fixture).unwrap();
        let again = Description::parse(description.encode().as_bytes()).unwrap();
        assert_eq!(again.repairs(), []);
        assert_eq!(again, description);
        assert!(sdp::same_formats(&again, &description));
    }
}
