//! What went wrong, for people: what happened, where, and what to do.

use std::fmt;

/// The exit status when a command could not do its work.
pub(crate) const TROUBLE: u8 = 2;

/// Why a command ends without having done its work.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(what: impl fmt::Display, hint: Option<&str>) -> Self {
        Self {
            what: what.to_string(),
            hint: hint.map(str::to_owned),
        }
    }

    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    pub(crate) fn print(&self) {
        eprintln!("error: {}", self.what);
        if let Some(hint) = &self.hint {
            eprintln!("       {hint}");
        }
    }
}

impl From<rtsp_client::Error> for Failure {
    fn from(error: rtsp_client::Error) -> Self {
        let hint = match error.kind() {
            rtsp_client::ErrorKind::Unauthorized => {
                Some("Give --user and --password, or set RTSP_USER and RTSP_PASSWORD.")
            }
            rtsp_client::ErrorKind::Transport => {
                Some("Try another one: --transport udp, tcp, http or ws.")
            }
            _ => error.hint(),
        };
        Self::new(&error, hint)
    }
}
