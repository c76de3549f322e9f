//! What a run is to do: the command line, checked and resolved.

use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::ValueEnum;
use rtsp_client::TransportPolicy;
use rtsp_msg::Scheme;
use rtsp_msg::Uri;
use rtsp_session::client::SessionConfig;
use rustls::ClientConfig;

use super::film;
use super::film::Shape;
use super::reader::Conduct;
use crate::program::arguments::Global;
use crate::program::arguments::seconds;
use crate::program::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  rtsp-client load rtsp://127.0.0.1:8554/live --readers 200 --bitrate 4M --pid $(pidof rtsp-server)
      one publisher, 200 readers over TCP, and what they cost the server
  rtsp-client load rtsp://127.0.0.1:8554/live --readers 500 --transport udp --duration 30 --json
      the same over UDP, for machines
  rtsp-client load rtsp://127.0.0.1:8554/live --publishers 0 --readers 50
      readers of a stream that is there
  rtsp-client load rtsp://127.0.0.1:8554/live --readers 0 --sessions-per-second 200
      whole sessions, from OPTIONS to TEARDOWN, each on a connection of its own
  rtsp-client load rtsp://127.0.0.1:8554/live --readers 100 --stalled 10
      ten of the readers read nothing while it is measured

Times are those of this machine's clock: latency is that of publishers on the same machine.";

/// The command line of `load`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Load {
    /// rtsp://host:port/path; several publishers have /1, /2 and so on behind it
    url: String,
    /// Streams that are published, H.264 over TCP; 0 reads what is there
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=16_000))]
    publishers: u16,
    /// All publishers send their pictures at the same moments, instead of one after the other
    #[arg(long)]
    in_step: bool,
    /// Where they are published, if not where they are read: to a server that the one under load pulls from
    #[arg(long, value_name = "URL")]
    publish_to: Option<String>,
    /// Readers, spread over the streams
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    readers: u32,
    /// Bit rate of each stream: 500k, 4M
    #[arg(long, value_name = "BITS", default_value = "1M", value_parser = bits)]
    bitrate: f64,
    /// Pictures a second of each stream
    #[arg(long, value_name = "N", default_value_t = 25.0, value_parser = rate)]
    fps: f64,
    /// Octets of each RTP packet
    #[arg(long, value_name = "OCTETS", default_value_t = 1200, value_parser = clap::value_parser!(u16).range(film::SMALLEST as i64..=65_000))]
    packet: u16,
    /// Every so many pictures one is a key frame
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    key_every: u32,
    /// The readers join over so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    ramp: Duration,
    /// How long it runs before it is measured
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    warm_up: Duration,
    /// How long it is measured
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    duration: Duration,
    /// Percent of the readers that read nothing while it is measured, and again afterwards; over TCP
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    stalled: u8,
    /// Sessions that come and go while it is measured
    #[arg(long, value_name = "N", value_parser = rate)]
    sessions_per_second: Option<f64>,
    /// When such a session ends
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Until::Play)]
    sessions_until: Until,
    /// Process of the server: what it costs is measured too (Linux)
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Threads for the readers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
    /// Write the JSON to a file too
    #[arg(long, value_name = "FILE")]
    json_file: Option<PathBuf>,
}

/// When a session that comes and goes is torn down.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Until {
    /// When PLAY is answered
    Play,
    /// When its first key frame has begun
    Key,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Plan {
    targets: Vec<(SocketAddr, Uri)>,
    publish_targets: Vec<(SocketAddr, Uri)>,
    pub(super) config: SessionConfig,
    /// Whom to believe, with `rtsps`.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) publishers: usize,
    pub(super) in_step: bool,
    pub(super) readers: usize,
    pub(super) udp: bool,
    pub(super) shape: Shape,
    ramp: Duration,
    pub(super) warm_up: Duration,
    pub(super) duration: Duration,
    stalled: usize,
    pub(super) sessions_per_second: Option<f64>,
    pub(super) session_conduct: Conduct,
    pub(super) pid: Option<u32>,
    pub(super) threads: usize,
    pub(super) json: bool,
    pub(super) json_file: Option<PathBuf>,
    pub(super) url: String,
    /// How long a join may take.
    pub(super) patience: Duration,
}

impl Plan {
    pub(super) fn new(global: &Global, load: &Load) -> Result<Self, Failure> {
        let options = global.options();
        let policy = global.policy();
        let udp = policy == TransportPolicy::Udp;
        if policy == TransportPolicy::Multicast {
            let hint = "What one reader of a group gets, all get: probe or record it.";
            return Err(Failure::new(
                "--transport multicast is not for load",
                Some(hint),
            ));
        }
        if matches!(policy, TransportPolicy::Http | TransportPolicy::WebSocket) {
            return Err(Failure::new("tunnels are not for load", None));
        }
        if udp && load.stalled > 0 {
            let hint = "What a UDP reader does not read is dropped by its own system.";
            return Err(Failure::new("--stalled is for TCP", Some(hint)));
        }
        let publishers = usize::from(load.publishers);
        let streams = publishers.max(1);
        let mut config = SessionConfig::default();
        config.connection.user_agent.clone_from(&options.user_agent);
        config
            .connection
            .credentials
            .clone_from(&options.credentials);
        config.connection.response_timeout = options.response_timeout;
        let publish_to = load.publish_to.as_deref().unwrap_or(&load.url);
        let targets_of = |url| targets(url, streams);
        let (targets, publish_targets) = (targets_of(&load.url)?, targets_of(publish_to)?);
        let mut all = targets.iter().chain(&publish_targets);
        let tls = all
            .any(|(_, uri)| uri.scheme() == Scheme::Rtsps)
            .then(|| options.trust.config())
            .transpose()
            .map_err(|error| Failure::new(error, None))?;
        Ok(Self {
            targets,
            publish_targets,
            config,
            tls,
            publishers,
            in_step: load.in_step,
            readers: load.readers as usize,
            udp,
            shape: Shape::new(load.bitrate, load.packet.into(), load.fps, load.key_every),
            ramp: load.ramp,
            warm_up: load.warm_up,
            duration: load.duration,
            stalled: load.stalled.into(),
            sessions_per_second: load.sessions_per_second,
            session_conduct: match load.sessions_until {
                Until::Play => Conduct::LeavesAtPlay,
                Until::Key => Conduct::LeavesAtKey,
            },
            pid: load.pid,
            threads: load.threads.into(),
            json: load.json,
            json_file: load.json_file.clone(),
            url: load.url.clone(),
            patience: options.response_timeout,
        })
    }

    /// Where a reader or session reads.
    pub(super) fn target(&self, number: usize) -> (SocketAddr, &Uri) {
        let (address, uri) = &self.targets[number % self.targets.len()];
        (*address, uri)
    }

    /// Where a publisher publishes.
    pub(super) fn publish_target(&self, number: usize) -> (SocketAddr, &Uri) {
        let (address, uri) = &self.publish_targets[number % self.publish_targets.len()];
        (*address, uri)
    }

    /// When a reader joins, from the begin of the ramp.
    pub(super) fn joins_at(&self, number: usize) -> Duration {
        self.ramp
            .mul_f64(number as f64 / self.readers.max(1) as f64)
    }

    /// Which readers stall: spread evenly over all.
    pub(super) fn conduct(&self, number: usize) -> Conduct {
        if (number + 1) * self.stalled / 100 > number * self.stalled / 100 {
            Conduct::Stalls
        } else {
            Conduct::Steady
        }
    }

    /// How many stall.
    pub(super) fn stalled(&self) -> usize {
        self.readers * self.stalled / 100
    }

    /// How long the ramp may take at most.
    pub(super) fn joining_takes(&self) -> Duration {
        self.ramp + self.patience
    }
}

fn targets(url: &str, streams: usize) -> Result<Vec<(SocketAddr, Uri)>, Failure> {
    let wrong = |text: String| {
        Failure::new(
            format!("{url}: {text}"),
            Some("It must be rtsp://host:port/path, or rtsps."),
        )
    };
    let uri = Uri::parse(url).map_err(|error| wrong(error.to_string()))?;
    if !matches!(uri.scheme(), Scheme::Rtsp | Scheme::Rtsps) {
        return Err(wrong(
            "only rtsp:// and rtsps:// can be put under load".to_owned(),
        ));
    }
    let address = (uri.host(), uri.port_or_default())
        .to_socket_addrs()
        .map_err(|error| wrong(error.to_string()))?
        .next()
        .ok_or_else(|| wrong("the name has no address".to_owned()))?;
    let one = |number: usize| {
        let text = if streams == 1 {
            url.to_owned()
        } else {
            format!("{}/{}", url.trim_end_matches('/'), number + 1)
        };
        let uri = Uri::parse(&text).map_err(|error| wrong(error.to_string()))?;
        Ok((address, uri))
    };
    (0..streams).map(one).collect()
}

/// A bit rate, with k or M behind it.
pub(super) fn bits(text: &str) -> Result<f64, String> {
    let (number, factor) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1e3),
        None => match text.strip_suffix('M') {
            Some(number) => (number, 1e6),
            None => (text, 1.0),
        },
    };
    rate(number).map(|number| number * factor)
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 && number <= 1e12 => Ok(number),
        _ => Err("not a number above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::program::arguments::Arguments;
    use crate::program::arguments::Command;

    fn plan(arguments: &[&str]) -> Result<Plan, Failure> {
        let line = ["rtsp-client", "load", "rtsp://127.0.0.1:8554/live"];
        let arguments = Arguments::parse_from(line.iter().chain(arguments));
        let Command::Load(load) = &arguments.command else {
            panic!("not load");
        };
        Plan::new(&arguments.global, load)
    }

    #[test]
    fn readers_are_spread_over_streams_and_time() {
        let plan = plan(&["--publishers", "3", "--readers", "6", "--ramp", "3"]).unwrap();
        assert_eq!(plan.target(0).1.as_str(), "rtsp://127.0.0.1:8554/live/1");
        assert_eq!(plan.target(5).1.as_str(), "rtsp://127.0.0.1:8554/live/3");
        assert_eq!(plan.joins_at(4), Duration::from_secs(2));
    }

    #[test]
    fn so_many_stall_as_were_asked_for() {
        let plan = plan(&["--readers", "250", "--stalled", "10"]).unwrap();
        let stalled = (0..250).filter(|number| plan.conduct(*number) == Conduct::Stalls);
        assert_eq!((stalled.count(), plan.stalled()), (25, 25));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(plan(&["--transport", "udp", "--stalled", "10"]).is_err());
        assert!(bits("0").is_err() && bits("x").is_err() && bits("-1M").is_err());
        assert_eq!(bits("500k"), Ok(5e5));
        assert_eq!(bits("4M"), Ok(4e6));
    }
}
