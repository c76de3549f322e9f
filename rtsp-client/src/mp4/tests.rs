//! What FFmpeg makes of our files, and we of its. Passed over where it is not installed.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use bytes::BytesMut;

use super::*;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a program prints; `None` where there is none of that name, or where it lacks a codec.
fn run(program: &str, arguments: &[&str]) -> Option<(String, String)> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let lacking = [
        "Unknown encoder",
        "Encoder not found",
        "Unrecognized option",
    ];
    if lacking.iter().any(|message| err.contains(message)) {
        return None;
    }
    assert!(output.status.success(), "{program} {arguments:?}: {err}");
    Some((out, err))
}

/// Copies all samples of one file into another, in the order in which they are decoded.
fn copy(from: &Path, to: &Path) -> MovieFile {
    let movie = MovieFile::open(from).unwrap();
    let mut writer = MovieWriter::create(to).unwrap();
    let mut next = Vec::new();
    for track in movie.tracks() {
        writer
            .add_track(track.config().clone(), track.timescale())
            .unwrap();
        next.push(0_u32);
    }
    let mut payload = BytesMut::new();
    loop {
        let due = movie
            .tracks()
            .iter()
            .enumerate()
            .filter_map(|(index, track)| {
                let time = track.sample(next[index])?.decode_time;
                Some((time as f64 / f64::from(track.timescale()), index))
            });
        let Some((_, index)) = due.min_by(|a, b| a.0.total_cmp(&b.0)) else {
            break;
        };
        let (track, first) = (&movie.tracks()[index], next[index]);
        let sample = track.sample(first).unwrap();
        let pcm = track.config().pcm_frame_size().is_some();
        let count = if pcm {
            track.adjacent(first).min(160)
        } else {
            1
        };
        payload.clear();
        movie
            .read_samples(index, first, count, &mut payload)
            .unwrap();
        next[index] += count;
        let (presentation_time, random_access) = (sample.presentation_time, sample.random_access);
        writer
            .write(
                index,
                NewSample {
                    payload: &payload,
                    presentation_time,
                    random_access,
                },
            )
            .unwrap();
    }
    writer.finish().unwrap();
    movie
}

/// FFmpeg encodes with these arguments; we read that, write it again, and FFmpeg has to decode the same from both, with
/// nothing to complain of.
fn round_trip(name: &str, extension: &str, arguments: &[&str]) {
    let folder =
        Folder(std::env::temp_dir().join(format!("trackside-{name}-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).unwrap();
    let source = folder.0.join(format!("source.{extension}"));
    let written = folder.0.join("written.mp4");
    let encode = [
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=160x90:rate=25:duration=1",
    ];
    let sound = ["-f", "lavfi", "-i", "sine=duration=1:sample_rate=48000"];
    let arguments = [&encode[..], &sound, arguments, &[source.to_str().unwrap()]].concat();
    if run("ffmpeg", &arguments).is_none() {
        eprintln!("{name}: passed over, no ffmpeg with this codec");
        return;
    }
    let movie = copy(&source, &written);
    assert_eq!((movie.tracks().len(), movie.skipped()), (2, &[][..]));
    assert_eq!(
        decoded(&written, "0:v", "framehash"),
        decoded(&source, "0:v", "framehash"),
        "{name}"
    );
    let sound = [&written, &source].map(|path| decoded(path, "0:a", "hash"));
    // RTP has no word for the priming of AAC, so neither has the writer: it shows as samples at the start.
    assert!(arguments.contains(&"aac") || sound[0] == sound[1], "{name}");
    let probe = ["-v", "warning", "-show_packets", written.to_str().unwrap()];
    let (packets, complaints) = run("ffprobe", &probe).unwrap();
    assert_eq!(complaints, "");
    assert!(packets.contains("pts=") && !packets.contains("pts=N/A"));
}

/// The hashes of what FFmpeg decodes, of each frame or of all together. Without the times: those of an original may count
/// an encoder's priming.
fn decoded(path: &Path, stream: &str, format: &str) -> Vec<String> {
    let path = path.to_str().unwrap();
    let decode = [
        "-v", "warning", "-i", path, "-map", stream, "-f", format, "-hash", "md5", "-",
    ];
    let (hashes, complaints) = run("ffmpeg", &decode).unwrap();
    assert_eq!(complaints, "", "{path} {stream}");
    let frames = hashes.lines().filter(|line| !line.starts_with('#'));
    let hashes: Vec<_> = frames
        .map(|line| line.rsplit(',').next().unwrap().to_owned())
        .collect();
    assert!(!hashes.is_empty());
    hashes
}

#[test]
fn h264_with_b_frames_and_aac() {
    round_trip(
        "h264",
        "mp4",
        &[
            "-c:v", "libx264", "-bf", "3", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac",
        ],
    );
}

#[test]
fn h265_and_opus() {
    let quiet = "log-level=error:bframes=3:keyint=25";
    let video = [
        "-c:v",
        "libx265",
        "-x265-params",
        quiet,
        "-pix_fmt",
        "yuv420p",
        "-tag:v",
        "hvc1",
    ];
    round_trip("h265", "mp4", &[&video[..], &["-c:a", "libopus"]].concat());
}

#[test]
fn g711_and_linear_pcm() {
    for codec in ["pcm_mulaw", "pcm_alaw", "pcm_s16be"] {
        let video = ["-c:v", "libx264", "-pix_fmt", "yuv420p"];
        round_trip(
            codec,
            "mov",
            &[&video[..], &["-c:a", codec, "-ar", "8000", "-ac", "1"]].concat(),
        );
    }
}
