//! `rtsp-client record`.

use std::pin::Pin;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use rtsp_client::Client;
use rtsp_client::Frames;
use rtsp_client::MediaFrame;
use rtsp_client::PlayOptions;
use rtsp_client::movie::MovieRecorder;
use rtsp_client::movie::RecorderError;

use super::arguments::Global;
use super::arguments::Record;
use super::failure::Failure;
use super::live;
use super::live::LiveLine;

/// How long the first frames wait for the server's reports, which align picture and sound.
const ALIGN: Duration = Duration::from_millis(1_500);

/// Without a frame for so long, the recording ends: some servers stop without a word.
const STALLED: Duration = Duration::from_secs(30);

pub(crate) async fn run(global: &Global, record: &Record) -> Result<ExitCode, Failure> {
    let described = Client::describe(&record.url, global.options()).await?;
    let playing = described.play(PlayOptions::default()).await?;
    let description = playing.description().clone();
    let mut frames = playing.frames().aligned(ALIGN);
    let recorder = MovieRecorder::create(&record.file, &description);
    let mut recorder = recorder.map_err(|error| cannot_write(record, &error))?;
    let mut line = LiveLine::new();
    let mut last_frame = Instant::now();
    let mut interrupted = pin!(super::interrupted());
    let end = loop {
        match next(&mut frames, &line, interrupted.as_mut()).await {
            Next::Frame(frame) => {
                last_frame = Instant::now();
                recorder
                    .write(&frames, &frame)
                    .map_err(|error| cannot_write(record, &error))?;
                let enough = |duration| recorder.duration() >= duration;
                if record.duration.is_some_and(enough) {
                    break "the wanted duration is reached".to_owned();
                }
            }
            Next::Line if last_frame.elapsed() > STALLED => {
                break format!("nothing came for {} s", STALLED.as_secs());
            }
            Next::Line => {}
            Next::Interrupted => break "interrupted".to_owned(),
            Next::End(text) => break text,
            // What was recorded is worth keeping.
            Next::Broken(error) => break error.to_string(),
        }
        let (lost, length, time) = (lost(&frames), recorder.len(), recorder.duration());
        line.show(length, |rate| status(time, length, rate, lost));
    };
    line.end();
    let (lost, length, time) = (lost(&frames), recorder.len(), recorder.duration());
    for media in recorder.refused() {
        let format = description.media.get(media).and_then(|m| m.formats.first());
        let encoding = format.map_or("its format", |format| &format.encoding);
        eprintln!("note: media {media} was left out: an MP4 file has no room for {encoding}");
    }
    frames.close().await;
    recorder.finish().map_err(|error| {
        if matches!(error, RecorderError::Empty) {
            let _ = std::fs::remove_file(&record.file);
        }
        cannot_write(record, &error)
    })?;
    eprintln!(
        "{}: {}, {}, {lost} packets lost ({end})",
        record.file.display(),
        live::clock(time),
        live::size(length),
    );
    Ok(ExitCode::SUCCESS)
}

/// What comes next.
enum Next {
    Frame(MediaFrame),
    Line,
    Interrupted,
    End(String),
    Broken(rtsp_client::Error),
}

async fn next(
    frames: &mut Frames,
    line: &LiveLine,
    interrupted: Pin<&mut impl Future<Output = ()>>,
) -> Next {
    let due = line.due().max(Instant::now());
    tokio::select! {
        biased;
        () = interrupted => Next::Interrupted,
        frame = frames.next() => match frame {
            Ok(Some(frame)) => Next::Frame(frame),
            Ok(None) => Next::End(frames.playing().end().map_or_else(String::new, ToString::to_string)),
            Err(error) => Next::Broken(error),
        },
        () = tokio::time::sleep_until(due.into()) => Next::Line,
    }
}

fn lost(frames: &Frames) -> u64 {
    let media = 0..frames.playing().description().media.len();
    media
        .filter_map(|m| frames.playing().statistics(m))
        .map(|s| s.lost)
        .sum()
}

fn status(time: Duration, length: u64, rate: f64, lost: u64) -> String {
    format!(
        "{}  {}  {}  {lost} packets lost",
        live::clock(time),
        live::size(length),
        live::rate(rate)
    )
}

fn cannot_write(record: &Record, error: &RecorderError) -> Failure {
    let hint = match error {
        RecorderError::Empty => "No frame came, or none of its formats fits; probe tells more.",
        _ => "Is the folder there, may it be written to, and is there room?",
    };
    Failure::new(format!("{}: {error}", record.file.display()), Some(hint))
}
