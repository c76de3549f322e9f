//! An RTSP client library, and the rtsp-client program: probe, record, publish.
#![deny(unsafe_code)]

mod client;
mod conversation;
mod described;
mod end;
mod error;
mod frames;
pub mod io;
pub mod movie;
pub mod mp4;
mod options;
mod paths;
mod playing;
mod recording;

pub use client::Client;
pub use described::Described;
pub use end::End;
pub use error::Error;
pub use error::ErrorKind;
pub use frames::Frames;
pub use frames::MediaFrame;
pub use options::Options;
pub use options::PlayOptions;
pub use options::TransportPolicy;
pub use playing::Event;
pub use playing::MediaPacket;
pub use playing::Playing;
pub use recording::Announced;
pub use recording::Recording;
