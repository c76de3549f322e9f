use std::sync::Arc;

use bytes::Bytes;
use bytes::BytesMut;
use rtsp_client::mp4::Error;
use rtsp_client::mp4::MovieFile;

/// One sample, or several of PCM that lie side by side, to be sent together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    /// The place of its media among those that are played.
    pub(super) lane: usize,
    pub(super) track: usize,
    pub(super) sample: u32,
    pub(super) count: u32,
    /// Where its media goes on behind it.
    pub(super) next: u32,
    /// When it is due, in nanoseconds of normal play time.
    pub(super) due: i64,
    /// When it is shown from the start of the presentation on, and how long, in ticks of the RTP clock.
    pub(super) ticks: i64,
    pub(super) length: i64,
}

/// A unit and its bytes.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) unit: Unit,
    pub(super) payload: Bytes,
}

/// Samples to be read from a file. [`run`](Self::run) blocks: it is for a thread that may.
#[derive(Debug)]
pub(crate) struct ReadJob {
    pub(super) movie: Arc<MovieFile>,
    pub(super) generation: u64,
    pub(super) units: Vec<Unit>,
}

/// What a [`ReadJob`] read.
#[derive(Debug)]
pub(crate) struct ReadDone {
    pub(super) generation: u64,
    pub(super) frames: Result<Vec<Frame>, Error>,
}

impl ReadJob {
    /// Reads the samples, and looks whether the file is still the same.
    pub(crate) fn run(self) -> ReadDone {
        ReadDone {
            generation: self.generation,
            frames: self.read(),
        }
    }

    fn read(&self) -> Result<Vec<Frame>, Error> {
        let mut frames = Vec::with_capacity(self.units.len());
        let mut buffer = BytesMut::new();
        for &unit in &self.units {
            self.movie
                .read_samples(unit.track, unit.sample, unit.count, &mut buffer)?;
            frames.push(Frame {
                unit,
                payload: buffer.split().freeze(),
            });
        }
        // Afterwards, so that nothing is sent of a file that was changed while it was read.
        self.movie.check()?;
        Ok(frames)
    }
}
