//! What deviates from the specifications and is understood all the same, by the numbers of the catalogue.

use super::*;

#[test]
fn quirk_01_trailing_space_in_cseq() {
    assert_eq!(
        response("RTSP/1.0 200 OK\r\nCSeq: 101 \r\n\r\n").cseq(),
        Some(101)
    );
}

#[test]
fn quirk_02_03_cseq_in_any_case_or_missing() {
    assert_eq!(
        response("RTSP/1.0 200 OK\r\nCseq: 5\r\n\r\n").cseq(),
        Some(5)
    );
    assert_eq!(response("RTSP/1.0 200 OK\r\n\r\n").cseq(), None);
}

#[test]
fn quirk_04_empty_values_and_doubled_spaces_in_the_status_line() {
    let mut decoder = decoder();
    let text =
        b"RTSP/1.0  200   OK\r\nCSeq: 1\r\nX-Accept-Dynamic-Rate:\r\n\r\nRTSP/1.0 404\r\n\r\n";
    let results = decode_all_with(&mut decoder, text);
    assert!(matches!(&results[0], Ok(Message::Response(response)) if response.reason == "OK"));
    assert!(
        matches!(&results[1], Ok(Message::Response(response)) if response.status == StatusCode::NOT_FOUND)
    );
    assert!(
        decoder
            .deviations()
            .iter()
            .eq([Deviation::StatusLineSpaces, Deviation::MissingReason])
    );
    let mut strict = Decoder::new(Limits::default(), Leniency::strict());
    assert!(
        decode_all_with(&mut strict, text)
            .iter()
            .all(Result::is_err)
    );
}

#[test]
fn quirk_05_a_line_of_one_space_does_not_end_the_head() {
    let text = b"RTSP/1.0 200 OK\r\nServer: Customer RTSP Server\r\nCSeq: 6\r\n \r\nRTP-Info: url=a;seq=1\r\n\r\n$\x00\x00\x00";
    let results = decode_all(text);
    let [Ok(Message::Response(response)), Ok(Message::Interleaved(_))] = &results[..] else {
        panic!("{results:?}")
    };
    assert_eq!((response.cseq(), response.headers.len()), (Some(6), 3));

    let stray = b"RTSP/1.0 200 OK\r\nCSeq: 6\r\nstray text\r\nSession: 1\r\n\r\n";
    assert_eq!(decode_all(stray), [Err(DecodeErrorKind::HeaderLine)]);
    let results = decode_all_with(
        &mut Decoder::new(Limits::default(), Leniency::permissive()),
        stray,
    );
    assert!(
        matches!(&results[..], [Ok(Message::Response(response))] if response.headers.len() == 2)
    );
}

#[test]
fn quirk_06_crlf_before_a_frame() {
    assert_eq!(decode_all(b"\r\n$\x00\x00\x01a\r\n$\x00\x00\x01b").len(), 2);
}

#[test]
fn quirk_16_a_path_as_target() {
    let text = b"DESCRIBE /live RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    let results = decode_all_with(
        &mut Decoder::new(Limits::default(), Leniency::permissive()),
        text,
    );
    assert!(
        matches!(&results[..], [Ok(Message::Request(request))] if request.target == RequestTarget::Path("/live".into()))
    );
}
