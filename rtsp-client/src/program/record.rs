//! `rtsp-client record`.

use std::pin::Pin;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use rtsp_client::Client;
use rtsp_client::FrameEvent;
use rtsp_client::Frames;
use rtsp_client::MediaFrame;
use rtsp_client::ReconnectPolicy;
use rtsp_client::movie::MovieRecorder;
use rtsp_client::movie::RecorderError;
use sdp::Description;

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
    let play = record.playback.options()?;
    let mut options = global.options();
    options.reconnect = record.reconnect.then(ReconnectPolicy::default);
    let described = Client::describe(&record.url, options).await?;
    let playing = described.play(play).await?;
    let description = playing.description().clone();
    let mut frames = playing.frames().aligned(ALIGN);
    let recorder = MovieRecorder::create(&record.file, &description);
    let mut recorder = recorder.map_err(|error| cannot_write(record, &error))?;
    let mut line = LiveLine::new();
    let mut loss = Loss::default();
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
            Next::Line if !record.reconnect && last_frame.elapsed() > STALLED => {
                break format!("nothing came for {} s", STALLED.as_secs());
            }
            Next::Line => {}
            Next::Outage(text) => {
                line.end();
                eprintln!("{text}");
            }
            Next::Resumed { same_formats } => {
                loss.resume();
                if !same_formats {
                    break "the stream came back with other formats".to_owned();
                }
                recorder.interrupted();
                eprintln!("connected again; the recording goes on, with a gap");
            }
            Next::Interrupted => break "interrupted".to_owned(),
            Next::End(text) => break text,
            // What was recorded is worth keeping.
            Next::Broken(error) => break error.to_string(),
        }
        let (lost, length, time) = (loss.of(&frames), recorder.len(), recorder.duration());
        line.show(length, |rate| status(time, length, rate, lost));
    };
    line.end();
    let lost = loss.of(&frames);
    frames.close().await;
    finish(record, recorder, &description, lost, &end)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the index and says what is in the file.
fn finish(
    record: &Record,
    recorder: MovieRecorder,
    description: &Description,
    lost: u64,
    end: &str,
) -> Result<(), Failure> {
    let (length, time) = (recorder.len(), recorder.duration());
    for media in recorder.refused() {
        let format = description.media.get(media).and_then(|m| m.formats.first());
        let encoding = format.map_or("its format", |format| &format.encoding);
        eprintln!("note: media {media} was left out: an MP4 file has no room for {encoding}");
    }
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
    Ok(())
}

/// What comes next.
enum Next {
    Frame(MediaFrame),
    Line,
    Outage(String),
    Resumed { same_formats: bool },
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
    let event = tokio::select! {
        biased;
        () = interrupted => return Next::Interrupted,
        event = frames.next_event() => event,
        () = tokio::time::sleep_until(due.into()) => return Next::Line,
    };
    match event {
        Ok(Some(FrameEvent::Frame(frame))) => Next::Frame(frame),
        Ok(Some(FrameEvent::Interrupted {
            reason,
            attempt,
            wait,
        })) => Next::Outage(format!(
            "{reason}; attempt {attempt} to connect again in {:.1} s",
            wait.as_secs_f64()
        )),
        Ok(Some(FrameEvent::Resumed { same_formats })) => Next::Resumed { same_formats },
        Ok(Some(_)) => Next::Line,
        Ok(None) => Next::End(
            frames
                .playing()
                .end()
                .map_or_else(String::new, ToString::to_string),
        ),
        Err(error) => Next::Broken(error),
    }
}

/// Packets that were lost, in this session and those before it.
#[derive(Default)]
struct Loss {
    earlier: u64,
    present: u64,
}

impl Loss {
    fn of(&mut self, frames: &Frames) -> u64 {
        let media = 0..frames.playing().description().media.len();
        let statistics = media.filter_map(|m| frames.playing().statistics(m));
        self.present = statistics.map(|s| s.lost).sum();
        self.earlier + self.present
    }

    /// A session takes the place of the one before.
    fn resume(&mut self) {
        self.earlier += std::mem::take(&mut self.present);
    }
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
