//! What of a presentation is played, and how: the arguments of `probe` and `record`.

use clap::Args;
use clap::ValueEnum;
use rtsp_client::PlayOptions;
use rtsp_msg::headers::Range;
use rtsp_msg::headers::Scale;
use rtsp_msg::headers::SeekStyle;
use rtsp_msg::headers::Speed;
use rtsp_session::client::PlayRequest;

use super::failure::Failure;

/// What is played, and how.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Playback {
    /// Where to start: 12.5 or 1:02:03 (time), 0:10:07:12 (frames, SMPTE), 20261123T101500Z (time of day), or now
    #[arg(long, value_name = "POSITION", value_parser = Position::parse)]
    start: Option<Position>,
    /// Where to end, in the same form as the start
    #[arg(long, value_name = "POSITION", value_parser = Position::parse)]
    end: Option<Position>,
    /// How fast the presentation goes by: 2 is fast forward, 0.5 slow motion, -1 backwards
    #[arg(long, value_name = "RATIO", value_parser = scale, allow_negative_numbers = true)]
    scale: Option<Scale>,
    /// How fast it is delivered, whatever is seen; RTSP/2.0 takes bounds: 1-2.5
    #[arg(long, value_name = "RATIO", value_parser = speed)]
    speed: Option<Speed>,
    /// Where to begin if the start is no key frame; RTSP/2.0 only
    #[arg(long, value_enum, value_name = "POLICY")]
    seek_style: Option<Policy>,
}

/// A position, in one of the forms of RFC 7826 §4.4.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Position {
    unit: &'static str,
    text: String,
}

/// The units that may stand before a position, with `=`; without one its form decides.
const UNITS: [&str; 5] = ["npt", "clock", "smpte", "smpte-25", "smpte-30-drop"];

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// At the key frame before
    Rap,
    /// At the key frame before, unless where it stands is nearer
    Corap,
    /// At the frame itself, or the one just before
    FirstPrior,
    /// At the frame after
    Next,
}

impl Playback {
    /// The same for the library.
    pub(crate) fn options(&self) -> Result<PlayOptions, Failure> {
        let mut options = PlayOptions::default();
        if let Some(range) = self.range()? {
            options.request = PlayRequest::of(range);
        } else if self.scale.is_some_and(|scale| scale.value() < 0.0) {
            let hint = "Add --start, the position from which it runs back.";
            return Err(Failure::new("playing backwards needs a start", Some(hint)));
        }
        let request = &mut options.request;
        request.scale = self.scale;
        request.speed = self.speed;
        request.seek_style = self.seek_style.map(|policy| match policy {
            Policy::Rap => SeekStyle::Rap,
            Policy::Corap => SeekStyle::CoRap,
            Policy::FirstPrior => SeekStyle::FirstPrior,
            Policy::Next => SeekStyle::Next,
        });
        Ok(options)
    }

    fn range(&self) -> Result<Option<Range>, Failure> {
        let unit = match (&self.start, &self.end) {
            (None, None) => return Ok(None),
            (Some(start), Some(end)) if start.unit != end.unit => {
                let what = "--start and --end are of different forms";
                return Err(Failure::new(what, None));
            }
            (Some(position), _) | (_, Some(position)) => position.unit,
        };
        let end = self.end.as_ref().map_or("", |end| &end.text);
        let start = self.start.as_ref().map_or("", |start| &start.text);
        // Without a start it is the beginning that is meant; `npt=-10` would be the last ten seconds to some servers.
        let start = if start.is_empty() && unit == "npt" {
            "0"
        } else {
            start
        };
        let range = Range::parse(&format!("{unit}={start}-{end}"));
        let range =
            range.map_err(|error| Failure::new(format!("--start, --end: {error}"), None))?;
        Ok(Some(range))
    }
}

impl Position {
    fn parse(text: &str) -> Result<Self, String> {
        let (given, text) = match text.split_once('=') {
            Some((unit, text)) => (UNITS.iter().find(|known| **known == unit), text),
            None => (None, text),
        };
        let unit = if let Some(unit) = given {
            unit
        } else if text.contains('T') {
            "clock"
        } else if text.matches(':').count() == 3 {
            "smpte"
        } else {
            "npt"
        };
        let known = Range::parse(&format!("{unit}={text}-")).is_ok() && !text.contains('-');
        known
            .then(|| Self {
                unit,
                text: text.to_owned(),
            })
            .ok_or_else(|| "neither a time, nor frames, nor a time of day in UTC".to_owned())
    }
}

fn scale(text: &str) -> Result<Scale, String> {
    let scale = text.parse().ok().and_then(Scale::new);
    scale.ok_or_else(|| "not a ratio other than 0".to_owned())
}

fn speed(text: &str) -> Result<Speed, String> {
    let number = |text: &str| text.parse::<f64>().ok();
    let speed = match text.split_once('-') {
        Some((lower, upper)) => {
            let bounds = number(lower).zip(number(upper));
            bounds.and_then(|(lower, upper)| Speed::between(lower, upper))
        }
        None => number(text).and_then(Speed::exact),
    };
    speed.ok_or_else(|| "not a ratio above 0, nor two with the lower first".to_owned())
}

/// A range as people read it.
pub(crate) fn shown(range: &Range) -> String {
    let mut text = String::new();
    range.push(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        playback: Playback,
    }

    fn request(arguments: &[&str]) -> Result<PlayRequest, String> {
        let line = Line::try_parse_from([&["x"], arguments].concat());
        let line = line.map_err(|error| error.to_string())?;
        let options = line.playback.options();
        Ok(options
            .map_err(|failure| failure.what().to_owned())?
            .request)
    }

    fn range(arguments: &[&str]) -> String {
        shown(&request(arguments).unwrap().range.unwrap())
    }

    #[test]
    fn positions_in_all_their_forms() {
        assert_eq!(range(&[]), "npt=0-");
        assert_eq!(range(&["--start", "12.5"]), "npt=12.5-");
        assert_eq!(range(&["--end", "10"]), "npt=0-10");
        assert_eq!(
            range(&["--start", "1:02:03", "--end", "1:02:04.5"]),
            "npt=3723-3724.5"
        );
        assert_eq!(range(&["--start", "now"]), "npt=now-");
        assert_eq!(range(&["--start", "0:10:07:12"]), "smpte=00:10:07:12-");
        assert_eq!(
            range(&["--start", "smpte-25=0:0:1:24"]),
            "smpte-25=00:00:01:24-"
        );
        let day = ["--start", "20261123T101500Z", "--end", "20261123T101600.5Z"];
        assert_eq!(range(&day), "clock=20261123T101500Z-20261123T101600.5Z");
        for wrong in ["x", "1-2", "-5", "1:99:00", "20261123T101500", ""] {
            assert!(request(&["--start", wrong]).is_err(), "{wrong}");
        }
        let mixed = request(&["--start", "5", "--end", "20261123T101500Z"]);
        assert!(mixed.unwrap_err().contains("different forms"));
    }

    #[test]
    fn ratios() {
        let request = |arguments: &[&str]| request(arguments);
        let back = request(&["--scale", "-1", "--start", "15"]).unwrap();
        assert_eq!(back.scale, Scale::new(-1.0));
        assert!(
            request(&["--scale", "-1"])
                .unwrap_err()
                .contains("needs a start")
        );
        let fast = request(&["--speed", "1-2.5", "--seek-style", "first-prior"]).unwrap();
        assert_eq!(fast.speed, Speed::between(1.0, 2.5));
        assert_eq!(fast.seek_style, Some(SeekStyle::FirstPrior));
        for wrong in [
            ["--scale", "0"],
            ["--scale", "NaN"],
            ["--speed", "-1"],
            ["--speed", "3-2"],
        ] {
            assert!(request(&wrong).is_err(), "{wrong:?}");
        }
    }
}
