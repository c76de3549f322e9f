//! An RTSP client library, and the rtsp-client program: probe, record, publish.
//!
//! ```no_run
//! use rtsp_client::{Client, Options, PlayOptions};
//!
//! # async fn read() -> Result<(), rtsp_client::Error> {
//! let described = Client::describe("rtsp://127.0.0.1:8554/demo", Options::default()).await?;
//! let mut playing = described.play(PlayOptions::default()).await?;
//! while let Some(packet) = playing.next().await? {
//!     println!("media {}: {} octets", packet.media, packet.packet.payload().len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A presentation is [`Described`], then [`Playing`]; what we send is [`Announced`], then a [`Recording`]. Packets come first;
//! [`Frames`] are made of them on demand. No task is started and nothing is logged to anywhere but `tracing`: the protocol runs while
//! one of the methods is awaited.
#![deny(unsafe_code)]

mod client;
mod conversation;
mod described;
mod end;
mod error;
mod event;
mod frames;
mod identity;
pub mod io;
pub mod movie;
pub mod mp4;
mod options;
mod paths;
mod playing;
mod reconnect;
mod recording;
mod starting;

pub use client::Client;
pub use described::Described;
pub use end::End;
pub use error::Error;
pub use error::ErrorKind;
pub use event::Event;
pub use event::MediaPacket;
pub use frames::FrameEvent;
pub use frames::Frames;
pub use frames::MediaFrame;
pub use identity::KeyIdentity;
pub use options::Options;
pub use options::PlayOptions;
pub use options::TransportPolicy;
pub use playing::Playing;
pub use reconnect::BackOff;
pub use reconnect::Interruption;
pub use reconnect::ReconnectPolicy;
pub use recording::Announced;
pub use recording::Recording;
pub use rtsp_session::client::Courtesy;
pub use rtsp_session::client::SrtpPolicy;
pub use rtsp_session::client::VersionPolicy;
