use std::time::Duration;

use super::Error;
use super::FourCc;
use super::TrackConfig;
use super::boxes::Boxes;
use super::boxes::Fields;
use super::boxes::entries;
use super::entry;
use super::entry::SampleForm;
use super::table::SampleTable;

/// How many samples may lie between the places of one in the orders of decoding and presentation: H.264 and H.265 keep 16 frames.
const REORDERED: u32 = 16;

/// One track of a movie: a codec and where its samples are.
///
/// Times are in ticks, [`timescale`](Self::timescale) of them a second, from the start of the presentation: the edit list is
/// applied already, so a sample that comes before the start (an encoder's priming, frames before a cut) has a negative time.
#[derive(Debug)]
pub struct Track {
    id: u32,
    config: TrackConfig,
    timescale: u32,
    /// What is added to a time of the media to have the time of the presentation, in ticks.
    start: i64,
    pub(super) table: SampleTable,
    pub(super) form: SampleForm,
}

/// A track that was passed over, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedTrack {
    /// The number of the track within the file (`tkhd`), 0 if that could not be read.
    pub id: u32,
    /// The sample entry or the box because of which it was skipped.
    pub kind: FourCc,
    /// Why, for a person to read.
    pub reason: String,
}

/// One sample: a video frame, an audio access unit, or one instant of PCM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// When it is to be decoded, in ticks from the start of the presentation.
    pub decode_time: i64,
    /// When it is to be shown, in ticks from the start of the presentation.
    pub presentation_time: i64,
    /// How long it lasts, in ticks of decode time.
    pub duration: u32,
    /// Its size in the file, in bytes.
    pub size: u32,
    /// Whether decoding can start here.
    pub random_access: bool,
}

impl Track {
    /// Reads the body of a `trak` box. `movie_timescale` is that of the `mvhd`, in which edit lists count.
    pub(super) fn decode(trak: &[u8], movie_timescale: u32) -> Result<Self, SkippedTrack> {
        let id = track_id(trak).unwrap_or(0);
        let skipped = |error: Error| match error {
            Error::Malformed { kind, reason } => SkippedTrack {
                id,
                kind,
                reason: reason.into(),
            },
            error => SkippedTrack {
                id,
                kind: FourCc(*b"trak"),
                reason: error.to_string(),
            },
        };
        let missing = |kind| skipped(Error::malformed(kind, "missing"));

        let mdia = Boxes::find(trak, b"mdia").ok_or_else(|| missing(b"mdia"))?;
        let timescale = timescale(mdia).map_err(skipped)?;
        let minf = Boxes::find(mdia, b"minf").ok_or_else(|| missing(b"minf"))?;
        if has_external_media(minf) {
            return Err(skipped(Error::malformed(
                b"dref",
                "the samples are in another file",
            )));
        }
        let stbl = Boxes::find(minf, b"stbl").ok_or_else(|| missing(b"stbl"))?;
        let stsd = Boxes::find(stbl, b"stsd").ok_or_else(|| missing(b"stsd"))?;
        let entry = entry::decode(stsd).map_err(|unusable| SkippedTrack {
            id,
            kind: unusable.kind,
            reason: unusable.reason,
        })?;
        let table = SampleTable::decode(stbl).map_err(skipped)?;
        if let Some(size) = entry.config.pcm_frame_size()
            && table.constant_size().is_some_and(|found| found != size)
        {
            return Err(skipped(Error::malformed(
                b"stsz",
                "not the size of a PCM sample",
            )));
        }
        let start = start_offset(trak, timescale, movie_timescale).map_err(skipped)?;
        Ok(Self {
            id,
            config: entry.config,
            timescale,
            start,
            table,
            form: entry.form,
        })
    }

    /// The number of the track within the file, as its `tkhd` box says.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The codec and what its decoder has to know.
    pub const fn config(&self) -> &TrackConfig {
        &self.config
    }

    /// Ticks a second.
    pub const fn timescale(&self) -> u32 {
        self.timescale
    }

    /// How many samples there are.
    pub const fn sample_count(&self) -> u32 {
        self.table.count()
    }

    /// The bytes of all samples together.
    pub fn size(&self) -> u64 {
        self.table.total_size()
    }

    /// When the last sample ends, in ticks from the start of the presentation.
    pub fn end(&self) -> i64 {
        let shown = i64::from(if self.table.has_shifts() {
            self.first_shift()
        } else {
            0
        });
        to_signed(self.table.end())
            .saturating_add(shown)
            .saturating_add(self.start)
    }

    /// The shift from decode to presentation order that the whole track has.
    fn first_shift(&self) -> i32 {
        self.table.shift(0)
    }

    /// How long the track lasts, from the start of the presentation.
    pub fn duration(&self) -> Duration {
        ticks_to_duration(self.end(), self.timescale)
    }

    /// Frames a second on average, for video.
    pub fn frame_rate(&self) -> Option<f64> {
        let ticks = self.table.end();
        (self.config.is_video() && ticks > 0)
            .then(|| f64::from(self.sample_count()) * f64::from(self.timescale) / ticks as f64)
    }

    /// The times and the size of a sample.
    pub fn sample(&self, index: u32) -> Option<Sample> {
        if index >= self.sample_count() {
            return None;
        }
        let decode_time = to_signed(self.table.decode_time(index)).saturating_add(self.start);
        Some(Sample {
            decode_time,
            presentation_time: decode_time.saturating_add(self.table.shift(index).into()),
            duration: self.table.duration(index),
            size: self.table.size(index),
            random_access: self.table.is_random_access(index),
        })
    }

    /// How many samples from this one on lie side by side in the file, so that one read gets them all; at least 1.
    pub fn adjacent(&self, index: u32) -> u32 {
        self.table
            .location(index)
            .map_or(1, |(_, adjacent)| adjacent)
    }

    /// The sample in decode order at this time: the last that is due to be decoded by then.
    pub fn find(&self, time: Duration) -> u32 {
        let media = duration_to_ticks(time, self.timescale).saturating_sub(self.start);
        self.table
            .last_at_or_before(u64::try_from(media).unwrap_or(0))
    }

    /// The random-access point at or before a sample, in decode order.
    pub fn random_access_at_or_before(&self, index: u32) -> u32 {
        self.table.random_access_at_or_before(index)
    }

    /// The last random-access point that is shown at or before this time; the first of the track when there is none.
    pub fn find_random_access(&self, time: Duration) -> u32 {
        let wanted = duration_to_ticks(time, self.timescale);
        let mut point = self.random_access_at_or_before(self.find(time));
        while let (Some(sample), Some(before)) = (self.sample(point), point.checked_sub(1)) {
            if sample.presentation_time <= wanted {
                break;
            }
            point = self.random_access_at_or_before(before);
        }
        point
    }

    /// The random-access point that follows a sample, in decode order.
    pub fn random_access_after(&self, index: u32) -> Option<u32> {
        self.table.random_access_after(index)
    }

    /// The sample that is shown at this time: the last in the order of presentation that begins at it or before.
    pub fn find_shown(&self, time: Duration) -> u32 {
        let wanted = duration_to_ticks(time, self.timescale);
        let mut shown: Option<(i64, u32)> = None;
        let mut since = 0;
        for index in (0..=self.last_decoded_for(wanted)).rev() {
            let Some(sample) = self.sample(index) else {
                break;
            };
            if sample.presentation_time <= wanted {
                shown = shown.max(Some((sample.presentation_time, index)));
            }
            since += u32::from(shown.is_some());
            if since > REORDERED {
                break;
            }
        }
        shown.map_or(0, |(_, index)| index)
    }

    /// The first sample in decode order that is shown at `wanted`, in ticks, or later; and the time at which the first of
    /// these is shown. `None` when all are shown before.
    pub fn find_shown_from(&self, wanted: i64) -> Option<(u32, i64)> {
        let last = self.last_decoded_for(wanted);
        let mut first = last.saturating_add(1);
        let mut since = 0;
        for index in (0..=last).rev() {
            let Some(sample) = self.sample(index) else {
                break;
            };
            since += 1;
            if sample.presentation_time >= wanted {
                (first, since) = (index, 0);
            }
            if since > REORDERED {
                break;
            }
        }
        let window = first..last.saturating_add(2 + REORDERED);
        let shown = window
            .map_while(|index| Some(self.sample(index)?.presentation_time))
            .filter(|&time| time >= wanted);
        Some((first, shown.min()?))
    }

    /// The last sample that can be shown by `time`: all that are decoded later are shown later.
    fn last_decoded_for(&self, time: i64) -> u32 {
        let bound = time
            .saturating_sub(self.table.min_shift().into())
            .saturating_sub(self.start);
        self.table
            .last_at_or_before(u64::try_from(bound).unwrap_or(0))
    }

    /// How many samples, in decode order from the first of the track, have to be decoded to show all that begin before this time.
    pub fn count_before(&self, time: Duration) -> u32 {
        let end = duration_to_ticks(time, self.timescale);
        // No sample that is decoded later than this is shown before `end`.
        let bound = end
            .saturating_sub(self.table.min_shift().into())
            .saturating_sub(self.start);
        let Ok(bound) = u64::try_from(bound) else {
            return 0;
        };
        let mut count = self
            .table
            .last_at_or_before(bound)
            .saturating_add(1)
            .min(self.sample_count());
        while let Some(last) = count.checked_sub(1).and_then(|last| self.sample(last)) {
            if last.presentation_time < end {
                break;
            }
            count -= 1;
        }
        count
    }
}

fn to_signed(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

/// Ticks as a duration; 0 for what is before the start.
pub fn ticks_to_duration(ticks: i64, timescale: u32) -> Duration {
    let (ticks, timescale) = (
        u64::try_from(ticks).unwrap_or(0),
        u64::from(timescale.max(1)),
    );
    let nanos = (u128::from(ticks % timescale) * 1_000_000_000 / u128::from(timescale)) as u32;
    Duration::new(ticks / timescale, nanos)
}

/// A duration in ticks, rounded to the nearest.
pub fn duration_to_ticks(duration: Duration, timescale: u32) -> i64 {
    let ticks = (duration.as_nanos() * u128::from(timescale) + 500_000_000) / 1_000_000_000;
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

fn track_id(trak: &[u8]) -> Option<u32> {
    let mut fields = Fields(Boxes::find(trak, b"tkhd")?);
    let version = fields.version()?;
    fields.versioned(version)?;
    fields.versioned(version)?;
    fields.u32()
}

fn timescale(mdia: &[u8]) -> Result<u32, Error> {
    let read = || {
        let mut fields = Fields(Boxes::find(mdia, b"mdhd")?);
        let version = fields.version()?;
        fields.versioned(version)?;
        fields.versioned(version)?;
        fields.u32()
    };
    let timescale = read().ok_or(Error::malformed(b"mdhd", "missing or cut short"))?;
    if timescale == 0 {
        Err(Error::malformed(b"mdhd", "a timescale of zero"))
    } else {
        Ok(timescale)
    }
}

/// Whether the media are in another file (ISO/IEC 14496-12 §8.7.2): the flag 1 says that they are in this one.
fn has_external_media(minf: &[u8]) -> bool {
    let Some(dref) = Boxes::descend(minf, &[b"dinf", b"dref"]) else {
        return false;
    };
    let Some(list) = dref.get(8..) else {
        return false;
    };
    Boxes::of(list)
        .next()
        .is_some_and(|(_, body)| body.get(3).is_some_and(|flags| flags & 1 == 0))
}

/// What the edit list moves the track by, in ticks of the track.
///
/// Known are the two usual things: empty time before the track begins, and a start within the media. Of several pieces only the
/// start of the first counts: the media are played through from there.
fn start_offset(trak: &[u8], timescale: u32, movie_timescale: u32) -> Result<i64, Error> {
    let Some(elst) = Boxes::descend(trak, &[b"edts", b"elst"]) else {
        return Ok(0);
    };
    let mut fields = Fields(elst);
    let mut edits = Vec::new();
    match fields.version() {
        Some(1) => edits.extend(entries::<20>(b"elst", &mut fields)?.iter().map(|entry| {
            let mut fields = Fields(entry);
            (
                fields.u64().unwrap_or(0),
                fields.u64().unwrap_or(0).cast_signed(),
            )
        })),
        _ => edits.extend(entries::<12>(b"elst", &mut fields)?.iter().map(|entry| {
            let mut fields = Fields(entry);
            let length = u64::from(fields.u32().unwrap_or(0));
            (length, fields.u32().unwrap_or(0).cast_signed().into())
        })),
    }
    let mut empty = 0_i64;
    for (length, media_time) in edits {
        if media_time >= 0 {
            return Ok(empty.saturating_sub(media_time));
        }
        let ticks = u128::from(length) * u128::from(timescale) / u128::from(movie_timescale.max(1));
        empty = empty.saturating_add(i64::try_from(ticks).unwrap_or(i64::MAX));
    }
    Ok(0)
}
