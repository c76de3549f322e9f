//! Reading `Transport`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::lex;
use super::transport::{
    Address, ConnectionUse, Delivery, Lower, Mode, Profile, SetupRole, Transport, TransportSpec,
};
use crate::header_name::HeaderName;
use crate::leniency::{Deviation, Tolerance};
use crate::token::is_token;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

const NAME: &str = "Transport";

/// Alternatives that are read of one message; more are refused.
const MAX_SPECS: usize = 32;

/// Parameters that are read of one alternative.
const MAX_PARAMETERS: usize = 32;

impl Header for Transport {
    fn name() -> HeaderName {
        HeaderName::Transport
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        tolerance: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let mut specs = Vec::new();
        let mut seen = 0usize;
        for spec in values
            .flat_map(|line| lex::split(line, b','))
            .filter(|spec| !spec.is_empty())
        {
            seen = seen.saturating_add(1);
            if seen > MAX_SPECS {
                return Err(lex::error(NAME, HeaderErrorKind::TooMany));
            }
            specs.extend(decode_spec(spec, tolerance));
        }
        match seen {
            0 => Err(lex::error(NAME, HeaderErrorKind::Empty)),
            _ => Ok(Self(specs)),
        }
    }

    fn encode(&self, out: &mut String) {
        for (index, spec) in self.0.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            spec.encode(out);
        }
    }
}

/// `None` when the alternative cannot be read and is to be passed over.
fn decode_spec(text: &str, tolerance: &mut Tolerance<'_>) -> Option<TransportSpec> {
    let mut parts = lex::split(text, b';');
    let (profile, lower) = decode_id(parts.next()?)?;
    let lower_given = lower.is_some();
    let mut spec = TransportSpec::new(profile, lower.unwrap_or_default());
    let mut seen = Vec::new();
    for part in parts {
        if part.is_empty() {
            if tolerance.allow(Deviation::EmptyElements) {
                continue;
            }
            return None;
        }
        let (name, value) = lex::pair(part);
        let known = |other: &&str| name.eq_ignore_ascii_case(other);
        if seen.len() >= MAX_PARAMETERS || !is_token(name.as_bytes()) || seen.iter().any(known) {
            return None;
        }
        seen.push(name);
        decode_parameter(&mut spec, name, value, tolerance)?;
    }
    if !lower_given
        && spec.interleaved.is_some()
        && tolerance.allow(Deviation::TransportWithoutLower)
    {
        spec.lower = Lower::Tcp;
    }
    Some(spec)
}

fn decode_id(text: &str) -> Option<(Profile, Option<Lower>)> {
    if !text.split('/').all(|part| is_token(part.as_bytes())) {
        return None;
    }
    let mut slashes = text.match_indices('/').map(|(at, _)| at);
    let (profile, lower) = match slashes.nth(1) {
        Some(at) if slashes.next().is_none() => (text.get(..at)?, text.get(at.checked_add(1)?..)),
        _ => (text, None),
    };
    let known = [
        Profile::RtpAvp,
        Profile::RtpSavp,
        Profile::RtpAvpf,
        Profile::RtpSavpf,
    ]
    .into_iter()
    .find(|known| known.as_str().eq_ignore_ascii_case(profile));
    let lower = lower.map(|lower| match lower {
        udp if udp.eq_ignore_ascii_case("UDP") => Lower::Udp,
        tcp if tcp.eq_ignore_ascii_case("TCP") => Lower::Tcp,
        other => Lower::Other(other.to_owned()),
    });
    Some((
        known.unwrap_or_else(|| Profile::Other(profile.to_owned())),
        lower,
    ))
}

fn decode_parameter(
    spec: &mut TransportSpec,
    name: &str,
    value: Option<&str>,
    tolerance: &mut Tolerance<'_>,
) -> Option<()> {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    if is("unicast") || is("multicast") {
        // Both at once exclude each other.
        if value.is_some() || spec.delivery.is_some() {
            return None;
        }
        spec.delivery = Some(if is("unicast") {
            Delivery::Unicast
        } else {
            Delivery::Multicast
        });
    } else if is("interleaved") {
        let (first, second) = decode_pair::<u8>(value?, 3)?;
        if second.is_some_and(|second| second < first) {
            return None;
        }
        spec.interleaved = Some((first, second));
    } else if is("client_port") {
        spec.client_port = Some(decode_pair(value?, 5)?);
    } else if is("server_port") {
        spec.server_port = Some(decode_pair(value?, 5)?);
    } else if is("port") {
        spec.port = Some(decode_pair(value?, 5)?);
    } else if is("destination") {
        spec.destination = decode_host(value)?;
    } else if is("source") {
        spec.source = decode_host(value)?;
    } else if is("ttl") {
        spec.ttl = Some(lex::number(value?, 3)?);
    } else if is("layers") {
        spec.layers = Some(lex::number(value?, 3)?);
    } else if is("ssrc") {
        for ssrc in value?.split('/') {
            spec.ssrc.extend(decode_ssrc(ssrc, tolerance)?);
        }
    } else if is("mode") {
        spec.mode = Some(decode_mode(value?, tolerance)?);
    } else if is("append") {
        spec.append = true;
    } else {
        return decode_parameter_v2(spec, name, value);
    }
    Some(())
}

fn decode_parameter_v2(spec: &mut TransportSpec, name: &str, value: Option<&str>) -> Option<()> {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    if is("dest_addr") {
        spec.dest_addr = decode_addresses(value?)?;
    } else if is("src_addr") {
        spec.src_addr = decode_addresses(value?)?;
    } else if is("RTCP-mux") {
        spec.rtcp_mux = true;
    } else if is("setup") {
        let known = [SetupRole::Active, SetupRole::Passive, SetupRole::ActPass];
        let value = value?;
        spec.setup = Some(
            known
                .into_iter()
                .find(|role| value.eq_ignore_ascii_case(role.as_str()))?,
        );
    } else if is("connection") {
        let known = [ConnectionUse::New, ConnectionUse::Existing];
        let value = value?;
        spec.connection = Some(
            known
                .into_iter()
                .find(|connection| value.eq_ignore_ascii_case(connection.as_str()))?,
        );
    } else if is("MIKEY") {
        let value = value?;
        if !lex::is_base64(value) {
            return None;
        }
        spec.mikey = Some(value.to_owned());
    } else {
        let value = match value {
            Some(value) => Some(lex::unquote(value)?.into_owned()),
            None => None,
        };
        spec.extensions.push((name.to_owned(), value));
    }
    Some(())
}

/// `a` or `a-b`.
fn decode_pair<T: core::str::FromStr>(text: &str, max_digits: usize) -> Option<(T, Option<T>)> {
    match text.split_once('-') {
        Some((first, second)) => Some((
            lex::number(first.trim_end(), max_digits)?,
            Some(lex::number(second.trim_start(), max_digits)?),
        )),
        None => Some((lex::number(text, max_digits)?, None)),
    }
}

/// `destination` may stand without a value (RFC 2326 §12.39). An address in brackets loses them.
fn decode_host(value: Option<&str>) -> Option<Option<String>> {
    let Some(value) = value else {
        return Some(None);
    };
    let value = lex::unquote(value)?;
    let host = value
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(&value);
    let proper = host
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b",;\"/@[]".contains(&byte));
    if !proper {
        return None;
    }
    Some((!host.is_empty()).then(|| host.to_owned()))
}

/// Outer `None`: unreadable. Inner `None`: unreadable, but tolerated as if it were not there.
fn decode_ssrc(text: &str, tolerance: &mut Tolerance<'_>) -> Option<Option<u32>> {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit()) && !text.is_empty();
    if text.len() == 8 && hex(text) {
        return Some(u32::from_str_radix(text, 16).ok());
    }
    if !tolerance.allow(Deviation::SsrcForms) {
        return None;
    }
    let text = text.trim();
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    Some(if hex(digits) {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    })
}

fn decode_mode(text: &str, tolerance: &mut Tolerance<'_>) -> Option<Mode> {
    let exact = text.starts_with('"') || text == "PLAY" || text == "RECORD";
    if !exact && !tolerance.allow(Deviation::TransportMode) {
        return None;
    }
    let list = lex::unquote(text)?;
    let (mut play, mut record) = (false, false);
    for mode in list.split(',').map(str::trim) {
        if mode.eq_ignore_ascii_case("PLAY") {
            play = true;
        } else if mode.eq_ignore_ascii_case("RECORD")
            || mode.eq_ignore_ascii_case("receive") && tolerance.allow(Deviation::TransportMode)
        {
            record = true;
        } else if is_token(mode.as_bytes()) {
            return Some(Mode::Other(list.into_owned()));
        } else {
            return None;
        }
    }
    match (play, record) {
        (true, true) => Some(Mode::PlayAndRecord),
        (true, false) => Some(Mode::Play),
        (false, true) => Some(Mode::Record),
        (false, false) => None,
    }
}

/// One or two quoted addresses, each with a port (RFC 7826 §18.54, §C.1.2).
fn decode_addresses(text: &str) -> Option<Vec<Address>> {
    let mut addresses = Vec::new();
    for quoted in lex::split(text, b'/') {
        if addresses.len() >= 2 || !quoted.starts_with('"') {
            return None;
        }
        let inner = lex::unquote(quoted)?;
        let (host, port) = inner.rsplit_once(':')?;
        let port = lex::number(port, 5)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => {
                let address = rest.strip_suffix(']')?;
                address.parse::<core::net::Ipv6Addr>().ok()?;
                address
            }
            None if host.contains(':') => return None,
            None => host,
        };
        let host = decode_host(Some(host))?;
        addresses.push(Address { host, port });
    }
    (!addresses.is_empty()).then_some(addresses)
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
