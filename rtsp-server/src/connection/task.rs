//! The loop of one connection.

use std::{io, rc::Rc, time::Instant};

use bytes::BytesMut;
use rtsp_session::{Now, server::Input};
use tokio::io::Interest;

use super::{Link, OUTBOX_PAUSE, Over, http};
use crate::shard::Shard;

/// The first read of a connection, and of one that has little to say.
const SMALL_READ: usize = 4 * 1024;
/// A read of a publisher.
const LARGE_READ: usize = 256 * 1024;
/// Reads before other tasks of the shard get their turn.
const READS: usize = 8;

pub(super) async fn run(shard: Rc<Shard>, link: Rc<Link>) {
    tracing::debug!(connection = link.id, peer = %link.peer, local = %link.local, "connected");
    let mut reading = Reading { size: SMALL_READ };
    while turn(&shard, &link, &mut reading).await.is_ok() {}
    link.announced.borrow_mut().take();
    link.stream.close();
    shard.connection_closed(&link);
    link.done.set(true);
    link.ended.notify_waiters();
    tracing::debug!(connection = link.id, peer = %link.peer, "disconnected");
}

struct Reading {
    size: usize,
}

/// Waits for one thing to happen and deals with it.
async fn turn(shard: &Rc<Shard>, link: &Rc<Link>, reading: &mut Reading) -> Result<(), Over> {
    let until = link.drive(shard)?;
    let reads = link.protocol.borrow().wants_read() && link.outbox.borrow().len() < OUTBOX_PAUSE;
    let writes = link.wants_write.get();
    let interest = match (reads, writes) {
        (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
        (true, false) => Some(Interest::READABLE),
        (false, true) => Some(Interest::WRITABLE),
        (false, false) => None,
    };
    tokio::select! {
        ready = ready(link, interest) => {
            let ready = ready.map_err(|_| Over)?;
            if ready.is_writable() && writes {
                writable(shard, link)?;
            }
            if ready.is_readable() && reads {
                readable(shard, link, reading)?;
            }
        }
        () = link.wake.notified() => {}
        () = sleep(until) => link.protocol.borrow_mut().handle(Now::read(), Input::Timeout),
    }
    Ok(())
}

async fn ready(link: &Link, interest: Option<Interest>) -> io::Result<tokio::io::Ready> {
    match interest {
        Some(interest) => link.stream.ready(interest).await,
        None => std::future::pending().await,
    }
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

/// What waits goes first, then the readers of this connection go on.
fn writable(shard: &Rc<Shard>, link: &Rc<Link>) -> Result<(), Over> {
    link.wants_write.set(false);
    link.flush()?;
    if link.wants_write.get() {
        return Ok(());
    }
    let readers = link.readers.borrow().clone();
    for (stream, reader) in readers {
        shard.with_stream(stream, |local, now, after| local.pump(reader, now, after));
        shard.drained.notify_waiters();
    }
    Ok(())
}

/// A read that left room took all there was: the next thing to wait for is more, not a read that finds nothing. What arrived
/// since then is told anew, because tokio registers sockets for edges (epoll(7), questions and answers, 9).
fn drained(link: &Link) {
    let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
    let _ = link.stream.tcp().try_io(Interest::READABLE, nothing);
}

fn readable(shard: &Shard, link: &Link, reading: &mut Reading) -> Result<(), Over> {
    let mut buffer = link.buffer.borrow_mut();
    let mut protocol = link.protocol.borrow_mut();
    for _ in 0..READS {
        if !protocol.wants_read() {
            return Ok(());
        }
        if buffer.capacity() - buffer.len() < reading.size / 4 {
            buffer.reserve(reading.size);
        }
        let room = buffer.capacity() - buffer.len();
        match link.stream.try_read_buf(&mut buffer) {
            Ok(0) => {
                protocol.handle(Now::read(), Input::Eof);
                return Ok(());
            }
            Ok(read) => {
                protocol.handle(Now::read(), Input::Read(&mut buffer));
                if read < room && link.stream.reads_plainly() {
                    drained(link);
                    break;
                }
                reading.size = (reading.size * 4).min(LARGE_READ);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                http::told(shard, link.peer, &error);
                return Err(Over);
            }
        }
    }
    if buffer.is_empty() && reading.size == SMALL_READ {
        // An idle connection keeps no buffer.
        *buffer = BytesMut::new();
    }
    Ok(())
}
