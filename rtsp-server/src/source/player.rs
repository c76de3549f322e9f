//! Plays a file to one session: what [`FilePlayback`] says is due goes into a stream of the session's own.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use rtp_core::PacketView;
use rtsp_client::{movie::MediaStart, mp4::MovieFile};
use rtsp_msg::headers::{NptTime, Range};
use rtsp_session::ProtocolError;
use tokio::{sync::Notify, task::JoinHandle};

use super::{
    SourceError,
    file::{FilePlayback, PlayError, Progress, ReadDone, describe},
    live::compound,
};
use crate::{
    shard::Shard,
    stream::{
        batch::Kind,
        clocks::Sending,
        ingest::Feed,
        local::LocalStream,
        registry::{self, Stream},
    },
};

/// Packets that are sent before other sessions of the shard get their turn.
const BUDGET: usize = 256;
/// Batches that may wait for a peer that reads slowly; the file waits for it.
const LAG: u64 = 16;
/// How often the peer is told the time (RFC 3550 §6.2).
const REPORT: Duration = Duration::from_secs(5);

/// The player of one session. All copies are one.
#[derive(Clone)]
pub(crate) struct Player(Rc<Inner>);

struct Inner {
    stream: Arc<Stream>,
    movie: Arc<MovieFile>,
    /// Made with the first PLAY, when it is known what was set up.
    playback: RefCell<Option<FilePlayback>>,
    starts: RefCell<Vec<MediaStart>>,
    /// Sequence number and RTP timestamp of the last packet of each media.
    last: RefCell<Vec<Option<(u16, u32)>>>,
    /// What is played has changed.
    changed: Notify,
    ended: Cell<bool>,
    /// Its sources were said goodbye to: what comes next has others.
    said_bye: Cell<bool>,
    closed: Cell<bool>,
}

/// What a PLAY answer says.
#[derive(Debug)]
pub(crate) struct Started {
    /// The media: index, first sequence number, and the RTP timestamp of the range's start.
    pub(crate) media: Vec<(usize, u16, u32)>,
    /// The value of the Range header.
    pub(crate) range: String,
}

impl Player {
    /// A player of `movie`, and the stream that it will feed.
    pub(crate) fn new(
        shard: &Rc<Shard>,
        path: &str,
        movie: Arc<MovieFile>,
    ) -> Result<(Arc<Stream>, Self), ProtocolError> {
        let description = Arc::new(describe(&movie, path));
        let stream =
            registry::private_stream(&shard.shared.registry, path.into(), shard.id, description)
                .map_err(|_| ProtocolError::UnsupportedMediaType)?;
        shard.open_private(
            &stream,
            Feed {
                datagrams: false,
                own: false,
            },
        );
        let starts = (0..stream.shapes.len())
            .map(|media| fresh(shard, &stream, media))
            .collect();
        let inner = Rc::new(Inner {
            stream: Arc::clone(&stream),
            movie,
            playback: RefCell::new(None),
            last: RefCell::new(vec![None; stream.shapes.len()]),
            starts: RefCell::new(starts),
            changed: Notify::new(),
            ended: Cell::new(false),
            said_bye: Cell::new(false),
            closed: Cell::new(false),
        });
        tokio::task::spawn_local(run(Rc::clone(shard), Rc::clone(&inner)));
        Ok((stream, Self(inner)))
    }

    /// Plays the media that were set up, from where `range` says. Packets come once the session's reader is there.
    pub(crate) fn play(
        &self,
        shard: &Shard,
        range: Option<&Range>,
        media: &[usize],
    ) -> Result<Started, ProtocolError> {
        let (start, end) = bounds(range)?;
        let mut slot = self.0.playback.borrow_mut();
        if slot.is_none() {
            let starts = self.0.starts.borrow();
            let chosen: Vec<_> = media
                .iter()
                .filter_map(|&media| Some((media, *starts.get(media)?)))
                .collect();
            let made = FilePlayback::new(Arc::clone(&self.0.movie), &chosen);
            *slot = made.map_err(|_| ProtocolError::UnsupportedMediaType)?;
        }
        let playback = slot.as_mut().ok_or(ProtocolError::NotFound)?;
        self.0.ended.set(false);
        if self.0.said_bye.replace(false) {
            // After a BYE the source is gone: what comes now is another one (RFC 3550 §6.6).
            for &media in media {
                playback.restart_media(media, fresh(shard, &self.0.stream, media));
            }
        }
        let started = playback
            .play(Instant::now(), start, end)
            .map_err(|error| match error {
                PlayError::InvalidRange { .. } => ProtocolError::InvalidRange,
            })?;
        self.0.changed.notify_one();
        Ok(Started {
            media: started
                .media
                .iter()
                .map(|media| (media.media, media.sequence, media.rtp_timestamp))
                .collect(),
            range: format!("npt={}-{}", npt(started.start), npt(started.end)),
        })
    }

    /// Stops where it is.
    pub(crate) fn pause(&self) {
        if let Some(playback) = self.0.playback.borrow_mut().as_mut() {
            playback.pause(Instant::now());
        }
    }

    /// Where it is, in normal play time.
    pub(crate) fn position(&self) -> String {
        let playback = self.0.playback.borrow();
        npt(playback
            .as_ref()
            .map_or(Duration::ZERO, |playback| playback.position(Instant::now())))
    }

    /// Sequence number and RTP timestamp of the last packet of a media that was sent.
    pub(crate) fn last_packet(&self, media: usize) -> Option<(u16, u32)> {
        self.0.last.borrow().get(media).copied().flatten()
    }

    /// The session is over.
    pub(crate) fn close(&self) {
        self.0.closed.set(true);
        self.0.changed.notify_one();
    }
}

/// New numbers for a media, known to all who ask for its source.
fn fresh(shard: &Shard, stream: &Stream, media: usize) -> MediaStart {
    let start = MediaStart::random(&mut shard.random.borrow_mut());
    let clock_rate = stream.shapes.get(media).map_or(1, |shape| shape.clock_rate);
    stream.clocks.set(
        media as u8,
        Sending {
            ssrc: Some(start.ssrc),
            clock_rate,
            ..Sending::default()
        },
    );
    start
}

/// Seconds with milliseconds, as `npt` wants them (RFC 2326 §3.6).
fn npt(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

fn bounds(range: Option<&Range>) -> Result<(Option<Duration>, Option<Duration>), ProtocolError> {
    match range {
        None => Ok((None, None)),
        Some(Range::Npt { start, end }) => Ok((instant(*start)?, instant(*end)?)),
        Some(_) => Err(ProtocolError::HeaderNotValid {
            accept_ranges: Some("npt"),
        }),
    }
}

/// A file has no `now` but the one where it is (RFC 2326 §3.6).
fn instant(time: Option<NptTime>) -> Result<Option<Duration>, ProtocolError> {
    match time {
        Some(NptTime::At(at)) => Ok(Some(at)),
        Some(NptTime::Now) | None => Ok(None),
    }
}

/// Sends what is due until the session is over.
async fn run(shard: Rc<Shard>, inner: Rc<Inner>) {
    let mut reading: Option<JoinHandle<ReadDone>> = None;
    let mut next_report = Instant::now();
    while !inner.closed.get() {
        if lags(&shard, &inner.stream) {
            tokio::select! {
                () = shard.drained.notified() => {}
                () = inner.changed.notified() => {}
            }
            continue;
        }
        if reading.as_ref().is_some_and(JoinHandle::is_finished) {
            // What a jump made useless has to go too, before anything new is read.
            let done = read_done(&mut reading).await;
            reading = None;
            if !took(&shard, &inner, done) {
                return;
            }
        }
        if reading.is_none() {
            let job = inner
                .playback
                .borrow_mut()
                .as_mut()
                .and_then(|playback| playback.take_read(Instant::now()));
            reading = job.map(|job| tokio::task::spawn_blocking(move || job.run()));
        }
        let progress = send_due(&shard, &inner, &mut next_report);
        let wake = match progress {
            Progress::Wait(due) => Some(due),
            Progress::More => {
                tokio::task::yield_now().await;
                continue;
            }
            Progress::Ended => {
                finish(&shard, &inner).await;
                None
            }
            Progress::Idle | Progress::Reading => None,
        };
        tokio::select! {
            () = inner.changed.notified() => {}
            () = sleep_until(wake) => {}
            done = read_done(&mut reading) => {
                reading = None;
                if !took(&shard, &inner, done) {
                    return;
                }
            }
        }
    }
}

/// Takes what was read; `false` when the session is over, because the file cannot be read.
fn took(shard: &Shard, inner: &Inner, done: Option<ReadDone>) -> bool {
    let taken = inner.take(done);
    if let Err(error) = &taken {
        tracing::warn!(path = %inner.stream.path, %error, "a file cannot be played any further");
        shard.ended(
            inner.stream.id,
            "the file was changed or cannot be read any more",
        );
    }
    taken.is_ok()
}

impl Inner {
    fn take(&self, done: Option<ReadDone>) -> Result<(), SourceError> {
        match (done, self.playback.borrow_mut().as_mut()) {
            (Some(done), Some(playback)) => playback.finish_read(done),
            _ => Ok(()),
        }
    }
}

async fn read_done(reading: &mut Option<JoinHandle<ReadDone>>) -> Option<ReadDone> {
    match reading {
        Some(handle) => handle.await.ok(),
        None => std::future::pending().await,
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}

/// Whether the session's peer has yet to take what was sent.
fn lags(shard: &Shard, stream: &Stream) -> bool {
    shard
        .streams
        .borrow_mut()
        .get_mut(&stream.id)
        .is_some_and(|local| {
            let Some(reader) = local.readers().first() else {
                return local.ring.end() > local.ring.first() + LAG;
            };
            let position = reader.position();
            local.ring.release(position);
            local.ring.end() > position.batch + LAG
        })
}

fn send_due(shard: &Shard, inner: &Inner, next_report: &mut Instant) -> Progress {
    let now = Instant::now();
    let mut slot = inner.playback.borrow_mut();
    let Some(playback) = slot.as_mut() else {
        return Progress::Idle;
    };
    let mut due: Vec<(usize, Bytes)> = Vec::new();
    let progress = playback.due(now, BUDGET, |media, packet| due.push((media, packet)));
    if due.is_empty() {
        return progress;
    }
    for (slot, media) in inner.last.borrow_mut().iter_mut().zip(0..) {
        let last = due.iter().rev().find(|(of, _)| *of == media);
        if let Some(packet) = last.and_then(|(_, packet)| PacketView::parse(packet).ok()) {
            *slot = Some((packet.sequence(), packet.timestamp()));
        }
    }
    let mut reports = Vec::new();
    if *next_report <= now {
        *next_report = now + REPORT;
        let wall = SystemTime::now();
        let media = 0..inner.stream.shapes.len();
        reports.extend(media.filter_map(|media| Some((media, playback.report(media, now, wall)?))));
    }
    drop(slot);
    shard.ingest(inner.stream.id, |ingest, now| {
        for (media, report) in &reports {
            ingest.packet(*media as u8, Kind::Rtcp, &compound(report), now);
        }
        for (media, packet) in &due {
            ingest.packet(*media as u8, Kind::Rtp, packet, now);
        }
        ingest.close(now);
    });
    progress
}

/// The end of the range. Where another one is queued it goes on with that. Else the session rests once all is out: in RTSP/1.0
/// with a BYE behind the last packet, because players need it; in RTSP/2.0 the sources stay (RFC 7826 §13.5.1).
async fn finish(shard: &Rc<Shard>, inner: &Inner) {
    if crate::connection::next_range(shard, inner.stream.id) {
        return;
    }
    inner.ended.set(true);
    if shard.says_bye(inner.stream.id) {
        say_bye(shard, inner);
    }
    while !inner.closed.get() && inner.ended.get() && !drained(shard, &inner.stream) {
        tokio::select! {
            () = shard.drained.notified() => {}
            () = inner.changed.notified() => {}
        }
    }
    if inner.ended.get() && !inner.closed.get() {
        shard.rest(inner.stream.id);
    }
}

fn say_bye(shard: &Shard, inner: &Inner) {
    inner.said_bye.set(true);
    let now = Instant::now();
    let byes: Vec<_> = (0..inner.stream.shapes.len() as u8)
        .filter_map(|media| {
            let sending = inner.stream.clocks.of(media);
            Some((media, sending.bye(now, "end of range")?))
        })
        .collect();
    shard.ingest(inner.stream.id, |ingest, now| {
        for (media, bye) in &byes {
            ingest.last_word(*media, bye);
        }
        ingest.close(now);
    });
}

fn drained(shard: &Shard, stream: &Stream) -> bool {
    let streams = shard.streams.borrow();
    let caught_up = |local: &LocalStream| {
        local
            .readers()
            .first()
            .is_none_or(|reader| reader.position().batch >= local.ring.end())
    };
    streams.get(&stream.id).is_none_or(caught_up)
}
