//! The rtsp-server program.
fn main() {}
