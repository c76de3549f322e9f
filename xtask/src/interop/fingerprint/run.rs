//! A contiguous run of the source.

use super::{Track, Unit};
use crate::failure::{Failure, Result};
use std::collections::HashMap;

/// Where what was seen lies in the source.
#[derive(Debug, PartialEq)]
pub(super) struct Run {
    pub(super) first: usize,
    pub(super) len: usize,
    /// The median of capture time minus source time, in seconds.
    pub(super) offset: Option<f64>,
}

impl Run {
    /// Finds all of `seen` in `source`, in order and without a hole.
    ///
    /// `turn` is how long one turn takes, in seconds, where the source is repeated for ever.
    pub(super) fn find(source: &Track, seen: &Track, turn: Option<f64>) -> Result<Self> {
        match (source, seen) {
            (Track::Units(source), Track::Units(seen)) => Self::of_units(source, seen, turn),
            (Track::Octets(source), Track::Octets(seen)) => Self::of_octets(source, seen),
            _ => Err(Failure::new(
                "the capture is of another kind than the source",
            )),
        }
    }

    pub(super) fn of_octets(source: &[u8], seen: &[u8]) -> Result<Self> {
        if seen.is_empty() {
            return Err(Failure::new("nothing arrived"));
        }
        // The first octets find the place, a rising tone has each stretch once; then all must agree.
        let probe = &seen[..seen.len().min(256)];
        let first = source
            .windows(probe.len())
            .position(|window| window == probe)
            .ok_or_else(|| Failure::new("the first octets are not in the source"))?;
        let same = source[first..]
            .iter()
            .zip(seen)
            .take_while(|(a, b)| a == b)
            .count();
        if same < seen.len() {
            return Err(Failure::new(format!(
                "{same} of {} octets are as in the source, then they differ",
                seen.len()
            )));
        }
        Ok(Self {
            first,
            len: seen.len(),
            offset: None,
        })
    }

    pub(super) fn of_units(source: &[Unit], seen: &[Unit], turn: Option<f64>) -> Result<Self> {
        let Some(start) = seen.first() else {
            return Err(Failure::new("nothing arrived"));
        };
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, unit) in source.iter().enumerate() {
            places.entry(&unit.hash).or_default().push(index);
        }
        let candidates = places
            .get(start.hash.as_str())
            .ok_or_else(|| Failure::new("its first frame is not one of the source"))?;
        // Alike frames are rare; the candidate that agrees longest is the place.
        let agrees = |first: usize| {
            let expected = source.iter().cycle().skip(first).take(if turn.is_some() {
                usize::MAX
            } else {
                source.len() - first
            });
            expected
                .zip(seen)
                .take_while(|(a, b)| a.hash == b.hash)
                .count()
        };
        let (first, same) = candidates
            .iter()
            .map(|first| (*first, agrees(*first)))
            .max_by_key(|(_, same)| *same)
            .unwrap_or_default();
        if let Some(wrong) = seen.get(same) {
            let wanted = first + same;
            let what = match places
                .get(wrong.hash.as_str())
                .and_then(|places| places.iter().find(|place| **place > wanted))
            {
                Some(place) => format!(
                    "frame {place} follows frame {} ({} missing)",
                    wanted - 1,
                    place - wanted
                ),
                None if places.contains_key(wrong.hash.as_str()) => {
                    format!("an earlier frame follows frame {}", wanted - 1)
                }
                None => format!("what follows frame {} is not in the source", wanted - 1),
            };
            return Err(Failure::new(format!(
                "{same} of {} frames from {first} agree, then {what}",
                seen.len()
            )));
        }
        Ok(Self {
            first,
            len: seen.len(),
            offset: offset(source, first, seen, turn),
        })
    }
}

/// The median of what the capture's times differ from the source's.
pub(super) fn offset(
    source: &[Unit],
    first: usize,
    seen: &[Unit],
    turn: Option<f64>,
) -> Option<f64> {
    let place = |index: usize| {
        #[allow(clippy::cast_precision_loss, reason = "turns of a loop are few")]
        let turns = (index / source.len()) as f64;
        Some(source[index % source.len()].time? + turns * turn.unwrap_or_default())
    };
    let mut offsets: Vec<f64> = seen
        .iter()
        .enumerate()
        .filter_map(|(index, unit)| Some(unit.time? - place(first + index)?))
        .collect();
    offsets.sort_by(f64::total_cmp);
    offsets.get(offsets.len() / 2).copied()
}
