//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};
use rtsp_server::{Access, DEFAULT_TLS_PORT, Srtp, Start, UdpPorts};

use crate::{listen, logging, settings};

const MORE: &str = "\
Without options it listens on this machine only, port 8554, and serves a built-in clip at /demo.
What the command line says comes before what the configuration file says.

Examples:
  rtsp-server
      the demo; programs of this machine may publish
  rtsp-server --listen '*:8554' --users users.txt
      reachable from everywhere; the users of the file may publish
  rtsp-server --files /srv/films
      each MP4 file there at rtsp://127.0.0.1:8554/files/NAME.mp4
  rtsp-server --config server.toml --check
      is the configuration right?

The first Ctrl-C or SIGTERM lets readers go, each with the reason, and ends the server when they are told; with
--redirect-to they are sent to another server, and have some seconds to answer.

Exit status:
  0    ended by Ctrl-C or SIGTERM, or --check found nothing wrong
  1    it could not start
  2    the command line or the configuration is wrong
  130  ended at once by a second Ctrl-C (143: SIGTERM)";

/// An RTSP server: publish to it, read from it, play files, pull from cameras.
#[derive(Debug, Parser)]
#[command(name = "rtsp-server", version, max_term_width = 100, after_help = MORE)]
pub(crate) struct Arguments {
    /// Where to listen, repeatable: localhost, 0.0.0.0:8554, [::1]:8554, camera.example:554,
    /// :9000 (this machine only), *:8554 (every interface)
    #[arg(long, value_name = "HOST:PORT", value_parser = Listen::parse)]
    pub(crate) listen: Vec<Listen>,

    /// Speak TLS (rtsps): self-signed makes a certificate at each start, of which the fingerprint is printed; with --tls-cert
    /// and --tls-key it is made once and kept there. Without it give those two. Where TLS is not alone it is told by its first byte
    #[arg(long, value_name = "HOW")]
    pub(crate) tls: Option<TlsHow>,

    /// The certificate for TLS, and what leads from it to an authority, in PEM; taken again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Its private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Where to listen for TLS alone, repeatable [default: the hosts of --listen, port 8322]
    #[arg(long, value_name = "HOST:PORT", value_parser = Listen::parse_tls)]
    pub(crate) tls_listen: Vec<Listen>,

    /// Serve the MP4 files of this directory at /files/NAME.mp4
    #[arg(long, value_name = "DIR")]
    pub(crate) files: Option<PathBuf>,

    /// Do not serve the built-in clip
    #[arg(long)]
    pub(crate) no_demo: bool,

    /// Who may publish: everybody, the users, nobody; guarded is everybody while listening on loopback only, else
    /// the users [default: guarded]
    #[arg(long, value_name = "WHO")]
    pub(crate) publish: Option<Who>,

    /// Who may read [default: open]
    #[arg(long, value_name = "WHO")]
    pub(crate) read: Option<Who>,

    /// The users, one NAME:PASSWORD a line; a password may be its hash, see --hash-password. There is no option for a password itself: command lines can be seen
    /// by everybody on the machine
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,

    /// Where readers of a live stream start: at the newest key frame, or with the next packet
    /// [default: key-frame]
    #[arg(long, value_name = "WHERE")]
    pub(crate) start: Option<StartAt>,

    /// Encrypt media on its own (SRTP), its keys told over RTSP, in RTSP/2.0 exchanged by RSA: over-tls where that is TLS,
    /// forced everywhere
    #[arg(long, value_name = "WHERE")]
    pub(crate) srtp: Option<Sealed>,

    /// UDP ports for media, such as 50000-50099; auto takes any that are free [default: auto]
    #[arg(long, value_name = "FIRST-LAST", value_parser = parse_ports)]
    pub(crate) udp_ports: Option<UdpPorts>,

    /// Threads that serve connections; 0 is one for each core [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=255))]
    pub(crate) threads: Option<u16>,

    /// Do not use io_uring: a call for each connection. What is used is said at the start
    #[arg(long)]
    pub(crate) no_io_uring: bool,

    /// Where to send readers when a signal ends the server: to the same paths there, by REDIRECT. Without it they are told
    /// that their sessions end
    #[arg(long, value_name = "URL", value_parser = settings::values::target)]
    pub(crate) redirect_to: Option<String>,

    /// What to log to standard error: error, warn, info, debug, trace, off, or a filter such as
    /// info,rtsp_server=debug [default: info]
    #[arg(long, value_name = "LEVEL", value_parser = parse_log)]
    pub(crate) log: Option<String>,

    /// Read a configuration file; rtsp-server.example.toml explains all that can be in it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Read a password from standard input, write its Argon2id hash, to be put in place of the password, and end
    #[arg(long)]
    pub(crate) hash_password: bool,

    /// Check the command line and the configuration file, and do not start
    #[arg(long)]
    pub(crate) check: bool,
}

/// What one `--listen` stands for.
#[derive(Clone, Debug)]
pub(crate) struct Listen(pub(crate) Vec<SocketAddr>);

impl Listen {
    fn parse(text: &str) -> Result<Self, String> {
        listen::resolve(text).map(Self)
    }

    fn parse_tls(text: &str) -> Result<Self, String> {
        listen::resolve_with(text, DEFAULT_TLS_PORT).map(Self)
    }
}

/// What `--tls` can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsHow {
    SelfSigned,
}

/// [`Access`] as the command line spells it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Who {
    Open,
    Users,
    Closed,
    Guarded,
}

impl Who {
    pub(crate) fn access(self) -> Access {
        match self {
            Self::Open => Access::Open,
            Self::Users => Access::Users,
            Self::Closed => Access::Closed,
            Self::Guarded => Access::Guarded,
        }
    }
}

/// [`Srtp`] as the command line spells it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Sealed {
    Off,
    OverTls,
    Forced,
}

impl Sealed {
    pub(crate) fn srtp(self) -> Srtp {
        match self {
            Self::Off => Srtp::Off,
            Self::OverTls => Srtp::OverTls,
            Self::Forced => Srtp::Forced,
        }
    }
}

/// [`Start`] as the command line spells it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum StartAt {
    KeyFrame,
    Live,
}

impl StartAt {
    pub(crate) fn start(self) -> Start {
        match self {
            Self::KeyFrame => Start::KeyFrame,
            Self::Live => Start::Live,
        }
    }
}

fn parse_ports(text: &str) -> Result<UdpPorts, String> {
    if text == "auto" {
        return Ok(UdpPorts::Ephemeral);
    }
    let range = text.split_once('-').and_then(|(first, last)| {
        settings::values::ports(first.trim().parse().ok()?, last.trim().parse().ok()?)
    });
    let (first, last) = range.ok_or_else(|| format!("expected {}", settings::values::PORTS))?;
    Ok(UdpPorts::Range(first, last))
}

fn parse_log(text: &str) -> Result<String, String> {
    logging::check(text).map(|()| text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn wrong_values_are_told_with_what_was_expected() {
        for (arguments, expected) in [
            (["--listen", "nowhere:x"], "expected HOST"),
            (
                ["--publish", "anyone"],
                "possible values: open, users, closed, guarded",
            ),
            (["--udp-ports", "90-80"], "first and the last port"),
            (["--threads", "256"], "0..=255"),
            (["--redirect-to", "elsewhere"], "expected another server"),
            (["--log", "loud"], "expected \"error\""),
        ] {
            let all = [&["rtsp-server"][..], &arguments].concat();
            let error = Arguments::try_parse_from(all).unwrap_err().to_string();
            assert!(error.contains(expected), "{arguments:?}: {error}");
        }
    }
}
