//! Where a server listens.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use crate::{accept, config::TlsOptions, io::tls::Tls, server::StartError};

/// Addresses that the system does not have, and what it says.
pub(crate) type Skipped = Vec<(SocketAddr, io::Error)>;

/// Listens on all addresses. Without IPv6 in the system, its addresses are left out as long as one is left.
pub(crate) fn listen(wanted: &[SocketAddr]) -> Result<(Vec<TcpListener>, Skipped), StartError> {
    let mut listeners = Vec::new();
    let mut skipped = Vec::new();
    for &address in wanted {
        match accept::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error)
                if address.is_ipv6()
                    && lacks_family(&error)
                    && wanted.iter().any(SocketAddr::is_ipv4) =>
            {
                skipped.push((address, error));
            }
            Err(error) => return Err(StartError::Listen { address, error }),
        }
    }
    if listeners.is_empty() {
        return Err(StartError::NoAddress);
    }
    Ok((listeners, skipped))
}

/// What TLS begins with, and where it is spoken and nothing else.
pub(crate) fn listen_for_tls(
    options: Option<&TlsOptions>,
    skipped: &mut Skipped,
) -> Result<(Option<Tls>, Vec<TcpListener>), StartError> {
    let Some(options) = options else {
        return Ok((None, Vec::new()));
    };
    let mut listeners = Vec::new();
    if !options.listen.is_empty() {
        let (found, without) = listen(&options.listen)?;
        skipped.extend(without);
        listeners = found;
    }
    let port = addresses_of(&listeners).first().map(SocketAddr::port);
    Ok((Some(Tls::new(&options.identity, port)?), listeners))
}

pub(crate) fn addresses_of(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    let addresses = listeners.iter().map(TcpListener::local_addr);
    addresses.filter_map(Result::ok).collect()
}

fn lacks_family(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::AddrNotAvailable
    ) || error.raw_os_error() == Some(97)
}
