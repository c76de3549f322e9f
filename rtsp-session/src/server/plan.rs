//! What a PLAY means: the rules in which the two versions differ, and what may be asked of live media.

use super::State;
use super::nature::Nature;
use super::unit::{self, Bound, TimeUnit};
use crate::error::ProtocolError;
use rtsp_msg::Version;
use rtsp_msg::headers::Range;
use std::time::Duration;

/// What a PLAY does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Complete by nature: the RFCs name these four.
pub enum PlayAction {
    /// Media begin to flow.
    Begin,
    /// The new range takes the place of the old one at once (RFC 7826 §13.4.1).
    Replace,
    /// The new range follows the old one (RFC 2326 §10.5).
    Queue,
    /// Nothing changes: what plays goes on.
    Continue,
}

/// What a PLAY does that passed [`ServerSession::check`](super::ServerSession::check): `ranged` when it has a Range.
#[must_use]
pub const fn play(version: Version, state: State, ranged: bool) -> PlayAction {
    match (version, state, ranged) {
        (_, State::Init | State::Ready | State::Record, _) => PlayAction::Begin,
        (_, State::Play, false) => PlayAction::Continue,
        (Version::V2_0, State::Play, true) => PlayAction::Replace,
        (_, State::Play, true) => PlayAction::Queue,
    }
}

/// May a PLAY of live media ask for this range?
///
/// RTSP/2.0 peers may only say `now`; other times are moved to where it is (RFC 7826 §13.4.6, §13.4.1). RTSP/1.0 players say
/// `npt=0-` for "from where it is"; any other time is a seek, which live media do not have (RFC 2326 §11.3.7).
///
/// # Errors
/// [`ProtocolError::HeaderNotValid`] for a seek or another unit, [`ProtocolError::InvalidRange`] for an end that has passed or
/// lies before the start.
pub fn live_range(
    version: Version,
    range: Option<&Range>,
    nature: &Nature,
) -> Result<(), ProtocolError> {
    let Some(range) = range else { return Ok(()) };
    let (start, end) = known_bounds(range, nature)?;
    if version == Version::V2_0 {
        let passed = match (start, end) {
            (Some(Bound::At(start)), Some(Bound::At(end))) if end < start => true,
            (_, Some(Bound::At(end))) => end <= nature.end(),
            _ => false,
        };
        return if passed {
            Err(ProtocolError::InvalidRange)
        } else {
            Ok(())
        };
    }
    match (range, start) {
        (_, None | Some(Bound::Now)) => Ok(()),
        (Range::Npt { .. }, Some(Bound::At(at))) if at.is_zero() => Ok(()),
        _ => Err(ProtocolError::HeaderNotValid {
            accept_ranges: None,
        }),
    }
}

/// What a range asks of media that can be sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)] // What a Range says.
pub struct Seek {
    /// The unit in which it was asked, and is to be answered (RFC 7826 §13.4.1). `None` without a range.
    pub unit: Option<TimeUnit>,
    /// Where to begin, since the beginning of the presentation. `None` is where it is.
    pub start: Option<Duration>,
    /// Where to end. `None` is the end of the media.
    pub end: Option<Duration>,
}

/// Reads the Range of a PLAY of media that can be sought. Times outside of what is kept of an event are moved to its border (RFC
/// 7826 §13.4.7); those outside of a recording are left for the one who knows where it is.
///
/// # Errors
/// [`ProtocolError::HeaderNotValid`] for a unit that the media do not have, [`ProtocolError::InvalidRange`] for `now` in what does
/// not happen now (RFC 7826 §4.4.2, RFC 2326 §3.6).
pub fn seek(range: Option<&Range>, nature: &Nature) -> Result<Seek, ProtocolError> {
    let Some(range) = range else {
        return Ok(Seek::default());
    };
    let (start, end) = known_bounds(range, nature)?;
    let time = |bound: Bound| match bound {
        Bound::Now if nature.progresses() => Ok(nature.end()),
        Bound::Now => Err(ProtocolError::InvalidRange),
        Bound::At(at) => Ok(at),
    };
    let start = start.map(time).transpose()?;
    let kept = |at: Duration| match nature.progresses() {
        true => at.clamp(nature.start(), nature.end()),
        false => at,
    };
    Ok(Seek {
        unit: TimeUnit::of(range),
        start: start.map(kept),
        end: end.map(time).transpose()?,
    })
}

fn known_bounds(
    range: &Range,
    nature: &Nature,
) -> Result<(Option<Bound>, Option<Bound>), ProtocolError> {
    let known = TimeUnit::of(range).filter(|unit| nature.units().contains(unit));
    known
        .and_then(|_| unit::bounds(range, nature.origin()))
        .ok_or(ProtocolError::HeaderNotValid {
            accept_ranges: Some(nature.accept_ranges()),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn r2_ver_10_r2_play_16_r1_play_02_03_a_second_play_is_queued_in_1_0_and_replaces_in_2_0() {
        use PlayAction::{Begin, Continue, Queue, Replace};
        for (version, state, ranged, action) in [
            (Version::V1_0, State::Ready, true, Begin),
            (Version::V1_0, State::Ready, false, Begin),
            (Version::V1_0, State::Play, true, Queue),
            (Version::V1_0, State::Play, false, Continue),
            (Version::V2_0, State::Ready, true, Begin),
            (Version::V2_0, State::Play, true, Replace),
            (Version::V2_0, State::Play, false, Continue),
        ] {
            assert_eq!(play(version, state, ranged), action, "{version} {state:?}");
        }
    }

    #[test]
    fn r1_play_09_r2_play_06_22_r2_code_25_ranges_of_live_media() {
        let nature = Nature::live(Duration::from_secs(90));
        let dated = nature.clone().begun(UNIX_EPOCH);
        for (text, v1, v2) in [
            ("clock=20261123T000000Z-", 456, 200),
            ("clock=19700101T000000Z-19700101T000001Z", 456, 457),
            ("clock=-19700101T000200Z", 200, 200),
            ("smpte=00:00:10-", 501, 456),
        ] {
            let range = Range::parse(text).unwrap();
            for (version, code) in [(Version::V1_0, v1), (Version::V2_0, v2)] {
                let verdict = live_range(version, Some(&range), &dated);
                let got = verdict.map_or_else(|error| error.status_in(version).code(), |()| 200);
                assert_eq!(got, code, "{text} {version}");
            }
        }
        for (text, v1, v2) in [
            ("npt=now-", 200, 200),
            ("npt=0-", 200, 200),
            ("npt=0.000-", 200, 200),
            ("npt=10-", 456, 200),
            ("npt=99999-", 456, 200),
            ("npt=0-100", 200, 200),
            ("npt=-20", 200, 457),
            ("npt=0-20", 200, 457),
            ("npt=200-100", 456, 457),
            ("clock=20261123T000000Z-", 501, 456),
            ("smpte=00:00:10-", 501, 456),
            ("foo=1-2", 501, 456),
        ] {
            let range = Range::parse(text).unwrap();
            for (version, code) in [(Version::V1_0, v1), (Version::V2_0, v2)] {
                let verdict = live_range(version, Some(&range), &nature);
                let got = verdict.map_or_else(|error| error.status_in(version).code(), |()| 200);
                assert_eq!(got, code, "{text} {version}");
            }
        }
        assert_eq!(live_range(Version::V1_0, None, &nature), Ok(()));
    }

    #[test]
    fn r2_time_04_r1_time_10_now_is_only_for_what_happens_now() {
        let film = Nature::recorded(Duration::from_secs(60));
        let event = Nature::kept(Duration::from_secs(60), None);
        for text in ["npt=now-", "npt=now-70", "npt=5-now"] {
            let range = Range::parse(text).unwrap();
            assert_eq!(
                seek(Some(&range), &film),
                Err(ProtocolError::InvalidRange),
                "{text}"
            );
            assert!(seek(Some(&range), &event).is_ok(), "{text}");
        }
        let now = seek(Some(&Range::now()), &event).unwrap();
        assert_eq!(now.start, Some(Duration::from_secs(60)));
    }

    #[test]
    fn r2_play_06_25_starts_outside_of_the_window_are_moved_to_its_border() {
        let window = Some(Duration::from_secs(60));
        let event = Nature::kept(Duration::from_secs(100), window).begun(UNIX_EPOCH);
        for (text, start) in [
            ("npt=0-", 40),
            ("npt=39.9-", 40),
            ("npt=50-", 50),
            ("npt=100-", 100),
            ("npt=99999-", 100),
            ("npt=now-", 100),
            ("clock=19700101T000000Z-", 40),
            ("clock=19700101T000050Z-", 50),
            ("clock=20261123T000000Z-", 100),
        ] {
            let range = Range::parse(text).unwrap();
            let seek = seek(Some(&range), &event).unwrap();
            assert_eq!(seek.start, Some(Duration::from_secs(start)), "{text}");
        }
    }

    #[test]
    fn r2_range_01_r1_time_07_units_of_films() {
        let film = Nature::recorded(Duration::from_secs(60));
        for (text, start, end) in [
            ("npt=5-", Some(5_000), None),
            ("npt=-7.5", None, Some(7_500)),
            ("smpte-25=0:00:05:05-0:00:06", Some(5_200), Some(6_000)),
            ("smpte=0:00:10-", Some(10_010), None),
            ("smpte-30-drop=0:00:10-", Some(10_010), None),
            ("npt=99999-", Some(99_999_000), None),
        ] {
            let range = Range::parse(text).unwrap();
            let seek = seek(Some(&range), &film).unwrap();
            let millis = |time: Option<Duration>| time.map(|time| time.as_millis());
            assert_eq!(
                (millis(seek.start), millis(seek.end)),
                (start, end),
                "{text}"
            );
            assert_eq!(seek.unit, TimeUnit::of(&range));
        }
        for text in ["clock=20261123T000000Z-", "foo=1-2"] {
            let range = Range::parse(text).unwrap();
            assert!(
                matches!(
                    seek(Some(&range), &film),
                    Err(ProtocolError::HeaderNotValid { accept_ranges: Some(units) })
                        if units.starts_with("npt, smpte")
                ),
                "{text}"
            );
        }
        assert_eq!(seek(None, &film), Ok(Seek::default()));
    }
}
