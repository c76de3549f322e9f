//! Latency from the publisher's write to the reader's read, held to the bare sender's and to the peers'.

use serde_json::{Value, json};

/// At most so many times the bare sender's,
const TIMES_BARE: f64 = 1.5;
/// and so many microseconds more.
const BESIDES: f64 = 500.0;
/// At most so much of the best peer's.
const OF_PEER: f64 = 0.5;

/// Half of all packets came within the one, 99 of 100 within the other; microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

impl Latency {
    /// In milliseconds.
    pub(super) fn text(self) -> String {
        format!("{:.2}, {:.2} ms", self.p50 / 1e3, self.p99 / 1e3)
    }

    fn within(self, limit: Self) -> bool {
        self.p50 <= limit.p50 && self.p99 <= limit.p99
    }

    fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self {
            p50: change(self.p50),
            p99: change(self.p99),
        }
    }

    /// The least of each.
    fn best(self, other: Self) -> Self {
        Self {
            p50: self.p50.min(other.p50),
            p99: self.p99.min(other.p99),
        }
    }
}

/// How ours stands in one scenario: the limits, where there is somebody to compare with.
pub(super) struct Standing {
    pub(super) what: String,
    own: Latency,
    by_bare: Option<Latency>,
    by_peers: Option<Latency>,
}

impl Standing {
    /// `peers` are those that served all readers without loss.
    pub(super) fn new(
        what: String,
        own: Latency,
        bare: Option<Latency>,
        peers: impl Iterator<Item = Latency>,
    ) -> Self {
        let best = peers.reduce(Latency::best);
        Self {
            what,
            own,
            by_bare: bare.map(|bare| bare.map(|us| us * TIMES_BARE + BESIDES)),
            by_peers: best.map(|best| best.map(|us| us * OF_PEER)),
        }
    }

    /// Whether it keeps to the limits that there are.
    pub(super) fn held(&self) -> bool {
        let within = |limit: Option<Latency>| limit.is_none_or(|limit| self.own.within(limit));
        within(self.by_bare) && within(self.by_peers)
    }

    /// A row of the table.
    pub(super) fn row(&self) -> String {
        let cell = |limit: Option<Latency>| match limit {
            Some(limit) if self.own.within(limit) => format!("{} ✓", limit.text()),
            Some(limit) => format!("{} ✗", limit.text()),
            None => "–".into(),
        };
        format!(
            "| {} | {} | {} | {} |",
            self.what,
            self.own.text(),
            cell(self.by_bare),
            cell(self.by_peers)
        )
    }

    pub(super) fn json(&self) -> Value {
        let pair = |latency: Latency| json!({ "p50": latency.p50, "p99": latency.p99 });
        json!({
            "what": self.what,
            "us": pair(self.own),
            "limit_by_bare_sender": self.by_bare.map(pair),
            "limit_by_peers": self.by_peers.map(pair),
            "held": self.held(),
        })
    }
}

/// What stands above the rows.
pub(super) fn head() -> String {
    format!(
        "| latency, p50 and p99 | ours | at most {TIMES_BARE} × the bare sender's + {} ms | at most {OF_PEER} × the best peer's |\n\
         |---|---|---|---|",
        BESIDES / 1e3
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(p50: f64, p99: f64) -> Latency {
        Latency { p50, p99 }
    }

    fn standing(own: Latency, bare: Option<Latency>, peers: &[Latency]) -> Standing {
        Standing::new("x".into(), own, bare, peers.iter().copied())
    }

    #[test]
    fn both_quantiles_are_held_to_both_limits() {
        let bare = Some(us(1000.0, 3000.0));
        assert!(standing(us(2000.0, 5000.0), bare, &[]).held());
        assert!(!standing(us(2001.0, 5000.0), bare, &[]).held());
        assert!(!standing(us(2000.0, 5001.0), bare, &[]).held());
        // Of several peers, the best of each counts.
        let peers = [us(5000.0, 9000.0), us(4000.0, 12_000.0)];
        assert!(standing(us(2000.0, 4500.0), bare, &peers).held());
        assert!(!standing(us(2000.0, 4600.0), bare, &peers).held());
        assert_eq!(
            standing(us(2000.0, 4600.0), bare, &peers).row(),
            "| x | 2.00, 4.60 ms | 2.00, 5.00 ms ✓ | 2.00, 4.50 ms ✗ |"
        );
        assert!(
            standing(us(9.0, 9.0), None, &[]).held(),
            "nobody to compare with"
        );
    }
}
