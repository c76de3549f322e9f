//! The rtsp-client program: probe, record, publish, load.

mod arguments;
mod failure;
mod live;
mod load;
mod playback;
mod probe;
mod publish;
mod record;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use arguments::Arguments;
use arguments::Command;
use failure::Failure;

/// Runs the program with the process's arguments.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    start_log(&arguments.global.log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::from(failure::TROUBLE);
        }
    };
    let result: Result<ExitCode, Failure> = runtime.block_on(async {
        match &arguments.command {
            Command::Probe(probe) => probe::run(&arguments.global, probe).await,
            Command::Record(record) => record::run(&arguments.global, record).await,
            Command::Publish(publish) => publish::run(&arguments.global, publish).await,
            // These have loops of their own.
            Command::Load(load) => load::run(&arguments.global, load),
            Command::BareSender(options) => load::run_bare_sender(options),
        }
    });
    result.unwrap_or_else(|failure| {
        failure.print();
        ExitCode::from(failure::TROUBLE)
    })
}

/// Waits until somebody wants the program to end.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::SignalKind;
        use tokio::signal::unix::signal;
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

fn start_log(level: &str) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
