//! The clips that are sent through everything: made once by FFmpeg, no two frames alike, so that a hash names a frame.

use super::fingerprint::{self, Source, Start};
use super::process;
use crate::failure::{During, Failure, Result};
use crate::workspace;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How one media is compared with its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    /// Access unit by access unit, after a bitstream filter that leaves what every transport keeps.
    Units(Option<&'static str>),
    /// As one run of octets: packets of these formats may be cut anywhere.
    Octets,
    /// Decoded: the RTP payload format does not carry the frame header, the receiver writes one anew.
    Decoded,
}

/// A clip as it is asked for.
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    /// What a person reads in the table.
    pub(crate) formats: &'static str,
    origin: Origin,
    pub(crate) seconds: f64,
    pub(crate) gop: usize,
    pub(crate) video: Compare,
    pub(crate) audio: Compare,
    /// Where a reader that joins the live stream begins: at a key frame where the format is known to the server.
    pub(crate) start: Start,
}

/// Where a clip comes from.
enum Origin {
    /// Made by FFmpeg: the file's extension and the codecs' arguments.
    Made(&'static str, &'static [&'static str]),
    /// A file of the repository.
    File(&'static str),
}

/// Only the slices: parameter sets and SEI may be repeated, moved or left out by a correct peer.
const H264_SLICES: Compare = Compare::Units(Some("h264_mp4toannexb,filter_units=pass_types=1-5"));
const HEVC_SLICES: Compare = Compare::Units(Some("hevc_mp4toannexb,filter_units=pass_types=0-31"));
const AAC: Compare = Compare::Units(Some("aac_adtstoasc"));
const PLAIN: Compare = Compare::Units(None);

pub(crate) const SECONDS: u32 = 40;
pub(crate) const RATE: u32 = 25;
const SIZE: &str = "320x176";

const X264: &str = "keyint=50:min-keyint=50:scenecut=0";

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "h264",
        formats: "H.264 (B-frames) + AAC",
        seconds: SECONDS as f64,
        gop: 50,
        video: H264_SLICES,
        audio: AAC,
        start: Start::KeyFrame,
        origin: Origin::Made(
            "mp4",
            &[
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-bf",
                "2",
                "-x264-params",
                X264,
                "-b:v",
                "300k",
                "-c:a",
                "aac",
                "-b:a",
                "64k",
                "-ac",
                "2",
            ],
        ),
    },
    Recipe {
        name: "h264-plain",
        formats: "H.264 + AAC",
        seconds: SECONDS as f64,
        gop: 50,
        video: H264_SLICES,
        audio: AAC,
        start: Start::KeyFrame,
        origin: Origin::Made(
            "mp4",
            &[
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-profile:v",
                "baseline",
                "-x264-params",
                X264,
                "-b:v",
                "300k",
                "-c:a",
                "aac",
                "-b:a",
                "48k",
                "-ac",
                "1",
                "-movflags",
                "+faststart",
            ],
        ),
    },
    Recipe {
        name: "h264-long-gop",
        formats: "H.264 (GOP of 10 s) + AAC",
        seconds: SECONDS as f64,
        gop: 250,
        video: H264_SLICES,
        audio: AAC,
        start: Start::KeyFrame,
        origin: Origin::Made(
            "mp4",
            &[
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-bf",
                "0",
                "-x264-params",
                "keyint=250:min-keyint=250:scenecut=0",
                "-b:v",
                "300k",
                "-c:a",
                "aac",
                "-b:a",
                "48k",
                "-ac",
                "1",
            ],
        ),
    },
    Recipe {
        name: "hevc-opus",
        formats: "H.265 + Opus",
        seconds: SECONDS as f64,
        gop: 50,
        video: HEVC_SLICES,
        audio: PLAIN,
        start: Start::KeyFrame,
        origin: Origin::Made(
            "mkv",
            &[
                "-c:v",
                "libx265",
                "-preset",
                "ultrafast",
                "-x265-params",
                "keyint=50:min-keyint=50:scenecut=0:open-gop=0:log-level=error",
                "-b:v",
                "300k",
                "-c:a",
                "libopus",
                "-b:a",
                "64k",
                "-ac",
                "2",
            ],
        ),
    },
    Recipe {
        name: "vp8-pcma",
        formats: "VP8 + PCMA",
        seconds: SECONDS as f64,
        gop: 50,
        video: PLAIN,
        audio: Compare::Octets,
        start: Start::KeyFrame,
        origin: Origin::Made(
            "mkv",
            &[
                "-c:v",
                "libvpx",
                "-deadline",
                "realtime",
                "-cpu-used",
                "8",
                "-g",
                "50",
                "-keyint_min",
                "50",
                "-auto-alt-ref",
                "0",
                "-b:v",
                "300k",
                "-c:a",
                "pcm_alaw",
                "-ar",
                "8000",
                "-ac",
                "1",
            ],
        ),
    },
    Recipe {
        name: "vp9-opus",
        formats: "VP9 + Opus",
        seconds: SECONDS as f64,
        gop: 50,
        video: PLAIN,
        audio: PLAIN,
        start: Start::KeyFrame,
        origin: Origin::Made(
            "mkv",
            &[
                "-c:v",
                "libvpx-vp9",
                "-deadline",
                "realtime",
                "-cpu-used",
                "8",
                "-g",
                "50",
                "-keyint_min",
                "50",
                "-auto-alt-ref",
                "0",
                "-lag-in-frames",
                "0",
                "-b:v",
                "300k",
                "-c:a",
                "libopus",
                "-b:a",
                "64k",
            ],
        ),
    },
    Recipe {
        name: "mjpeg-pcmu",
        formats: "MJPEG + PCMU",
        seconds: SECONDS as f64,
        gop: 1,
        video: Compare::Decoded,
        audio: Compare::Octets,
        start: Start::KeyFrame,
        origin: Origin::Made(
            "mkv",
            &[
                "-c:v",
                "mjpeg",
                "-pix_fmt",
                "yuvj420p",
                "-huffman",
                "default",
                "-q:v",
                "8",
                "-c:a",
                "pcm_mulaw",
                "-ar",
                "8000",
                "-ac",
                "1",
            ],
        ),
    },
    // Formats that nobody here depacketizes: they must pass through the server untouched.
    Recipe {
        name: "mpeg4-l16",
        formats: "MPEG-4 Visual + L16",
        seconds: SECONDS as f64,
        gop: 50,
        video: PLAIN,
        audio: Compare::Octets,
        start: Start::Anywhere,
        origin: Origin::Made(
            "mkv",
            &[
                "-c:v",
                "mpeg4",
                "-g",
                "50",
                "-keyint_min",
                "50",
                "-sc_threshold",
                "1000000000",
                "-b:v",
                "400k",
                "-c:a",
                "pcm_s16be",
                "-ar",
                "44100",
                "-ac",
                "2",
            ],
        ),
    },
    Recipe {
        name: "theora-vorbis",
        formats: "Theora + Vorbis (large SDP)",
        seconds: SECONDS as f64,
        gop: 50,
        video: PLAIN,
        audio: PLAIN,
        start: Start::Anywhere,
        origin: Origin::Made(
            "mkv",
            &[
                "-c:v",
                "libtheora",
                "-g",
                "50",
                "-b:v",
                "400k",
                "-c:a",
                "libvorbis",
                "-ac",
                "2",
                "-b:a",
                "64k",
            ],
        ),
    },
    Recipe {
        name: "demo",
        formats: "the built-in demo",
        origin: Origin::File("rtsp-server/demo/demo.mp4"),
        seconds: 10.24,
        gop: 32,
        video: H264_SLICES,
        audio: AAC,
        start: Start::KeyFrame,
    },
];

/// A clip that is there.
pub(crate) struct Clip {
    pub(crate) recipe: &'static Recipe,
    pub(crate) path: PathBuf,
    /// What is compared with.
    pub(crate) source: Source,
}

impl Clip {
    pub(crate) fn name(&self) -> &'static str {
        self.recipe.name
    }
}

/// The recipe of a name that the matrix uses.
pub(crate) fn recipe(name: &str) -> Result<&'static Recipe> {
    RECIPES
        .iter()
        .find(|recipe| recipe.name == name)
        .ok_or_else(|| Failure::new(format!("no clip is named {name}")))
}

/// Makes the clip, or takes the one made earlier, and reads its fingerprint.
pub(crate) fn prepare(recipe: &'static Recipe, folder: &Path) -> Result<Clip> {
    std::fs::create_dir_all(folder)?;
    let path = match recipe.origin {
        Origin::File(path) => workspace::root().join(path),
        Origin::Made(extension, codecs) => {
            let path = folder.join(format!(
                "{}-{:016x}.{extension}",
                recipe.name,
                key(extension, codecs)
            ));
            if !path.exists() {
                make(recipe.name, codecs, &path)?;
            }
            path
        }
    };
    let reference = folder.join(format!("{}.reference", recipe.name));
    std::fs::create_dir_all(&reference)?;
    let source = fingerprint::reference(recipe, &path, &reference)?;
    if recipe.gop > 1 && source.video.len() < recipe.gop * 2 {
        return Err(Failure::new(format!(
            "the clip {} has only {} frames",
            recipe.name,
            source.video.len()
        )));
    }
    Ok(Clip {
        recipe,
        path,
        source,
    })
}

fn make(name: &str, codecs: &[&str], path: &Path) -> Result<()> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let unfinished = path.with_extension(format!("{}.{extension}", std::process::id()));
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-nostdin", "-y", "-bitexact"])
        .args(["-f", "lavfi", "-i", &format!("testsrc2=s={SIZE}:r={RATE}")])
        // A tone that rises for ever: no stretch of it sounds like another.
        .args([
            "-f",
            "lavfi",
            "-i",
            "aevalsrc='0.3*sin(2*PI*(220*t+5*t*t))':s=48000",
        ])
        .args(["-t", &SECONDS.to_string(), "-pix_fmt", "yuv420p"])
        .args(codecs)
        .arg(&unfinished);
    process::output(
        "ffmpeg",
        &mut command,
        Duration::from_secs(300),
        &path.with_extension("log"),
    )
    .during(|| format!("making the clip {name}"))?;
    std::fs::rename(&unfinished, path)?;
    Ok(())
}

/// A changed recipe makes a new clip.
fn key(extension: &str, codecs: &[&str]) -> u64 {
    let text = format!("{SECONDS} {RATE} {SIZE} {extension} {codecs:?}");
    // FNV-1a: stable over compilers, unlike the standard hasher.
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_a_recipe_makes_its_own_file() {
        for (index, recipe) in RECIPES.iter().enumerate() {
            for other in &RECIPES[index + 1..] {
                assert_ne!(recipe.name, other.name);
            }
        }
        assert_eq!(key("mp4", &["-g", "50"]), key("mp4", &["-g", "50"]));
        assert_ne!(key("mp4", &["-g", "50"]), key("mp4", &["-g", "25"]));
    }
}
