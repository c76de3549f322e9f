//! What a run came to, for people and for machines.

use std::fmt;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::plan::Plan;
use super::process::Spent;
use super::tally::Course;
use super::tally::Tally;
use super::tally::Times;
use crate::program::failure::Failure;
use crate::program::live;

/// What was counted over the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) time: Duration,
    /// RTP packets that readers received.
    pub(super) packets: u64,
    pub(super) octets: u64,
    pub(super) server: Option<Spent>,
    /// Resident memory of the server at the end, and its peak, octets.
    pub(super) memory: Option<(u64, u64)>,
    /// What the load itself has cost.
    pub(super) own: Option<Spent>,
}

/// The report.
#[derive(Debug)]
pub(super) struct Report {
    plan: Arc<Plan>,
    window: Window,
    tally: Tally,
}

impl Report {
    pub(super) fn new(plan: Arc<Plan>, window: Window, tally: Tally) -> Self {
        Self {
            plan,
            window,
            tally,
        }
    }

    /// 0 when everybody got everything, else 1.
    pub(super) fn status(&self) -> ExitCode {
        let good = self.tally.failed == 0
            && self.tally.steady.lost == 0
            && self.tally.joined >= self.plan.readers as u64;
        ExitCode::from(u8::from(!good))
    }

    pub(super) fn print(&self) -> Result<(), Failure> {
        let json = format!("{:#}", self.json());
        if let Some(file) = &self.plan.json_file {
            std::fs::write(file, &json)
                .map_err(|error| Failure::new(format!("{}: {error}", file.display()), None))?;
        }
        if self.plan.json {
            println!("{json}");
        } else {
            print!("{self}");
        }
        Ok(())
    }

    /// Microseconds of the server's processor time for each packet that arrived.
    fn cost(&self) -> Option<f64> {
        let spent = self.window.server?;
        (self.window.packets > 0)
            .then(|| spent.total.as_secs_f64() * 1e6 / self.window.packets as f64)
    }

    /// The same for each whole session.
    fn session_cost(&self) -> Option<f64> {
        let (spent, count) = (self.window.server?, self.tally.session.count());
        let only = self.plan.readers == 0 && count > 0;
        only.then(|| spent.total.as_secs_f64() * 1e6 / count as f64)
    }

    fn json(&self) -> Value {
        let (plan, window, tally) = (&self.plan, &self.window, &self.tally);
        json!({
            "url": plan.url,
            "transport": transport(plan),
            "publishers": plan.publishers,
            "readers": plan.readers,
            "stream": {
                "bits_per_second": plan.shape.bitrate(),
                "pictures_per_second": plan.shape.rate,
                "packets_per_picture": plan.shape.packets,
                "packet_octets": plan.shape.packet,
            },
            "joined": tally.joined,
            "failed": tally.failed,
            "failures": tally.failures,
            "window_s": window.time.as_secs_f64(),
            "packets": window.packets,
            "octets": window.octets,
            "lost": tally.steady.lost,
            "lossy_readers": tally.lossy,
            "steady": course(&tally.steady),
            "stalled_readers": plan.stalled(),
            "stalled": course(&tally.stalled),
            "unstamped": tally.unstamped,
            "latency_us": times(&tally.latency),
            "join_us": times(&tally.join),
            "set_up_us": times(&tally.set_up),
            "sessions": tally.session.count(),
            "session_us": times(&tally.session),
            "server": window.server.map(|spent| json!({
                "user_s": spent.user.as_secs_f64(),
                "system_s": spent.system.as_secs_f64(),
                "cpu_s": spent.total.as_secs_f64(),
                "us_per_packet": self.cost(),
                "us_per_session": self.session_cost(),
                "resident_octets": window.memory.map(|memory| memory.0),
                "peak_octets": window.memory.map(|memory| memory.1),
            })),
            "load": window.own.map(|spent| json!({ "cpu_s": spent.total.as_secs_f64() })),
        })
    }
}

fn transport(plan: &Plan) -> &'static str {
    if plan.udp { "udp" } else { "tcp" }
}

fn course(course: &Course) -> Value {
    json!({
        "received": course.received,
        "lost": course.lost,
        "gaps": course.gaps,
        "gaps_to_key_frame": course.gaps_to_key,
        "late": course.late,
    })
}

fn times(times: &Times) -> Value {
    if times.count() == 0 {
        return Value::Null;
    }
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    json!({
        "count": times.count(),
        "p50": us(times.quantile(0.5)),
        "p99": us(times.quantile(0.99)),
        "max": us(times.max()),
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plan, window, tally) = (&self.plan, &self.window, &self.tally);
        let seconds = window.time.as_secs_f64();
        let mut row = |name: &str, text: String| writeln!(f, "{name:<12}{text}");
        row(
            "load",
            format!(
                "{} publishers of {}, {} readers over {}, measured for {seconds:.1} s",
                plan.publishers,
                live::rate(plan.shape.bitrate() / 1e3),
                plan.readers,
                transport(plan),
            ),
        )?;
        row(
            "joined",
            format!("{} ({} failed)", tally.joined, tally.failed),
        )?;
        for why in &tally.failures {
            row("", why.clone())?;
        }
        row(
            "packets",
            format!(
                "{} received, {:.0} a second, {}",
                window.packets,
                window.packets as f64 / seconds,
                live::rate(window.octets as f64 * 8.0 / seconds / 1e3),
            ),
        )?;
        let lost = &tally.steady;
        row(
            "lost",
            format!(
                "{} of {}, in {} gaps, by {} readers",
                lost.lost,
                lost.received + lost.lost,
                lost.gaps,
                tally.lossy
            ),
        )?;
        if plan.stalled() > 0 {
            let stalled = &tally.stalled;
            let text = format!(
                "{} readers: {} received, {} skipped in {} gaps, {} of them to a key frame",
                plan.stalled(),
                stalled.received,
                stalled.lost,
                stalled.gaps,
                stalled.gaps_to_key,
            );
            row("stalled", text)?;
        }
        for (name, times) in [
            ("latency", &tally.latency),
            ("join", &tally.join),
            ("set-up", &tally.set_up),
            ("session", &tally.session),
        ] {
            if times.count() > 0 {
                row(name, quantiles(times))?;
            }
        }
        if let Some(spent) = &window.server {
            row("server", self.server_line(spent))?;
        }
        if let Some(own) = &window.own {
            let share = own.total.as_secs_f64() / seconds * 100.0;
            row("load itself", format!("{share:.0} % of a core"))?;
        }
        Ok(())
    }
}

impl Report {
    fn server_line(&self, spent: &Spent) -> String {
        let seconds = self.window.time.as_secs_f64();
        let mut text = format!(
            "{:.1} % of a core (user {:.2} s, system {:.2} s)",
            spent.total.as_secs_f64() / seconds * 100.0,
            spent.user.as_secs_f64(),
            spent.system.as_secs_f64(),
        );
        // Writing to a string cannot fail.
        if let Some(cost) = self.cost() {
            let _ = write!(text, ", {cost:.2} µs a packet and reader");
        }
        if let Some(cost) = self.session_cost() {
            let _ = write!(text, ", {cost:.0} µs a session");
        }
        if let Some((resident, peak)) = self.window.memory {
            let _ = write!(
                text,
                ", {} resident, {} at most",
                live::size(resident),
                live::size(peak)
            );
        }
        text
    }
}

fn quantiles(times: &Times) -> String {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    format!(
        "p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms, of {}",
        ms(times.quantile(0.5)),
        ms(times.quantile(0.99)),
        ms(times.max()),
        times.count()
    )
}
