use std::fs::File;
use std::io::BufWriter;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;

use super::Error;
use super::TrackConfig;

mod entry;
mod moov;
mod timing;

#[cfg(test)]
mod tests;

/// A chunk is ended when it has so many bytes, so that readers need not buffer more to play in order.
const MAX_CHUNK: u64 = 1 << 20;
/// Where the size of the `mdat` stands: behind a `ftyp` of 32 bytes, and the 8 bytes of its short header.
const MDAT_SIZE_AT: u64 = 40;

/// Writes an MP4 file: samples as they come, the index behind them by [`finish`](Self::finish).
///
/// Until it is finished the file cannot be played.
///
/// ```
/// use rtsp_client::mp4::MovieWriter;
/// use rtsp_client::mp4::NewSample;
/// use rtsp_client::mp4::TrackConfig;
///
/// let mut writer = MovieWriter::new(std::io::Cursor::new(Vec::new()))?;
/// let audio = writer.add_track(TrackConfig::Pcmu { sample_rate: 8000, channels: 1 }, 8000)?;
/// for packet in 0..50 {
///     let sample = NewSample { payload: &[0xff; 160], presentation_time: packet * 160, random_access: true };
///     writer.write(audio, sample)?;
/// }
/// let file = writer.finish()?.into_inner();
/// assert_eq!(&file[4..8], b"ftyp");
/// # Ok::<(), rtsp_client::mp4::Error>(())
/// ```
#[derive(Debug)]
pub struct MovieWriter<W: Write + Seek> {
    out: W,
    tracks: Vec<NewTrack>,
    /// Where the next sample goes, in bytes from the start of the file.
    offset: u64,
    /// The track that the last sample belongs to.
    last_track: Option<usize>,
}

/// One sample to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewSample<'a> {
    /// The sample as the container wants it: for H.264 and H.265 NAL units behind lengths of 4 bytes, for PCM any number of
    /// samples, for all other audio one access unit.
    pub payload: &'a [u8],
    /// When it is shown, in ticks of the track. Zero is the same moment in all tracks; it need not be the first.
    pub presentation_time: i64,
    /// Whether decoding can start here.
    pub random_access: bool,
}

/// What was written of one track.
#[derive(Debug)]
struct NewTrack {
    config: TrackConfig,
    timescale: u32,
    samples: Vec<Written>,
    chunks: Vec<Chunk>,
    /// Indices of those samples at which decoding can start, among all that the file counts.
    random_access: Vec<u32>,
    /// How many samples the file counts: more than were written, for PCM.
    count: u32,
}

/// One sample in the file, or several of PCM.
#[derive(Debug, Clone, Copy)]
struct Written {
    presentation_time: i64,
    size: u32,
    count: u32,
}

/// Samples of one track that lie side by side.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    offset: u64,
    size: u64,
    samples: u32,
}

impl MovieWriter<BufWriter<File>> {
    /// Creates the file at `path`, or replaces one that is there.
    ///
    /// # Errors
    /// When it cannot be created or written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(BufWriter::with_capacity(256 << 10, File::create(path)?))
    }
}

impl<W: Write + Seek> MovieWriter<W> {
    /// Begins a file at the start of `out`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(mut out: W) -> Result<Self, Error> {
        out.write_all(b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41")?;
        // A size of 1 says that the size is in the 8 bytes behind: it is filled in at the end. Until then it reaches beyond the
        // end of the file, which tells that the file is incomplete.
        out.write_all(b"\0\0\0\x01mdat")?;
        out.write_all(&i64::MAX.to_be_bytes())?;
        Ok(Self {
            out,
            tracks: Vec::new(),
            offset: MDAT_SIZE_AT + 8,
            last_track: None,
        })
    }

    /// Adds a track, at any time, and answers its index. `timescale` is the number of ticks a second: for a track from
    /// RTP the clock rate of its format.
    ///
    /// # Errors
    /// When the container has no room for this codec, or the codec's configuration is incomplete.
    pub fn add_track(&mut self, config: TrackConfig, timescale: u32) -> Result<usize, Error> {
        entry::sample_entry(&config)?;
        if timescale == 0 {
            return Err(Error::Unwritable {
                reason: "a timescale of zero",
            });
        }
        if config.pcm_frame_size().is_some_and(|size| size == 0) {
            return Err(Error::Unwritable {
                reason: "audio without channels",
            });
        }
        self.tracks.push(NewTrack {
            config,
            timescale,
            samples: Vec::new(),
            chunks: Vec::new(),
            random_access: Vec::new(),
            count: 0,
        });
        Ok(self.tracks.len() - 1)
    }

    /// Replaces what the decoder of a track has to know, as when parameter sets came late. It holds for the whole track.
    ///
    /// # Errors
    /// When it is incomplete, another codec, or there is no such track.
    pub fn set_config(&mut self, track: usize, config: TrackConfig) -> Result<(), Error> {
        entry::sample_entry(&config)?;
        let written = self
            .tracks
            .get_mut(track)
            .ok_or(Error::NoSample { track, sample: 0 })?;
        if std::mem::discriminant(&written.config) != std::mem::discriminant(&config)
            || written.config.pcm_frame_size() != config.pcm_frame_size()
        {
            return Err(Error::Unwritable {
                reason: "a track with several codecs",
            });
        }
        written.config = config;
        Ok(())
    }

    /// Appends a sample to a track. Samples come in decode order; those of different tracks in any order, best as they are due.
    ///
    /// # Errors
    /// When it cannot be written, or there is no such track.
    pub fn write(&mut self, track: usize, sample: NewSample<'_>) -> Result<(), Error> {
        let written = self
            .tracks
            .get_mut(track)
            .ok_or(Error::NoSample { track, sample: 0 })?;
        let size = u32::try_from(sample.payload.len());
        let size = size.map_err(|_| Error::Unwritable {
            reason: "a sample of 4 GB",
        })?;
        let count = match written.config.pcm_frame_size() {
            Some(frame) if size % frame != 0 => {
                return Err(Error::Unwritable {
                    reason: "half a PCM sample",
                });
            }
            Some(frame) => size / frame,
            None => 1,
        };
        if size == 0 {
            return Ok(());
        }
        let full = Error::Unwritable {
            reason: "more than 2^32 samples in a track",
        };
        let total = written.count.checked_add(count).ok_or(full)?;
        self.out.write_all(sample.payload)?;

        match written.chunks.last_mut() {
            Some(chunk) if self.last_track == Some(track) && chunk.size < MAX_CHUNK => {
                chunk.size += u64::from(size);
                chunk.samples += count;
            }
            _ => written.chunks.push(Chunk {
                offset: self.offset,
                size: size.into(),
                samples: count,
            }),
        }
        if sample.random_access && count == 1 {
            written.random_access.push(written.count);
        }
        written.samples.push(Written {
            presentation_time: sample.presentation_time,
            size,
            count,
        });
        written.count = total;
        self.offset += u64::from(size);
        self.last_track = Some(track);
        Ok(())
    }

    /// Leaves a hole of `len` bytes, which costs no space in most file systems: tests make large files of it.
    #[cfg(test)]
    pub(super) fn skip(&mut self, len: u64) -> Result<(), Error> {
        self.offset += len;
        self.last_track = None;
        self.out.seek(SeekFrom::Start(self.offset))?;
        Ok(())
    }

    /// How many bytes were written so far.
    pub const fn len(&self) -> u64 {
        self.offset
    }

    /// Whether no sample was written yet.
    pub fn is_empty(&self) -> bool {
        self.tracks.iter().all(|track| track.samples.is_empty())
    }

    /// Writes the index and makes the file complete. Tracks without samples are left out.
    ///
    /// # Errors
    /// When it cannot be written, or there is no sample at all.
    pub fn finish(mut self) -> Result<W, Error> {
        self.tracks.retain(|track| !track.samples.is_empty());
        if self.tracks.is_empty() {
            return Err(Error::Unwritable {
                reason: "no samples",
            });
        }
        let moov = moov::encode(&self.tracks)?;
        self.out.write_all(&moov)?;
        self.out.seek(SeekFrom::Start(MDAT_SIZE_AT))?;
        // The header counts too: 16 bytes, which begin 8 before the place of the size.
        let size = self.offset - (MDAT_SIZE_AT - 8);
        self.out.write_all(&size.to_be_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }
}
