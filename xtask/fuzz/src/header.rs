//! Typed headers: read leniently, written strictly.

use super::memory;
use rtsp_msg::headers::*;
use rtsp_msg::{Header, HeaderName, Leniency};
use std::fmt::Debug;

/// What reads the lines of one header.
type Read = fn(&[&str], &Leniency);

macro_rules! headers {
    ($($header:ident),* $(,)?) => {
        /// All headers, by their names in the crate.
        pub(crate) const HEADERS: &[(&str, Read)] = &[$((stringify!($header), read::<$header>)),*];
    };
}

// New ones go to the end: seeds name them by their number.
headers!(
    Transport,
    Range,
    Session,
    RtpInfo,
    Authorization,
    WwwAuthenticate,
    ProxyAuthorization,
    ProxyAuthenticate,
    AuthenticationInfo,
    ProxyAuthenticationInfo,
    CSeq,
    Accept,
    AcceptEncoding,
    AcceptLanguage,
    AcceptRanges,
    Allow,
    AcceptCredentials,
    ConnectionCredentials,
    Bandwidth,
    Blocksize,
    CacheControl,
    Conference,
    Connection,
    ContentBase,
    ContentEncoding,
    ContentLanguage,
    ContentLength,
    ContentLocation,
    ContentType,
    Date,
    Expires,
    From,
    Host,
    IfModifiedSince,
    IfMatch,
    IfNoneMatch,
    LastModified,
    Location,
    KeyMgmt,
    MTag,
    MediaProperties,
    MediaRange,
    NotifyReason,
    PipelinedRequests,
    ProxyRequire,
    ProxySupported,
    Public,
    Referer,
    Referrer,
    RequestStatus,
    Require,
    RetryAfter,
    Scale,
    SeekStyle,
    Server,
    Speed,
    Supported,
    TerminateReason,
    TimedRange,
    Timestamp,
    Unsupported,
    UserAgent,
    Via,
    XServerIpAddress,
    XSessionCookie,
    RateControl,
    Frames,
    Immediate,
);

/// The first byte is the number of the header, the second says what is tolerated; the others are its lines.
pub fn header(input: &[u8]) {
    let [which, lenient, text @ ..] = input else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let leniency = match lenient % 3 {
        0 => Leniency::default(),
        1 => Leniency::strict(),
        _ => Leniency::permissive(),
    };
    let lines: Vec<&str> = text
        .split('\n')
        .map(|line| line.trim_matches([' ', '\t']))
        .collect();
    if text
        .bytes()
        .any(|byte| byte.is_ascii_control() && byte != b'\n' && byte != b'\t')
    {
        // The decoder lets none of them into a value.
        return;
    }
    let (_, read) = HEADERS[usize::from(*which) % HEADERS.len()];
    memory::bounded(256 * text.len() + 16 * 1024, || read(&lines, &leniency));
}

/// What was read is written so that it is read again, by who tolerates nothing, and says the same.
fn read<H: Header + Debug + PartialEq>(lines: &[&str], leniency: &Leniency) {
    let Ok(value) = H::decode(&mut lines.iter().copied(), leniency) else {
        return;
    };
    let mut text = String::new();
    value.encode(&mut text);
    if text.is_empty() {
        // Nothing in it is known: that is no error, but for who has to choose from it, and there is nothing to write.
        return;
    }
    assert!(
        !text.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
        "{value:?} is written as {text:?}, which adds a line"
    );
    let by = match H::name() {
        // They are given back as they came, whatever their characters and length.
        HeaderName::Session | HeaderName::CSeq => leniency,
        _ => &Leniency::strict(),
    };
    let again = H::decode(&mut [&*text].into_iter(), by);
    let again = again.unwrap_or_else(|error| panic!("{error}: {text:?} of {value:?}"));
    // Who may come is nobody else's business, so it is left out of what says where to go.
    let tells_less =
        H::name() == HeaderName::Location && lines.iter().any(|line| line.contains('@'));
    assert!(
        tells_less || value == again,
        "{value:?} came back as {again:?} by way of {text:?}"
    );
    let mut second = String::new();
    again.encode(&mut second);
    assert_eq!(text, second, "written twice");
}
