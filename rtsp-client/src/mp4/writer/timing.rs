use super::Written;

/// When the samples of a track are decoded, and how their presentation differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Timing {
    /// (samples, duration of each), as in `stts`. For PCM there are more samples than were written.
    pub(super) durations: Vec<(u32, u32)>,
    /// (samples, shift), as in `ctts`; empty where decoding and presentation are in the same order.
    pub(super) shifts: Vec<(u32, u32)>,
    /// When the first sample is shown, in ticks of the writer's clock.
    pub(super) start: i64,
    /// When the first sample is shown, in ticks of the track's own time: what its edit list begins with.
    pub(super) media_start: u64,
    /// How long the track lasts, in ticks.
    pub(super) duration: u64,
}

/// RTP tells when a sample is shown, not when it is decoded. Samples are decoded one by one at the pace at which they are
/// shown, each no later than that: so the times at which samples are shown, in order, are those at which they are
/// decoded, moved by the least that lets every sample be in time. Audio has one order for both.
pub(super) fn derive(samples: &[Written], timescale: u32, video: bool) -> Timing {
    let mut shown: Vec<i64> = samples
        .iter()
        .map(|sample| sample.presentation_time)
        .collect();
    let mut decoded = shown.clone();
    if video {
        decoded.sort_unstable();
    }
    let mut earliest = i64::MIN;
    for (time, sample) in decoded.iter_mut().zip(samples) {
        *time = (*time).max(earliest);
        earliest = time.saturating_add(sample.count.into());
    }
    if !video {
        shown.clone_from(&decoded);
    }
    let delay = decoded
        .iter()
        .zip(&shown)
        .map(|(decoded, shown)| decoded.saturating_sub(*shown))
        .max()
        .unwrap_or(0);
    let first = decoded
        .first()
        .map_or(0, |first| first.saturating_sub(delay));
    let start = shown.iter().copied().min().unwrap_or(0);

    let mut durations = Runs::default();
    let mut shifts = Runs::default();
    let usual = usual_duration(samples, &decoded, timescale);
    let mut duration = 0_u64;
    for (index, sample) in samples.iter().enumerate() {
        let at = decoded.get(index).copied().unwrap_or(0);
        let length = decoded
            .get(index + 1)
            .map_or(usual, |next| clamp(next.saturating_sub(at)));
        // Of PCM, all samples but the last of a packet last one tick: that takes what is missing before the next packet.
        durations.push(sample.count - 1, 1);
        durations.push(1, length.saturating_sub(sample.count - 1).max(1));
        duration += u64::from(length.max(sample.count));
        let shift = shown
            .get(index)
            .map_or(0, |shown| shown.saturating_sub(at.saturating_sub(delay)));
        shifts.push(sample.count, clamp(shift));
    }
    let in_order = shifts.0.iter().all(|&(_, shift)| shift == 0);
    Timing {
        durations: durations.0,
        shifts: if in_order { Vec::new() } else { shifts.0 },
        start,
        media_start: u64::try_from(start.saturating_sub(first)).unwrap_or(0),
        duration,
    }
}

/// How long the last sample lasts: as long as the one before, or what is likely when it is the only one.
fn usual_duration(samples: &[Written], decoded: &[i64], timescale: u32) -> u32 {
    if let Some(sample) = samples.last().filter(|sample| sample.count > 1) {
        return sample.count;
    }
    match decoded {
        [.., before, last] => clamp(last.saturating_sub(*before)).max(1),
        _ => (timescale / 25).max(1),
    }
}

fn clamp(ticks: i64) -> u32 {
    u32::try_from(ticks.max(0)).unwrap_or(u32::MAX)
}

/// Equal values that follow on each other, counted.
#[derive(Default)]
struct Runs(Vec<(u32, u32)>);

impl Runs {
    fn push(&mut self, count: u32, value: u32) {
        match self.0.last_mut() {
            _ if count == 0 => {}
            Some((run, last)) if *last == value && run.checked_add(count).is_some() => {
                *run += count;
            }
            _ => self.0.push((count, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(times: &[i64], count: u32) -> Vec<Written> {
        times
            .iter()
            .map(|&presentation_time| Written {
                presentation_time,
                size: 1,
                count,
            })
            .collect()
    }

    #[test]
    fn without_reordering_both_times_are_one() {
        let timing = derive(&written(&[3000, 6000, 9000, 12_600], 1), 90_000, true);
        assert_eq!(timing.durations, [(2, 3000), (2, 3600)]);
        assert_eq!(
            (
                timing.shifts,
                timing.start,
                timing.media_start,
                timing.duration
            ),
            (vec![], 3000, 0, 13_200)
        );
    }

    #[test]
    fn b_frames_are_decoded_in_time() {
        // I P B B P B B, decoded with a delay of one frame.
        let timing = derive(
            &written(&[0, 300, 100, 200, 600, 400, 500], 1),
            90_000,
            true,
        );
        assert_eq!(timing.durations, [(7, 100)]);
        assert_eq!(
            timing.shifts,
            [(1, 100), (1, 300), (2, 0), (1, 300), (2, 0)]
        );
        assert_eq!(
            (timing.start, timing.media_start, timing.duration),
            (0, 100, 700)
        );
    }

    #[test]
    fn a_pyramid_of_b_frames() {
        let shown = [0, 400, 200, 100, 300, 800, 600, 500, 700];
        let timing = derive(&written(&shown, 1), 90_000, true);
        let shifts: Vec<u32> = timing
            .shifts
            .iter()
            .flat_map(|&(count, shift)| std::iter::repeat_n(shift, count as usize))
            .collect();
        for (index, (shown, shift)) in shown.iter().zip(shifts).enumerate() {
            assert_eq!(
                i64::from(shift),
                shown + 200 - index as i64 * 100,
                "frame {index}"
            );
        }
        assert_eq!(timing.media_start, 200);
    }

    #[test]
    fn equal_and_backward_times_do_no_harm() {
        let timing = derive(&written(&[100, 100, 100], 1), 90_000, true);
        assert_eq!(timing.durations, [(3, 1)]);
        let timing = derive(&written(&[i64::MAX, i64::MIN, 0], 1), 90_000, true);
        assert_eq!(
            timing
                .durations
                .iter()
                .map(|&(count, _)| count)
                .sum::<u32>(),
            3
        );
    }

    #[test]
    fn pcm_fills_its_gaps() {
        // The third packet of 160 is missing, and the last overlaps.
        let timing = derive(&written(&[0, 160, 480, 600], 160), 8000, false);
        assert_eq!(timing.durations, [(319, 1), (1, 161), (320, 1)]);
        assert_eq!(timing.duration, 800);
        assert_eq!(
            timing
                .durations
                .iter()
                .map(|&(count, length)| u64::from(count * length))
                .sum::<u64>(),
            800
        );
    }
}
