//! Files on demand: each session plays one at its own pace, and shares nothing with others but the open file.
//!
//! [`MediaFiles`] finds and opens a file, [`FilePlayback`] says which packets of it are due. Reading blocks, and is kept
//! apart from both: [`FilePlayback::take_read`] gives a [`ReadJob`], which is to run on a thread that may block, and
//! [`FilePlayback::finish_read`] takes what it read.

mod lane;
mod name;
mod open;
mod playback;
mod read;

#[cfg(test)]
mod tests;

use rtsp_client::movie;
use rtsp_client::mp4::MovieFile;
use sdp::Description;

pub(crate) use name::NameError;
pub(crate) use open::MediaFiles;
pub(crate) use open::OpenError;
pub(crate) use playback::FilePlayback;
pub(crate) use playback::PlayError;
pub(crate) use playback::Progress;
pub(crate) use read::ReadDone;

/// Describes a file, which unlike something live has a range.
pub(crate) fn describe(movie: &MovieFile, name: &str) -> Description {
    let mut description = movie::describe(movie, name);
    description.range = Some(movie::npt_range(movie.duration()));
    description
}
