//! One cell of the matrix: a peer, a direction, a transport, and what came of it.

use super::peer::{Peer, Transport};
use super::stage::Stage;
use crate::failure::Result;
use std::fmt;
use std::time::Duration;

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// The peer publishes to our server.
    PublishesToServer,
    /// Our server plays to the peer.
    ReadsFromServer,
    /// The peer plays a file that our server has.
    ReadsFile,
    /// Our server pulls from the peer.
    PulledByServer,
    /// The peer plays to our client.
    PlaysToClient,
    /// Our client publishes to the peer.
    TakesFromClient,
    /// Two peers without us: tells a fault of ours from one of theirs.
    Baseline,
}

impl fmt::Display for Direction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::PublishesToServer => "publish to server",
            Self::ReadsFromServer => "read from server",
            Self::ReadsFile => "read file",
            Self::PulledByServer => "pulled by server",
            Self::PlaysToClient => "play to client",
            Self::TakesFromClient => "take from client",
            Self::Baseline => "baseline",
        })
    }
}

type Run = Box<dyn Fn(&Stage<'_>) -> Result<String> + Send + Sync>;

/// A cell, not yet run.
pub(crate) struct Cell {
    pub(crate) peer: &'static str,
    pub(crate) direction: Direction,
    pub(crate) transport: Transport,
    /// The clip's name.
    pub(crate) clip: &'static str,
    /// What is special about it, if anything.
    pub(crate) what: &'static str,
    /// The peers that it cannot do without.
    pub(crate) needs: Vec<&'static Peer>,
    /// Its time; it has failed when that is over.
    pub(crate) limit: Duration,
    pub(crate) run: Run,
}

impl Cell {
    /// The line by which `--only` finds it.
    pub(crate) fn id(&self) -> String {
        let direction = self.direction.to_string().replace(' ', "-");
        let what = if self.what.is_empty() {
            String::new()
        } else {
            format!("/{}", self.what.replace(' ', "-"))
        };
        format!(
            "{direction}/{}/{}/{}{what}",
            self.peer, self.transport, self.clip
        )
    }
}

/// What came of a cell.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// What was proven.
    Passed(String),
    /// Why not, and the tails of the logs.
    Failed { reason: String, logs: String },
    /// A peer is not here: its name and the line that installs it.
    Missing {
        peer: &'static str,
        install: &'static str,
    },
}
