use std::ffi::OsString;
use std::path::PathBuf;

/// What a file has to end in to be served.
const EXTENSIONS: [&[u8]; 4] = [b"mp4", b"m4v", b"mov", b"m4a"];

/// Why a URL path names no file that could be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    /// A `%` is not followed by two hexadecimal digits, or the name is not UTF-8.
    #[error("not a percent-encoded name")]
    Encoding,
    /// A part of the path is empty, `.`, `..` or hidden, or holds a separator or a control character.
    #[error("not a name within the folder")]
    Forbidden,
    /// The name does not end as the name of an MP4 file does.
    #[error("neither .mp4, .m4v, .mov nor .m4a")]
    Extension,
}

/// The path within the folder that a URL path names, decoded once.
///
/// It is split at its slashes before it is decoded, so that an encoded slash separates nothing; it is refused.
pub(super) fn parse(path: &str) -> Result<PathBuf, NameError> {
    let mut out = PathBuf::new();
    let path = path.strip_prefix('/').unwrap_or(path);
    for part in path.split('/') {
        let part = decode(part.as_bytes())?;
        let forbidden = |&byte: &u8| {
            byte < 0x20 || matches!(byte, b'/' | b'\\' | 0x7f) || (cfg!(windows) && byte == b':')
        };
        // Hidden files, and with them `.` and `..`.
        if part.is_empty() || part.starts_with(b".") || part.iter().any(forbidden) {
            return Err(NameError::Forbidden);
        }
        out.push(os_string(part)?);
    }
    let extension = out
        .extension()
        .map(|extension| extension.as_encoded_bytes().to_ascii_lowercase());
    match extension {
        Some(extension) if EXTENSIONS.contains(&&*extension) => Ok(out),
        _ => Err(NameError::Extension),
    }
}

fn decode(part: &[u8]) -> Result<Vec<u8>, NameError> {
    let mut out = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (digits, tail) = rest.split_first_chunk::<2>().ok_or(NameError::Encoding)?;
        let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
        let (high, low) = high.zip(low).ok_or(NameError::Encoding)?;
        // Two hexadecimal digits are a byte.
        out.push((high << 4 | low) as u8);
        rest = tail;
    }
    Ok(out)
}

#[cfg(unix)]
fn os_string(part: Vec<u8>) -> Result<OsString, NameError> {
    Ok(std::os::unix::ffi::OsStringExt::from_vec(part))
}

#[cfg(not(unix))]
fn os_string(part: Vec<u8>) -> Result<OsString, NameError> {
    String::from_utf8(part)
        .map(OsString::from)
        .map_err(|_| NameError::Encoding)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_decoded_once() {
        assert_eq!(
            parse("/films/a%20b.mp4").unwrap(),
            Path::new("films/a b.mp4")
        );
        assert_eq!(parse("A%2525.MOV").unwrap(), Path::new("A%25.MOV"));
        assert_eq!(parse("%C3%A4.m4a").unwrap(), Path::new("ä.m4a"));
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        for path in [
            "",
            "/",
            "../a.mp4",
            "a/../b.mp4",
            "%2e%2e/a.mp4",
            ".%2E/a.mp4",
            "a/./b.mp4",
            "//a.mp4",
            "a//b.mp4",
            "%2fetc/a.mp4",
            "..%2fa.mp4",
            "a%5cb.mp4",
            "..\\a.mp4",
            "a%00.mp4",
            "a.mp4%00.txt",
            ".hidden.mp4",
            "a\n.mp4",
        ] {
            assert_eq!(parse(path), Err(NameError::Forbidden), "{path}");
        }
        for path in ["a", "passwd", "a.mp4/", "mp4", "a.mp4.txt", "a.mkv"] {
            assert!(parse(path).is_err(), "{path}");
        }
        for path in ["%", "%2", "%zz.mp4", "a%+1.mp4"] {
            assert_eq!(parse(path), Err(NameError::Encoding), "{path}");
        }
    }
}
