//! Prints the first frames of a presentation: `cargo run --example read_frames rtsp://127.0.0.1:8554/demo`.

use rtsp_client::Client;
use rtsp_client::Options;
use rtsp_client::PlayOptions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("usage: read_frames URL")?;
    let described = Client::describe(&url, Options::default()).await?;
    let mut frames = described.play(PlayOptions::default()).await?.frames();
    for _ in 0..100 {
        let Some(frame) = frames.next().await? else {
            break;
        };
        println!(
            "media {} at {:8.3} s: {} octets{}",
            frame.media,
            frame.place.map_or(0.0, |place| place.seconds),
            frame.frame.payload.len(),
            if frame.frame.random_access {
                ", key"
            } else {
                ""
            },
        );
    }
    frames.close().await;
    Ok(())
}
