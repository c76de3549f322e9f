//! The rtsp-client program.
#![forbid(unsafe_code)]

mod program;

fn main() -> std::process::ExitCode {
    program::run()
}
