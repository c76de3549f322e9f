//! Where to listen, as people write it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use rtsp_server::DEFAULT_PORT;

/// What an address looks like, for messages.
pub(crate) const EXPECTED: &str = "HOST, HOST:PORT or :PORT, such as \"localhost\", \"0.0.0.0:8554\", \"[::1]:8554\", \
                                   \":9000\" (this machine only) or \"*:8554\" (every interface)";

/// The addresses that a text stands for.
///
/// No host and `localhost` are this machine, by both protocols; `*` is every interface, by both. A name is asked of
/// the system, and stands for all addresses that it has. Without a port it is [`DEFAULT_PORT`].
pub(crate) fn resolve(text: &str) -> Result<Vec<SocketAddr>, String> {
    resolve_with(text, DEFAULT_PORT)
}

/// The same with another port where none is given.
pub(crate) fn resolve_with(text: &str, default: u16) -> Result<Vec<SocketAddr>, String> {
    let wrong = || format!("expected {EXPECTED}, found {text:?}");
    let (host, port) = split(text, default).ok_or_else(wrong)?;
    let both = |v4: Ipv4Addr, v6: Ipv6Addr| vec![(v4, port).into(), (v6, port).into()];
    if host.is_empty() || host.eq_ignore_ascii_case("localhost") {
        return Ok(both(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST));
    }
    if host == "*" {
        return Ok(both(Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED));
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    // Digits and dots alone are an address with a mistake in it, not a name to look for.
    let mistaken = host
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if mistaken || !host.bytes().all(is_name) {
        return Err(wrong());
    }
    let found: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(|error| format!("the host {host:?} is not known: {error}"))?
        .collect();
    if found.is_empty() {
        return Err(format!("the host {host:?} has no address"));
    }
    Ok(found)
}

/// Host, without its brackets, and port.
fn split(text: &str, default: u16) -> Option<(&str, u16)> {
    // An IPv6 address alone has colons that lead no port.
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some((text, default));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        let port = match rest.strip_prefix(':') {
            Some(port) => parse_port(port)?,
            None if rest.is_empty() => default,
            None => return None,
        };
        return Some((host, port));
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, parse_port(port)?)),
        None if text.is_empty() => None,
        None => Some((text, default)),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Vec<String> {
        let addresses = resolve(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
        addresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_as_people_write_them() {
        let local = ["127.0.0.1:9000", "[::1]:9000"];
        assert_eq!(resolved(":9000"), local);
        assert_eq!(resolved("localhost:9000"), local);
        assert_eq!(resolved("LocalHost"), ["127.0.0.1:8554", "[::1]:8554"]);
        assert_eq!(resolved("*:554"), ["0.0.0.0:554", "[::]:554"]);
        assert_eq!(resolved("0.0.0.0"), ["0.0.0.0:8554"]);
        assert_eq!(resolved("192.0.2.7:0"), ["192.0.2.7:0"]);
        assert_eq!(resolved("::1"), ["[::1]:8554"]);
        assert_eq!(resolved("[::1]"), ["[::1]:8554"]);
        assert_eq!(resolved("[2001:db8::1]:9000"), ["[2001:db8::1]:9000"]);
    }

    #[test]
    fn what_is_no_address_is_named() {
        for text in [
            "",
            ":",
            "localhost:",
            "localhost:rtsp",
            ":65536",
            ":+80",
            "127.0.0.1:80:81",
            "127.0.0.256:80",
            "[::1",
            "[::1]80",
            "[localhost]:80",
            "rtsp://localhost:8554",
            "a b:80",
            "8554",
        ] {
            let wrong = resolve(text).expect_err(text);
            assert!(
                wrong.contains("expected HOST") && wrong.contains(&format!("{text:?}")),
                "{text}: {wrong}"
            );
        }
    }
}
