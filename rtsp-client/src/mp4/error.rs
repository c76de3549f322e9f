use std::io;

use super::FourCc;

/// Why a movie could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to open, read or write.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The first bytes are no box that an MP4 or QuickTime file begins with.
    #[error("not an MP4 file")]
    NotMovie,
    /// There is no `moov` box: the file is incomplete, perhaps still being written.
    #[error("no moov box: the file is incomplete")]
    NoMovieBox,
    /// The samples are described in `moof` boxes, which is not supported.
    #[error("a fragmented MP4 (moof), which is not supported")]
    Fragmented,
    /// The `moov` box is compressed (`cmov`), which is not supported.
    #[error("a compressed moov box (cmov), which is not supported")]
    Compressed,
    /// None of the tracks can be used; the names of those that were skipped are in the value.
    #[error("no usable track (found: {found})")]
    NoTracks {
        /// What was found, for a person to read: the name and the reason for each track.
        found: String,
    },
    /// A box or a sample is larger than this implementation reads into memory.
    #[error("{kind} of {size} bytes, the limit is {limit}")]
    TooLarge {
        /// The box; a sample shows as `mdat`.
        kind: FourCc,
        /// Its size in bytes, as announced.
        size: u64,
        /// The most bytes that are read.
        limit: u64,
    },
    /// A box does not hold what its kind says it holds.
    #[error("{kind}: {reason}")]
    Malformed {
        /// The box.
        kind: FourCc,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file ends before the bytes that its own tables name. Also the answer when it was cut short while in use.
    #[error("the file is truncated: {needed} bytes wanted at offset {offset}")]
    Truncated {
        /// Where the read began, in bytes from the start of the file.
        offset: u64,
        /// How many bytes it wanted.
        needed: u64,
    },
    /// The file changed while it was in use: other length, other modification time.
    #[error("the file was changed while in use")]
    Changed,
    /// Another file stands at the path, or none.
    #[error("the file was replaced or removed while in use")]
    Replaced,
    /// There is no such track or sample in this movie.
    #[error("no sample {sample} in track {track}")]
    NoSample {
        /// The index of the track that was asked for.
        track: usize,
        /// The index of the sample that was asked for.
        sample: u32,
    },
    /// The container has no room for this, or the writer does not know how.
    #[error("cannot write this to an MP4 file: {reason}")]
    Unwritable {
        /// What cannot be written.
        reason: &'static str,
    },
}

impl Error {
    pub(super) const fn malformed(kind: &[u8; 4], reason: &'static str) -> Self {
        Self::Malformed {
            kind: FourCc(*kind),
            reason,
        }
    }

    /// Whether the file was cut short, changed, replaced or removed since it was opened.
    pub const fn is_file_changed(&self) -> bool {
        matches!(
            self,
            Self::Truncated { .. } | Self::Changed | Self::Replaced
        )
    }
}
