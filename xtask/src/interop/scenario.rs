//! What happens in a cell: who is started, what is read, what must be true at the end.

pub(super) mod baseline;
pub(super) mod client;
pub(super) mod live;
pub(super) mod multicast;
pub(super) mod secured;
pub(super) mod sources;
pub(super) mod version2;

use super::clip::Clip;
use super::fingerprint::{self, Evidence, Expect, Start};
use super::peer::{Peer, Publishing, Reading, Served, Transport};
use super::peers::trackside;
use super::process::Process;
use super::rtsp;
use super::stage::Stage;
use crate::failure::{Failure, Result};
use std::time::Duration;

/// How long a program has to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);

fn able<T>(ability: Option<T>, peer: &Peer, what: &str) -> Result<T> {
    ability.ok_or_else(|| Failure::new(format!("{} cannot {what}", peer.name)))
}

/// Our server with a publisher on `/live`; waits until readers are answered.
fn live(
    stage: &Stage<'_>,
    clip: &Clip,
    transport: Transport,
    publish: impl Fn(&Stage<'_>, &Publishing<'_>) -> Result<Process>,
) -> Result<(Served, Process, String)> {
    let server = trackside::server(stage, [""; 0])?;
    let (publisher, url) = live_on(stage, &server, clip, transport, publish)?;
    Ok((server, publisher, url))
}

/// The same for a server that was started with settings of its own.
fn live_on(
    stage: &Stage<'_>,
    server: &Served,
    clip: &Clip,
    transport: Transport,
    publish: impl Fn(&Stage<'_>, &Publishing<'_>) -> Result<Process>,
) -> Result<(Process, String)> {
    let url = format!("{}live", server.url);
    let mut publisher = publish(stage, &Publishing::new(&url, transport, clip))?;
    stage.until(
        "the path was published",
        Duration::from_secs(20),
        &mut publisher,
        || rtsp::describe(&url) == Some(200),
    )?;
    Ok((publisher, url))
}

/// Ctrl-C must end our server by itself.
fn end(mut server: Served) -> Result<()> {
    if !server.process.running() {
        return Err(Failure::new("rtsp-server ended before its time"));
    }
    if !server.process.interrupt(GRACE) {
        return Err(Failure::new(format!(
            "rtsp-server hung for {} s after Ctrl-C",
            GRACE.as_secs()
        )));
    }
    Ok(())
}

/// What a peer gets, if it is what it should.
fn seen(
    stage: &Stage<'_>,
    peer: &Peer,
    reading: &Reading<'_>,
    clip: &Clip,
    expect: &Expect,
) -> Result<Evidence> {
    let capture = able(peer.read, peer, "read")?(stage, reading)?;
    fingerprint::judge(stage, clip, &capture, expect)
}

/// What a live reader of this clip must get.
fn expected(clip: &Clip) -> Expect {
    Expect {
        start: clip.recipe.start,
        ..Expect::LIVE
    }
}

/// FFmpeg or our client reads what a proxy passes on.
fn read_relay(
    stage: &Stage<'_>,
    reader: &Peer,
    mut proxy: Served,
    transport: Transport,
    clip: &Clip,
) -> Result<Evidence> {
    // The proxy answers 404 until it knows what is upstream.
    let url = proxy.url.clone();
    stage.until(
        "the proxy knew the stream",
        Duration::from_secs(15),
        &mut proxy.process,
        || rtsp::describe(&url) == Some(200),
    )?;
    let reading = Reading {
        live: true,
        ..Reading::new(&url, transport, clip)
    };
    // The proxy passes on what it gets while it sets up: it may begin anywhere.
    let expect = Expect {
        start: Start::Anywhere,
        ..Expect::LIVE
    };
    seen(stage, reader, &reading, clip, &expect)
}
