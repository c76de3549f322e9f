use super::*;
use rtsp_msg::Uri;
use std::collections::BTreeSet;

/// RFC 7826, Figures 2 to 5: header, where, rights of proxies, method, presence.
const MATRIX: &str = include_str!("../../../xtask/conformance/header_matrix.tsv");
/// RFC 7826 Table 4, RFC 2326 Table 1: specification, code, reason, methods.
const STATUSES: &str = include_str!("../../../xtask/conformance/status_codes.tsv");

/// Header, method and whether the first may stand in the second, by the rows of these kinds.
fn cells(kinds: &[&str]) -> Vec<(HeaderName, Method, bool)> {
    MATRIX
        .lines()
        .skip(1)
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let [header, kind, _, method, presence] = cells[..] else {
                panic!("{line}");
            };
            let header = HeaderName::parse(header).expect("a header");
            let method = Method::parse(method).expect("a method");
            kinds
                .contains(&kind)
                .then_some((header, method, presence != "-"))
        })
        .collect()
}

#[test]
fn r2_hdr_01_requests_keep_what_applies_to_their_method_and_nothing_else() {
    let cells = cells(&["R", "G", "Gc", "R,c"]);
    assert!(cells.len() > 300, "{}", cells.len());
    for (header, method, applies) in cells {
        let kept = |version| {
            let uri = Uri::parse("rtsp://h/a").unwrap();
            let mut request = Request::new(method.clone(), uri, version);
            request.headers.append(header.clone(), "x");
            heed_request(&mut request);
            request.headers.contains(&header)
        };
        // The length ends the message, whatever the method.
        let beyond = header == HeaderName::ContentLength;
        assert_eq!(
            kept(Version::V2_0),
            applies || beyond,
            "{header} in {method}"
        );
        assert!(kept(Version::V1_0), "{header} in {method} of RTSP/1.0");
    }
}

#[test]
fn r2_hdr_01_answers_keep_what_applies_to_their_method_and_nothing_else() {
    let cells = cells(&["r", "G", "Gc", "R,c", "c"]);
    assert!(cells.len() > 200, "{}", cells.len());
    for (header, method, applies) in cells {
        let kept = |status| {
            let mut response = Response::new(Version::V2_0, status);
            response.headers.append(header.clone(), "x");
            heed_response(&mut response, &method);
            response.headers.contains(&header)
        };
        let beyond = header == HeaderName::ContentLength;
        assert_eq!(
            kept(StatusCode::OK),
            applies || beyond,
            "{header} with {method}"
        );
        assert!(kept(StatusCode::BAD_REQUEST), "{header} with {method}");
    }
}

/// R2-STAT-09, R2-CODE-04, R2-CODE-21: Table 4 and Table 1 are the whole of it.
#[test]
fn statuses_belong_to_their_methods() {
    let mut told = BTreeSet::new();
    for line in STATUSES.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [specification, code, _, methods] = cells[..] else {
            panic!("{line}");
        };
        let version = match specification {
            "RFC 7826" => Version::V2_0,
            _ => Version::V1_0,
        };
        let status = StatusCode::parse(code).unwrap();
        if methods != "n/a" {
            told.insert((version == Version::V2_0, status));
        }
        for method in Method::KNOWN {
            let in_table =
                methods == "all" || methods.split(", ").any(|known| known == method.as_str());
            // What the text of RFC 2326 has beyond its table: §10.8 and §10.9, §10.6.
            let in_text = version == Version::V1_0
                && matches!(
                    (status, method),
                    (
                        StatusCode::PARAMETER_NOT_UNDERSTOOD,
                        GetParameter | SetParameter
                    ) | (StatusCode::INVALID_RANGE, Pause)
                );
            assert_eq!(
                answers(status, method, version),
                in_table || in_text,
                "{line}: {method}"
            );
        }
    }
    assert_eq!(told.len(), 46 + 43, "codes of both tables");
    // What one version has, the other has too or never answers with. (304 is in the text of RFC 2326, not in its table.)
    for &(newer, status) in &told {
        let other = if newer { Version::V1_0 } else { Version::V2_0 };
        // RFC 4567 has 463 for RTSP/1.0.
        let elsewhere = [StatusCode::NOT_MODIFIED, StatusCode::DESTINATION_PROHIBITED];
        let known = told.contains(&(!newer, status)) || elsewhere.contains(&status);
        let used = Method::KNOWN
            .iter()
            .any(|method| answers(status, method, other));
        assert_eq!(used, known, "{status} in {other}");
    }
}
