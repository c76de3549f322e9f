//! Files on demand: each session plays one at its own pace, and shares nothing with others but the open file.
//!
//! [`MediaFiles`] finds and opens a file, [`FilePlayback`] says which packets of it are due. Reading blocks, and is kept
//! apart from both: [`FilePlayback::take_read`] gives a [`ReadJob`], which is to run on a thread that may block, and
//! [`FilePlayback::finish_read`] takes what it read.

mod lane;
mod name;
mod open;
mod pace;
mod playback;
mod read;
mod segment;
mod wish;

#[cfg(test)]
mod tests;

pub(crate) use name::NameError;
pub(crate) use open::MediaFiles;
pub(crate) use open::OpenError;
pub(crate) use pace::Delivery;
pub(crate) use pace::SCALES;
pub(crate) use playback::FilePlayback;
pub(crate) use playback::Progress;
pub(crate) use read::ReadDone;
pub(crate) use wish::End;
pub(crate) use wish::MediaPosition;
pub(crate) use wish::PlayError;
pub(crate) use wish::PlayStart;
pub(crate) use wish::SeekPolicy;
pub(crate) use wish::Wish;

use std::time::Duration;

use rtsp_client::movie;
use rtsp_client::mp4::MovieFile;
use rtsp_client::mp4::Track;
use sdp::Description;

/// Media whose lengths differ by less are as long as the longest: they end "at approximately the same time" (RFC 7826 §13.5.1).
const SAME_LENGTH: Duration = Duration::from_millis(500);

/// The length of each media of a file.
fn lengths(movie: &MovieFile) -> Vec<Duration> {
    let tracks = movie::playable_tracks(movie);
    let length = |number: usize| movie.tracks().get(number).map(Track::duration);
    let mut lengths: Vec<_> = tracks.into_iter().filter_map(length).collect();
    let longest = lengths.iter().max().copied().unwrap_or_default();
    if lengths
        .iter()
        .all(|length| longest.saturating_sub(*length) < SAME_LENGTH)
    {
        lengths.fill(longest);
    }
    lengths
}

/// How long these media of a file last together: as long as the longest of them.
pub(crate) fn length_of(movie: &MovieFile, media: &[usize]) -> Duration {
    let lengths = lengths(movie);
    let chosen = media.iter().filter_map(|media| lengths.get(*media));
    chosen.max().copied().unwrap_or_default()
}

/// Whether there is a picture among these media of a file.
pub(crate) fn has_video(movie: &MovieFile, media: &[usize]) -> bool {
    let tracks = movie::playable_tracks(movie);
    let numbers = media.iter().filter_map(|media| tracks.get(*media));
    let mut chosen = numbers.filter_map(|number| movie.tracks().get(*number));
    chosen.any(|track| track.config().is_video())
}

/// Describes a file, which unlike something live has a range. Where its media last differently, each has its own (RFC 7826
/// §D.1.6).
pub(crate) fn describe(movie: &MovieFile, name: &str) -> Description {
    let mut description = movie::describe(movie, name);
    let lengths = lengths(movie);
    if lengths.windows(2).all(|pair| pair.first() == pair.last()) {
        description.range = lengths.first().copied().map(movie::npt_range);
    } else {
        for (media, length) in description.media.iter_mut().zip(lengths) {
            media.range = Some(movie::npt_range(length));
        }
    }
    description
}
