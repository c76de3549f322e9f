//! What can stand in a configuration file.

use std::{net::SocketAddr, path::Path, time::Duration};

use rtsp_msg::{Scheme, Uri};
use rtsp_server::{
    DEFAULT_PORT, DEFAULT_TLS_PORT, Identity, Limits, PathRule, Pull, PullTransport, PullTrust,
    SlowReaders, Srtp, Start, TlsOptions, UdpPorts,
};
use toml::de::DeTable;

use super::{
    Settings,
    access::{access, provers},
    document::{Place, Problem, Report, Table},
    multicast, values,
};
use crate::{listen, logging};

const SECOND: Duration = Duration::from_secs(1);
/// More would be for ever, and that is 0.
const MOST_TIMEOUTS: usize = 1_000_000;
/// More would be no bound, and that is 0.
const MOST_COUNTED: usize = 1_000_000;
/// Fewer or less is no room for what every player sends.
const LEAST_HEADERS: usize = 16;
const LEAST_HEADER_BYTES: usize = 2048;
const LEAST_URL: usize = 128;
/// Less than this is no room for a description.
const LEAST_BODY: usize = 4096;
/// Connections are looked after twice a second.
const LEAST_LATENCY: Duration = Duration::from_millis(100);
/// Less than this is no room for a key frame.
const LEAST_RING: usize = 64 * 1024;

const STARTS: [(&str, Start); 2] = [("key-frame", Start::KeyFrame), ("live", Start::Live)];
const SEALED: [(&str, Srtp); 3] = [
    ("off", Srtp::Off),
    ("over-tls", Srtp::OverTls),
    ("forced", Srtp::Forced),
];
const TRANSPORTS: [(&str, PullTransport); 3] = [
    ("auto", PullTransport::Auto),
    ("udp", PullTransport::Udp),
    ("tcp", PullTransport::Tcp),
];

/// Reads a file into settings: keys that it has replace what is there.
pub(super) fn apply(file: &Path, text: &str, settings: &mut Settings) -> Result<(), Vec<Problem>> {
    let report = Report::new(file, text);
    match DeTable::parse(text) {
        Err(error) => {
            // The message alone: the error as a whole quotes the line, where a password may stand.
            let offset = error.span().map_or(0, |span| span.start);
            report.add(offset, format!("not TOML: {}", error.message()));
        }
        Ok(document) => {
            let folder = file.parent().unwrap_or(Path::new(""));
            let mut root = Table::root(&report, &document);
            general(&mut root, folder, settings);
            access(&mut root, folder, settings);
            provers(&mut root, settings);
            if let Some(place) = root.place("tls") {
                tls(&place, folder, settings);
            }
            if let Some(table) = root
                .place("limits")
                .and_then(|it| it.table("a table: [limits]"))
            {
                limits(table, &mut settings.config.limits);
            }
            if let Some(table) = root
                .place("multicast")
                .and_then(|it| it.table("a table: [multicast]"))
            {
                settings.config.multicast = Some(multicast::multicast(table));
            }
            if let Some(paths) = root
                .place("path")
                .and_then(|it| it.list("tables: [[path]]"))
            {
                path_tables(paths, folder, settings);
            }
            root.finish();
        }
    }
    let problems = report.finish();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

fn general(root: &mut Table<'_>, folder: &Path, settings: &mut Settings) {
    let config = &mut settings.config;
    if let Some(place) = root.place("listen") {
        config.listen = addresses(&place, DEFAULT_PORT);
    }
    if let Some(threads) = root.place("threads").and_then(|it| it.number(0..256)) {
        config.threads = threads;
    }
    if let Some(io_uring) = root.place("io_uring").and_then(|it| it.boolean()) {
        config.io_uring = io_uring;
    }
    if let Some(ports) = root.place("udp_ports").and_then(|it| ports(&it)) {
        config.udp_ports = ports;
    }
    if let Some(place) = root.place("files")
        && let Some(files) = place.text("a directory")
    {
        let files = folder.join(files);
        settings.origins.set("files", place.origin());
        config.files = Some(files);
    }
    if let Some(demo) = root.place("demo").and_then(|it| it.boolean()) {
        config.demo = demo;
    }
    if let Some(start) = root.place("start").and_then(|it| it.word(&STARTS)) {
        config.start = start;
    }
    if let Some(srtp) = root.place("srtp").and_then(|it| it.word(&SEALED)) {
        config.srtp = srtp;
    }
    if let Some(sdes) = root.place("sdes").and_then(|it| it.boolean()) {
        config.sdes = sdes;
    }
    if let Some(policy) = root.place("slow_readers").and_then(|it| slow_readers(&it)) {
        config.slow_readers = policy;
    }
    if let Some(place) = root.place("redirect_to")
        && let Some(target) = place.text(values::TARGET)
    {
        match values::target(target) {
            Ok(target) => settings.redirect_to = Some(target),
            Err(what) => place.wrong(what),
        }
    }
    if let Some(place) = root.place("log")
        && let Some(filter) = place.text(logging::EXPECTED)
    {
        match logging::check(filter) {
            Ok(()) => settings.log = filter.to_owned(),
            Err(what) => place.wrong(what),
        }
    }
}

fn tls(place: &Place<'_>, folder: &Path, settings: &mut Settings) {
    let Some(mut table) = place.table("a table: [tls]") else {
        return;
    };
    let mut file = |key| {
        let name = table.place(key)?.text("a file in PEM")?;
        Some(folder.join(name))
    };
    let (certificate, key) = (file("certificate"), file("key"));
    let self_signed = table.place("self_signed").and_then(|it| it.boolean());
    let identity = match (certificate, key, self_signed.unwrap_or_default()) {
        (Some(certificate), Some(key), false) => Some(Identity::Files { certificate, key }),
        (None, None, true) => Some(Identity::SelfSigned { names: Vec::new() }),
        (Some(certificate), Some(key), true) => Some(Identity::Kept {
            names: Vec::new(),
            certificate,
            key,
        }),
        _ => {
            place.wrong("expected certificate and key, self_signed = true, or all of them");
            None
        }
    };
    let listen = table
        .place("listen")
        .map(|it| addresses(&it, DEFAULT_TLS_PORT));
    let required = table
        .place("required")
        .and_then(|it| it.list("paths, as in [\"/door\", \"/yard/*\"]"));
    let required = required.unwrap_or_default();
    let required = required
        .iter()
        .filter_map(|it| pattern(it, false))
        .collect();
    table.finish();
    if let Some(identity) = identity {
        let mut options = TlsOptions::new(identity);
        options.listen = listen.unwrap_or_default();
        options.required = required;
        settings.origins.set("tls", place.origin());
        settings.config.tls = Some(options);
    }
}

fn addresses(place: &Place<'_>, port: u16) -> Vec<SocketAddr> {
    let places = if place.is_list() {
        place.list("").unwrap_or_default()
    } else {
        vec![place.clone()]
    };
    if places.is_empty() {
        place.wrong("expected at least one address");
    }
    let mut all = Vec::new();
    for place in places {
        let what = "an address such as \"127.0.0.1:8554\", or a list of them";
        match place
            .text(what)
            .map(|text| listen::resolve_with(text, port))
        {
            Some(Ok(addresses)) => all.extend(addresses),
            Some(Err(wrong)) => place.wrong(wrong),
            None => {}
        }
    }
    all
}

fn ports(place: &Place<'_>) -> Option<UdpPorts> {
    if !place.is_list() {
        return place.word(&[("auto", UdpPorts::Ephemeral)]).or_else(|| {
            place.wrong(format_args!(
                "it is {}, as in [50000, 50099]",
                values::PORTS
            ));
            None
        });
    }
    let wrong = || {
        place.wrong(format_args!(
            "expected {}, as in [50000, 50099]",
            values::PORTS
        ));
        None
    };
    let list = place.list("")?;
    let [first, last] = list.as_slice() else {
        return wrong();
    };
    let port = |place: &Place<'_>| Some(place.number(1024..65536)? as u16);
    let (first, last) = port(first).zip(port(last))?;
    let Some((first, last)) = values::ports(first, last) else {
        return wrong();
    };
    Some(UdpPorts::Range(first, last))
}

fn limits(mut table: Table<'_>, limits: &mut Limits) {
    for (key, least, limit) in [
        ("connections", 0, &mut limits.connections),
        (
            "connections_per_address",
            1,
            &mut limits.connections_per_address,
        ),
        ("half_open", 1, &mut limits.half_open),
        ("key_exchanges", 1, &mut limits.key_exchanges),
        (
            "half_open_per_address",
            1,
            &mut limits.half_open_per_address,
        ),
        ("streams", 0, &mut limits.streams),
        ("media", 1, &mut limits.media),
        ("header_count", LEAST_HEADERS, &mut limits.header_count),
        ("sessions", 0, &mut limits.sessions),
        ("sessions_per_address", 1, &mut limits.sessions_per_address),
        (
            "sessions_per_connection",
            1,
            &mut limits.sessions_per_connection,
        ),
    ] {
        let given = table.place(key).and_then(|it| it.number(least..usize::MAX));
        *limit = given.unwrap_or(*limit);
    }
    for (key, limit) in [
        ("failures_per_address", &mut limits.failures_per_address),
        ("requests_per_second", &mut limits.requests_per_second),
    ] {
        let given = table.place(key).and_then(|it| it.number(0..MOST_COUNTED));
        let given = given.and_then(|count| u32::try_from(count).ok());
        *limit = given.unwrap_or(*limit);
    }
    for (key, limit) in [
        ("bandwidth", &mut limits.bandwidth),
        ("publish_bit_rate", &mut limits.publish_bit_rate),
    ] {
        let given = table.place(key).and_then(|it| it.number(0..usize::MAX));
        *limit = given.map_or(*limit, |bits| bits as u64);
    }
    let retry = table
        .place("body_retry_after")
        .and_then(|it| it.duration(SECOND));
    limits.body_retry_after = retry.or(limits.body_retry_after);
    for (key, least, limit) in [
        ("header_bytes", LEAST_HEADER_BYTES, &mut limits.header_bytes),
        ("url", LEAST_URL, &mut limits.url),
        ("body", LEAST_BODY, &mut limits.body),
        ("ring", LEAST_RING, &mut limits.ring),
    ] {
        let given = table.place(key).and_then(|it| it.size(least));
        *limit = given.unwrap_or(*limit);
    }
    let given = table.place("limit_loopback").and_then(|it| it.boolean());
    limits.limit_loopback = given.unwrap_or(limits.limit_loopback);
    times(&mut table, limits);
    table.finish();
}

fn times(table: &mut Table<'_>, limits: &mut Limits) {
    for (key, least, limit) in [
        ("ban", SECOND, &mut limits.ban),
        ("clock_skew", SECOND, &mut limits.clock_skew),
        ("session_timeout", SECOND, &mut limits.session_timeout),
        ("session_grace", Duration::ZERO, &mut limits.session_grace),
        (
            "first_request_timeout",
            SECOND,
            &mut limits.first_request_timeout,
        ),
        ("handshake_timeout", SECOND, &mut limits.handshake_timeout),
        ("message_timeout", SECOND, &mut limits.message_timeout),
        (
            "unauthenticated_timeout",
            SECOND,
            &mut limits.unauthenticated_timeout,
        ),
        ("continue_after", SECOND, &mut limits.continue_after),
        ("answer_timeout", SECOND, &mut limits.answer_timeout),
        ("idle_timeout", SECOND, &mut limits.idle_timeout),
    ] {
        let given = table.place(key).and_then(|it| it.duration(least));
        *limit = given.unwrap_or(*limit);
    }
    let given = table
        .place("inactive_timeouts")
        .and_then(|it| it.number(0..MOST_TIMEOUTS));
    let given = given.and_then(|timeouts| u32::try_from(timeouts).ok());
    limits.inactive_timeouts = given.unwrap_or(limits.inactive_timeouts);
}

/// A policy by its name, or how far readers may be behind.
fn slow_readers(place: &Place<'_>) -> Option<SlowReaders> {
    match place.as_text() {
        Some("key-frame") => Some(SlowReaders::SkipToKeyFrame),
        Some("disconnect") => Some(SlowReaders::Disconnect),
        Some(text) if values::duration(text).is_none() => {
            place.expected("\"key-frame\", \"disconnect\" or a duration such as \"2s\"")
        }
        _ => Some(SlowReaders::LatencyCap(place.duration(LEAST_LATENCY)?)),
    }
}

fn path_tables(paths: Vec<Place<'_>>, folder: &Path, settings: &mut Settings) {
    for place in paths {
        let Some(mut table) = place.table("a table: [[path]]") else {
            continue;
        };
        let path = table.required("path");
        let policy = table.place("slow_readers");
        let source = match &policy {
            None => table.required("source"),
            Some(_) => table.place("source"),
        };
        if let Some(policy) = policy.as_ref().and_then(slow_readers) {
            let pattern = path.as_ref().and_then(|it| pattern(it, source.is_some()));
            settings
                .config
                .paths
                .push(PathRule::new(pattern.unwrap_or_default(), policy));
        }
        if source.is_some() || policy.is_none() {
            let path = path.and_then(|it| self::path(&it, settings));
            pull(
                path,
                source.and_then(|it| self::source(&it)),
                (&mut table, folder),
                settings,
            );
        }
        table.finish();
    }
}

fn pull(
    path: Option<String>,
    source: Option<String>,
    (table, folder): (&mut Table<'_>, &Path),
    settings: &mut Settings,
) {
    let mut pull = Pull::new(path.unwrap_or_default(), source.unwrap_or_default());
    if let Some(on_demand) = table.place("on_demand").and_then(|it| it.boolean()) {
        pull.on_demand = on_demand;
    }
    if let Some(after) = table
        .place("release_after")
        .and_then(|it| it.duration(SECOND))
    {
        pull.release_after = after;
    }
    if let Some(transport) = table.place("transport").and_then(|it| it.word(&TRANSPORTS)) {
        pull.transport = transport;
    }
    let whom = "a fingerprint of SHA-256, or a file of certificates in PEM";
    if let Some(text) = table.place("trust").and_then(|it| it.text(whom)) {
        pull.trust = match text.parse() {
            Ok(fingerprint) => PullTrust::Pinned(fingerprint),
            Err(_) => PullTrust::Authorities(folder.join(text)),
        };
    }
    settings.has_secrets |= has_userinfo(&pull.url);
    settings.config.pulls.push(pull);
}

fn is_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\\\"<>{}|^`*".contains(&byte);
    path.len() >= 2 && path.starts_with('/') && !path.ends_with('/') && path.bytes().all(plain)
}

fn path(place: &Place<'_>, settings: &mut Settings) -> Option<String> {
    let what = "a path such as \"/cam\"";
    let path = place.text(what)?;
    if !is_path(path) {
        return place.expected(what);
    }
    if settings.config.pulls.iter().any(|pull| pull.path == path) {
        place.wrong(format_args!("{path:?} has a source already"));
    }
    settings.origins.set(path, place.origin());
    Some(path.to_owned())
}

/// A path, or the beginning of paths and a `*`. Where it has a source it is a path, and is checked as such.
pub(super) fn pattern(place: &Place<'_>, has_source: bool) -> Option<String> {
    let what = "a path such as \"/cam\", or the beginning of paths such as \"/cams/*\"";
    let pattern = place.text(what)?;
    let beginning = pattern.strip_suffix('*').unwrap_or(pattern);
    let named = beginning.strip_suffix('/').unwrap_or(beginning);
    let known = named.is_empty() && beginning == "/" || is_path(named);
    if !has_source && (!known || (beginning == pattern && named != pattern)) {
        return place.expected(what);
    }
    Some(pattern.to_owned())
}

/// A URL is not shown: there may be a password in it.
fn source(place: &Place<'_>) -> Option<String> {
    let what = "a URL such as \"rtsp://camera.example/stream\", or one of rtsps";
    let text = place.secret(what)?;
    match Uri::parse(text) {
        Ok(uri) if matches!(uri.scheme(), Scheme::Rtsp | Scheme::Rtsps) => {
            return Some(text.to_owned());
        }
        Ok(_) => place.wrong(format_args!(
            "expected {what}; other schemes cannot be pulled"
        )),
        Err(error) => place.wrong(format_args!("expected {what}: {error}")),
    }
    None
}

fn has_userinfo(url: &str) -> bool {
    Uri::parse(url).is_ok_and(|uri| uri.userinfo().is_some())
}

/// The same, from the file of that name.
pub(super) fn load(file: &Path, settings: &mut Settings) -> Result<(), Vec<String>> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| vec![format!("{}: cannot be read: {error}", file.display())])?;
    apply(file, &text, settings)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}
