//! The thread of the publishers: each a clock, a film and a connection.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use mio::Events;
use mio::Poll;
use mio::Token;
use rtsp_session::Now;
use rtsp_session::client::Event;
use rtsp_session::client::TransportRequest;
use rtsp_session::random::Random;

use super::film::Film;
use super::fleet::Board;
use super::fleet::News;
use super::fleet::Phase;
use super::link::Broken;
use super::link::Heard;
use super::link::Link;
use super::link::READ_BYTES;
use super::plan::Plan;
use super::stamp;

/// How often timers are looked at.
const SWEEP: Duration = Duration::from_millis(20);
/// A server that leaves so many octets unread is not one that this rate can be published to.
const MOST_WAITING: usize = 16 << 20;
/// The channels that are asked for.
const CHANNELS: (u8, u8) = (0, 1);

#[derive(Debug)]
struct Publisher {
    link: Link,
    film: Option<Film>,
    /// When the next picture is due; set once it records.
    due: Option<Instant>,
    number: u16,
}

/// Publishes until the readers are to have everything, and holds the connections until the end.
pub(super) struct Publishers {
    plan: Arc<Plan>,
    board: Arc<Board>,
    news: mpsc::Sender<News>,
    poll: Poll,
    all: Vec<Publisher>,
    /// From when on pictures flow: the phases of all publishers are spread over one interval, unless they are to be in step.
    begun: Instant,
    recording: usize,
    random: Random,
}

impl Publishers {
    /// Begins to connect them all.
    pub(super) fn open(
        plan: Arc<Plan>,
        board: Arc<Board>,
        news: mpsc::Sender<News>,
        mut random: Random,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut all = Vec::new();
        for number in 0..plan.publishers {
            let (address, uri) = plan.publish_target(number);
            let link = Link::open(
                (address, uri),
                &plan,
                random.fork(),
                (poll.registry(), Token(number)),
            )?;
            all.push(Publisher {
                link,
                film: None,
                due: None,
                number: number as u16,
            });
        }
        Ok(Self {
            plan,
            board,
            news,
            poll,
            all,
            begun: Instant::now(),
            recording: 0,
            random,
        })
    }

    /// Runs until the last phase.
    pub(super) fn run(mut self) {
        if let Err(why) = self.publish() {
            // Nobody listens once the run is over.
            let _ = self.news.send(News::Failed(format!("publishing: {why}")));
        }
        for publisher in &mut self.all {
            if publisher.link.session.teardown(Now::read()).is_ok() {
                let _ = publisher.link.settle(&mut |_, _| {});
            }
        }
    }

    fn publish(&mut self) -> Result<(), Broken> {
        let mut memory = vec![0; READ_BYTES];
        let mut events = Events::with_capacity(256);
        let mut sweep = Instant::now();
        let mut stopped = false;
        while !self.board.has_reached(Phase::Ending) {
            let due = self.all.iter().filter_map(|publisher| publisher.due).min();
            let next = due.filter(|_| !stopped).map_or(sweep, |due| due.min(sweep));
            let wait = next.saturating_duration_since(Instant::now());
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(error.to_string());
                }
                _ => {}
            }
            for event in &events {
                let at = event.token().0;
                if event.is_writable() && self.link(at)?.writable()? {
                    self.announce(at)?;
                }
                if event.is_readable() || event.is_read_closed() {
                    self.read(at, &mut memory)?;
                }
            }
            let now = Instant::now();
            if now >= sweep {
                sweep = now + SWEEP;
                self.sweep()?;
            }
            if !stopped && self.board.has_reached(Phase::Draining) {
                stopped = true;
                self.tell_counts();
            }
            if !stopped {
                self.send_due(now)?;
            }
        }
        Ok(())
    }

    fn link(&mut self, at: usize) -> Result<&mut Link, Broken> {
        let publisher = self.all.get_mut(at);
        Ok(&mut publisher.ok_or("no such publisher")?.link)
    }

    fn announce(&mut self, at: usize) -> Result<(), Broken> {
        let description = self.plan.shape.announced();
        let description = description.map_err(|error| error.to_string())?;
        let asked = self.link(at)?.session.announce(Now::read(), description);
        asked.map_err(|error| error.to_string())?;
        self.hear(at, |link, hear| {
            link.settle(&mut |link, heard| hear(link, heard))
        })
    }

    fn read(&mut self, at: usize, memory: &mut [u8]) -> Result<(), Broken> {
        self.hear(at, |link, hear| link.read(memory, hear))
    }

    fn sweep(&mut self) -> Result<(), Broken> {
        for at in 0..self.all.len() {
            self.hear(at, |link, hear| link.tick(Now::read(), hear))?;
        }
        Ok(())
    }

    /// Lets a connection do something, and takes the next steps of its conversation.
    fn hear(
        &mut self,
        at: usize,
        work: impl FnOnce(&mut Link, &mut dyn FnMut(&mut Link, Heard<'_>)) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let mut outcome = Ok(None);
        work(self.link(at)?, &mut |link, heard| {
            // Reports of the server are read and let go.
            if let Heard::Event(event) = heard
                && outcome.is_ok()
            {
                match step(link, event) {
                    Ok(None) => {}
                    other => outcome = other,
                }
            }
        })?;
        if let Some(channel) = outcome? {
            self.begin(at, channel);
        }
        Ok(())
    }

    /// The server records: pictures flow from now on.
    fn begin(&mut self, at: usize, channel: u8) {
        let ssrc = self.random.number();
        let count = self.all.len().max(1) as f64;
        let Some(publisher) = self.all.get_mut(at) else {
            return;
        };
        let film = Film::new(
            self.plan.shape,
            self.board.run,
            publisher.number,
            channel,
            ssrc,
        );
        publisher.film = Some(film);
        let phase = match self.plan.in_step {
            true => Duration::ZERO,
            false => self.plan.shape.interval().mul_f64(at as f64 / count),
        };
        let interval = self.plan.shape.interval().as_secs_f64();
        let passed = (self.begun.elapsed().as_secs_f64() / interval).ceil();
        publisher.due = Some(self.begun + Duration::from_secs_f64(passed * interval) + phase);
        self.recording += 1;
        if self.recording == self.all.len() {
            let _ = self.news.send(News::Publishing);
        }
    }

    fn send_due(&mut self, now: Instant) -> Result<(), Broken> {
        let interval = self.plan.shape.interval();
        for publisher in &mut self.all {
            let (Some(due), Some(film)) = (&mut publisher.due, &mut publisher.film) else {
                continue;
            };
            if *due > now {
                continue;
            }
            *due += interval;
            publisher.link.write(film.next(stamp::clock()))?;
            if publisher.link.waiting() > MOST_WAITING {
                return Err("the server does not take what is published".to_owned());
            }
        }
        Ok(())
    }

    fn tell_counts(&self) {
        for (publisher, count) in self.all.iter().zip(&self.board.published) {
            let packets = publisher.film.as_ref().map_or(0, Film::packets);
            count.store(packets, Ordering::Release);
        }
    }
}

/// What follows an event; the channel for RTP once the server records.
fn step(link: &mut Link, event: Event) -> Result<Option<u8>, Broken> {
    let now = Now::read();
    let (rtp, rtcp) = CHANNELS;
    let asked = match event {
        Event::Announced => {
            let request = TransportRequest::Interleaved { rtp, rtcp };
            link.session.setup(now, 0, request)
        }
        Event::SetUp { .. } => link.session.record(now),
        Event::Recording => {
            let granted = match link.session.transport(0) {
                Some(rtsp_session::client::MediaTransport::Interleaved { rtp, .. }) => *rtp,
                _ => rtp,
            };
            return Ok(Some(granted));
        }
        Event::Failed(error) => return Err(error.to_string()),
        Event::Ended(reason) => return Err(format!("the server ended the session: {reason:?}")),
        _ => return Ok(None),
    };
    asked.map_err(|error| error.to_string())?;
    Ok(None)
}
