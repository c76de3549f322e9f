//! Received frames as a movie.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

use rtp_core::Codec;
use sdp::Description;

use super::to_track;
use crate::Frames;
use crate::MediaFrame;
use crate::mp4::MovieWriter;
use crate::mp4::NewSample;

/// Why a recording failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderError {
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] crate::mp4::Error),
    /// No frame came that could be written.
    #[error("nothing was received that an MP4 file can hold")]
    Empty,
}

/// One media on its way into the file.
#[derive(Debug)]
struct Lane {
    codec: Codec,
    clock_rate: u32,
    track: Option<usize>,
    /// The container has no room for the codec.
    refused: bool,
    /// Decoding has to start anew.
    interrupted: bool,
    skipped: u64,
}

/// Writes frames to an MP4 file, without coding them anew.
///
/// Video begins with the first frame at which decoding can start; what comes before it is left out.
#[derive(Debug)]
pub struct MovieRecorder {
    writer: MovieWriter<BufWriter<File>>,
    lanes: Vec<Lane>,
    end: f64,
}

impl MovieRecorder {
    /// Creates the file for a presentation.
    ///
    /// # Errors
    ///
    /// When it cannot be created.
    pub fn create(
        path: impl AsRef<Path>,
        description: &Description,
    ) -> Result<Self, RecorderError> {
        let lane = |media: &sdp::Media| {
            let format = media.formats.first();
            let encoding = format.map_or("", |format| &format.encoding);
            Lane {
                codec: Codec::from_encoding_name(encoding),
                clock_rate: format.map_or(90_000, |format| format.clock_rate),
                track: None,
                refused: false,
                interrupted: false,
                skipped: 0,
            }
        };
        Ok(Self {
            writer: MovieWriter::create(path)?,
            lanes: description.media.iter().map(lane).collect(),
            end: 0.0,
        })
    }

    /// Writes a frame that came from `frames`; whether it went into the file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&mut self, frames: &Frames, frame: &MediaFrame) -> Result<bool, RecorderError> {
        let Some(lane) = self.lanes.get_mut(frame.media) else {
            return Ok(false);
        };
        let Some(place) = frame.place else {
            return Ok(false);
        };
        if lane.refused {
            lane.skipped += 1;
            return Ok(false);
        }
        if lane.track.is_none() {
            let parameters = frames.parameters(frame.media);
            let Some(parameters) = parameters.filter(|_| frame.frame.random_access) else {
                lane.skipped += 1;
                return Ok(false);
            };
            let config = to_track(lane.codec, parameters);
            let added = config.map(|config| self.writer.add_track(config, lane.clock_rate));
            match added {
                Some(Ok(track)) => lane.track = Some(track),
                Some(Err(_)) | None => {
                    lane.refused = true;
                    return Ok(false);
                }
            }
        }
        let Some(track) = lane.track else {
            return Ok(false);
        };
        if lane.interrupted && !frame.frame.random_access {
            lane.skipped += 1;
            return Ok(false);
        }
        lane.interrupted = false;
        let sample = NewSample {
            payload: &frame.frame.payload,
            presentation_time: place.ticks,
            random_access: frame.frame.random_access,
        };
        self.writer.write(track, sample)?;
        self.end = self.end.max(place.seconds);
        Ok(true)
    }

    /// What comes next does not follow on what came before: of each media, all is left out before the next frame at which
    /// decoding can start.
    pub fn interrupted(&mut self) {
        for lane in &mut self.lanes {
            lane.interrupted = true;
        }
    }

    /// Octets written so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.writer.len()
    }

    /// Whether no frame was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writer.is_empty()
    }

    /// How much time of the presentation is in the file.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.end).unwrap_or_default()
    }

    /// The media that the container has no room for.
    pub fn refused(&self) -> impl Iterator<Item = usize> {
        let lanes = self.lanes.iter().enumerate();
        lanes.filter_map(|(media, lane)| lane.refused.then_some(media))
    }

    /// Writes the index; only now the file can be played.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or there is nothing in it.
    pub fn finish(self) -> Result<(), RecorderError> {
        if self.writer.is_empty() {
            return Err(RecorderError::Empty);
        }
        self.writer.finish()?;
        Ok(())
    }
}
