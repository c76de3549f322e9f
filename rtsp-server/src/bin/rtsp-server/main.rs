//! The rtsp-server program: the library with a command line, a configuration file, a log and signals.
#![forbid(unsafe_code)]

mod arguments;
mod banner;
mod listen;
mod logging;
mod settings;
mod signals;
mod users;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
};

use clap::Parser as _;
use rtsp_server::{Server, ServerHandle, StartError};

use arguments::Arguments;
use settings::Settings;
use signals::Signals;

/// Exit status when the server could not start.
const NOT_STARTED: u8 = 1;
/// Exit status when the command line or the configuration is wrong; clap uses the same.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.hash_password {
        return hash_password();
    }
    let settings = match Settings::load(&arguments) {
        Ok(settings) => settings,
        Err(problems) => {
            problems.iter().for_each(|problem| say(problem));
            return ExitCode::from(WRONG);
        }
    };
    if arguments.check {
        settings.warnings.iter().for_each(|warning| say(warning));
        // Whoever does not read the answer has the exit status.
        let _ = writeln!(io::stdout(), "ok");
        return ExitCode::SUCCESS;
    }
    logging::start(&settings.log);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return not_started(&StartError::Thread(error)),
    };
    let status = runtime.block_on(run(settings));
    // What is left in there has had its time.
    runtime.shutdown_background();
    status
}

/// From standard input to standard output: command lines can be seen by everybody on the machine.
fn hash_password() -> ExitCode {
    let mut line = String::new();
    if let Err(error) = io::stdin().read_line(&mut line) {
        say(&format!("rtsp-server: no password could be read: {error}"));
        return ExitCode::from(NOT_STARTED);
    }
    match rtsp_server::hash_password(line.trim_end_matches(['\r', '\n'])) {
        Ok(hash) => {
            let _ = writeln!(io::stdout(), "{hash}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("rtsp-server: {error}"));
            ExitCode::from(NOT_STARTED)
        }
    }
}

/// Serves until a signal comes.
async fn run(settings: Settings) -> ExitCode {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return not_started(&StartError::Thread(error)),
    };
    let config = settings.config.clone();
    let redirect_to = settings.redirect_to;
    let server = match Server::start(settings.config).await {
        Ok(server) => server,
        Err(error) => return not_started(&error),
    };
    let colours = logging::colours(&io::stdout());
    // Nobody may be there to read it.
    let _ = banner::print(&mut io::stdout().lock(), &server, &config, colours);
    let (signal, _) = signals.next().await;
    tracing::info!("{signal}: readers are let go; a second one ends it at once");
    tokio::select! {
        () = end(server, redirect_to.as_deref()) => ExitCode::SUCCESS,
        (_, status) = signals.next() => ExitCode::from(status),
    }
}

/// Lets readers go, to another server if there is one, and then everybody. Both take a bounded time.
async fn end(server: ServerHandle, redirect_to: Option<&str>) {
    if let Err(error) = server.drain(redirect_to).await {
        tracing::warn!(%error, "readers are not sent elsewhere");
    }
    server.shutdown().await;
}

fn not_started(error: &StartError) -> ExitCode {
    say(&format!("rtsp-server: {error}"));
    if let Some(advice) = advice(error) {
        say(&format!("rtsp-server: {advice}"));
    }
    ExitCode::from(NOT_STARTED)
}

/// What to do, in terms of the command line.
fn advice(error: &StartError) -> Option<String> {
    let StartError::Listen { address, error } = error else {
        return None;
    };
    let elsewhere = |port: u16| match address.ip().is_loopback() {
        true => format!(":{port}"),
        false => SocketAddr::new(address.ip(), port).to_string(),
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => Some(format!(
            "for another port: --listen {}, or port 0 for any",
            elsewhere(address.port().wrapping_add(1).max(1024))
        )),
        io::ErrorKind::PermissionDenied => Some(format!(
            "for a port that needs no privileges: --listen {}",
            elsewhere(rtsp_server::DEFAULT_PORT)
        )),
        io::ErrorKind::AddrNotAvailable => Some(
            "this machine has no such address: --listen '*' is every address that it has".into(),
        ),
        _ => None,
    }
}

/// To standard error, where nobody may listen.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
