//! PLAY: what to ask for, and what the answer says about where each media starts.

use std::time::Duration;

use rtsp_msg::headers::NptTime;
use rtsp_msg::headers::Range;
use rtsp_msg::headers::RtpInfo;

/// What PLAY asks for.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PlayRequest {
    /// The range to play; `None` goes on where the presentation stands.
    pub range: Option<Range>,
    /// The `Scale` to ask for, if it is not 1.
    pub scale: Option<f32>,
}

impl PlayRequest {
    /// From `start` to the end.
    #[must_use]
    pub fn from(start: Duration) -> Self {
        Self {
            range: Some(Range::Npt {
                start: Some(NptTime::At(start)),
                end: None,
            }),
            scale: None,
        }
    }

    /// On from where the presentation stands: after a pause, or live.
    #[must_use]
    pub fn resume() -> Self {
        Self::default()
    }
}

/// Where a media starts, from `RTP-Info` (RFC 2326 §12.33, RFC 7826 §18.45). Broken entries are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartPoint {
    /// The first sequence number.
    pub sequence: Option<u16>,
    /// The RTP timestamp that belongs to the start of the range.
    pub timestamp: Option<u32>,
}

/// What the server says it plays.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PlayStart {
    /// The range that it plays.
    pub range: Option<Range>,
    /// The position of the start, if the range has one.
    pub start: Option<Duration>,
    /// Per media of the description: where it starts. As long as the description has media.
    pub points: Vec<StartPoint>,
}

/// Spreads the entries of `RTP-Info` over the media that were set up.
///
/// `controls` are the absolute control URIs by media, `None` where a media was not set up. Entries are matched by URI, else by
/// its end; a server that names one media only may name it as it likes (GW4089IP). Entries for other media are ignored (Reolink).
pub(super) fn points(info: Option<&RtpInfo>, controls: &[Option<String>]) -> Vec<StartPoint> {
    let mut points = vec![StartPoint::default(); controls.len()];
    let Some(info) = info else { return points };
    let only = single(controls.iter().enumerate().filter(|(_, c)| c.is_some())).map(|(at, _)| at);
    for entry in &info.0 {
        let at = position(&entry.url, controls).or(only.filter(|_| info.0.len() == 1));
        if let Some(point) = at.and_then(|at| points.get_mut(at)) {
            *point = StartPoint {
                sequence: entry.seq,
                timestamp: entry.rtptime,
            };
        }
    }
    points
}

fn position(url: &str, controls: &[Option<String>]) -> Option<usize> {
    let set_up = || {
        let with_index = controls.iter().enumerate();
        with_index.filter_map(|(at, control)| Some((at, control.as_deref()?)))
    };
    if let Some((at, _)) = set_up().find(|(_, control)| *control == url) {
        return Some(at);
    }
    // `trackID=1`, `/path/trackID=1` or another spelling of the host: the last segment decides, if it decides.
    let last = |text: &str| {
        text.trim_end_matches('/')
            .rsplit('/')
            .next()
            .map(str::to_owned)
    };
    let wanted = last(url)?;
    single(set_up().filter(|(_, control)| last(control).is_some_and(|l| l == wanted)))
        .map(|(at, _)| at)
}

fn single<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    items.next().filter(|_| items.next().is_none())
}
