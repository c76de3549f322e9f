//! A line that tells how things stand, while they do.

use std::io::IsTerminal;
use std::io::Write;
use std::time::Duration;
use std::time::Instant;

/// Once a second on a terminal, in place; less often elsewhere, a line each.
#[derive(Debug)]
pub(crate) struct LiveLine {
    terminal: bool,
    interval: Duration,
    next: Instant,
    /// When the last line was shown, and how many octets there were.
    last: (Instant, u64),
}

impl LiveLine {
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let interval = Duration::from_secs(if terminal { 1 } else { 10 });
        let now = Instant::now();
        Self {
            terminal,
            interval,
            next: now + interval,
            last: (now, 0),
        }
    }

    /// When the next line is due.
    pub(crate) fn due(&self) -> Instant {
        self.next
    }

    /// Shows a line if it is time for one. `octets` so far make the bit rate; `line` gets it in kbit/s.
    pub(crate) fn show(&mut self, octets: u64, line: impl FnOnce(f64) -> String) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        let (then, before) = self.last;
        let elapsed = now.saturating_duration_since(then).as_secs_f64().max(0.001);
        let rate = octets.saturating_sub(before) as f64 * 8.0 / elapsed / 1000.0;
        self.last = (now, octets);
        self.next = now + self.interval;
        let mut err = std::io::stderr().lock();
        let _ = if self.terminal {
            write!(err, "\r\x1b[K{}", line(rate)).and_then(|()| err.flush())
        } else {
            writeln!(err, "{}", line(rate))
        };
    }

    /// Leaves the line.
    pub(crate) fn end(&self) {
        if self.terminal {
            eprintln!();
        }
    }
}

/// A time as hours, minutes and seconds.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!(
        "{:02}:{:02}:{:02}.{}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        time.subsec_millis() / 100
    )
}

/// Octets in a unit that people read.
pub(crate) fn size(octets: u64) -> String {
    match octets {
        0..1_000 => format!("{octets} B"),
        1_000..1_000_000 => format!("{:.1} kB", octets as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", octets as f64 / 1e6),
        _ => format!("{:.2} GB", octets as f64 / 1e9),
    }
}

/// A bit rate in a unit that people read.
pub(crate) fn rate(kilobits: f64) -> String {
    if kilobits < 1_000.0 {
        format!("{kilobits:.0} kbit/s")
    } else {
        format!("{:.2} Mbit/s", kilobits / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!(clock(Duration::from_millis(3_723_450)), "01:02:03.4");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_500_000), "1.5 MB");
        assert_eq!(rate(256.2), "256 kbit/s");
        assert_eq!(rate(2_500.0), "2.50 Mbit/s");
    }
}
