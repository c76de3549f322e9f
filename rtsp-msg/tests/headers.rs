//! Every header, status code and method of RFC 7826 §18 and RFC 2326 §12 is known and has a type.
//!
//! The tables beside this file name them, with a value as it is read and as it is written.
#![allow(missing_docs)]

use std::collections::HashMap;

use rtsp_msg::headers::*;
use rtsp_msg::{HeaderError, HeaderName, Leniency, Method, StatusCode};

mod shorthand;

type Rewrite = fn(&str) -> Result<String, HeaderError>;

macro_rules! types {
    ($($type:ident),* $(,)?) => {
        fn types() -> Vec<(HeaderName, Rewrite)> {
            vec![$((<$type as rtsp_msg::Header>::name(), |text| {
                shorthand::header::<$type>(text).map(|value| shorthand::encoded(&value))
            })),*]
        }
    };
}

types![
    Accept,
    AcceptCredentials,
    AcceptEncoding,
    AcceptLanguage,
    AcceptRanges,
    Allow,
    AuthenticationInfo,
    Authorization,
    Bandwidth,
    Blocksize,
    CSeq,
    CacheControl,
    Conference,
    Connection,
    ConnectionCredentials,
    ContentBase,
    ContentEncoding,
    ContentLanguage,
    ContentLength,
    ContentLocation,
    ContentType,
    Date,
    Expires,
    Frames,
    From,
    Host,
    IfMatch,
    IfModifiedSince,
    IfNoneMatch,
    Immediate,
    KeyMgmt,
    LastModified,
    Location,
    MTag,
    MediaProperties,
    MediaRange,
    NotifyReason,
    PipelinedRequests,
    ProxyAuthenticate,
    ProxyAuthenticationInfo,
    ProxyAuthorization,
    ProxyRequire,
    ProxySupported,
    Public,
    Range,
    RateControl,
    Referer,
    Referrer,
    RequestStatus,
    Require,
    RetryAfter,
    RtpInfo,
    Scale,
    SeekStyle,
    Server,
    Session,
    Speed,
    Supported,
    TerminateReason,
    Timestamp,
    Transport,
    Unsupported,
    UserAgent,
    Via,
    WwwAuthenticate,
    XServerIpAddress,
    XSessionCookie,
];

fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table.lines().skip(1).map(|line| line.split('\t').collect())
}

#[test]
fn every_header_of_the_table_is_read_and_written() {
    let types: HashMap<_, _> = types().into_iter().collect();
    let mut names = vec![];
    for row in rows(include_str!("headers.tsv")) {
        let &[name, _, read, written] = &row[..] else {
            panic!("{row:?}")
        };
        let header = HeaderName::parse(name).unwrap();
        assert!(
            !matches!(header, HeaderName::Extension(_)),
            "{name} is not known"
        );
        assert_eq!(header.as_str(), name, "the RFC's spelling");
        let rewrite = types
            .get(&header)
            .unwrap_or_else(|| panic!("{name} has no type"));
        assert_eq!(rewrite(read).as_deref(), Ok(written), "{name}");
        assert_eq!(
            rewrite(written).as_deref(),
            Ok(written),
            "{name} is read as it is written"
        );
        names.push(header);
    }
    for name in HeaderName::KNOWN {
        assert!(names.contains(name), "{name} is not in the table");
    }
}

#[test]
fn what_is_written_is_strict() {
    for row in rows(include_str!("headers.tsv")) {
        let mut headers = rtsp_msg::Headers::new();
        headers.append(HeaderName::parse(row[0]).unwrap(), row[3]);
        macro_rules! check {
            ($($type:ident),*) => {$(
                headers.typed_with::<$type>(&Leniency::strict()).unwrap_or_else(|error| panic!("{error}"));
            )*};
        }
        check!(
            Accept,
            Allow,
            AuthenticationInfo,
            Authorization,
            CSeq,
            ContentBase,
            ContentType,
            Public,
            Range,
            Require,
            RtpInfo,
            Session,
            Transport,
            WwwAuthenticate
        );
    }
}

#[test]
fn no_type_panics_on_noise() {
    let pieces = [
        "",
        "\"",
        "\\",
        ";",
        ",",
        "=",
        "-",
        "/",
        ":",
        ".",
        " ",
        "\t",
        "*",
        "0",
        "1",
        "99999999999999999999",
        "npt",
        "clock",
        "url",
        "ssrc",
        "q",
        "<",
        ">",
        "[",
        "]",
        "é",
        "Digest ",
        "Basic ",
        "User ",
        "T",
        "Z",
        "%",
    ];
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let types = types();
    let seeds: Vec<_> = rows(include_str!("headers.tsv"))
        .map(|row| row[2])
        .collect();
    for _ in 0..4000 {
        let mut text = match next() % 3 {
            0 => String::new(),
            _ => {
                let seed = seeds[next() % seeds.len()];
                let cut = next() % (seed.len() + 1);
                seed[..cut].to_owned()
            }
        };
        for _ in 0..next() % 8 {
            text.push_str(pieces[next() % pieces.len()]);
        }
        for (name, rewrite) in &types {
            if let Ok(written) = rewrite(&text) {
                let again = rewrite(&written);
                // An empty list is written as nothing, and no value is read as none.
                assert!(
                    written.is_empty() || again.as_ref() == Ok(&written),
                    "{name}: {text:?} {written:?} {again:?}"
                );
            }
        }
    }
}

#[test]
fn every_status_code_has_a_reason() {
    let classes = [
        "Informational",
        "Success",
        "Redirection",
        "Client Error",
        "Server Error",
    ];
    for row in rows(include_str!("status_codes.tsv")) {
        let status = StatusCode::parse(row[0]).unwrap();
        assert!(!classes.contains(&status.reason()), "{status:?}");
        if row[1] == "7826" && row[2] != "reserved" {
            assert!(
                status.reason().eq_ignore_ascii_case(row[2]),
                "{status:?} {}",
                row[2]
            );
        }
    }
}

#[test]
fn every_method_is_known() {
    let mut count = 0;
    for row in rows(include_str!("methods.tsv")) {
        let method = Method::parse(row[0]).unwrap();
        assert!(Method::KNOWN.contains(&method), "{method}");
        count += 1;
    }
    assert_eq!(count, Method::KNOWN.len());
}
