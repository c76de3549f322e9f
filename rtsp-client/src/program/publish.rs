//! `rtsp-client publish`.

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rtsp_client::Client;
use rtsp_client::Recording;
use rtsp_client::movie::DuePacket;
use rtsp_client::movie::MoviePlayer;
use rtsp_client::movie::PlayerError;
use rtsp_client::mp4::MovieFile;
use rtsp_session::Now;
use rtsp_session::random::Random;
use sdp::Attribute;
use sdp::Description;

use super::arguments::Global;
use super::arguments::Publish;
use super::failure::Failure;
use super::live;
use super::live::LiveLine;

pub(crate) async fn run(global: &Global, publish: &Publish) -> Result<ExitCode, Failure> {
    let (mut player, mut random) = open(publish)?;
    let description = described(publish, &player, &mut random);
    let announced = Client::announce(&publish.url, description, global.options()).await?;
    let mut recording = announced.record().await?;
    let start = Now::read();
    for (media, (ssrc, timestamp)) in player.anchors().enumerate() {
        recording.anchor(media, ssrc, start, timestamp);
    }
    let mut line = LiveLine::new();
    let mut octets = 0;
    let mut interrupted = pin!(super::interrupted());
    let mut pending = player.pop().map_err(|error| cannot_read(publish, &error))?;
    let end = loop {
        let Some(due) = pending.as_ref().map(|packet| start.monotonic + packet.due) else {
            break "the file is at its end";
        };
        tokio::select! {
            biased;
            () = &mut interrupted => break "interrupted",
            result = recording.run_until(due) => result?,
        }
        let batch = take_due(&mut player, &mut pending, start.monotonic.elapsed());
        let batch = batch.map_err(|error| cannot_read(publish, &error))?;
        octets += batch
            .iter()
            .map(|packet| packet.packet.len() as u64)
            .sum::<u64>();
        send(&mut recording, batch).await?;
        let time = start.monotonic.elapsed();
        let lost = lost(&recording);
        line.show(octets, |rate| {
            format!(
                "{}  {}  {}  {lost} packets lost",
                live::clock(time),
                live::size(octets),
                live::rate(rate)
            )
        });
    };
    line.end();
    let lost = lost(&recording);
    let transport = recording.transport();
    recording.close().await;
    eprintln!(
        "{}: {}, {} over {transport}, {lost} packets lost ({end})",
        publish.file.display(),
        live::clock(start.monotonic.elapsed()),
        live::size(octets),
    );
    Ok(ExitCode::SUCCESS)
}

/// What is announced: where the media are to be encrypted, with the sources that their keys are for.
fn described(publish: &Publish, player: &MoviePlayer, random: &mut Random) -> Description {
    let mut description = player.description().clone();
    if publish.srtp {
        let cname = format!("{}@trackside", random.letters(12));
        for (media, (ssrc, _)) in description.media.iter_mut().zip(player.anchors()) {
            media.protocol = "RTP/SAVP".to_owned();
            let source = Attribute::new("ssrc", format!("{ssrc} cname:{cname}"));
            media.attributes.push(source);
        }
    }
    description
}

fn open(publish: &Publish) -> Result<(MoviePlayer, Random), Failure> {
    let cannot = |error: &dyn std::fmt::Display| {
        Failure::new(
            format!("{}: {error}", publish.file.display()),
            Some("It must be an MP4 file with H.264, H.265, AAC, Opus, G.711 or PCM in it."),
        )
    };
    let movie = MovieFile::open(&publish.file).map_err(|error| cannot(&error))?;
    for skipped in movie.skipped() {
        eprintln!("note: track {} is left out: {}", skipped.id, skipped.reason);
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| cannot(&error))?;
    let name = publish
        .file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let mut random = Random::from_seed(seed);
    let player = MoviePlayer::new(Arc::new(movie), &name, publish.looping, &mut random);
    Ok((player.map_err(|error| cannot(&error))?, random))
}

/// All packets that are due by now: one frame at least, as a batch.
fn take_due(
    player: &mut MoviePlayer,
    pending: &mut Option<DuePacket>,
    elapsed: Duration,
) -> Result<Vec<DuePacket>, PlayerError> {
    let mut batch = Vec::new();
    while let Some(packet) = pending.take_if(|packet| packet.due <= elapsed) {
        batch.push(packet);
        *pending = player.pop()?;
    }
    Ok(batch)
}

async fn send(recording: &mut Recording, batch: Vec<DuePacket>) -> Result<(), Failure> {
    let packets = batch
        .into_iter()
        .map(|packet| (packet.media, packet.packet));
    let sent = tokio::time::timeout(Duration::from_secs(30), recording.send_all(packets)).await;
    match sent {
        Ok(result) => Ok(result?),
        Err(_) => Err(Failure::new(
            "the server takes no more packets",
            Some("It may hang, or the network may be too slow for this file."),
        )),
    }
}

fn lost(recording: &Recording) -> i64 {
    let media = 0..recording.description().media.len();
    let heard = media.filter_map(|media| recording.heard(media));
    heard
        .map(|report| i64::from(report.cumulative_lost.max(0)))
        .sum()
}

fn cannot_read(publish: &Publish, error: &PlayerError) -> Failure {
    let text = format!("{}: {error}", publish.file.display());
    Failure::new(
        text,
        Some("The file may be damaged, or was changed while it was sent."),
    )
}
