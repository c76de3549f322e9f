//! Names that say nothing, and names that say the wrong thing.

use super::{Breach, Source};

/// Words that are true of everything.
const EMPTY: &[&str] = &[
    "data", "info", "manager", "helper", "helpers", "util", "utils", "common", "misc",
];

/// Names that an RFC gives, in words: they may be a part of others.
const GIVEN: &[(&[&str], &str)] = &[
    (&["rtp", "info"], "RTP-Info, RFC 7826 §18.45"),
    (
        &["authentication", "info"],
        "Authentication-Info, RFC 7826 §18.7",
    ),
    (&["sender", "info"], "sender information, RFC 3550 §6.4.1"),
];

pub(super) fn check(source: &Source) -> Vec<Breach> {
    if !source.is_rust() {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    breaches.extend(judge(source.stem(), source).map(|rule| Breach::new(&source.path, rule)));
    for (number, line) in source.text.lines().enumerate() {
        let line = line.trim_start();
        if let Some(rule) = definition(line).and_then(|name| judge(name, source)) {
            breaches.push(Breach::at(source, number + 1, rule));
        }
        if let Some(name) = function(line).filter(|name| name.starts_with("get_")) {
            breaches.push(Breach::at(
                source,
                number + 1,
                format!("{name}: a getter is named by what it gets"),
            ));
        }
    }
    breaches
}

fn judge(name: &str, source: &Source) -> Option<String> {
    let words = words(name);
    if GIVEN
        .iter()
        .any(|(given, _)| words.windows(given.len()).any(|window| window == *given))
    {
        return None;
    }
    if let Some(word) = words.iter().find(|word| EMPTY.contains(&word.as_str())) {
        return Some(format!("{name}: \"{word}\" says nothing; name what it is"));
    }
    let in_server = source.krate() == "rtsp-server" && source.path.contains("/src/");
    // The crate of that name is a word of its own.
    (in_server && words.iter().any(|word| word == "client"))
        .then(|| format!("{name}: inside the server a peer is a publisher, a reader or a peer"))
}

/// The module or type that a line defines.
fn definition(line: &str) -> Option<&str> {
    let line = without_visibility(line);
    let rest = ["mod ", "struct ", "enum ", "trait ", "union ", "type "]
        .iter()
        .find_map(|word| line.strip_prefix(word))?;
    identifier(rest)
}

fn function(line: &str) -> Option<&str> {
    let line = without_visibility(line);
    let line = ["const ", "async ", "unsafe "]
        .iter()
        .fold(line, |line, word| line.strip_prefix(word).unwrap_or(line));
    identifier(line.strip_prefix("fn ")?)
}

fn without_visibility(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else {
        return line;
    };
    let rest = if rest.starts_with('(') {
        rest.split_once(')').map_or(rest, |(_, rest)| rest)
    } else {
        rest
    };
    rest.trim_start()
}

fn identifier(text: &str) -> Option<&str> {
    let end = text
        .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

/// The words of a name in snake or camel case, in small letters.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for letter in name.chars() {
        if letter == '_' || (letter.is_uppercase() && small) {
            words.push(String::new());
        }
        small = letter.is_lowercase() || letter.is_ascii_digit();
        if letter != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::super::case::source;
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&source(path, text)).len()
    }

    #[test]
    fn names_are_cut_into_words() {
        assert_eq!(words("SessionManager"), ["session", "manager"]);
        assert_eq!(words("rtp_info"), ["rtp", "info"]);
        assert_eq!(words("H264Data"), ["h264", "data"]);
        assert_eq!(words("Database"), ["database"]);
    }

    #[test]
    fn empty_names_are_found() {
        assert_eq!(count("rtcp/src/utils.rs", ""), 1);
        for bad in [
            "pub struct FrameData {",
            "pub(crate) enum Info {",
            "mod helpers;",
            "type StreamData = u8;",
            "trait SessionManager {}",
        ] {
            assert_eq!(count("rtcp/src/a.rs", bad), 1, "{bad}");
        }
        for fine in [
            "pub struct RtpInfo {",
            "struct Metadata;",
            "let data = 1;",
            "fn data() {}",
            "// struct Data",
            "mod interval;",
        ] {
            assert_eq!(count("rtcp/src/a.rs", fine), 0, "{fine}");
        }
    }

    #[test]
    fn a_peer_of_the_server_is_no_client() {
        assert_eq!(count("rtsp-server/src/a.rs", "struct ClientSession;"), 1);
        assert_eq!(count("rtsp-client/src/a.rs", "struct ClientSession;"), 0);
        assert_eq!(count("rtsp-server/src/a.rs", "use rtsp_client::Client;"), 0);
    }

    #[test]
    fn getters_are_named_by_what_they_get() {
        assert_eq!(
            count("rtcp/src/a.rs", "    pub const fn get_ssrc(&self) -> u32 {"),
            1
        );
        assert_eq!(count("rtcp/src/a.rs", "    pub fn ssrc(&self) -> u32 {"), 0);
        assert_eq!(
            count("rtcp/src/a.rs", "    async fn get_parameter(&self) {"),
            1
        );
    }
}
