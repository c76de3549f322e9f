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
use rtsp_session::{ProtocolError, random::Random, srtp::mikey::Keying};
use tokio::{sync::Notify, task::JoinHandle};

use super::{
    SourceError,
    file::{
        FilePlayback, MediaPosition, PlayError, PlayStart, Progress, ReadDone, Wish, describe,
        has_video, length_of,
    },
    live::compound,
};
use crate::{
    config::Srtp,
    shard::Shard,
    stream::{
        batch::Kind,
        clocks::Sending,
        ingest::Feed,
        local::LocalStream,
        registry::{self, Stream},
        secure::Secured,
    },
};

/// Packets that are sent before other sessions of the shard get their turn.
const BUDGET: usize = 256;
/// Batches that may wait for a peer that reads slowly; the file waits for it.
const LAG: u64 = 16;
/// How often the peer is told the time (RFC 3550 §6.2).
const REPORT: Duration = Duration::from_secs(5);

/// What the media of a film begin with, and what they are sealed with, where that is told before there is a session for it.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) secured: Arc<Secured>,
    starts: Vec<MediaStart>,
}

impl Prepared {
    /// For a film of so many media.
    pub(crate) fn new(media: usize, random: &mut Random) -> Self {
        Self {
            secured: Arc::default(),
            starts: (0..media).map(|_| MediaStart::random(random)).collect(),
        }
    }

    /// The keys of its media, each with the source that it is for.
    pub(crate) fn keyings(&self, random: &mut Random) -> Vec<Keying> {
        let keys = self.secured.keys(self.starts.len(), random);
        let each = keys.iter().zip(&self.starts);
        each.map(|(key, start)| Keying {
            master: key.master.clone(),
            sources: vec![(start.ssrc, 0)],
        })
        .collect()
    }
}

/// The player of one session. All copies are one.
#[derive(Clone)]
pub(crate) struct Player(Rc<Inner>);

struct Inner {
    stream: Arc<Stream>,
    movie: Arc<MovieFile>,
    playback: RefCell<FilePlayback>,
    starts: RefCell<Vec<MediaStart>>,
    /// Sequence number and RTP timestamp of the last packet of each media.
    last: RefCell<Vec<Option<(u16, u32)>>>,
    /// What is played has changed.
    changed: Notify,
    ended: Cell<bool>,
    /// Where the end of the last range is a pause.
    pauses_at: Cell<Option<Duration>>,
    /// Its sources were said goodbye to: what comes next has others.
    said_bye: Cell<bool>,
    closed: Cell<bool>,
}

impl Player {
    /// A player of `movie`, and the stream that it will feed: with what was prepared for it, as far as that goes.
    pub(crate) fn new(
        shard: &Rc<Shard>,
        path: &str,
        movie: Arc<MovieFile>,
        prepared: Prepared,
    ) -> Result<(Arc<Stream>, Self), ProtocolError> {
        let description = Arc::new(describe(&movie, path));
        let Prepared { secured, starts } = prepared;
        let registry = &shard.shared.registry;
        let stream =
            registry::private_stream(registry, path.into(), shard.id, description, secured)
                .map_err(|_| ProtocolError::UnsupportedMediaType)?;
        shard.open_private(
            &stream,
            Feed {
                datagrams: false,
                own: false,
                sealable: shard.shared.config.srtp != Srtp::Off,
            },
        );
        let starts = (0..stream.shapes.len())
            .map(|media| match starts.get(media) {
                Some(start) => announce(&stream, media, *start),
                None => fresh(shard, &stream, media),
            })
            .collect();
        let inner = Rc::new(Inner {
            stream: Arc::clone(&stream),
            playback: RefCell::new(FilePlayback::new(Arc::clone(&movie))),
            movie,
            last: RefCell::new(vec![None; stream.shapes.len()]),
            starts: RefCell::new(starts),
            changed: Notify::new(),
            ended: Cell::new(false),
            pauses_at: Cell::new(None),
            said_bye: Cell::new(false),
            closed: Cell::new(false),
        });
        tokio::task::spawn_local(run(Rc::clone(shard), Rc::clone(&inner)));
        Ok((stream, Self(inner)))
    }

    /// Plays what is wished for of the media that were set up. Packets come once the session's reader is there.
    pub(crate) fn play(
        &self,
        shard: &Shard,
        wish: &Wish,
        media: &[usize],
    ) -> Result<PlayStart, ProtocolError> {
        let mut playback = self.0.playback.borrow_mut();
        let chosen: Vec<_> = {
            let starts = self.0.starts.borrow();
            let start = |media| Some((media, *starts.get(media)?));
            media.iter().filter_map(|&media| start(media)).collect()
        };
        match playback.choose(&chosen) {
            Ok(true) => {}
            Ok(false) => return Err(ProtocolError::NotFound),
            Err(_) => return Err(ProtocolError::UnsupportedMediaType),
        }
        if self.0.said_bye.replace(false) {
            // After a BYE the source is gone: what comes now is another one (RFC 3550 §6.6).
            for &media in media {
                playback.restart_media(media, fresh(shard, &self.0.stream, media));
                shard.ingest(self.0.stream.id, |ingest, _| ingest.renew(media as u8));
            }
        }
        let started = playback
            .play(Instant::now(), wish)
            .map_err(|PlayError::InvalidRange { .. }| ProtocolError::InvalidRange)?;
        self.0.ended.set(false);
        self.0.changed.notify_one();
        Ok(started)
    }

    /// Says the most payload that packets of a media shall have, in octets.
    pub(crate) fn limit_payload(&self, media: usize, octets: usize) {
        self.0.playback.borrow_mut().limit_payload(media, octets);
    }

    /// What is played at the moment, as it would be answered.
    pub(crate) fn present(&self) -> Option<PlayStart> {
        self.0.playback.borrow().present(Instant::now())
    }

    /// For RTP-Info: what a media begins with, and the RTP timestamp of a time of the presentation.
    pub(crate) fn positions(&self, at: Duration) -> Vec<MediaPosition> {
        self.0.playback.borrow().positions(at)
    }

    /// Stops where it is.
    pub(crate) fn pause(&self) {
        self.0.pauses_at.set(None);
        self.0.playback.borrow_mut().pause(Instant::now());
    }

    /// Stops at once; what is played next begins at `at`.
    pub(crate) fn pause_at(&self, at: Duration) {
        self.0.playback.borrow_mut().pause_at(Instant::now(), at);
    }

    /// Ends what plays at `at`, if that lies ahead in it; `false` where it does not.
    pub(crate) fn end_at(&self, at: Duration) -> bool {
        let ends = self.0.playback.borrow_mut().end_at(Instant::now(), at);
        self.0.changed.notify_one();
        ends
    }

    /// Whether the end of the last range is a pause, and where (RFC 2326 §10.6).
    pub(crate) fn will_pause(&self, at: Option<Duration>) {
        self.0.pauses_at.set(at);
    }

    /// What is played at the moment: where it began and where it will end.
    pub(crate) fn playing(&self) -> Option<(Duration, Duration)> {
        self.0.playback.borrow().playing()
    }

    /// Where it is, since the beginning of the film.
    pub(crate) fn position(&self) -> Duration {
        self.0.playback.borrow().position(Instant::now())
    }

    /// When the film was changed last.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        self.0.movie.modified()
    }

    /// How long these media of it last together, and whether there is a picture among them.
    pub(crate) fn extent(&self, media: &[usize]) -> (Duration, bool) {
        let movie = &self.0.movie;
        (length_of(movie, media), has_video(movie, media))
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

/// New numbers for a media.
fn fresh(shard: &Shard, stream: &Stream, media: usize) -> MediaStart {
    let start = MediaStart::random(&mut shard.random.borrow_mut());
    announce(stream, media, start)
}

/// Makes the numbers of a media known to all who ask for its source.
fn announce(stream: &Stream, media: usize, start: MediaStart) -> MediaStart {
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
            let job = inner.playback.borrow_mut().take_read(Instant::now());
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
        match done {
            Some(done) => self.playback.borrow_mut().finish_read(done),
            None => Ok(()),
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
    let mut playback = inner.playback.borrow_mut();
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
    drop(playback);
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
    let pause = inner.pauses_at.take();
    if let Some(at) = pause {
        inner.playback.borrow_mut().pause_at(Instant::now(), at);
    } else if shard.says_bye(inner.stream.id) {
        say_bye(shard, inner);
    }
    while !inner.closed.get() && inner.ended.get() && !drained(shard, &inner.stream) {
        tokio::select! {
            () = shard.drained.notified() => {}
            () = inner.changed.notified() => {}
        }
    }
    if inner.ended.get() && !inner.closed.get() {
        match pause {
            Some(_) => shard.pause_at_end(inner.stream.id),
            None => shard.rest(inner.stream.id),
        }
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
