//! What a server makes of a publisher's description.

use sdp::Description;
use sdp::Direction;
use sdp::Origin;
use sdp::same_formats;

const PUBLISHED: &[u8] = b"v=0\r
o=user 5 6 IN IP4 198.51.100.7\r
s=Stage\r
c=IN IP4 239.1.1.1/16\r
t=3034423619 3042462419\r
a=tool:encoder\r
a=source-filter: incl IN IP4 239.1.1.1 198.51.100.7\r
a=group:BUNDLE 0 1\r
a=group:LS 0 1\r
a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyO\r
a=control:rtsp://upstream/stage\r
a=range:npt=0-9\r
a=keywds:music\r
m=video 5004 RTP/SAVPF 96 97\r
i=front\r
c=IN IP4 239.1.1.2/16\r
b=AS:2000\r
a=rtpmap:96 H264/90000\r
a=rtpmap:97 rtx/90000\r
a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHg==,aM48gA==\r
a=fmtp:97 apt=96\r
a=framerate:29.97\r
a=sendonly\r
a=rtcp:5005 IN IP4 198.51.100.7\r
a=rtcp-mux\r
a=rtcp-fb:96 nack pli\r
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r
a=candidate:1 1 UDP 2130706431 198.51.100.7 5004 typ host\r
a=ssrc:1 cname:x\r
a=x-dimensions:1920,1080\r
a=range:npt=0-8\r
a=control:rtsp://upstream/stage/video\r
m=audio 5006 RTP/AVP 8\r
a=mid:1\r
a=control:rtsp://upstream/stage/audio\r
";

const ANSWER: &str = "v=0\r
o=- 1 2 IN IP4 203.0.113.1\r
s=Stage\r
c=IN IP4 0.0.0.0\r
t=0 0\r
a=group:LS 0 1\r
a=keywds:music\r
a=range:npt=now-\r
a=control:*\r
m=video 0 RTP/AVP 96 97\r
i=front\r
b=AS:2000\r
a=rtpmap:96 H264/90000\r
a=rtpmap:97 rtx/90000\r
a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHg==,aM48gA==\r
a=fmtp:97 apt=96\r
a=framerate:29.97\r
a=recvonly\r
a=x-dimensions:1920,1080\r
a=control:trackID=0\r
m=audio 0 RTP/AVP 8\r
a=rtpmap:8 PCMA/8000\r
a=recvonly\r
a=mid:1\r
a=control:trackID=1\r
";

fn origin() -> Origin {
    Origin::new(1, 2, [203, 0, 113, 1].into())
}

/// R2-SDP-01, R2-SDP-03, R2-SDP-09, R2-SDP-10, R2-SDP-11, R2-SDP-15, R2-SDP-16: the whole answer.
#[test]
fn r2_sdp_16_the_answer_names_no_address_of_the_source() {
    let published = Description::parse(PUBLISHED).unwrap();
    assert_eq!(published.repairs(), []);
    let answer = published.for_describe(origin(), Some("npt=now-"));
    assert_eq!(answer.encode(), ANSWER);
    assert!(same_formats(&answer, &published));
    assert_eq!(Description::parse(ANSWER.as_bytes()).unwrap(), answer);
}

#[test]
fn r2_sdp_22_delivered_otherwise_every_control_is_absolute() {
    let published = Description::parse(PUBLISHED).unwrap();
    let answer = published.for_describe(origin(), None);
    for base in ["rtsp://h:8554/live", "rtsp://h:8554/live/"] {
        let delivered = answer.for_delivery(base).encode();
        let controls: Vec<&str> = delivered
            .lines()
            .filter_map(|line| line.strip_prefix("a=control:"))
            .collect();
        assert_eq!(
            controls,
            [
                base,
                "rtsp://h:8554/live/trackID=0",
                "rtsp://h:8554/live/trackID=1"
            ]
        );
    }
    // What was absolute stays what it was.
    let mut elsewhere = answer.clone();
    elsewhere.media[1].control = Some("rtsp://other/audio".to_owned());
    let delivered = elsewhere.for_delivery("rtsp://h/live").encode();
    assert!(
        delivered.contains("\r\na=control:rtsp://other/audio\r\n"),
        "{delivered}"
    );
}

/// RFC 7826 §D.4: media that belong together (lip synchronization, RFC 5888) are controlled together.
#[test]
fn r2_sdp_21_grouped_media_have_an_aggregate_control() {
    let published = std::str::from_utf8(PUBLISHED).unwrap();
    let grouped = published.replacen("\r\nm=", "\r\na=group:LS 0 1\r\nm=", 1);
    let answer = Description::parse(grouped.as_bytes())
        .unwrap()
        .for_describe(origin(), None)
        .encode();
    let (session, media) = answer.split_once("\r\nm=").unwrap();
    assert!(session.contains("\r\na=group:LS 0 1"), "{answer}");
    assert!(session.contains("\r\na=control:*"), "{answer}");
    assert_eq!(
        media.matches("\r\na=control:trackID=").count(),
        2,
        "{answer}"
    );
}

#[test]
fn an_ipv6_server_answers_with_the_ipv6_address_of_nowhere() {
    let published = Description::parse(PUBLISHED).unwrap();
    let origin = Origin::new(1, 2, std::net::Ipv6Addr::LOCALHOST.into());
    let answer = published.for_describe(origin, None).encode();
    assert!(answer.contains("\r\no=- 1 2 IN IP6 ::1\r\n"), "{answer}");
    assert!(answer.contains("\r\nc=IN IP6 ::\r\n"), "{answer}");
    assert!(!answer.contains("a=range"), "{answer}");
}

#[test]
fn multicast_addresses_are_told() {
    let published = Description::parse(PUBLISHED).unwrap();
    let of_video = published.connection_of(&published.media[0]).unwrap();
    assert_eq!(
        (of_video.ip_address(), of_video.ttl()),
        (Some([239, 1, 1, 2].into()), Some(16))
    );
    assert!(of_video.is_multicast());
    let of_audio = published.connection_of(&published.media[1]).unwrap();
    assert_eq!(of_audio.ip_address(), Some([239, 1, 1, 1].into()));
    assert_eq!(published.media[0].direction, Direction::SendOnly);
}

#[test]
fn formats_are_compared_by_meaning() {
    let base = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 a=1;b=2\r\nm=audio 0 RTP/AVP 8\r\n";
    let read = |text: &str| Description::parse(text.as_bytes()).unwrap();
    let same = |from, to| same_formats(&read(base), &read(&base.replace(from, to)));
    assert!(same(
        "v=0",
        "v=0\r\no=- 9 9 IN IP4 192.0.2.9\r\ns=other\r\nt=0 0\r\na=control:*"
    ));
    assert!(same("H264", "h264"));
    assert!(same("a=1;b=2", "B=2; A=1"));
    assert!(same(
        "RTP/AVP 8\r\n",
        "RTP/AVP 8\r\na=rtpmap:8 PCMA/8000/1\r\na=control:x\r\n"
    ));
    assert!(!same("a=1", "a=2"));
    assert!(!same("H264", "H265"));
    assert!(!same("96 ", "97 "));
    assert!(!same("AVP 8", "AVP 0"));
    assert!(!same("m=audio 0 RTP/AVP 8\r\n", ""));
    assert!(!same("m=audio", "m=video"));
}
