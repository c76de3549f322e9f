//! The signals that end the program.

use std::io;

/// Ctrl-C, and SIGTERM where there is such a thing.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// From here on signals do not end the process by themselves.
    #[cfg(unix)]
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// From here on signals do not end the process by themselves.
    #[cfg(not(unix))]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one: its name, and the exit status of a process that it ends.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> (&'static str, u8) {
        tokio::select! {
            _ = self.interrupt.recv() => ("Ctrl-C", 130),
            _ = self.terminate.recv() => ("SIGTERM", 143),
        }
    }

    /// Waits for the next one: its name, and the exit status of a process that it ends.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> (&'static str, u8) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        ("Ctrl-C", 130)
    }
}
