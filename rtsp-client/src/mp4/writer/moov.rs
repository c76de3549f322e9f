use super::NewTrack;
use super::entry;
use super::timing;
use super::timing::Timing;
use crate::mp4::Error;

/// Ticks a second of the movie's own time: fine enough for all that edit lists say here.
const MOVIE_TIMESCALE: u32 = 90_000;
/// A matrix that leaves the picture as it is.
const UNITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// Boxes in a buffer: each is begun, filled and closed with its size.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn into_inner(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn atom(&mut self, kind: &[u8; 4], fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.u32(0);
        self.bytes(kind);
        fill(self);
        // `encode` sees to it that the whole is below 4 GB.
        let size = ((self.0.len() - start) as u32).to_be_bytes();
        if let Some(place) = self.0.get_mut(start..start + 4) {
            place.copy_from_slice(&size);
        }
    }

    /// A box with version and flags.
    pub(super) fn full(
        &mut self,
        kind: &[u8; 4],
        version: u8,
        flags: u8,
        fill: impl FnOnce(&mut Self),
    ) {
        self.atom(kind, |out| {
            out.bytes(&[version, 0, 0, flags]);
            fill(out);
        });
    }

    /// A full box that counts its entries.
    fn table<T>(&mut self, kind: &[u8; 4], entries: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.full(kind, 0, 0, |out| {
            out.u32(entries.len() as u32);
            entries.iter().for_each(|entry| write(out, entry));
        });
    }
}

/// One track with what its boxes need to know of the whole.
struct Plan<'a> {
    track: &'a NewTrack,
    timing: Timing,
    entry: Vec<u8>,
    /// How long the movie plays before the track begins, and how long the track plays, in ticks of the movie.
    delay: u64,
    duration: u64,
}

fn to_movie(ticks: u64, timescale: u32) -> u64 {
    let scaled = u128::from(ticks) * u128::from(MOVIE_TIMESCALE) / u128::from(timescale);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// When a track begins by the writer's clock, in ticks of the movie.
fn start(timing: &Timing, timescale: u32) -> i128 {
    i128::from(timing.start) * i128::from(MOVIE_TIMESCALE) / i128::from(timescale)
}

/// The `moov` box.
pub(super) fn encode(tracks: &[NewTrack]) -> Result<Vec<u8>, Error> {
    let timed: Vec<_> = tracks
        .iter()
        .map(|track| timing::derive(&track.samples, track.timescale, track.config.is_video()))
        .collect();
    let begins = timed
        .iter()
        .zip(tracks)
        .map(|(timing, track)| start(timing, track.timescale))
        .min()
        .unwrap_or(0);
    let mut plans = Vec::with_capacity(tracks.len());
    for (track, timing) in tracks.iter().zip(timed) {
        plans.push(Plan {
            track,
            entry: entry::sample_entry(&track.config)?,
            delay: u64::try_from(start(&timing, track.timescale) - begins).unwrap_or(0),
            duration: to_movie(timing.duration, track.timescale),
            timing,
        });
    }
    let mut out = Writer::default();
    let length = plans
        .iter()
        .map(|plan| plan.delay + plan.duration)
        .max()
        .unwrap_or(0);
    out.atom(b"moov", |out| {
        movie_header(out, length, plans.len() as u32);
        for (index, plan) in plans.iter().enumerate() {
            track_box(out, plan, index as u32 + 1);
        }
    });
    let moov = out.into_inner();
    if u32::try_from(moov.len()).is_err() {
        return Err(Error::Unwritable {
            reason: "an index of 4 GB",
        });
    }
    Ok(moov)
}

fn movie_header(out: &mut Writer, duration: u64, tracks: u32) {
    out.full(b"mvhd", 1, 0, |out| {
        out.u64(0);
        out.u64(0);
        out.u32(MOVIE_TIMESCALE);
        out.u64(duration);
        // Normal speed, full volume.
        out.u32(0x1_0000);
        out.u16(0x100);
        out.bytes(&[0; 10]);
        UNITY.iter().for_each(|&word| out.u32(word));
        out.bytes(&[0; 24]);
        out.u32(tracks + 1);
    });
}

fn track_box(out: &mut Writer, plan: &Plan<'_>, id: u32) {
    out.atom(b"trak", |out| {
        track_header(out, plan, id);
        if plan.delay > 0 || plan.timing.media_start > 0 {
            out.atom(b"edts", |out| edit_list(out, plan));
        }
        out.atom(b"mdia", |out| media(out, plan));
    });
}

fn track_header(out: &mut Writer, plan: &Plan<'_>, id: u32) {
    // Enabled and in the movie.
    out.full(b"tkhd", 1, 3, |out| {
        out.u64(0);
        out.u64(0);
        out.u32(id);
        out.u32(0);
        out.u64(plan.delay + plan.duration);
        out.bytes(&[0; 12]);
        out.u16(if plan.track.config.is_video() {
            0
        } else {
            0x100
        });
        out.u16(0);
        UNITY.iter().for_each(|&word| out.u32(word));
        let (width, height) = plan.track.config.dimensions().unwrap_or((0, 0));
        out.u32(u32::from(width) << 16);
        out.u32(u32::from(height) << 16);
    });
}

/// Empty time until the track begins, then the track from where its first sample is shown.
fn edit_list(out: &mut Writer, plan: &Plan<'_>) {
    out.full(b"elst", 1, 0, |out| {
        out.u32(if plan.delay > 0 { 2 } else { 1 });
        if plan.delay > 0 {
            out.u64(plan.delay);
            out.u64(u64::MAX);
            out.u32(0x1_0000);
        }
        out.u64(plan.duration);
        out.u64(plan.timing.media_start);
        out.u32(0x1_0000);
    });
}

fn media(out: &mut Writer, plan: &Plan<'_>) {
    let video = plan.track.config.is_video();
    out.full(b"mdhd", 1, 0, |out| {
        out.u64(0);
        out.u64(0);
        out.u32(plan.track.timescale);
        out.u64(plan.timing.duration);
        // Language `und`.
        out.u16(0x55c4);
        out.u16(0);
    });
    out.full(b"hdlr", 0, 0, |out| {
        out.u32(0);
        out.bytes(if video { b"vide" } else { b"soun" });
        out.bytes(&[0; 12]);
        out.bytes(if video { b"video\0" } else { b"sound\0" });
    });
    out.atom(b"minf", |out| {
        if video {
            out.full(b"vmhd", 0, 1, |out| out.bytes(&[0; 8]));
        } else {
            out.full(b"smhd", 0, 0, |out| out.bytes(&[0; 4]));
        }
        out.atom(b"dinf", |out| {
            out.full(b"dref", 0, 0, |out| {
                out.u32(1);
                // The media are in this file.
                out.full(b"url ", 0, 1, |_| {});
            });
        });
        out.atom(b"stbl", |out| sample_tables(out, plan));
    });
}

fn sample_tables(out: &mut Writer, plan: &Plan<'_>) {
    let (track, timing) = (plan.track, &plan.timing);
    let pair = |out: &mut Writer, &(count, value): &(u32, u32)| {
        out.u32(count);
        out.u32(value);
    };
    out.table(b"stsd", &[&plan.entry], |out, entry| out.bytes(entry));
    out.table(b"stts", &timing.durations, pair);
    if !timing.shifts.is_empty() {
        out.table(b"ctts", &timing.shifts, pair);
    }
    if track.config.is_video() && track.random_access.len() < track.count as usize {
        out.table(b"stss", &track.random_access, |out, &sample| {
            out.u32(sample + 1);
        });
    }
    chunk_tables(out, track);
    out.full(b"stsz", 0, 0, |out| match track.config.pcm_frame_size() {
        Some(size) => {
            out.u32(size);
            out.u32(track.count);
        }
        None => {
            out.u32(0);
            out.u32(track.count);
            track.samples.iter().for_each(|sample| out.u32(sample.size));
        }
    });
}

fn chunk_tables(out: &mut Writer, track: &NewTrack) {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for (index, chunk) in track.chunks.iter().enumerate() {
        if runs
            .last()
            .is_none_or(|&(_, samples)| samples != chunk.samples)
        {
            runs.push((index as u32 + 1, chunk.samples));
        }
    }
    out.table(b"stsc", &runs, |out, &(first, samples)| {
        out.u32(first);
        out.u32(samples);
        out.u32(1);
    });
    if track
        .chunks
        .iter()
        .all(|chunk| u32::try_from(chunk.offset).is_ok())
    {
        out.table(b"stco", &track.chunks, |out, chunk| {
            out.u32(chunk.offset as u32);
        });
    } else {
        out.table(b"co64", &track.chunks, |out, chunk| out.u64(chunk.offset));
    }
}
