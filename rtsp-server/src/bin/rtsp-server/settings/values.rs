//! Sizes, durations and ranges of ports as people write them.

use std::time::Duration;

use rtsp_msg::{Scheme, Uri};

/// What a size looks like, for messages.
pub(super) const SIZE: &str = "a size such as 33554432 or \"32 MiB\"";
/// What a duration looks like, for messages.
pub(super) const DURATION: &str =
    "a duration such as \"60s\", \"500ms\", \"2m\" or a number of seconds";
/// What a range of ports looks like, for messages.
pub(crate) const PORTS: &str =
    "\"auto\" or the first and the last port, two or more apart from 1024 to 65535";

/// What another server looks like, for messages.
pub(crate) const TARGET: &str = "another server, such as \"rtsp://other.example:8554\"";

/// Longest duration that is taken: a year.
pub(super) const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 3600);

const SIZES: [(&str, u64); 8] = [
    ("", 1),
    ("B", 1),
    ("kB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

const DURATIONS: [(&str, u64); 7] = [
    ("", 1000),
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Bytes, from `4096`, `32 MiB` and the like.
pub(super) fn size(text: &str) -> Option<usize> {
    usize::try_from(with_unit(text, &SIZES)?).ok()
}

/// From `60`, `60s`, `500ms` and the like; at most a year.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let duration = Duration::from_millis(with_unit(text, &DURATIONS)?);
    (duration <= MAX_DURATION).then_some(duration)
}

/// A number, and how many of its units make one of what is asked for. Letter case is that of the unit, or ignored
/// where it makes no difference.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '_')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.replace('_', "").parse().ok()?;
    let unit = unit.trim_start();
    let (_, factor) = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*factor)
}

/// A range of ports that has room for a pair of an even port and the odd one above it.
pub(crate) fn ports(first: u16, last: u16) -> Option<(u16, u16)> {
    let even = first.checked_next_multiple_of(2)?;
    (first >= 1024 && last > even).then_some((first, last))
}

/// Another server: its URL, which is told to everybody, so that there is no password in it.
pub(crate) fn target(text: &str) -> Result<String, String> {
    match Uri::parse(text) {
        Ok(uri) if uri.userinfo().is_some() => {
            Err("a URL that peers are sent to has no user and no password".into())
        }
        Ok(uri) if matches!(uri.scheme(), Scheme::Rtsp | Scheme::Rtsps) => Ok(text.to_owned()),
        Ok(_) => Err(format!("expected {TARGET}")),
        Err(error) => Err(format!("expected {TARGET}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("1_000", 1000),
            ("32 MiB", 32 << 20),
            ("32MiB", 32 << 20),
            ("32 mib", 32 << 20),
            ("1kB", 1000),
            ("2 GB", 2_000_000_000),
            (" 7 B ", 7),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "MiB",
            "lots",
            "-1",
            "1.5 MiB",
            "1 M",
            "1 MiBs",
            "99999999999 GiB",
            "20000000000000000000",
        ] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, millis) in [
            ("60", 60_000),
            ("60s", 60_000),
            ("60 s", 60_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("2min", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in [
            "",
            "s",
            "soon",
            "-1s",
            "1.5s",
            "1 week",
            "1000d",
            "18446744073709551615h",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn other_servers() {
        for text in ["rtsp://other.example", "rtsp://[::1]:8554", "rtsp://h/all"] {
            assert_eq!(target(text).as_deref(), Ok(text));
        }
        for text in ["", "other.example:8554", "http://h", "rtsp://"] {
            assert!(
                target(text).is_err_and(|what| what.contains(TARGET)),
                "{text}"
            );
        }
        let secret = target("rtsp://ann:hunter2@h").expect_err("a password");
        assert!(!secret.contains("hunter2"));
    }

    #[test]
    fn ranges_of_ports_have_room_for_a_pair() {
        assert_eq!(ports(5000, 5001), Some((5000, 5001)));
        assert_eq!(ports(5001, 5003), Some((5001, 5003)));
        assert_eq!(ports(5001, 5002), None, "no even port with one above it");
        assert_eq!(ports(6000, 5000), None);
        assert_eq!(ports(80, 90), None);
        assert_eq!(ports(65535, 65535), None);
    }
}
