use super::*;
use crate::Now;
use crate::random::Random;
use crate::server::{Addresses, ConnectionConfig, Input, Output, ServerConnection};
use bytes::BytesMut;
use std::collections::BTreeSet;
use std::time::{Instant, SystemTime};

/// RFC 7826 Table 4, RFC 2326 Table 1: specification, code, reason, methods.
const STATUSES: &str = include_str!("../../../xtask/conformance/status_codes.tsv");

/// One of each cause; those whose answer depends on what they carry, once with and once without.
fn all() -> Vec<ProtocolError> {
    use ProtocolError as E;
    let names = || vec!["a".to_owned()];
    let methods = || vec![Method::Options, Method::Play];
    let location = || "rtsp://elsewhere/a".to_owned();
    let mut all = vec![
        E::Malformed,
        E::NoSequence,
        E::BadTarget,
        E::BadHeader("Range"),
        E::TooSlow,
        E::BodyTooLarge { retry_after: None },
        E::BodyTooLarge {
            retry_after: Some(9),
        },
        E::HeadTooLarge,
        E::UriTooLong,
        E::Version,
        E::NotImplemented { public: methods() },
        E::MethodNotAllowed { allow: methods() },
        E::OptionNotSupported { tags: names() },
        E::Unauthorized,
        E::Forbidden,
        E::NotFound,
        E::Gone,
        E::PathTaken,
        E::NotAcceptable {
            available: "application/sdp",
        },
        E::UnsupportedMediaType,
        E::BadDescription,
        E::ParameterNotUnderstood { names: names() },
        E::ParameterReadOnly { names: names() },
        E::PreconditionFailed,
        E::Contradiction,
        E::ConferenceNotFound,
        E::SessionNotFound,
        E::WrongState { allow: methods() },
        E::HeaderNotValid {
            accept_ranges: None,
        },
        E::HeaderNotValid {
            accept_ranges: Some("npt"),
        },
        E::InvalidRange,
        E::AggregateNotAllowed,
        E::OnlyAggregate,
        E::UnsupportedTransport,
        E::DestinationProhibited,
        E::NotEnoughBandwidth,
        E::TransportNotReady,
        E::Internal,
        E::Overloaded { retry_after: None },
        E::Overloaded {
            retry_after: Some(3),
        },
        E::Upstream,
        E::UpstreamTimeout,
    ];
    for how in [
        Redirection::Permanent,
        Redirection::Temporary,
        Redirection::Proxy,
    ] {
        all.push(E::Moved {
            how,
            location: location(),
        });
    }
    all
}

/// The head and the body that a peer gets which asked by this method.
fn answered(error: ProtocolError, method: &Method, version: Version) -> (String, String) {
    let now = Now {
        monotonic: Instant::now(),
        wall: SystemTime::UNIX_EPOCH,
    };
    let addresses = Addresses {
        local: "192.0.2.1:554".parse().unwrap(),
        peer: "192.0.2.2:4000".parse().unwrap(),
    };
    let config = ConnectionConfig {
        methods: Method::KNOWN.to_vec(),
        ..ConnectionConfig::default()
    };
    let random = Random::from_seed([1; 32]);
    let mut connection = ServerConnection::new(now, config.into(), addresses, random);
    let request = format!("{method} rtsp://h/a {version}\r\nCSeq: 1\r\n\r\n");
    let mut buffer = BytesMut::from(request.as_str());
    connection.handle(now, Input::Read(&mut buffer));
    let bytes = match connection.poll() {
        // What does not exist in a version is refused by the connection itself.
        Output::Write(bytes) => bytes,
        Output::Request(incoming) => {
            connection.refuse(incoming.id, error);
            match connection.poll() {
                Output::Write(bytes) => bytes,
                other => panic!("{method} {version} is not answered: {other:?}"),
            }
        }
        other => panic!("{method} {version} is not answered: {other:?}"),
    };
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

/// R2-STAT-09, R2-CODE-04, R2-CODE-21: whatever the cause, a method is answered with a status that its version has for it: 458
/// with SET_PARAMETER alone, 453 and 463 with SETUP alone, 464 with PLAY alone; 303 and 452 never in RTSP/2.0.
#[test]
fn every_cause_is_answered_within_the_tables() {
    let allowed: BTreeSet<(&str, &str, &str)> = STATUSES
        .lines()
        .skip(1)
        .flat_map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let version = if cells[0] == "RFC 7826" {
                "RTSP/2.0"
            } else {
                "RTSP/1.0"
            };
            cells[3]
                .split(", ")
                .map(move |method| (version, cells[1], method))
        })
        .collect();
    let mut seen = BTreeSet::new();
    for version in [Version::V1_0, Version::V2_0] {
        for method in Method::KNOWN {
            for error in all() {
                let (head, _) = answered(error.clone(), method, version);
                let (code, version) = (status(&head), version.as_str());
                let by_table = allowed.contains(&(version, code, "all"))
                    || allowed.contains(&(version, code, method.as_str()));
                // The text of RFC 2326 goes beyond its table: §10.8 and §10.9, §10.6.
                let by_text = version == "RTSP/1.0"
                    && matches!(
                        (code, method),
                        ("451", Method::GetParameter | Method::SetParameter)
                            | ("457", Method::Pause)
                    );
                assert!(by_table || by_text, "{method} {version}: {error:?}: {head}");
                seen.insert((version, code.to_owned()));
            }
        }
    }
    // Each is there where it belongs.
    for (version, code) in [
        ("RTSP/2.0", "453"),
        ("RTSP/2.0", "458"),
        ("RTSP/2.0", "463"),
        ("RTSP/2.0", "464"),
        ("RTSP/2.0", "457"),
        ("RTSP/2.0", "451"),
        ("RTSP/2.0", "412"),
        ("RTSP/1.0", "452"),
    ] {
        assert!(
            seen.contains(&(version, code.to_owned())),
            "{code} in {version}"
        );
    }
    for code in ["303", "452", "201", "250", "300", "411"] {
        assert!(!seen.contains(&("RTSP/2.0", code.to_owned())), "{code}");
    }
}

/// R2-CODE-02, R2-CODE-06: 301, 302 and 305 have Location and nothing below it.
#[test]
fn redirections_have_a_location_and_no_body() {
    for (how, code) in [
        (Redirection::Permanent, "301"),
        (Redirection::Temporary, "302"),
        (Redirection::Proxy, "305"),
    ] {
        let location = "rtsp://elsewhere:8554/a?b".to_owned();
        let error = ProtocolError::Moved { how, location };
        for method in [Method::Describe, Method::Setup] {
            let (head, body) = answered(error.clone(), &method, Version::V2_0);
            assert_eq!(status(&head), code);
            assert!(
                head.contains("\r\nLocation: rtsp://elsewhere:8554/a?b"),
                "{head}"
            );
            assert!(!head.contains("Content-") && body.is_empty(), "{head}");
        }
    }
}

#[test]
fn r1_hdr_09_405_says_what_is_allowed() {
    let allow = vec![Method::Options, Method::Setup];
    for version in [Version::V1_0, Version::V2_0] {
        let error = ProtocolError::MethodNotAllowed {
            allow: allow.clone(),
        };
        let (head, _) = answered(error, &Method::Describe, version);
        assert_eq!(status(&head), "405");
        assert!(head.contains("\r\nAllow: OPTIONS, SETUP"), "{head}");
    }
}

/// R2-CODE-18: 413 says when to try again if the limit is one of the moment, and only then.
#[test]
fn a_temporary_413_says_when() {
    for (retry_after, told) in [(None, false), (Some(9), true)] {
        let error = ProtocolError::BodyTooLarge { retry_after };
        let (head, _) = answered(error, &Method::SetParameter, Version::V2_0);
        assert_eq!(status(&head), "413");
        assert_eq!(head.contains("\r\nRetry-After: 9"), told, "{head}");
    }
}

fn text(error: ProtocolError, version: Version) -> String {
    let mut out = BytesMut::new();
    error.into_response(version).encode(&mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn statuses_carry_the_headers_they_demand() {
    for (error, first, header) in [
        (
            ProtocolError::Malformed,
            "RTSP/1.0 400 Bad Request\r\n",
            "\r\n\r\n",
        ),
        (
            ProtocolError::NotImplemented {
                public: vec![Method::Options, Method::Play],
            },
            "RTSP/1.0 501 ",
            "Public: OPTIONS, PLAY\r\n",
        ),
        (
            ProtocolError::WrongState {
                allow: vec![Method::Options],
            },
            "RTSP/1.0 455 ",
            "Allow: OPTIONS\r\n",
        ),
        (
            ProtocolError::OptionNotSupported {
                tags: vec!["a".into(), "b".into()],
            },
            "RTSP/1.0 551 ",
            "Unsupported: a, b\r\n",
        ),
        (
            ProtocolError::HeaderNotValid {
                accept_ranges: Some("npt"),
            },
            "RTSP/1.0 501 ",
            "Accept-Ranges: npt\r\n",
        ),
        (
            ProtocolError::Overloaded {
                retry_after: Some(3),
            },
            "RTSP/1.0 503 ",
            "Retry-After: 3\r\n",
        ),
        (
            ProtocolError::Version,
            "RTSP/1.0 505 ",
            "\r\n\r\nsupported versions: ",
        ),
        (
            ProtocolError::PathTaken,
            "RTSP/1.0 403 Path In Use\r\n",
            "\r\n\r\n",
        ),
        (
            ProtocolError::DestinationProhibited,
            "RTSP/1.0 403 Forbidden\r\n",
            "\r\n\r\n",
        ),
    ] {
        let text = text(error.clone(), Version::V1_0);
        assert!(
            text.starts_with(first) && text.contains(header),
            "{error:?}: {text}"
        );
    }
    assert!(text(ProtocolError::DestinationProhibited, Version::V2_0).starts_with("RTSP/2.0 463 "));
}

#[test]
fn what_the_peer_wrote_cannot_break_out_of_its_header() {
    let tags = vec!["x\r\nSession: 1".to_owned()];
    let text = text(ProtocolError::OptionNotSupported { tags }, Version::V1_0);
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("\nSession:"), "{text}");
}
