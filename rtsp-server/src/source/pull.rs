//! Keeps a path fed from another server, whatever becomes of that server.

use std::{
    future::ready,
    time::{Duration, Instant},
};

use rtsp_client::{
    BackOff, Client, Event, Options, PlayOptions, Playing, ReconnectPolicy, TransportPolicy,
};
use rtsp_session::random::Random;

use super::splice::Splice;
use crate::{
    config::{Pull, PullTransport},
    publisher::Publisher,
    server::Publishing,
};

/// How long readers are kept while the upstream server is away.
const HOLD: Duration = Duration::from_secs(60);
/// Somebody who asked for the path needs so long at least to begin to read.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// Why pulling stopped.
enum Stop {
    /// Nobody reads any more.
    Unwanted,
    /// The upstream server is away, or does not answer as it should.
    Failed(String),
    /// This server is going down.
    Closed,
}

/// Feeds one path for ever.
pub(crate) async fn run(publishing: Publishing, pull: Pull, random: Random) {
    let policy = ReconnectPolicy::default();
    let mut puller = Puller {
        publishing,
        pull,
        back_off: BackOff::new(&policy, random),
        policy,
        feed: None,
    };
    loop {
        if puller.pull.on_demand {
            puller.wanted().await;
        }
        if puller.serve().await.is_none() {
            return;
        }
    }
}

struct Puller {
    publishing: Publishing,
    pull: Pull,
    policy: ReconnectPolicy,
    back_off: BackOff,
    feed: Option<Feed>,
}

/// What readers have: it stays while the upstream server is away.
struct Feed {
    publisher: Publisher,
    description: sdp::Description,
    splices: Vec<Splice>,
}

impl Puller {
    async fn wanted(&self) {
        if let Some(demand) = self.publishing.shared().demanded(&self.pull.path) {
            demand.notified().await;
        }
    }

    /// Pulls until nobody wants it any more; `None` when the server is going down.
    async fn serve(&mut self) -> Option<()> {
        self.back_off.restart();
        let mut lost = Instant::now();
        loop {
            let began = Instant::now();
            let reason = match self.pull_once().await {
                Stop::Closed => return None,
                Stop::Unwanted => {
                    tracing::info!(
                        path = self.pull.path,
                        "nobody reads it: the upstream is let go"
                    );
                    self.feed = None;
                    return Some(());
                }
                Stop::Failed(reason) => reason,
            };
            if let Some(feed) = &self.feed {
                feed.publisher.halt();
            }
            if began.elapsed() > self.policy.longest_wait {
                // It worked for a while: this is a new outage.
                self.back_off.restart();
                lost = Instant::now();
            }
            let readers = self
                .feed
                .as_ref()
                .map_or(0, |feed| feed.publisher.readers());
            let wait = self.back_off.next_wait();
            tracing::warn!(
                path = self.pull.path,
                reason,
                readers,
                retry_ms = wait.as_millis() as u64,
                "the upstream is away"
            );
            if lost.elapsed() > HOLD && self.feed.take().is_some() {
                tracing::warn!(
                    path = self.pull.path,
                    "the upstream has been away too long: its readers are let go"
                );
            }
            if self.pull.on_demand && self.feed.is_none() {
                return Some(());
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn pull_once(&mut self) -> Stop {
        let mut options = Options::default();
        options.transport = match self.pull.transport {
            PullTransport::Auto => TransportPolicy::Auto,
            PullTransport::Udp => TransportPolicy::Udp,
            PullTransport::Tcp => TransportPolicy::Tcp,
        };
        options.trust = match self.pull.trust.trust() {
            Ok(trust) => trust,
            Err(error) => return Stop::Failed(error.to_string()),
        };
        let described = match Client::describe(&self.pull.url, options).await {
            Ok(described) => described,
            Err(error) => return Stop::Failed(error.to_string()),
        };
        let playing = match described.play(PlayOptions::default()).await {
            Ok(playing) => playing,
            Err(error) => return Stop::Failed(error.to_string()),
        };
        if let Err(stop) = self.adopt(&playing) {
            playing.close().await;
            return stop;
        }
        let Some(feed) = &mut self.feed else {
            return Stop::Closed;
        };
        tracing::info!(
            path = self.pull.path, server = playing.server(), transport = ?playing.transport(),
            media = feed.description.media.len(), "pulling"
        );
        relay(feed, playing, &self.pull, self.policy.silence).await
    }

    /// Makes what the upstream describes this path's stream: the one that readers have, where the formats are the same.
    fn adopt(&mut self, playing: &Playing) -> Result<(), Stop> {
        let description = playing.description();
        if let Some(feed) = &mut self.feed {
            if sdp::same_formats(&feed.description, description) {
                feed.splices.iter_mut().for_each(Splice::interrupted);
                feed.publisher.resume();
                return Ok(());
            }
            tracing::warn!(
                path = self.pull.path,
                "the upstream came back with other formats: its readers have to start anew"
            );
            self.feed = None;
        }
        let publisher = self
            .publishing
            .publish(&self.pull.path, description.clone());
        let publisher = publisher.map_err(|error| Stop::Failed(error.to_string()))?;
        let splices = description.media.iter().map(Splice::new).collect();
        self.feed = Some(Feed {
            publisher,
            description: description.clone(),
            splices,
        });
        Ok(())
    }
}

/// Hands packets on until one side has had enough.
/// An upstream that sends nothing for as long as `silence` is taken for dead.
async fn relay(feed: &mut Feed, mut playing: Playing, pull: &Pull, silence: Duration) -> Stop {
    let mut readers = feed.publisher.watch_readers();
    // One wait over all packets: a wait for each would begin anew with each.
    let unwanted = unwanted(&mut readers, pull.release_after.max(LEAST_PATIENCE));
    tokio::pin!(unwanted);
    loop {
        let event = tokio::select! {
            event = tokio::time::timeout(silence, playing.next_event()) => event,
            () = &mut unwanted, if pull.on_demand => {
                playing.close().await;
                return Stop::Unwanted;
            }
        };
        let mut next = match event {
            Ok(Ok(Some(event))) => Some(event),
            Ok(Ok(None)) => return Stop::Failed(ended(&playing)),
            Ok(Err(error)) => return Stop::Failed(error.to_string()),
            Err(_) => return Stop::Failed(format!("nothing came for {} s", silence.as_secs())),
        };
        // What one read brought goes out together.
        while let Some(event) = next.take() {
            feed.take(event);
            tokio::select! {
                biased;
                event = playing.next_event() => next = event.ok().flatten(),
                () = ready(()) => {}
            }
        }
        if feed.publisher.flush().await.is_err() {
            return Stop::Closed;
        }
    }
}

fn ended(playing: &Playing) -> String {
    playing.end().map_or_else(
        || "the presentation is over".to_owned(),
        ToString::to_string,
    )
}

/// Waits until nobody has read for `patience`.
async fn unwanted(readers: &mut tokio::sync::watch::Receiver<usize>, patience: Duration) {
    loop {
        if readers.wait_for(|count| *count == 0).await.is_err() {
            return;
        }
        let back = readers.wait_for(|count| *count > 0);
        if tokio::time::timeout(patience, back).await.is_err() {
            return;
        }
    }
}

impl Feed {
    fn take(&mut self, event: Event) {
        match event {
            Event::Packet(packet) => {
                let Some(splice) = self.splices.get_mut(packet.media) else {
                    return;
                };
                if let Some(bytes) = splice.packet(&packet.packet, packet.arrival) {
                    self.publisher.push(packet.media, bytes);
                }
            }
            Event::Rtcp { media, compound } => {
                let Some(splice) = self.splices.get_mut(media) else {
                    return;
                };
                if let Some(bytes) = splice.report(compound) {
                    self.publisher.push_rtcp(media, bytes);
                }
            }
            _ => {}
        }
    }
}
