//! `RTP-Info`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::lex;
use crate::header_name::HeaderName;
use crate::leniency::{Deviation, Tolerance};
use crate::typed::{Header, HeaderError, HeaderErrorKind};

const NAME: &str = "RTP-Info";

/// Where each stream starts after a PLAY (RFC 7826 §18.45, RFC 2326 §12.33).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RtpInfo(pub Vec<RtpInfoEntry>);

/// The start of one RTP stream.
///
/// With an SSRC it is written in the grammar of 2.0, without one in that of 1.0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RtpInfoEntry {
    /// The URI of its SETUP, as it was sent: absolute or relative.
    pub url: String,
    /// The SSRC; 2.0 needs it.
    pub ssrc: Option<u32>,
    /// Sequence number of the first packet that the request yields.
    pub seq: Option<u16>,
    /// RTP timestamp that corresponds to the start of `Range`.
    pub rtptime: Option<u32>,
}

impl Header for RtpInfo {
    fn name() -> HeaderName {
        HeaderName::RtpInfo
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let mut entries = Vec::new();
        for line in values {
            for entry in entries_of(line) {
                if entries.len() >= lex::MAX_ELEMENTS {
                    return Err(lex::error(NAME, HeaderErrorKind::TooMany));
                }
                match entry {
                    "" if tolerance.allow(Deviation::EmptyElements) => {}
                    "" => return Err(lex::error(NAME, HeaderErrorKind::Syntax)),
                    entry => decode_entry(entry, tolerance, &mut entries)
                        .map_err(|kind| lex::error(NAME, kind))?,
                }
            }
        }
        Ok(Self(entries))
    }

    fn encode(&self, out: &mut String) {
        let mut before: Option<&str> = None;
        for entry in &self.0 {
            let Some(ssrc) = entry.ssrc else {
                encode_v1(entry, before.is_some(), out);
                before = Some("");
                continue;
            };
            if before != Some(&entry.url) {
                out.push_str(if before.is_some() { ", url=" } else { "url=" });
                lex::quote(&entry.url, out);
            }
            encode_ssrc(entry, ssrc, out);
            before = Some(&entry.url);
        }
    }
}

fn encode_v1(entry: &RtpInfoEntry, follows: bool, out: &mut String) {
    out.push_str(if follows { ",url=" } else { "url=" });
    if stands_bare(&entry.url) {
        out.push_str(&entry.url);
    } else {
        lex::quote(&entry.url, out);
    }
    if let Some(seq) = entry.seq {
        let _ = write!(out, ";seq={seq}");
    }
    if let Some(rtptime) = entry.rtptime {
        let _ = write!(out, ";rtptime={rtptime}");
    }
}

/// Whether a URL is read again as it is without quotes, which 1.0 does not know. Those that came in quotes may not.
fn stands_bare(url: &str) -> bool {
    let is_parameter = |part: &str| {
        let name = lex::pair(part.trim()).0;
        name.is_empty() || name.eq_ignore_ascii_case("seq") || name.eq_ignore_ascii_case("rtptime")
    };
    let ends_entry = |after: &str| {
        let after = after.trim_start();
        after.is_empty() || after.starts_with(',') || starts_with_name(after, "url")
    };
    let mut commas = url.match_indices(',');
    url.trim() == url
        && !url.contains(['"', '\\'])
        && !url.split(';').skip(1).any(is_parameter)
        && !commas.any(|(at, _)| ends_entry(url.get(at.saturating_add(1)..).unwrap_or("")))
}

fn encode_ssrc(entry: &RtpInfoEntry, ssrc: u32, out: &mut String) {
    let _ = write!(out, " ssrc={ssrc:08X}");
    let mut separator = ':';
    if let Some(seq) = entry.seq {
        let _ = write!(out, "{separator}seq={seq}");
        separator = ';';
    }
    if let Some(rtptime) = entry.rtptime {
        let _ = write!(out, "{separator}rtptime={rtptime}");
        separator = ';';
    }
    // The grammar wants a parameter; an empty extension says nothing.
    if separator == ':' {
        out.push_str(":unknown");
    }
}

/// Splits at commas that separate entries: outside quotes and before `url=`, because URLs of 1.0 stand bare and may
/// hold commas.
fn entries_of(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    let mut scanner = lex::Scanner::default();
    core::iter::from_fn(move || {
        let text = rest?;
        let mut from = 0usize;
        let end = loop {
            let Some(at) = text.get(from..).and_then(|tail| scanner.find(tail, b',')) else {
                break None;
            };
            let at = from.saturating_add(at);
            let after = text.get(at.saturating_add(1)..).unwrap_or("").trim_start();
            if after.is_empty() || after.starts_with(',') || starts_with_name(after, "url") {
                break Some(at);
            }
            from = at.saturating_add(1);
        };
        rest = end.and_then(|at| text.get(at.saturating_add(1)..));
        Some(end.map_or(text, |at| text.get(..at).unwrap_or("")).trim())
    })
}

/// Whether `text` begins with `name` and an equal sign.
fn starts_with_name(text: &str, name: &str) -> bool {
    let (start, rest) = text.split_at_checked(name.len()).unwrap_or(("", ""));
    start.eq_ignore_ascii_case(name) && rest.trim_start().starts_with('=')
}

fn decode_entry(
    text: &str,
    tolerance: &mut Tolerance<'_>,
    out: &mut Vec<RtpInfoEntry>,
) -> Result<(), HeaderErrorKind> {
    if !starts_with_name(text, "url") {
        return decode_v1(text, tolerance, out);
    }
    let value = lex::pair(text).1.unwrap_or("");
    let quoted = if value.starts_with('"') {
        lex::quoted_len(value.as_bytes())
    } else {
        None
    };
    let rest = quoted.and_then(|end| value.get(end..)).map(str::trim_start);
    let (Some(end), Some(rest)) = (quoted, rest.filter(|rest| starts_with_name(rest, "ssrc")))
    else {
        return decode_v1(text, tolerance, out);
    };
    let url = value
        .get(..end)
        .and_then(lex::unquote)
        .ok_or(HeaderErrorKind::Quote)?;
    for (count, stream) in rest.split_ascii_whitespace().enumerate() {
        if count >= lex::MAX_ELEMENTS {
            return Err(HeaderErrorKind::TooMany);
        }
        let (ssrc, parameters) = stream.split_once(':').unwrap_or((stream, ""));
        let ssrc = lex::pair(ssrc)
            .1
            .filter(|ssrc| ssrc.len() == 8 && ssrc.bytes().all(|b| b.is_ascii_hexdigit()));
        let ssrc = ssrc
            .and_then(|ssrc| u32::from_str_radix(ssrc, 16).ok())
            .ok_or(HeaderErrorKind::Number)?;
        let mut entry = RtpInfoEntry {
            url: String::from(&*url),
            ssrc: Some(ssrc),
            ..RtpInfoEntry::default()
        };
        for parameter in parameters.split(';') {
            decode_parameter(&mut entry, parameter, tolerance)?;
        }
        out.push(entry);
    }
    Ok(())
}

/// `url=…;seq=…;rtptime=…` in any order; what is no parameter behind the URL belongs to it.
fn decode_v1(
    text: &str,
    tolerance: &mut Tolerance<'_>,
    out: &mut Vec<RtpInfoEntry>,
) -> Result<(), HeaderErrorKind> {
    let mut entry = RtpInfoEntry::default();
    let mut has_url = false;
    for part in lex::split(text, b';') {
        if !has_url && starts_with_name(part, "url") {
            has_url = true;
            let url = lex::pair(part).1.unwrap_or("");
            entry.url = lex::unquote(url)
                .ok_or(HeaderErrorKind::Quote)?
                .into_owned();
        } else if !decode_parameter(&mut entry, part, tolerance)? && has_url && !part.is_empty() {
            entry.url.push(';');
            entry.url.push_str(part);
        } else if part.is_empty() && !tolerance.allow(Deviation::EmptyElements) {
            return Err(HeaderErrorKind::Syntax);
        }
    }
    if !has_url || entry.url.is_empty() {
        return Err(HeaderErrorKind::Syntax);
    }
    if entry.url.contains('"') {
        // No URI has one (RFC 3986), and what follows a single one could be read otherwise elsewhere.
        return Err(HeaderErrorKind::Quote);
    }
    out.push(entry);
    Ok(())
}

/// Whether it is a parameter at all.
fn decode_parameter(
    entry: &mut RtpInfoEntry,
    text: &str,
    tolerance: &mut Tolerance<'_>,
) -> Result<bool, HeaderErrorKind> {
    let (name, Some(value)) = lex::pair(text.trim()) else {
        return Ok(false);
    };
    let readable = if name.eq_ignore_ascii_case("seq") {
        entry.seq = lex::number(value, 5);
        entry.seq.is_some()
    } else if name.eq_ignore_ascii_case("rtptime") {
        entry.rtptime = lex::number(value, 10);
        entry.rtptime.is_some()
    } else {
        return Ok(false);
    };
    if readable || tolerance.allow(Deviation::RtpInfoNumbers) {
        Ok(true)
    } else {
        Err(HeaderErrorKind::Number)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::lex::tests::{decode, decode_lines, decode_strict, encoded};
    use super::*;

    fn entry(url: &str, ssrc: Option<u32>, seq: Option<u16>, rtptime: Option<u32>) -> RtpInfoEntry {
        RtpInfoEntry {
            url: url.into(),
            ssrc,
            seq,
            rtptime,
        }
    }

    #[test]
    fn urls_that_cannot_stand_bare_are_quoted() {
        for url in [
            "rtsp://h/a;seq=7",
            "rtsp://h/a;;b",
            "rtsp://h/a;",
            "a,",
            "a,url=b",
            "a\\b",
        ] {
            let info = RtpInfo(vec![
                entry(url, None, Some(1), Some(2)),
                entry("b", None, Some(3), None),
            ]);
            assert_eq!(decode_strict(&encoded(&info)), Ok(info), "{url}");
        }
    }

    fn cases() -> Vec<(&'static str, RtpInfo)> {
        vec![
            (
                "url=rtsp://foo.com/bar.avi/streamid=0;seq=45102,url=rtsp://foo.com/bar.avi/streamid=1;seq=30211;rtptime=7",
                RtpInfo(vec![
                    entry("rtsp://foo.com/bar.avi/streamid=0", None, Some(45102), None),
                    entry(
                        "rtsp://foo.com/bar.avi/streamid=1",
                        None,
                        Some(30211),
                        Some(7),
                    ),
                ]),
            ),
            (
                "url=\"rtsp://example.com/foo/audio\" ssrc=0A13C760:seq=45102;rtptime=12345678, url=\"rtsp://example.com/foo/video\" ssrc=9A9DE123:seq=30211;rtptime=29567112",
                RtpInfo(vec![
                    entry(
                        "rtsp://example.com/foo/audio",
                        Some(0x0A13_C760),
                        Some(45102),
                        Some(12_345_678),
                    ),
                    entry(
                        "rtsp://example.com/foo/video",
                        Some(0x9A9D_E123),
                        Some(30211),
                        Some(29_567_112),
                    ),
                ]),
            ),
            (
                "url=\"a\" ssrc=00000001:rtptime=4294967295 ssrc=00000002:seq=0",
                RtpInfo(vec![
                    entry("a", Some(1), None, Some(u32::MAX)),
                    entry("a", Some(2), Some(0), None),
                ]),
            ),
        ]
    }

    #[test]
    fn r2_rtpi_07_both_grammars_round_trip() {
        for (text, value) in cases() {
            assert_eq!(
                decode_strict::<RtpInfo>(text).as_ref(),
                Ok(&value),
                "{text}"
            );
            assert_eq!(encoded(&value), text);
        }
    }

    #[test]
    fn r2_rtpi_03_an_entry_without_numbers_has_its_ssrc() {
        let value = RtpInfo(vec![entry("a", Some(1), None, None)]);
        assert_eq!(decode_strict::<RtpInfo>(&encoded(&value)), Ok(value));
    }

    #[test]
    fn r1_hdr_17_bare_urls_hold_separators() {
        for (text, url) in [
            (
                "url=rtsp://h/s;streamid=0;seq=1;rtptime=2",
                "rtsp://h/s;streamid=0",
            ),
            (
                "url=rtsp://h/s?a=1,b=2;seq=1;rtptime=2",
                "rtsp://h/s?a=1,b=2",
            ),
            ("seq=1;rtptime=2;url=rtsp://h/s", "rtsp://h/s"),
            ("URL = rtsp://h/s ; SEQ = 1 ; rtptime = 2", "rtsp://h/s"),
            ("url=\"rtsp://h/s\";seq=1;rtptime=2", "rtsp://h/s"),
        ] {
            assert_eq!(
                decode::<RtpInfo>(text),
                Ok(RtpInfo(vec![entry(url, None, Some(1), Some(2))])),
                "{text}"
            );
        }
    }

    #[test]
    fn quirk_33_what_cameras_send() {
        for (text, seq, rtptime) in [
            ("url=a;seq=1;rtptime=2;", Some(1), Some(2)),
            ("url=a;seq=1;rtptime=2,", Some(1), Some(2)),
            ("url=a;seq=0;rtptime=-5", Some(0), None),
            ("url=a;seq=65536;rtptime=4294967296", None, None),
            ("url=a;seq=;rtptime=", None, None),
            ("url=a", None, None),
        ] {
            assert_eq!(
                decode::<RtpInfo>(text),
                Ok(RtpInfo(vec![entry("a", None, seq, rtptime)])),
                "{text}"
            );
        }
        for text in [
            "url=a;seq=1;",
            "url=a;rtptime=-5",
            "url=a;seq=65536",
            "url=a,",
        ] {
            assert!(decode_strict::<RtpInfo>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_and_emptiness_is_not() {
        for text in [
            "seq=1",
            "x",
            "url=",
            "url=\"a",
            "url=\"a\" ssrc=1:seq=1",
            "url=\"a\" ssrc=+0000001",
        ] {
            assert!(decode::<RtpInfo>(text).is_err(), "{text}");
        }
        assert_eq!(decode::<RtpInfo>(""), Ok(RtpInfo(vec![])));
        assert_eq!(
            decode::<RtpInfo>(&"url=a,".repeat(300)).unwrap_err().kind,
            HeaderErrorKind::TooMany
        );
        assert!(decode::<RtpInfo>(&",x".repeat(50_000)).is_err());
        let lines = decode_lines::<RtpInfo>(&["url=a;seq=1", "url=b;seq=2"]).unwrap();
        assert_eq!(lines.0.len(), 2);
    }
}
