//! How a test says which rows of the table it proves.
//!
//! - **By name**: `r2_trans_04_05_unknown_parameters` is R2-TRANS-04 and R2-TRANS-05. The words of a name stand between underscores. A group
//!   is `r1` or `r2`, an area in letters, and one number of two digits or more of them; a name may hold several groups anywhere
//!   (`r2_time_01_r1_time_01_npt`). A number that is no row's must not stand right after a group.
//! - **By case**: a string `"R2-MSG-04"` in the body of the test, or in a `const` or `static` of the same file whose name the body holds.
//!   More text may stand in the string.
//! - **By doc comment**: a line of the test's doc comment that begins with ids, `/// R2-SDP-01, R2-SDP-03: the whole answer.`
//!
//! Other comments prove nothing.

/// The ids in the name of a test.
pub(super) fn in_name(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split('_').collect();
    let mut ids = Vec::new();
    let mut at = 0;
    while at + 2 < words.len() {
        let (rfc, area) = (words[at], words[at + 1]);
        let group = matches!(rfc, "r1" | "r2")
            && !area.is_empty()
            && area.bytes().all(|letter| letter.is_ascii_lowercase());
        if !group {
            at += 1;
            continue;
        }
        at += 2;
        while at < words.len() && is_number(words[at]) {
            ids.push(format!("{rfc}-{area}-{}", words[at]).to_uppercase());
            at += 1;
        }
    }
    ids
}

/// The ids in a string.
pub(super) fn in_text(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
        .filter(|word| is_id(word))
        .map(str::to_owned)
        .collect()
}

/// The ids that a line of a doc comment begins with.
pub(super) fn in_doc(line: &str) -> Vec<String> {
    line.split([' ', ','])
        .filter(|word| !word.is_empty())
        .map_while(|word| {
            let word = word.trim_end_matches([':', '.', ';']);
            is_id(word).then(|| word.to_owned())
        })
        .collect()
}

/// Whether a word is spelt as an id: `R2-MSG-04`.
pub(super) fn is_id(word: &str) -> bool {
    let mut parts = word.split('-');
    let (Some(rfc), Some(area), Some(number), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    matches!(rfc, "R1" | "R2")
        && !area.is_empty()
        && area.bytes().all(|letter| letter.is_ascii_uppercase())
        && is_number(number)
}

fn is_number(word: &str) -> bool {
    word.len() == 2 && word.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_groups() {
        let cases: &[(&str, &[&str])] = &[
            ("r2_trans_04_unknown", &["R2-TRANS-04"]),
            ("r2_trans_04", &["R2-TRANS-04"]),
            (
                "r2_hdr_12_14_r1_hdr_11_numbers",
                &["R2-HDR-12", "R2-HDR-14", "R1-HDR-11"],
            ),
            ("quirk_15_r1_trans_08_modes", &["R1-TRANS-08"]),
            ("r1_trans_08_quirk_15_modes", &["R1-TRANS-08"]),
            ("r2_sip_99", &["R2-SIP-99"]),
            ("r2_d2_04", &[]),
            ("r3_msg_04", &[]),
            ("r2_msg_4_004", &[]),
            ("r2_answers_come", &[]),
            ("r2_r2_msg_04", &["R2-MSG-04"]),
            ("r2_msg", &[]),
            ("", &[]),
        ];
        for (name, ids) in cases {
            assert_eq!(in_name(name), *ids, "{name}");
        }
    }

    #[test]
    fn strings_hold_ids_as_words() {
        assert_eq!(
            in_text("R2-SESS-03, R1-SID-05: both"),
            ["R2-SESS-03", "R1-SID-05"]
        );
        assert_eq!(in_text("(R2-SESS-03)"), ["R2-SESS-03"]);
        for none in [
            "XR2-SESS-03",
            "R2-SESS-030",
            "R2-SESS-3",
            "r2-sess-03",
            "R2-SESS-03-1",
            "R3-SESS-03",
            "R2--03",
        ] {
            assert_eq!(in_text(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn a_doc_line_begins_with_its_ids() {
        assert_eq!(
            in_doc(" R2-SDP-01, R2-SDP-03: the whole answer, unlike R2-SDP-04"),
            ["R2-SDP-01", "R2-SDP-03"]
        );
        assert_eq!(in_doc(" See R2-SDP-01."), [""; 0]);
    }
}
