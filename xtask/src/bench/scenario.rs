//! The loads, and what each is held to.

use super::contestant::Contestant;

/// What a scenario measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Measure {
    /// Processor time for each delivered packet, at most so many times the bare sender's.
    Packets(Option<f64>),
    /// The same, at most so many times our own in another scenario.
    PacketsAgainst(f64, &'static str),
    /// Processor time for each whole session, at most so many times the bare responder's.
    Sessions(f64),
    /// From PLAY to the first key frame, at p99, milliseconds at most.
    Joins(f64),
    /// Steady readers lose nothing beside those that stall.
    Stalls,
}

/// One load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) udp: bool,
    pub(super) publishers: u32,
    /// Publishers send their pictures at the same moments, instead of one after the other.
    pub(super) in_step: bool,
    pub(super) readers: u32,
    pub(super) bitrate: &'static str,
    pub(super) measure: Measure,
}

const fn tcp(
    name: &'static str,
    readers: u32,
    bitrate: &'static str,
    measure: Measure,
) -> Scenario {
    Scenario {
        name,
        udp: false,
        publishers: 1,
        in_step: false,
        readers,
        bitrate,
        measure,
    }
}

const fn udp(
    name: &'static str,
    readers: u32,
    bitrate: &'static str,
    measure: Measure,
) -> Scenario {
    Scenario {
        udp: true,
        ..tcp(name, readers, bitrate, measure)
    }
}

/// As many streams as make the packets of one publisher with 400 readers.
const fn streams(name: &'static str, in_step: bool) -> Scenario {
    Scenario {
        publishers: 200,
        in_step,
        ..tcp(
            name,
            400,
            "500k",
            Measure::PacketsAgainst(1.3, "tcp-400-500k"),
        )
    }
}

/// How long a scenario is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// That are measured.
    pub(super) seconds: u64,
    /// Readers that join a second.
    pub(super) joining: u32,
}

/// Sessions that come and go a second.
pub(super) const SESSIONS: u32 = 200;

/// Seconds that readers have to stall at least.
const STALL: u64 = 8;

/// All of them, in the order in which they run.
pub(super) const ALL: &[Scenario] = &[
    tcp("tcp-200-4m", 200, "4M", Measure::Packets(Some(1.15))),
    tcp("tcp-400-500k", 400, "500k", Measure::Packets(Some(0.70))),
    tcp("tcp-1000-1m", 1000, "1M", Measure::Packets(Some(0.80))),
    udp("udp-200-4m", 200, "4M", Measure::Packets(Some(1.00))),
    udp("udp-400-500k", 400, "500k", Measure::Packets(Some(0.85))),
    tcp("tcp-500-1m", 500, "1M", Measure::Packets(None)),
    tcp(
        "tcp-3000-1m",
        3000,
        "1M",
        Measure::PacketsAgainst(1.2, "tcp-500-1m"),
    ),
    udp("udp-1500-1m", 1500, "1M", Measure::Packets(None)),
    streams("streams", false),
    streams("streams-in-step", true),
    tcp("sessions", 0, "10k", Measure::Sessions(2.2)),
    tcp("joins", 500, "500k", Measure::Joins(50.0)),
    tcp("joins-alone", 0, "500k", Measure::Joins(50.0)),
    // Enough that those who read nothing are behind by more than the ring and the buffers of the system keep.
    tcp("stalls", 100, "48M", Measure::Stalls),
];

impl Scenario {
    /// What it is, in words.
    pub(super) fn what(&self) -> String {
        let transport = if self.udp { "UDP" } else { "TCP" };
        let readers = format!(
            "{} readers over {transport} at {}bit/s",
            self.readers, self.bitrate
        );
        match self.measure {
            Measure::Packets(_) | Measure::PacketsAgainst(..) if self.publishers > 1 => {
                let step = if self.in_step { " in step" } else { "" };
                format!("{} publishers{step}, {readers}", self.publishers)
            }
            Measure::Packets(_) | Measure::PacketsAgainst(..) => readers,
            Measure::Sessions(_) => {
                format!("{SESSIONS} whole sessions a second, each on a connection of its own")
            }
            Measure::Joins(_) if self.readers == 0 => {
                format!("{SESSIONS} joins a second at {}bit/s", self.bitrate)
            }
            Measure::Joins(_) => format!("{SESSIONS} joins a second beside {readers}"),
            Measure::Stalls => format!("{readers}, a tenth of them reading nothing"),
        }
    }

    /// Whether a contestant takes part.
    pub(super) fn concerns(&self, contestant: &Contestant) -> bool {
        match self.measure {
            Measure::Packets(_) => true,
            Measure::Sessions(_) => *contestant != Contestant::Gst,
            Measure::Joins(_) => *contestant == Contestant::Trackside || contestant.is_peer(),
            Measure::PacketsAgainst(..) => !contestant.is_peer(),
            Measure::Stalls => *contestant == Contestant::Trackside,
        }
    }

    /// What `rtsp-client load` gets for it.
    pub(super) fn arguments(&self, contestant: &Contestant, effort: Effort) -> Vec<String> {
        let mut arguments: Vec<String> = Vec::new();
        if self.in_step && !contestant.publishes_itself() {
            arguments.push("--in-step".into());
        }
        let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        add("--transport", if self.udp { "udp" } else { "tcp" }.into());
        let publishers = if contestant.publishes_itself() {
            0
        } else {
            self.publishers
        };
        add("--publishers", publishers.to_string());
        add("--readers", self.readers.to_string());
        add("--bitrate", self.bitrate.into());
        let seconds = match self.measure {
            Measure::Stalls => effort.seconds.max(STALL),
            _ => effort.seconds,
        };
        add("--duration", seconds.to_string());
        add("--ramp", format!("{}", 1 + self.readers / effort.joining));
        add("--warm-up", "1".into());
        add("--timeout", "20".into());
        match self.measure {
            Measure::Sessions(_) => {
                add("--sessions-per-second", SESSIONS.to_string());
                // Next to no media.
                add("--fps", "1".into());
            }
            Measure::Joins(_) => {
                add("--sessions-per-second", SESSIONS.to_string());
                add("--sessions-until", "key".into());
            }
            Measure::Stalls => add("--stalled", "10".into()),
            Measure::Packets(_) | Measure::PacketsAgainst(..) => {}
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_references_exist() {
        for (at, scenario) in ALL.iter().enumerate() {
            assert!(ALL[..at].iter().all(|other| other.name != scenario.name));
            if let Measure::PacketsAgainst(_, other) = scenario.measure {
                assert!(
                    ALL[..at].iter().any(|before| before.name == other),
                    "{other} runs first"
                );
            }
        }
    }
}
