use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use bytes::BytesMut;

use super::Error;
use super::FourCc;
use super::SkippedTrack;
use super::Track;
use super::boxes::Boxes;
use super::boxes::Fields;
use super::boxes::TopLevel;
use super::entry::SampleForm;
use super::source::Source;
use super::track::duration_to_ticks;

/// The largest `moov` that is read: some hundred hours of video.
const MAX_MOOV: u64 = 256 << 20;
/// The largest sample that is read.
const MAX_SAMPLE: u64 = 64 << 20;
/// How many boxes at the top level are looked at before giving up on finding a `moov`.
const MAX_TOP_LEVEL: usize = 4096;

/// An MP4 or QuickTime file that is open for reading, with the index of its samples.
///
/// All reads name their position and take `&self`: one open file serves any number of readers, on any threads. The
/// samples stay in the file; only the index is in memory.
#[derive(Debug)]
pub struct MovieFile {
    source: Source,
    tracks: Vec<Track>,
    skipped: Vec<SkippedTrack>,
    memory: usize,
}

impl MovieFile {
    /// Opens the file at `path` and reads its index.
    ///
    /// # Errors
    /// When it cannot be read, is no MP4, is incomplete, or has no track that can be used.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::from_file(File::open(path)?, Some(path.to_owned()))
    }

    /// Reads the index of a file that is open already. With a path, [`check`](Self::check) also tells whether that path
    /// still leads to the same file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_file(file: File, path: Option<PathBuf>) -> Result<Self, Error> {
        Self::index(Source::from_file(file, path)?)
    }

    /// Reads the index of a movie in memory, such as one built into the program.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_static(bytes: &'static [u8]) -> Result<Self, Error> {
        Self::index(Source::Static(bytes))
    }

    fn index(source: Source) -> Result<Self, Error> {
        let moov = read_moov(&source)?;
        if Boxes::find(&moov, b"cmov").is_some() {
            return Err(Error::Compressed);
        }
        if Boxes::find(&moov, b"mvex").is_some() {
            return Err(Error::Fragmented);
        }
        let movie_timescale =
            movie_timescale(&moov).ok_or(Error::malformed(b"mvhd", "missing or cut short"))?;
        let (mut tracks, mut skipped) = (Vec::new(), Vec::new());
        for (_, trak) in Boxes::of(&moov).filter(|(kind, _)| kind == b"trak") {
            match Track::decode(trak, movie_timescale) {
                Ok(track) if track.sample_count() > 0 => tracks.push(track),
                Ok(track) => skipped.push(SkippedTrack {
                    id: track.id(),
                    kind: FourCc(*b"stsz"),
                    reason: "no samples".into(),
                }),
                Err(track) => skipped.push(track),
            }
        }
        if tracks.is_empty() {
            let found: Vec<_> = skipped
                .iter()
                .map(|track| format!("{}: {}", track.kind, track.reason))
                .collect();
            return Err(Error::NoTracks {
                found: found.join("; "),
            });
        }
        let memory = tracks
            .iter()
            .map(|track| track.table.memory() + size_of::<Track>())
            .sum();
        Ok(Self {
            source,
            tracks,
            skipped,
            memory,
        })
    }

    /// The tracks that can be played, in the order of the file.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The tracks that cannot, and why.
    pub fn skipped(&self) -> &[SkippedTrack] {
        &self.skipped
    }

    /// When the file was changed last before it was opened, where its system knows.
    pub const fn modified(&self) -> Option<SystemTime> {
        self.source.modified()
    }

    /// How long the longest track lasts.
    pub fn duration(&self) -> Duration {
        self.tracks
            .iter()
            .map(Track::duration)
            .max()
            .unwrap_or_default()
    }

    /// The length of the file in bytes, when it was opened.
    pub const fn len(&self) -> u64 {
        self.source.len()
    }

    /// Whether the file has no bytes; never true of a file that could be opened.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much memory the index takes, in bytes.
    pub const fn memory(&self) -> usize {
        self.memory
    }

    /// Appends one sample to `out`. The lengths before the NAL units of H.264 and H.265 have 4 bytes then, whatever
    /// they have in the file.
    ///
    /// # Errors
    /// When there is no such sample or it cannot be read; `out` is unchanged then.
    pub fn read_sample(&self, track: usize, sample: u32, out: &mut BytesMut) -> Result<(), Error> {
        self.read_samples(track, sample, 1, out)
    }

    /// Appends `count` samples that lie side by side ([`Track::adjacent`]) to `out`, with one read.
    ///
    /// # Errors
    /// When there are no such samples, they do not lie side by side, or they cannot be read; `out` is unchanged then.
    pub fn read_samples(
        &self,
        track: usize,
        first: u32,
        count: u32,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        let none = Error::NoSample {
            track,
            sample: first,
        };
        let Some(tables) = self.tracks.get(track) else {
            return Err(none);
        };
        let Some((offset, adjacent)) = tables.table.location(first) else {
            return Err(none);
        };
        if count > adjacent {
            return Err(Error::NoSample {
                track,
                sample: first + adjacent,
            });
        }
        let size = (first..first + count).try_fold(0_u64, |size, sample| {
            let size = size + u64::from(tables.table.size(sample));
            (size <= MAX_SAMPLE).then_some(size)
        });
        let size = size.ok_or(Error::TooLarge {
            kind: FourCc(*b"mdat"),
            size: tables.table.size(first).into(),
            limit: MAX_SAMPLE,
        })?;
        if offset
            .checked_add(size)
            .is_none_or(|end| end > self.source.len())
        {
            return Err(Error::Truncated {
                offset,
                needed: size,
            });
        }
        let start = out.len();
        out.resize(start + size as usize, 0);
        let read = self.source.read_exact_at(&mut out[start..], offset);
        let read = read.and_then(|()| match tables.form {
            SampleForm::NalLengths(size) => widen_nal_lengths(out, start, size.into()),
            SampleForm::LittleEndian => {
                out[start..]
                    .as_chunks_mut::<2>()
                    .0
                    .iter_mut()
                    .for_each(|sample| sample.reverse());
                Ok(())
            }
            SampleForm::AsIs => Ok(()),
        });
        if read.is_err() {
            out.truncate(start);
        }
        read
    }

    /// Whether the file is still what it was when it was opened: not cut short, not written to, not replaced.
    ///
    /// # Errors
    /// One for which [`Error::is_file_changed`] holds, or [`Error::Io`].
    pub fn check(&self) -> Result<(), Error> {
        self.check_open()?;
        self.source.check_path()
    }

    /// The cheaper part of [`check`](Self::check): one system call on the open file, none on its path.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_open(&self) -> Result<(), Error> {
        self.source.check_open()
    }

    /// A time of the presentation in ticks of a track.
    pub fn ticks(&self, track: usize, time: Duration) -> Option<i64> {
        Some(duration_to_ticks(time, self.tracks.get(track)?.timescale()))
    }
}

/// Finds the `moov` wherever it stands and reads it.
fn read_moov(source: &Source) -> Result<Vec<u8>, Error> {
    let (mut offset, mut fragmented) = (0, false);
    for nth in 0..MAX_TOP_LEVEL {
        let Some(found) = TopLevel::read(source, offset)? else {
            break;
        };
        if nth == 0 && !begins_movie(found.kind) {
            return Err(Error::NotMovie);
        }
        match &found.kind {
            b"moov" if found.len > MAX_MOOV => {
                return Err(Error::TooLarge {
                    kind: FourCc(found.kind),
                    size: found.len,
                    limit: MAX_MOOV,
                });
            }
            b"moov" if found.len > source.len() - found.body => break,
            b"moov" => {
                let mut moov = vec![0; found.len as usize];
                source.read_exact_at(&mut moov, found.body)?;
                return Ok(moov);
            }
            b"moof" | b"sidx" | b"styp" => fragmented = true,
            _ => {}
        }
        match found.body.checked_add(found.len) {
            Some(next) if next <= source.len() => offset = next,
            _ => break,
        }
    }
    Err(if fragmented {
        Error::Fragmented
    } else {
        Error::NoMovieBox
    })
}

/// Old QuickTime files have no `ftyp`.
const fn begins_movie(kind: [u8; 4]) -> bool {
    matches!(
        &kind,
        b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"styp" | b"pnot"
    )
}

fn movie_timescale(moov: &[u8]) -> Option<u32> {
    let mut fields = Fields(Boxes::find(moov, b"mvhd")?);
    let version = fields.version()?;
    fields.versioned(version)?;
    fields.versioned(version)?;
    fields.u32()
}

/// Rewrites the NAL units from `start` on with lengths of 4 bytes.
fn widen_nal_lengths(out: &mut BytesMut, start: usize, length_size: usize) -> Result<(), Error> {
    let narrow = out.split_off(start);
    let mut rest = &narrow[..];
    while let Some((length, tail)) = rest.split_at_checked(length_size) {
        let length = length
            .iter()
            .fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
        let (unit, tail) = tail.split_at_checked(length).ok_or(Error::malformed(
            b"mdat",
            "a NAL unit reaches beyond its sample",
        ))?;
        out.extend_from_slice(&(length as u32).to_be_bytes());
        out.extend_from_slice(unit);
        rest = tail;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
