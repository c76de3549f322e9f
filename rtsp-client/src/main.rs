//! The rtsp-client program.
fn main() {}
