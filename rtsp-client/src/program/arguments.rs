//! The command line.

use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use rtsp_client::Options;
use rtsp_client::SrtpPolicy;
use rtsp_client::TransportPolicy;
use rtsp_client::VersionPolicy;
use rtsp_client::io::tls::Fingerprint;
use rtsp_client::io::tls::Trust;
use rtsp_session::auth::Credentials;

use super::playback::Playback;

use super::load::BareSender;
use super::load::Load;

/// Looks at, records and publishes RTSP streams.
#[derive(Debug, Parser)]
#[command(name = "rtsp-client", version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args)]
pub(crate) struct Global {
    /// How media travel: auto tries UDP first, turns to TCP when that is refused or silent, and to a tunnel over HTTP when TCP does not
    /// get through; with rtsps, media that are not encrypted themselves go by TCP at once; http is RTSP within HTTP, ws within WebSocket, on the port of the URL, with TLS for rtsps; multicast joins the group that a live
    /// stream is sent to
    #[arg(long, global = true, value_enum, default_value_t = Transport::Auto)]
    transport: Transport,
    /// With --transport multicast: the address of the interface to join on [default: that by which the server is reached]
    #[arg(long, global = true, value_name = "ADDRESS")]
    multicast_interface: Option<IpAddr>,
    /// The version of RTSP to speak: auto asks for 2.0 and turns to 1.0 where that is not understood
    #[arg(long, global = true, value_enum, value_name = "VERSION", default_value_t = RtspVersion::V1)]
    rtsp_version: RtspVersion,
    /// What to log, on standard error: error, warn, info, debug, trace, or a filter such as rtsp_client=debug
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log: String,
    /// User name; better than in the URL, which other users of the machine may see
    #[arg(long, global = true, value_name = "NAME", env = "RTSP_USER")]
    user: Option<String>,
    /// Password; best given by the environment
    #[arg(
        long,
        global = true,
        value_name = "PASSWORD",
        env = "RTSP_PASSWORD",
        hide_env_values = true
    )]
    password: Option<String>,
    /// With rtsps: believe the authorities of this PEM file, instead of the system's; a self-signed certificate is its own
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "tls_pin", value_parser = authorities)]
    tls_ca: Option<Trust>,
    /// With rtsps: believe only the server whose certificate has this SHA-256 fingerprint
    #[arg(long, global = true, value_name = "FINGERPRINT")]
    tls_pin: Vec<Fingerprint>,
    /// Take and tell keys of SRTP without rtsps too: whoever reads them on the way reads the media
    #[arg(long, global = true)]
    srtp_in_clear: bool,
    /// How long to wait for the server, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    timeout: Duration,
}

impl std::fmt::Debug for Global {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Global").finish_non_exhaustive()
    }
}

impl Global {
    /// The same for the library.
    pub(crate) fn options(&self) -> Options {
        let mut options = Options::default();
        options.transport = self.policy();
        options.multicast_interface = self.multicast_interface;
        options.version = match self.rtsp_version {
            RtspVersion::V1 => VersionPolicy::V1_0,
            RtspVersion::V2 => VersionPolicy::V2_0,
            RtspVersion::Auto => VersionPolicy::Negotiate,
        };
        if let Some(authorities) = &self.tls_ca {
            options.trust = authorities.clone();
        } else if !self.tls_pin.is_empty() {
            options.trust = Trust::pinned(self.tls_pin.iter().copied());
        }
        if self.srtp_in_clear {
            options.srtp = SrtpPolicy::Forced;
        }
        options.connect_timeout = self.timeout;
        options.response_timeout = self.timeout;
        if let Some(user) = &self.user {
            let password = self.password.clone().unwrap_or_default();
            options.credentials = Some(Credentials::new(user.clone(), password));
        }
        options
    }

    /// The transport that was asked for.
    pub(crate) fn policy(&self) -> TransportPolicy {
        match self.transport {
            Transport::Auto => TransportPolicy::Auto,
            Transport::Udp => TransportPolicy::Udp,
            Transport::Tcp => TransportPolicy::Tcp,
            Transport::Multicast => TransportPolicy::Multicast,
            Transport::Http => TransportPolicy::Http,
            Transport::Ws => TransportPolicy::WebSocket,
        }
    }
}

fn authorities(file: &str) -> Result<Trust, String> {
    Trust::authorities(Path::new(file)).map_err(|error| error.to_string())
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Transport {
    Auto,
    Udp,
    Tcp,
    Multicast,
    Http,
    Ws,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RtspVersion {
    #[value(name = "1.0")]
    V1,
    #[value(name = "2.0")]
    V2,
    Auto,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell what a URL offers and whether it plays: 0 if it does, 1 if not, 2 if it cannot be asked
    Probe(Probe),
    /// Record a stream to an MP4 file, as it is
    Record(Record),
    /// Publish an MP4 file to a server, in real time
    Publish(Publish),
    /// Put a server under load, and tell what it costs, loses and delays: 0 if nothing was lost, 1 if something was
    Load(Load),
    /// Send what `load` would publish to whoever asks, at the least cost: the floor to compare servers with
    BareSender(BareSender),
}

#[derive(Debug, Args)]
pub(crate) struct Probe {
    /// rtsp://host:port/path
    pub(crate) url: String,
    /// Print JSON for machines
    #[arg(long)]
    pub(crate) json: bool,
    /// How long to look at packets, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    pub(crate) duration: Duration,
    #[command(flatten)]
    pub(crate) playback: Playback,
}

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// rtsp://host:port/path
    pub(crate) url: String,
    /// The file to write
    #[arg(value_name = "FILE.mp4")]
    pub(crate) file: PathBuf,
    /// Stop after so many seconds; without it, at the end of the stream or at Ctrl-C
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    /// Connect again whenever the stream is lost, until the duration is reached or at Ctrl-C; the outage becomes a gap
    #[arg(long)]
    pub(crate) reconnect: bool,
    #[command(flatten)]
    pub(crate) playback: Playback,
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The MP4 file to send
    pub(crate) file: PathBuf,
    /// rtsp://host:port/path
    pub(crate) url: String,
    /// Begin again at the end, for ever
    #[arg(long = "loop")]
    pub(crate) looping: bool,
    /// Encrypt the media themselves (SRTP), with fresh keys that the server is told; wants rtsps
    #[arg(long)]
    pub(crate) srtp: bool,
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn passwords_are_never_shown() {
        let arguments = [
            "rtsp-client",
            "--user",
            "ann",
            "--password",
            "hunter2",
            "probe",
            "rtsp://h/",
        ];
        let arguments = Arguments::parse_from(arguments);
        assert!(!format!("{arguments:?}").contains("hunter2"));
        assert!(!format!("{:?}", arguments.global.options()).contains("hunter2"));
    }
}
