//! Reads a stream with retina and writes it as elementary streams:
//! `retina-reader tcp|udp URL FRAMES VIDEO.h264 AUDIO.aac`.
#![forbid(unsafe_code)]

use futures_util::StreamExt;
use retina::client::{PlayOptions, Session, SessionGroup, SessionOptions, SetupOptions, Transport};
use retina::codec::{CodecItem, FrameFormat};
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, transport, url, frames, video, audio] = &arguments[..] else {
        return Err("usage: retina-reader tcp|udp URL FRAMES VIDEO.h264 AUDIO.aac".into());
    };
    let transport = match transport.as_str() {
        "tcp" => Transport::Tcp(Default::default()),
        _ => Transport::Udp(Default::default()),
    };
    let limit = Duration::from_secs(30);
    tokio::time::timeout(
        limit,
        read(
            transport,
            url,
            frames.parse()?,
            File::create(video)?,
            File::create(audio)?,
        ),
    )
    .await?
}

async fn read(
    transport: Transport,
    url: &str,
    mut frames: usize,
    mut video: File,
    mut audio: File,
) -> Result<(), Box<dyn Error>> {
    let options = SessionOptions::default().session_group(Arc::new(SessionGroup::default()));
    let mut session = Session::describe(url.parse()?, options).await?;
    for stream in 0..session.streams().len() {
        let options = SetupOptions::default()
            .transport(transport.clone())
            .frame_format(FrameFormat::SIMPLE);
        session.setup(stream, options).await?;
    }
    let mut session = session.play(PlayOptions::default()).await?.demuxed()?;
    while frames > 0 {
        match session.next().await.ok_or("the stream ended early")?? {
            CodecItem::VideoFrame(frame) => {
                video.write_all(frame.data())?;
                frames -= 1;
            }
            CodecItem::AudioFrame(frame) => {
                audio.write_all(frame.data())?;
            }
            _ => {}
        }
    }
    Ok(())
}
