//! What both parsers are given: a conversation of a reader, a publisher and their server, and a second of video.

/// Requests as FFmpeg, VLC, GStreamer and a camera's client send them.
pub(crate) const REQUESTS: [&str; 8] = [
    "OPTIONS rtsp://192.0.2.7:8554/cam RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Lavf61.7.100\r\n\r\n",
    "DESCRIBE rtsp://192.0.2.7:8554/cam RTSP/1.0\r\nAccept: application/sdp\r\nCSeq: 2\r\n\
     User-Agent: Lavf61.7.100\r\n\r\n",
    "DESCRIBE rtsp://192.0.2.7:8554/cam RTSP/1.0\r\nCSeq: 3\r\n\
     Authorization: Digest username=\"u\", realm=\"cam\", nonce=\"8b84a3b789283a8bea8da7fa7d41f08b\", \
     uri=\"rtsp://192.0.2.7:8554/cam\", response=\"00112233445566778899aabbccddeeff\"\r\n\
     User-Agent: LibVLC/3.0.20 (LIVE555 Streaming Media v2016.11.28)\r\nAccept: application/sdp\r\n\r\n",
    "SETUP rtsp://192.0.2.7:8554/cam/trackID=0 RTSP/1.0\r\nCSeq: 4\r\nUser-Agent: Lavf61.7.100\r\n\
     Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\
     Authorization: Digest username=\"u\", realm=\"cam\", nonce=\"8b84a3b789283a8bea8da7fa7d41f08b\", \
     uri=\"rtsp://192.0.2.7:8554/cam\", response=\"00112233445566778899aabbccddeeff\"\r\n\r\n",
    "SETUP rtsp://192.0.2.7:8554/cam/trackID=1 RTSP/1.0\r\nTransport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n\
     CSeq: 5\r\nUser-Agent: Lavf61.7.100\r\nSession: 5JyfRDc0aV2mEQK1WbUJxw\r\n\r\n",
    "PLAY rtsp://192.0.2.7:8554/cam/ RTSP/1.0\r\nRange: npt=0.000-\r\nCSeq: 6\r\n\
     User-Agent: Lavf61.7.100\r\nSession: 5JyfRDc0aV2mEQK1WbUJxw\r\n\r\n",
    "GET_PARAMETER rtsp://192.0.2.7:8554/cam/ RTSP/1.0\r\nCSeq: 7\r\nUser-Agent: Lavf61.7.100\r\n\
     Session: 5JyfRDc0aV2mEQK1WbUJxw\r\n\r\n",
    "ANNOUNCE rtsp://192.0.2.7:8554/live RTSP/1.0\r\nContent-Type: application/sdp\r\nCSeq: 2\r\n\
     User-Agent: Lavf61.7.100\r\nContent-Length: 144\r\n\r\n\
     v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\na=tool:libavformat 61.7.100\r\n\
     m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
];

/// Their responses.
pub(crate) const RESPONSES: [&str; 6] = [
    "RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: Trackside\r\n\
     Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER\r\n\r\n",
    "RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nServer: Trackside\r\nDate: Thu, 23 Jan 1997 15:35:06 GMT\r\n\
     WWW-Authenticate: Digest realm=\"cam\", nonce=\"8b84a3b789283a8bea8da7fa7d41f08b\", algorithm=MD5\r\n\r\n",
    "RTSP/1.0 200 OK\r\nCSeq: 3\r\nServer: Trackside\r\nDate: Thu, 23 Jan 1997 15:35:06 GMT\r\n\
     Content-Base: rtsp://192.0.2.7:8554/cam/\r\nContent-Type: application/sdp\r\nContent-Length: 122\r\n\r\n\
     v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=cam\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
     m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:0\r\n",
    "RTSP/1.0 200 OK\r\nCSeq: 4\r\nServer: Trackside\r\nDate: Thu, 23 Jan 1997 15:35:06 GMT\r\n\
     Session: 5JyfRDc0aV2mEQK1WbUJxw;timeout=60\r\n\
     Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0A13C760;mode=\"PLAY\"\r\n\r\n",
    "RTSP/1.0 200 OK\r\nCSeq: 6\r\nServer: Trackside\r\nDate: Thu, 23 Jan 1997 15:35:06 GMT\r\n\
     Session: 5JyfRDc0aV2mEQK1WbUJxw;timeout=60\r\nRange: npt=0.000-\r\n\
     RTP-Info: url=rtsp://192.0.2.7:8554/cam/trackID=0;seq=45102;rtptime=12345678,\
     url=rtsp://192.0.2.7:8554/cam/trackID=1;seq=30211;rtptime=29567112\r\n\r\n",
    "RTSP/1.0 454 Session Not Found\r\nCSeq: 7\r\nServer: Trackside\r\nDate: Thu, 23 Jan 1997 15:35:06 GMT\r\n\r\n",
];

/// Frames in one read of 64 KiB.
pub(crate) const FRAMES: usize = 54;

/// `FRAMES` video packets of 1200 bytes, each behind its prefix.
pub(crate) fn frames() -> Vec<u8> {
    frames_of((0..FRAMES).map(|_| (0, 1200)))
}

/// `FRAMES` packets of two media: pictures of one to six packets, the last shorter, and telephone audio between them.
pub(crate) fn mixed_frames() -> Vec<u8> {
    let picture = |packets: u16| {
        let last = (0, 200 + packets * 131);
        let full = std::iter::repeat_n((0, 1200), usize::from(packets));
        full.chain([last, (2, 172)])
    };
    let pictures = [5, 0, 2, 1, 3, 0, 1, 4, 2, 1, 0, 5, 1, 2, 3, 0, 1, 2];
    frames_of(pictures.into_iter().flat_map(picture).take(FRAMES))
}

fn frames_of(packets: impl Iterator<Item = (u8, u16)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (channel, length) in packets {
        bytes.extend([b'$', channel]);
        bytes.extend(length.to_be_bytes());
        bytes.push(0x80);
        bytes.extend(std::iter::repeat_n(0x60, usize::from(length) - 1));
    }
    bytes
}

/// How many times the conversation is repeated in one buffer.
pub(crate) const ROUNDS: usize = 4;

/// The messages one after the other, several times over.
pub(crate) fn stream(messages: &[&str]) -> Vec<u8> {
    messages.concat().repeat(ROUNDS).into_bytes()
}

/// Takes all messages off the buffer with this crate, and drops each.
pub(crate) fn trackside(decoder: &mut rtsp_msg::Decoder, buf: &mut bytes::BytesMut) -> usize {
    let mut count = 0;
    while let Ok(Some(message)) = decoder.decode(std::hint::black_box(buf)) {
        std::hint::black_box(&message);
        count += 1;
    }
    count
}

/// The same with rtsp-types; `B` is `&[u8]` for bodies that are borrowed, and `Vec<u8>` for such as outlive the buffer.
pub(crate) fn rtsp_types<'a, B: From<&'a [u8]>>(mut rest: &'a [u8]) -> usize {
    let mut count = 0;
    while let Ok((message, consumed)) = rtsp_types::Message::<B>::parse(std::hint::black_box(rest))
    {
        std::hint::black_box(&message);
        rest = &rest[consumed..];
        count += 1;
    }
    count
}

/// Takes a run off the buffer and puts its bytes back.
pub(crate) fn run(
    decoder: &mut rtsp_msg::Decoder,
    run: &mut rtsp_msg::FrameRun,
    buf: &mut bytes::BytesMut,
) {
    let taken = decoder.decode_run(std::hint::black_box(buf), run);
    assert!(taken == Ok(true) && buf.is_empty());
    *buf = bytes::BytesMut::new();
    if let Ok(whole) = std::mem::take(&mut run.bytes).try_into_mut() {
        *buf = whole;
    }
}
