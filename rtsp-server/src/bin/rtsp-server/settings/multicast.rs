//! What the file says of multicast.

use std::net::IpAddr;

use rtsp_server::{GroupRange, Multicast};

use super::{
    document::{Place, Table},
    file, values,
};

/// Reads `[multicast]`.
pub(super) fn multicast(mut table: Table<'_>) -> Multicast {
    let mut groups = Vec::new();
    for place in table.required("groups").map(texts).unwrap_or_default() {
        let what = "a range such as \"239.1.2.0/24\"";
        match place.text(what).map(str::parse::<GroupRange>) {
            Some(Ok(range)) => groups.push(range),
            Some(Err(error)) => place.wrong(error),
            None => {}
        }
    }
    let mut sources = Vec::new();
    for place in table.required("source").map(texts).unwrap_or_default() {
        let what = "an address of this machine such as \"192.0.2.1\", or a list of them";
        match place.text(what).map(str::parse::<IpAddr>) {
            Some(Ok(address)) if !address.is_multicast() && !address.is_unspecified() => {
                sources.push(address);
            }
            Some(_) => place.wrong(format_args!("expected {what}")),
            None => {}
        }
    }
    let mut multicast = Multicast::new(groups, sources);
    if let Some(place) = table.place("ports") {
        let list = place.list("[first, last]").unwrap_or_default();
        let port = |place: &Place<'_>| Some(place.number(1024..65536)? as u16);
        let ports: Vec<u16> = list.iter().filter_map(port).collect();
        match ports.as_slice() {
            [first, last] if values::ports(*first, *last).is_some() => {
                multicast.ports = (*first, *last);
            }
            _ => place.wrong(format_args!("expected {}", values::PORTS)),
        }
    }
    if let Some(ttl) = table.place("ttl").and_then(|it| it.number(0..256)) {
        multicast.ttl = ttl as u8;
    }
    for place in table.place("paths").map(texts).unwrap_or_default() {
        multicast.paths.extend(file::pattern(&place, false));
    }
    for (key, flag) in [
        ("describe", &mut multicast.describe),
        ("guarded", &mut multicast.guarded),
    ] {
        let given = table.place(key).and_then(|it| it.boolean());
        *flag = given.unwrap_or(*flag);
    }
    let quarantine = table
        .place("quarantine")
        .and_then(|it| it.duration(std::time::Duration::ZERO));
    multicast.quarantine = quarantine.unwrap_or(multicast.quarantine);
    table.finish();
    multicast
}

/// One text or a list of them.
fn texts(place: Place<'_>) -> Vec<Place<'_>> {
    match place.is_list() {
        true => place.list("").unwrap_or_default(),
        false => vec![place],
    }
}
