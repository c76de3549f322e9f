//! An RTSP client library, and the rtsp-client program: probe, record, publish.
#![deny(unsafe_code)]

pub mod io;
pub mod mp4;
