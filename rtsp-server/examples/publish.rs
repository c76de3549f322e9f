//! A server that publishes packets of its own: a tone of 440 Hz at rtsp://127.0.0.1:8554/tone.
//!
//! `cargo run -p trackside-rtsp-server --example publish`, then `ffplay rtsp://127.0.0.1:8554/tone`.

use std::{error::Error, f32::consts::TAU, net::Ipv4Addr, time::Duration};

use rtp_core::{Codec, Packetizer, PacketizerConfig};
use rtsp_server::{Config, Server};
use sdp::{Description, Format, Media, MediaKind, Origin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start(Config::default()).await?;

    let origin = Origin::new(1, 1, Ipv4Addr::LOCALHOST.into());
    let mut description = Description::new(origin, "A tone");
    let format = Format::new(11, "L16", 44_100).with_channels(1);
    description.media.push(Media::rtp(MediaKind::Audio, format));
    let mut publisher = server.publish("/tone", description)?;

    let mut config = PacketizerConfig::default();
    (config.payload_type, config.clock_rate, config.channels) = (11, 44_100, 1);
    let mut packetizer = Packetizer::new(Codec::L16, config)?;
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    for first in (0_u64..).step_by(882) {
        clock.tick().await;
        let wave = |n: u64| f32::sin(TAU * 440.0 * (n % 44_100) as f32 / 44_100.0);
        let samples = (first..first + 882).map(|n| (wave(n) * 8_000.0) as i16);
        let frame: Vec<u8> = samples.flat_map(i16::to_be_bytes).collect();
        packetizer.push(&frame, first as u32)?;
        while let Some(packet) = packetizer.pop() {
            publisher.push(0, packet);
        }
        publisher.flush().await?;
    }
    Ok(())
}
