//! What arrived, compared with what was sent: a contiguous run of the source's frames, by hash.

mod run;

use run::Run;

use super::clip::{Clip, Compare, Recipe};
use super::process;
use super::stage::Stage;
use crate::failure::{During, Failure, Result};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// One access unit or one decoded frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unit {
    /// Presentation time in seconds, where the container has one.
    pub(crate) time: Option<f64>,
    pub(crate) hash: String,
}

/// One media of a clip or of a capture.
#[derive(Clone, Debug)]
pub(crate) enum Track {
    Units(Vec<Unit>),
    Octets(Vec<u8>),
}

impl Track {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Units(units) => units.len(),
            Self::Octets(octets) => octets.len(),
        }
    }
}

/// The fingerprint of a clip.
pub(crate) struct Source {
    pub(crate) video: Track,
    pub(crate) audio: Track,
}

/// What a reader got, before it is looked at.
pub(crate) enum Capture {
    /// The files that [`outputs`] names, written by the reader itself.
    Tracks(PathBuf),
    /// Something that FFmpeg reads; audio in a second file where the reader writes elementary streams.
    Movie {
        video: PathBuf,
        audio: Option<PathBuf>,
    },
    /// Hashes of pictures, with the same reader's hashes of the source: decoders and colour conversions differ.
    Pictures {
        seen: Vec<String>,
        source: Vec<String>,
    },
}

/// Where a run may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At a key frame, any.
    KeyFrame,
    /// At the first frame of the clip.
    First,
    /// At the key frame with this index, and audio near it.
    Frame(usize),
    /// Anywhere: this peer's own server or recorder begins between key frames.
    Anywhere,
}

/// What a capture must hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect {
    pub(crate) start: Start,
    /// Video frames at least.
    pub(crate) frames: usize,
    /// Seconds of audio at least; none is not looked at.
    pub(crate) audio: f64,
    /// The last frame of the clip must be the last of the run.
    pub(crate) to_the_end: bool,
    /// The clip is one turn of a loop.
    pub(crate) endless: bool,
    /// The peer sends a frame twice now and then.
    pub(crate) repeats: bool,
    /// How far audio and video may be apart, in seconds, where the capture has times.
    pub(crate) skew: Option<f64>,
}

impl Expect {
    /// Three seconds of both media from a key frame on.
    pub(crate) const LIVE: Self = Self {
        start: Start::KeyFrame,
        frames: 75,
        audio: 2.0,
        to_the_end: false,
        endless: false,
        repeats: false,
        skew: Some(0.1),
    };
    /// The same without the audio.
    pub(crate) const PICTURES: Self = Self {
        audio: 0.0,
        skew: None,
        ..Self::LIVE
    };
}

/// What was proven, for the table.
#[derive(Debug)]
pub(crate) struct Evidence {
    frames: usize,
    first: usize,
    audio: Option<f64>,
    skew: Option<f64>,
}

impl fmt::Display for Evidence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} frames from {}", self.frames, self.first)?;
        if let Some(seconds) = self.audio {
            write!(out, ", {seconds:.1} s audio")?;
        }
        if let Some(skew) = self.skew {
            write!(out, ", A/V {:+.0} ms", skew * 1000.0)?;
        }
        Ok(())
    }
}

/// The arguments with which FFmpeg writes the fingerprint of its inputs: `video` and `audio` are input numbers.
pub(crate) fn outputs(
    recipe: &Recipe,
    video: Option<usize>,
    audio: Option<usize>,
    folder: &Path,
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    let mut output = |map: String, compare: Compare, kind: char| {
        let mut add = |text: String| arguments.push(text.into());
        add("-map".into());
        add(map);
        match compare {
            Compare::Decoded => {
                for text in [
                    "-fps_mode",
                    "passthrough",
                    "-c",
                    "rawvideo",
                    "-f",
                    "framemd5",
                ] {
                    add(text.into());
                }
            }
            Compare::Units(filter) => {
                // Without -copyinkf FFmpeg hides what comes before the first key frame.
                for text in ["-c", "copy", "-copyinkf"] {
                    add(text.into());
                }
                if let Some(filter) = filter {
                    add(format!("-bsf:{kind}"));
                    add(filter.into());
                }
                add("-f".into());
                add("framemd5".into());
            }
            Compare::Octets => {
                for text in ["-c", "copy", "-f", "data"] {
                    add(text.into());
                }
            }
        }
        arguments.push(file(folder, kind).into());
    };
    if let Some(input) = video {
        output(format!("{input}:v:0"), recipe.video, 'v');
    }
    if let Some(input) = audio {
        output(format!("{input}:a:0"), recipe.audio, 'a');
    }
    arguments
}

fn file(folder: &Path, kind: char) -> PathBuf {
    folder.join(format!("fingerprint.{kind}"))
}

fn load(compare: Compare, folder: &Path, kind: char) -> Result<Track> {
    let path = file(folder, kind);
    if compare == Compare::Octets {
        return Ok(Track::Octets(std::fs::read(&path)?));
    }
    Ok(Track::Units(parse(&std::fs::read_to_string(&path)?)))
}

/// Reads FFmpeg's `framemd5`: `stream, dts, pts, duration, size, hash`.
pub(crate) fn parse(text: &str) -> Vec<Unit> {
    let mut base = None;
    let mut units = Vec::new();
    for line in text.lines() {
        if let Some(ratio) = line.strip_prefix("#tb 0: ") {
            base = ratio
                .trim()
                .split_once('/')
                .and_then(|(a, b)| Some(a.parse::<f64>().ok()? / b.parse::<f64>().ok()?));
        }
        if line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        if let [_, _, time, _, size, hash, ..] = fields[..] {
            // The smallest number there is stands for "no time".
            #[allow(
                clippy::cast_precision_loss,
                reason = "seconds are compared to milliseconds"
            )]
            let time = time
                .parse::<i64>()
                .ok()
                .filter(|time| *time != i64::MIN)
                .and_then(|time| Some(time as f64 * base?));
            units.push(Unit {
                time,
                hash: format!("{size}:{hash}"),
            });
        }
    }
    units
}

/// The fingerprint of a clip, beside the clip.
pub(crate) fn reference(recipe: &Recipe, clip: &Path, folder: &Path) -> Result<Source> {
    run_ffmpeg(
        &[clip],
        outputs(recipe, Some(0), Some(0), folder),
        Duration::from_secs(60),
        &folder.join("reference.log"),
    )?;
    Ok(Source {
        video: load(recipe.video, folder, 'v')?,
        audio: load(recipe.audio, folder, 'a')?,
    })
}

fn run_ffmpeg(inputs: &[&Path], outputs: Vec<OsString>, limit: Duration, log: &Path) -> Result<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]);
    for input in inputs {
        command.arg("-i").arg(input);
    }
    process::output("ffmpeg", command.args(outputs), limit, log).map(drop)
}

/// Compares a capture with its clip.
pub(crate) fn judge(
    stage: &Stage<'_>,
    clip: &Clip,
    capture: &Capture,
    expect: &Expect,
) -> Result<Evidence> {
    let audio_wanted = expect.audio > 0.0;
    let (video, audio) = match capture {
        Capture::Pictures { seen, source } => {
            let units = |hashes: &[String]| {
                Track::Units(
                    hashes
                        .iter()
                        .map(|hash| Unit {
                            time: None,
                            hash: hash.clone(),
                        })
                        .collect(),
                )
            };
            let run = Run::find(&units(source), &units(seen), None).during(|| "video".into())?;
            return verdict(clip, expect, &run, None);
        }
        Capture::Tracks(folder) => (
            load(clip.recipe.video, folder, 'v').during(|| "no video was captured".into())?,
            audio_wanted
                .then(|| {
                    load(clip.recipe.audio, folder, 'a').during(|| "no audio was captured".into())
                })
                .transpose()?,
        ),
        Capture::Movie { video, audio } => {
            let folder = stage.path("fingerprint");
            std::fs::create_dir_all(&folder)?;
            let mut inputs = vec![video.as_path()];
            inputs.extend(audio.as_deref());
            let wanted = outputs(
                clip.recipe,
                Some(0),
                audio_wanted.then_some(inputs.len() - 1),
                &folder,
            );
            run_ffmpeg(
                &inputs,
                wanted,
                stage.left(Duration::from_secs(30)),
                &folder.join("ffmpeg.log"),
            )
            .during(|| "reading the capture".into())?;
            let audio = audio_wanted
                .then(|| load(clip.recipe.audio, &folder, 'a'))
                .transpose()?;
            (load(clip.recipe.video, &folder, 'v')?, audio)
        }
    };
    let (video, audio) = if expect.repeats {
        (once(video), audio.map(once))
    } else {
        (video, audio)
    };
    let turn = expect.endless.then_some(clip.recipe.seconds);
    let run = Run::find(&clip.source.video, &video, turn).during(|| "video".into())?;
    let audio = match audio {
        Some(track) => Some(Run::find(&clip.source.audio, &track, turn).during(|| "audio".into())?),
        None => None,
    };
    verdict(clip, expect, &run, audio.as_ref())
}

/// Without the second of two frames that are alike.
fn once(mut track: Track) -> Track {
    if let Track::Units(units) = &mut track {
        units.dedup_by(|second, first| second.hash == first.hash);
    }
    track
}

/// Compares a capture whose source stopped and began anew: two runs, of at least so many frames each. What was cut off
/// between them may be one broken frame. Returns their lengths.
pub(crate) fn judge_two_parts(
    clip: &Clip,
    capture: &Capture,
    frames: usize,
) -> Result<(usize, usize)> {
    let (Capture::Tracks(folder), Track::Units(source)) = (capture, &clip.source.video) else {
        return Err(Failure::new("only frames can be told in two parts"));
    };
    let Track::Units(seen) = load(clip.recipe.video, folder, 'v')? else {
        return Err(Failure::new("no frames were captured"));
    };
    two_parts(source, &seen, clip.recipe.gop, frames)
}

fn two_parts(source: &[Unit], seen: &[Unit], gop: usize, frames: usize) -> Result<(usize, usize)> {
    // The longest beginning that is one run.
    let first = (1..=seen.len())
        .rev()
        .find(|len| Run::of_units(source, &seen[..*len], None).is_ok())
        .unwrap_or_default();
    if first == seen.len() {
        return Err(Failure::new(format!(
            "{first} frames arrived, and nothing after the upstream came back"
        )));
    }
    let rest = [first, first + 1]
        .into_iter()
        .find_map(|from| Run::of_units(source, seen.get(from..)?, None).ok());
    let Some(rest) = rest else {
        return Err(Failure::new(format!(
            "what follows the first {first} frames is not one run of the source"
        )));
    };
    if rest.first % gop != 0 {
        return Err(Failure::new(format!(
            "the second part starts at frame {}, which is no key frame",
            rest.first
        )));
    }
    if first < frames || rest.len < frames {
        return Err(Failure::new(format!(
            "{first} and {} frames arrived, {frames} each are wanted",
            rest.len
        )));
    }
    // The reader's clock goes on: what came after is later than what came before.
    let time = |index: usize| seen.get(index).and_then(|unit| unit.time);
    if let (Some(before), Some(after)) = (time(first - 1), time(seen.len() - rest.len))
        && after <= before
    {
        return Err(Failure::new(format!(
            "time went back over the gap, from {before:.3} s to {after:.3} s"
        )));
    }
    Ok((first, rest.len))
}

fn verdict(clip: &Clip, expect: &Expect, video: &Run, audio: Option<&Run>) -> Result<Evidence> {
    let fail = |reason: String| Err(Failure::new(reason));
    if video.len < expect.frames {
        return fail(format!(
            "video: {} frames arrived, {} are wanted",
            video.len, expect.frames
        ));
    }
    let gop = clip.recipe.gop;
    match expect.start {
        Start::KeyFrame if !video.first.is_multiple_of(gop) => {
            return fail(format!(
                "video starts at frame {}, which is no key frame (one in {gop} is)",
                video.first
            ));
        }
        Start::First if video.first != 0 => {
            return fail(format!(
                "video starts at frame {}, not at the first",
                video.first
            ));
        }
        Start::Frame(wanted) if video.first != wanted => {
            return fail(format!(
                "video starts at frame {}, not at {wanted}",
                video.first
            ));
        }
        _ => {}
    }
    let total = clip.source.video.len();
    if expect.to_the_end && video.first + video.len != total {
        return fail(format!(
            "video ends after frame {} of {total}",
            video.first + video.len
        ));
    }
    let seconds = audio.map(|run| clip.seconds_of_audio(run.len));
    if let Some(seconds) = seconds.filter(|seconds| *seconds < expect.audio) {
        return fail(format!(
            "audio: {seconds:.2} s arrived, {:.2} s are wanted",
            expect.audio
        ));
    }
    if let (true, Some(run)) = (expect.to_the_end, audio) {
        let missing = clip.source.audio.len() - (run.first + run.len);
        if clip.seconds_of_audio(missing) > 0.1 {
            return fail(format!(
                "audio ends {:.2} s early",
                clip.seconds_of_audio(missing)
            ));
        }
    }
    let skew = audio.and_then(|run| Some(run.offset? - video.offset?));
    if let (Some(skew), Some(limit)) = (skew, expect.skew)
        && skew.abs() > limit
    {
        return fail(format!(
            "audio is {:+.0} ms from its place beside the video",
            skew * 1000.0
        ));
    }
    Ok(Evidence {
        frames: video.len,
        first: video.first,
        audio: seconds,
        skew,
    })
}

impl Clip {
    #[allow(
        clippy::cast_precision_loss,
        reason = "a share of a clip, for a bound with room"
    )]
    fn seconds_of_audio(&self, length: usize) -> f64 {
        self.recipe.seconds * length as f64 / self.source.audio.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(names: &str) -> Vec<Unit> {
        #[allow(clippy::cast_precision_loss)]
        names
            .chars()
            .enumerate()
            .map(|(index, name)| Unit {
                time: Some(index as f64),
                hash: name.into(),
            })
            .collect()
    }

    fn find(
        source: &str,
        seen: &str,
        turn: Option<f64>,
    ) -> std::result::Result<(usize, usize), String> {
        Run::of_units(&units(source), &units(seen), turn)
            .map(|run| (run.first, run.len))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn runs_are_found_and_breaks_are_named() {
        assert_eq!(find("abcdefgh", "cdef", None), Ok((2, 4)));
        assert_eq!(
            find("abcabdab", "abd", None),
            Ok((3, 3)),
            "of two places the longer"
        );
        assert!(
            find("abcdefgh", "", None)
                .unwrap_err()
                .contains("nothing arrived")
        );
        assert!(
            find("abcdefgh", "xab", None)
                .unwrap_err()
                .contains("not one of the source")
        );
        assert!(
            find("abcdefgh", "bcxe", None)
                .unwrap_err()
                .contains("is not in the source")
        );
        let lost = find("abcdefgh", "bcfg", None).unwrap_err();
        assert!(
            lost.contains("frame 5 follows frame 2 (2 missing)"),
            "{lost}"
        );
        assert!(
            find("abcdefgh", "bcbd", None)
                .unwrap_err()
                .contains("an earlier frame"),
            "a repeated frame"
        );
    }

    #[test]
    fn only_a_loop_goes_round() {
        assert_eq!(find("abcd", "cdabcdab", Some(4.0)), Ok((2, 8)));
        assert!(find("abcd", "cdab", None).is_err());
    }

    #[test]
    fn two_parts_are_told_apart() {
        let parts = |seen: &str, frames| two_parts(&units("abcdefgh"), &units(seen), 4, frames);
        assert_eq!(parts("abcefg", 3).unwrap(), (3, 3));
        assert_eq!(
            parts("abcxefg", 3).unwrap(),
            (3, 3),
            "one broken frame between"
        );
        assert!(parts("abcxyefg", 3).is_err(), "two broken frames");
        assert!(parts("abcdef", 3).is_err(), "no second part");
        assert!(parts("abcbcd", 3).is_err(), "no key frame");
        assert!(parts("abcef", 3).is_err(), "too short");
        let mut back = units("abcefg");
        back[3].time = Some(1.0);
        let failure = two_parts(&units("abcdefgh"), &back, 4, 3).unwrap_err();
        assert!(failure.to_string().contains("time went back"), "{failure}");
    }

    #[test]
    fn repeated_frames_are_taken_once() {
        let Track::Units(left) = once(Track::Units(units("aabccb"))) else {
            panic!("units stay units")
        };
        assert_eq!(
            left.iter()
                .map(|unit| unit.hash.as_str())
                .collect::<String>(),
            "abcb"
        );
    }

    #[test]
    fn octets_must_agree_to_the_last() {
        let source: Vec<u8> = (0..2000_u32).map(|n| (n * n / 7 % 251) as u8).collect();
        let run = Run::of_octets(&source, &source[300..900]).unwrap();
        assert_eq!((run.first, run.len), (300, 600));
        let mut wrong = source[300..900].to_vec();
        wrong[599] ^= 1;
        assert!(Run::of_octets(&source, &wrong).is_err());
        let hole: Vec<u8> = source[..400]
            .iter()
            .chain(&source[500..])
            .copied()
            .collect();
        assert!(Run::of_octets(&source, &hole).is_err());
    }

    #[test]
    fn framemd5_is_read_with_and_without_times() {
        let text = "#tb 0: 1/90000\n0,  -7200, -9223372036854775808, 3600, 2821, 70bd\n0, -3600, 9000, 3600, 1078, 06b1\n";
        let units = parse(text);
        assert_eq!(units.len(), 2);
        assert_eq!(
            units[0],
            Unit {
                time: None,
                hash: "2821:70bd".into()
            }
        );
        assert_eq!(units[1].time, Some(0.1));
    }

    #[test]
    fn times_of_a_loop_run_on() {
        let run = Run::of_units(&units("abcd"), &units("cdabcdab"), Some(4.0)).unwrap();
        assert_eq!(run.offset, Some(-2.0));
    }

    #[test]
    fn times_are_compared_by_their_median() {
        let mut seen = units("cdef");
        seen[3].time = Some(50.0);
        let run = Run::of_units(&units("abcdefgh"), &seen, None).unwrap();
        assert_eq!(run.offset, Some(-2.0));
    }
}
