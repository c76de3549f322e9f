//! What a PLAY means: the rules in which the two versions differ, and what may be asked of live media.

use super::State;
use super::nature::Nature;
use crate::error::ProtocolError;
use rtsp_msg::Version;
use rtsp_msg::headers::{NptTime, Range};

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
    let Range::Npt { start, end } = range else {
        return Err(ProtocolError::HeaderNotValid {
            accept_ranges: Some(nature.accept_ranges()),
        });
    };
    if version == Version::V2_0 {
        let passed = match (start, end) {
            (Some(NptTime::At(start)), Some(NptTime::At(end))) if end < start => true,
            (_, Some(NptTime::At(end))) => *end <= nature.end(),
            _ => false,
        };
        return if passed {
            Err(ProtocolError::InvalidRange)
        } else {
            Ok(())
        };
    }
    match start {
        None | Some(NptTime::Now) => Ok(()),
        Some(NptTime::At(at)) if at.is_zero() => Ok(()),
        Some(NptTime::At(_)) => Err(ProtocolError::HeaderNotValid {
            accept_ranges: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
}
