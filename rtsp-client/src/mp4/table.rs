use super::Error;
use super::boxes::Boxes;
use super::boxes::Fields;
use super::boxes::entries;

/// How many values lie between two entries of a running sum.
const STRIDE: usize = 32;

/// Numbers of which both the single value and the sum of all before it are wanted, at about 4 bytes each.
#[derive(Debug, Default)]
pub(super) struct Summed {
    values: Vec<u32>,
    /// The sum of all values before each [`STRIDE`]th.
    sums: Vec<u64>,
    total: u64,
}

impl Summed {
    fn with_capacity(count: usize) -> Self {
        Self {
            values: Vec::with_capacity(count),
            sums: Vec::with_capacity(count / STRIDE + 1),
            total: 0,
        }
    }

    fn push(&mut self, value: u32) {
        if self.values.len().is_multiple_of(STRIDE) {
            self.sums.push(self.total);
        }
        self.values.push(value);
        // 2^32 values of less than 2^32 each do not reach 2^64.
        self.total += u64::from(value);
    }

    fn value(&self, index: u32) -> u32 {
        self.values.get(index as usize).copied().unwrap_or(0)
    }

    fn sum_before(&self, index: u32) -> u64 {
        let index = (index as usize).min(self.values.len());
        let block = index / STRIDE;
        let Some(sum) = self.sums.get(block) else {
            return self.total;
        };
        let rest = self.values.get(block * STRIDE..index).unwrap_or(&[]);
        sum + rest.iter().map(|&value| u64::from(value)).sum::<u64>()
    }

    /// The last index of which the sum before it is not above `sum`.
    fn last_at_or_below(&self, sum: u64) -> u32 {
        let block = self
            .sums
            .partition_point(|&start| start <= sum)
            .saturating_sub(1);
        let mut at = self.sums.get(block).copied().unwrap_or(0);
        let mut index = block * STRIDE;
        while let Some(&value) = self.values.get(index) {
            at += u64::from(value);
            if at > sum || index + 1 == self.values.len() {
                break;
            }
            index += 1;
        }
        index as u32
    }
}

/// The sizes of the samples in bytes (`stsz`, `stz2`).
#[derive(Debug)]
enum Sizes {
    Same { size: u32, count: u32 },
    Each(Summed),
}

/// Samples of one duration that follow on each other.
#[derive(Debug, Clone, Copy)]
struct TimeRun {
    first_time: u64,
    first_sample: u32,
    delta: u32,
}

/// The decode times of the samples in ticks (`stts`).
#[derive(Debug)]
enum Times {
    Runs(Vec<TimeRun>),
    Each(Summed),
}

/// What is added to the decode time for the presentation time (`ctts`).
#[derive(Debug)]
enum Shifts {
    None,
    /// (first sample, shift)
    Runs(Vec<(u32, i32)>),
    Each(Vec<i32>),
}

#[derive(Debug)]
enum Chunks {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

/// Chunks with the same number of samples that follow on each other (`stsc`).
#[derive(Debug, Clone, Copy)]
struct ChunkRun {
    first_chunk: u32,
    first_sample: u32,
    samples: u32,
}

/// Where the samples of one track are, and when they are due.
///
/// Kept as the file keeps it, in runs, or in dense form where that is smaller: well below 24 bytes a sample.
#[derive(Debug)]
pub(super) struct SampleTable {
    count: u32,
    sizes: Sizes,
    times: Times,
    shifts: Shifts,
    chunks: Chunks,
    chunk_runs: Vec<ChunkRun>,
    /// Sorted; `None`: each sample is a random-access point (`stss`).
    random_access: Option<Vec<u32>>,
    end: u64,
    min_shift: i32,
}

impl SampleTable {
    /// Reads the body of a `stbl` box.
    pub(super) fn decode(stbl: &[u8]) -> Result<Self, Error> {
        let body = |kind: &'static [u8; 4]| Boxes::find(stbl, kind).map(Fields);
        let required = |kind| body(kind).ok_or(Error::malformed(kind, "missing"));

        let sizes = match body(b"stsz") {
            Some(fields) => Sizes::decode(fields)?,
            None => Sizes::decode_compact(required(b"stz2")?)?,
        };
        let (times, timed, _) = Times::decode(required(b"stts")?)?;
        let chunks = Chunks::decode(stbl)?;
        let (chunk_runs, placed) = decode_chunk_runs(required(b"stsc")?, chunks.len())?;
        let shifts = body(b"ctts").map_or(Ok(Shifts::None), Shifts::decode)?;
        let count = sizes.count().min(timed).min(placed);
        let random_access = body(b"stss")
            .map(|fields| decode_random_access(fields, count))
            .transpose()?;

        let mut table = Self {
            count,
            sizes,
            times,
            min_shift: shifts.min(),
            shifts,
            chunks,
            chunk_runs,
            random_access,
            end: 0,
        };
        table.end = table.times.at(count);
        Ok(table)
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// When the last sample ends, in ticks of decode time.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn size(&self, sample: u32) -> u32 {
        match &self.sizes {
            Sizes::Same { size, .. } => *size,
            Sizes::Each(sizes) => sizes.value(sample),
        }
    }

    /// The size of all samples, when it is the same.
    pub(super) const fn constant_size(&self) -> Option<u32> {
        match &self.sizes {
            Sizes::Same { size, .. } => Some(*size),
            Sizes::Each(_) => None,
        }
    }

    pub(super) fn total_size(&self) -> u64 {
        self.bytes_before(self.count)
    }

    pub(super) fn decode_time(&self, sample: u32) -> u64 {
        self.times.at(sample)
    }

    pub(super) fn duration(&self, sample: u32) -> u32 {
        self.times.delta(sample)
    }

    pub(super) fn shift(&self, sample: u32) -> i32 {
        match &self.shifts {
            Shifts::None => 0,
            Shifts::Each(shifts) => shifts.get(sample as usize).copied().unwrap_or(0),
            Shifts::Runs(runs) => {
                let run = runs
                    .partition_point(|&(first, _)| first <= sample)
                    .checked_sub(1);
                run.and_then(|run| runs.get(run))
                    .map_or(0, |&(_, shift)| shift)
            }
        }
    }

    /// The smallest shift of all samples.
    pub(super) const fn min_shift(&self) -> i32 {
        self.min_shift
    }

    pub(super) const fn has_shifts(&self) -> bool {
        !matches!(self.shifts, Shifts::None)
    }

    pub(super) fn is_random_access(&self, sample: u32) -> bool {
        self.random_access
            .as_ref()
            .is_none_or(|points| points.binary_search(&sample).is_ok())
    }

    /// The random-access point at or before a sample; the first sample where there is none.
    pub(super) fn random_access_at_or_before(&self, sample: u32) -> u32 {
        let Some(points) = &self.random_access else {
            return sample;
        };
        let index = points
            .partition_point(|&point| point <= sample)
            .checked_sub(1);
        index
            .and_then(|index| points.get(index))
            .copied()
            .unwrap_or(0)
    }

    /// The random-access point after a sample.
    pub(super) fn random_access_after(&self, sample: u32) -> Option<u32> {
        let next = sample.checked_add(1)?;
        let point = match &self.random_access {
            Some(points) => *points.get(points.partition_point(|&point| point < next))?,
            None => next,
        };
        (point < self.count).then_some(point)
    }

    /// The last sample whose decode time is not after `time`.
    pub(super) fn last_at_or_before(&self, time: u64) -> u32 {
        self.times
            .last_at_or_before(time)
            .min(self.count.saturating_sub(1))
    }

    /// The offset of a sample in the file, and how many samples from it on lie side by side.
    pub(super) fn location(&self, sample: u32) -> Option<(u64, u32)> {
        if sample >= self.count {
            return None;
        }
        let index = self
            .chunk_runs
            .partition_point(|run| run.first_sample <= sample)
            .checked_sub(1)?;
        let run = self.chunk_runs.get(index)?;
        let nth = (sample - run.first_sample) / run.samples;
        let first = run.first_sample + nth * run.samples;
        let chunk = self.chunks.offset(run.first_chunk + nth)?;
        let before = self.bytes_before(sample) - self.bytes_before(first);
        let adjacent = (run.samples - (sample - first)).min(self.count - sample);
        Some((chunk.checked_add(before)?, adjacent))
    }

    fn bytes_before(&self, sample: u32) -> u64 {
        match &self.sizes {
            Sizes::Same { size, .. } => u64::from(*size) * u64::from(sample),
            Sizes::Each(sizes) => sizes.sum_before(sample),
        }
    }

    /// How much memory the table takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        let summed = |summed: &Summed| summed.values.capacity() * 4 + summed.sums.capacity() * 8;
        let sizes = if let Sizes::Each(sizes) = &self.sizes {
            summed(sizes)
        } else {
            0
        };
        let times = match &self.times {
            Times::Runs(runs) => runs.capacity() * size_of::<TimeRun>(),
            Times::Each(deltas) => summed(deltas),
        };
        let shifts = match &self.shifts {
            Shifts::None => 0,
            Shifts::Runs(runs) => runs.capacity() * 8,
            Shifts::Each(shifts) => shifts.capacity() * 4,
        };
        let chunks = match &self.chunks {
            Chunks::Narrow(offsets) => offsets.capacity() * 4,
            Chunks::Wide(offsets) => offsets.capacity() * 8,
        };
        let points = self
            .random_access
            .as_ref()
            .map_or(0, |points| points.capacity() * 4);
        sizes
            + times
            + shifts
            + chunks
            + points
            + self.chunk_runs.capacity() * size_of::<ChunkRun>()
    }
}

impl Sizes {
    fn decode(mut fields: Fields<'_>) -> Result<Self, Error> {
        let cut = Error::malformed(b"stsz", "cut short");
        fields.version();
        let size = fields.u32().ok_or(cut)?;
        if size != 0 {
            let count = fields.u32().ok_or(Error::malformed(b"stsz", "cut short"))?;
            return Ok(Self::Same { size, count });
        }
        let entries = entries::<4>(b"stsz", &mut fields)?;
        let mut sizes = Summed::with_capacity(entries.len());
        entries
            .iter()
            .for_each(|entry| sizes.push(u32::from_be_bytes(*entry)));
        Ok(Self::Each(sizes))
    }

    fn decode_compact(mut fields: Fields<'_>) -> Result<Self, Error> {
        fields.version();
        let width = fields.u32().ok_or(Error::malformed(b"stz2", "cut short"))? & 0xff;
        let mut sizes = Summed::default();
        match width {
            16 => {
                let entries = entries::<2>(b"stz2", &mut fields)?;
                entries
                    .iter()
                    .for_each(|entry| sizes.push(u16::from_be_bytes(*entry).into()));
            }
            8 => entries::<1>(b"stz2", &mut fields)?
                .iter()
                .for_each(|&[size]| sizes.push(size.into())),
            4 => {
                let count = fields.u32().unwrap_or(0) as usize;
                let bytes = fields.take(count.div_ceil(2));
                let bytes = bytes.ok_or(Error::malformed(
                    b"stz2",
                    "more entries than its size has room for",
                ))?;
                let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                halves.take(count).for_each(|size| sizes.push(size.into()));
            }
            _ => return Err(Error::malformed(b"stz2", "no such field size")),
        }
        Ok(Self::Each(sizes))
    }

    fn count(&self) -> u32 {
        match self {
            Self::Same { count, .. } => *count,
            Self::Each(sizes) => u32::try_from(sizes.values.len()).unwrap_or(u32::MAX),
        }
    }
}

fn pair(entry: &[u8; 8]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = *entry;
    (
        u32::from_be_bytes([a, b, c, d]),
        u32::from_be_bytes([e, f, g, h]),
    )
}

impl Times {
    /// The times, the number of samples that they cover, and when the last ends.
    fn decode(mut fields: Fields<'_>) -> Result<(Self, u32, u64), Error> {
        fields.version();
        let entries = entries::<8>(b"stts", &mut fields)?;
        let mut runs = Vec::with_capacity(entries.len());
        let (mut first_time, mut first_sample) = (0_u64, 0_u32);
        for (count, delta) in entries.iter().map(pair) {
            if count == 0 {
                continue;
            }
            runs.push(TimeRun {
                first_time,
                first_sample,
                delta,
            });
            let length = u64::from(count) * u64::from(delta);
            first_time = first_time
                .checked_add(length)
                .ok_or(Error::malformed(b"stts", "time runs over"))?;
            // More samples than a `stsz` can name: what is beyond has no size and is never looked at.
            let Some(next) = first_sample.checked_add(count) else {
                first_sample = u32::MAX;
                break;
            };
            first_sample = next;
        }
        if runs.len() * 4 <= first_sample as usize {
            return Ok((Self::Runs(runs), first_sample, first_time));
        }
        let mut deltas = Summed::with_capacity(first_sample as usize);
        for (count, delta) in entries.iter().map(pair) {
            (0..count).for_each(|_| deltas.push(delta));
        }
        Ok((Self::Each(deltas), first_sample, first_time))
    }

    fn run(runs: &[TimeRun], sample: u32) -> Option<&TimeRun> {
        runs.get(
            runs.partition_point(|run| run.first_sample <= sample)
                .checked_sub(1)?,
        )
    }

    fn at(&self, sample: u32) -> u64 {
        match self {
            Self::Each(deltas) => deltas.sum_before(sample),
            Self::Runs(runs) => Self::run(runs, sample).map_or(0, |run| {
                run.first_time + u64::from(sample - run.first_sample) * u64::from(run.delta)
            }),
        }
    }

    fn delta(&self, sample: u32) -> u32 {
        match self {
            Self::Each(deltas) => deltas.value(sample),
            Self::Runs(runs) => Self::run(runs, sample).map_or(0, |run| run.delta),
        }
    }

    fn last_at_or_before(&self, time: u64) -> u32 {
        match self {
            Self::Each(deltas) => deltas.last_at_or_below(time),
            Self::Runs(runs) => {
                let index = runs
                    .partition_point(|run| run.first_time <= time)
                    .saturating_sub(1);
                let Some(run) = runs.get(index) else { return 0 };
                let after = (time - run.first_time)
                    .checked_div(u64::from(run.delta))
                    .unwrap_or(0);
                let found = u64::from(run.first_sample).saturating_add(after);
                // Within the run: its last sample may be longer than its duration says when a run of zero follows.
                let last = runs
                    .get(index + 1)
                    .map_or(u32::MAX, |next| next.first_sample - 1);
                u32::try_from(found).unwrap_or(u32::MAX).min(last)
            }
        }
    }
}

impl Shifts {
    fn decode(mut fields: Fields<'_>) -> Result<Self, Error> {
        fields.version();
        let entries = entries::<8>(b"ctts", &mut fields)?;
        // Version 0 is unsigned by the letter, but negative shifts are found there too (QuickTime).
        let pairs = || {
            entries
                .iter()
                .map(pair)
                .map(|(count, shift)| (count, shift.cast_signed()))
        };
        let samples: u64 = pairs().map(|(count, _)| u64::from(count)).sum();
        if pairs().all(|(_, shift)| shift == 0) {
            return Ok(Self::None);
        }
        if (entries.len() as u64) * 2 > samples {
            let shifts = pairs().flat_map(|(count, shift)| (0..count).map(move |_| shift));
            return Ok(Self::Each(shifts.collect()));
        }
        let mut runs = Vec::with_capacity(entries.len());
        let mut first = 0_u32;
        for (count, shift) in pairs() {
            if count == 0 {
                continue;
            }
            runs.push((first, shift));
            let Some(next) = first.checked_add(count) else {
                break;
            };
            first = next;
        }
        Ok(Self::Runs(runs))
    }

    fn min(&self) -> i32 {
        match self {
            Self::None => 0,
            Self::Runs(runs) => runs.iter().map(|&(_, shift)| shift).min().unwrap_or(0),
            Self::Each(shifts) => shifts.iter().copied().min().unwrap_or(0),
        }
    }
}

impl Chunks {
    fn decode(stbl: &[u8]) -> Result<Self, Error> {
        if let Some(body) = Boxes::find(stbl, b"stco") {
            let mut fields = Fields(body);
            fields.version();
            let offsets = entries::<4>(b"stco", &mut fields)?;
            return Ok(Self::Narrow(
                offsets
                    .iter()
                    .map(|entry| u32::from_be_bytes(*entry))
                    .collect(),
            ));
        }
        let body = Boxes::find(stbl, b"co64").ok_or(Error::malformed(b"stco", "missing"))?;
        let mut fields = Fields(body);
        fields.version();
        let offsets = entries::<8>(b"co64", &mut fields)?;
        Ok(Self::Wide(
            offsets
                .iter()
                .map(|entry| u64::from_be_bytes(*entry))
                .collect(),
        ))
    }

    const fn len(&self) -> usize {
        match self {
            Self::Narrow(offsets) => offsets.len(),
            Self::Wide(offsets) => offsets.len(),
        }
    }

    fn offset(&self, chunk: u32) -> Option<u64> {
        match self {
            Self::Narrow(offsets) => offsets.get(chunk as usize).copied().map(u64::from),
            Self::Wide(offsets) => offsets.get(chunk as usize).copied(),
        }
    }
}

/// The runs, and how many samples all the chunks have room for.
fn decode_chunk_runs(mut fields: Fields<'_>, chunks: usize) -> Result<(Vec<ChunkRun>, u32), Error> {
    fields.version();
    let entries = entries::<12>(b"stsc", &mut fields)?;
    let chunks = u32::try_from(chunks).unwrap_or(u32::MAX);
    let mut runs: Vec<ChunkRun> = Vec::with_capacity(entries.len());
    let mut placed = 0_u32;
    let first_of = |entry: &[u8; 12]| u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]]);
    for (index, entry) in entries.iter().enumerate() {
        let samples = u32::from_be_bytes([entry[4], entry[5], entry[6], entry[7]]);
        let first = first_of(entry)
            .checked_sub(1)
            .ok_or(Error::malformed(b"stsc", "chunk zero"))?;
        let next = entries
            .get(index + 1)
            .map_or(chunks, |next| first_of(next).saturating_sub(1));
        if (index == 0 && first != 0) || (next < first) {
            return Err(Error::malformed(b"stsc", "chunks out of order"));
        }
        // Runs beyond the last chunk that has an offset place nothing; neither do empty chunks.
        let length = next.min(chunks).saturating_sub(first);
        if length > 0 && samples > 0 {
            runs.push(ChunkRun {
                first_chunk: first,
                first_sample: placed,
                samples,
            });
            placed = placed.saturating_add(length.saturating_mul(samples));
        }
    }
    Ok((runs, placed))
}

fn decode_random_access(mut fields: Fields<'_>, count: u32) -> Result<Vec<u32>, Error> {
    fields.version();
    let entries = entries::<4>(b"stss", &mut fields)?;
    let numbers = entries.iter().map(|entry| u32::from_be_bytes(*entry));
    let mut points: Vec<u32> = numbers
        .filter_map(|number| number.checked_sub(1))
        .filter(|&sample| sample < count)
        .collect();
    // The order is required (ISO/IEC 14496-12 §8.6.2), but searching depends on it.
    points.sort_unstable();
    points.dedup();
    Ok(points)
}

#[cfg(test)]
mod tests;
