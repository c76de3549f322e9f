//! The log: one line an event, on standard error.

use std::io;

use tracing_subscriber::EnvFilter;

/// What is logged unless told otherwise.
pub(crate) const DEFAULT: &str = "info";
/// What a filter looks like, for messages.
pub(crate) const EXPECTED: &str = "\"error\", \"warn\", \"info\", \"debug\", \"trace\", \"off\", or a filter such as \
                                   \"info,rtsp_server=debug\"";

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Whether a text is a level or a filter. A single word is a level: one that is none would be taken for a module.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text));
    let is_filter = text.contains(['=', ',']) && EnvFilter::builder().parse(text).is_ok();
    if is_level || is_filter {
        return Ok(());
    }
    Err(format!("expected {EXPECTED}, found {text:?}"))
}

/// Starts the log; `filter` was checked.
pub(crate) fn start(filter: &str) {
    let filter = EnvFilter::builder().parse_lossy(filter);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours(&io::stderr()))
        .with_writer(io::stderr)
        .init();
}

/// Whether colours are wanted there (<https://no-color.org>).
pub(crate) fn colours(stream: &impl io::IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_filters() {
        for text in [
            "warn",
            "INFO",
            "off",
            "info,rtsp_server=debug",
            "rtsp_server=trace",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in ["", "loud", "rtsp_server", "rtsp_server=loud", "info,=", "3"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
