//! PLAY: what to ask for, and what the answer says about where each media starts.

use std::time::Duration;

use rtsp_msg::Headers;
use rtsp_msg::Version;
use rtsp_msg::headers::NptTime;
use rtsp_msg::headers::Range;
use rtsp_msg::headers::RtpInfo;
use rtsp_msg::headers::Scale;
use rtsp_msg::headers::SeekStyle;
use rtsp_msg::headers::Speed;

/// What PLAY asks for.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PlayRequest {
    /// The range to play; `None` goes on where the presentation stands.
    ///
    /// Backwards, with a negative [`scale`](Self::scale), it decreases: from 15 to 10, or from 15 alone, which means back to the
    /// beginning (RFC 7826 §18.46).
    pub range: Option<Range>,
    /// The `Scale` to ask for: how fast the presentation's time goes by. `None` leaves it to the server.
    pub scale: Option<Scale>,
    /// The `Speed` to ask for: how fast it is delivered, whatever is seen. Each version writes it in its own way.
    pub speed: Option<Speed>,
    /// Where to begin when the range does not begin at a random access point. Only RTSP/2.0 can say it.
    pub seek_style: Option<SeekStyle>,
}

impl PlayRequest {
    /// From `start` to the end.
    #[must_use]
    pub fn from(start: Duration) -> Self {
        Self::of(Range::npt_from(start))
    }

    /// This range.
    #[must_use]
    pub fn of(range: Range) -> Self {
        Self {
            range: Some(range),
            ..Self::default()
        }
    }

    /// On from where the presentation stands: after a pause, or live.
    #[must_use]
    pub fn resume() -> Self {
        Self::default()
    }

    /// Puts it into a request of `version`.
    ///
    /// # Errors
    ///
    /// What about it no server could do: the range runs against the scale.
    pub(super) fn write(
        &self,
        version: Version,
        headers: &mut Headers,
    ) -> Result<(), &'static str> {
        let backwards = self.scale.is_some_and(|scale| scale.value() < 0.0);
        match &self.range {
            Some(range) => headers.set(&directed(range, backwards)?),
            None if backwards => return Err("playing backwards needs a range"),
            None => {}
        }
        if let Some(scale) = &self.scale {
            headers.set(scale);
        }
        let speed = self.speed.and_then(|speed| match version {
            Version::V1_0 => Speed::exact(speed.upper()),
            Version::V2_0 => Speed::between(speed.lower(), speed.upper()),
        });
        if let Some(speed) = speed {
            headers.set(&speed);
        }
        if let (Some(style), Version::V2_0) = (&self.seek_style, version) {
            headers.set(style);
        }
        Ok(())
    }
}

/// The range as it has to run: decreasing for `backwards`, increasing else (RFC 7826 §4.4, §18.46).
fn directed(range: &Range, backwards: bool) -> Result<Range, &'static str> {
    let ordering = match range {
        Range::Npt {
            start: Some(start @ NptTime::At(_)),
            end: None,
        }
        | Range::Npt {
            start: Some(start @ NptTime::Now),
            end: None,
        } if backwards => {
            return Ok(Range::Npt {
                start: Some(*start),
                end: Some(NptTime::At(Duration::ZERO)),
            });
        }
        Range::Npt {
            start: Some(NptTime::At(start)),
            end: Some(NptTime::At(end)),
        } => Some(start.cmp(end)),
        Range::Npt {
            start: Some(NptTime::Now),
            end: Some(NptTime::At(_)),
        } => Some(std::cmp::Ordering::Greater),
        Range::Clock {
            start: Some(start),
            end: Some(end),
        } => Some(start.cmp(end)),
        Range::Smpte {
            start: Some(start),
            end: Some(end),
            ..
        } => Some(start.cmp(end)),
        _ => None,
    };
    match ordering {
        None if backwards => Err("playing backwards needs a range with both ends"),
        Some(std::cmp::Ordering::Less) if backwards => {
            Err("playing backwards needs a range that decreases")
        }
        // `now-30` is what GStreamer describes; a live edge may lie anywhere.
        Some(std::cmp::Ordering::Greater)
            if !backwards
                && !matches!(
                    range,
                    Range::Npt {
                        start: Some(NptTime::Now),
                        ..
                    }
                ) =>
        {
            Err("a range that decreases needs a negative scale")
        }
        _ => Ok(range.clone()),
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
    /// The scale that it chose; `None`: it knows no scales, so 1.
    pub scale: Option<Scale>,
    /// The speed that it chose; `None`: it knows no speeds, so 1.
    pub speed: Option<Speed>,
    /// The policy by which it chose where to begin. One that is not known means nothing: the range tells where it begins.
    pub seek_style: Option<SeekStyle>,
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
