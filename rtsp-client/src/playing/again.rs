//! Taking up again what was lost.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rtsp_msg::headers::NptTime;
use rtsp_msg::headers::Range;
use tokio::time::Instant;
use tokio::time::Sleep;

use super::Playing;
use crate::BackOff;
use crate::End;
use crate::Error;
use crate::ErrorKind;
use crate::Event;
use crate::Interruption;
use crate::ReconnectPolicy;
use crate::described::Recipe;

/// How a presentation that was lost comes back.
pub(super) struct Again {
    pub(super) recipe: Recipe,
    policy: ReconnectPolicy,
    back_off: BackOff,
    stage: Stage,
}

type Attempt = Pin<Box<dyn Future<Output = Result<Playing, Error>> + Send + Sync>>;

/// It is kept between calls, so that each can be cancelled.
enum Stage {
    Up { since: Instant, heard: Instant },
    Waiting(Pin<Box<Sleep>>),
    Connecting(Attempt),
}

impl std::fmt::Debug for Again {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Again")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Stage {
    fn up() -> Self {
        let now = Instant::now();
        Self::Up {
            since: now,
            heard: now,
        }
    }
}

/// What became of the session.
enum Stop {
    Ended(End),
    Lost(Error),
    Silent(Duration),
}

impl Playing {
    /// From now on it is taken up again when it is lost.
    pub(crate) fn take_up_again(&mut self, policy: ReconnectPolicy, recipe: Recipe) {
        let back_off = BackOff::new(&policy, self.random.fork());
        self.again = Some(Box::new(Again {
            recipe,
            policy,
            back_off,
            stage: Stage::up(),
        }));
    }

    /// [`next_event`](Self::next_event) where a policy says to reconnect.
    pub(super) async fn next_event_or_again(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let Some(again) = &mut self.again else {
                return self.session_event().await;
            };
            match &mut again.stage {
                Stage::Up { .. } => {
                    let stop = match self.listen().await {
                        Ok(Some(event)) => return Ok(Some(event)),
                        Ok(None) => return Ok(None),
                        Err(stop) => stop,
                    };
                    return self.interrupted(stop);
                }
                Stage::Waiting(sleep) => {
                    sleep.as_mut().await;
                    let recipe = again.recipe.clone();
                    again.stage = Stage::Connecting(Box::pin(recipe.play()));
                }
                Stage::Connecting(attempt) => {
                    return match attempt.as_mut().await {
                        Ok(playing) => Ok(Some(self.resumed(playing))),
                        Err(error) => self.interrupted(Stop::Lost(error)),
                    };
                }
            }
        }
    }

    /// The session's next event, or why there is none any more that another session could not bring.
    async fn listen(&mut self) -> Result<Option<Event>, Stop> {
        let (Some(again), false) = (&self.again, self.paused) else {
            return self.session_event().await.map_err(Stop::Lost);
        };
        let (silence, heard) = match again.stage {
            Stage::Up { heard, .. } => (again.policy.silence, heard),
            _ => (again.policy.silence, Instant::now()),
        };
        let next = match tokio::time::timeout_at(heard + silence, self.session_event()).await {
            Ok(next) => next,
            Err(_) => {
                // It may be the caller who was away: what came meanwhile counts, once the runtime has seen it.
                tokio::task::yield_now().await;
                tokio::select! {
                    biased;
                    next = self.session_event() => next,
                    () = ready(()) => return Err(Stop::Silent(silence)),
                }
            }
        };
        match next {
            Ok(Some(event)) => {
                self.heard();
                Ok(Some(event))
            }
            Ok(None) => match self.end.take() {
                Some(end) if !self.is_final(&end) => Err(Stop::Ended(end)),
                end => {
                    self.end = end;
                    Ok(None)
                }
            },
            Err(error) => Err(Stop::Lost(error)),
        }
    }

    /// Silence begins anew.
    pub(super) fn heard(&mut self) {
        if let Some(again) = &mut self.again
            && let Stage::Up { heard, .. } = &mut again.stage
        {
            *heard = Instant::now();
        }
    }

    /// What was recorded is over when it was played to its end; what is live is not over when its server goes.
    fn is_final(&self, end: &End) -> bool {
        match end {
            End::Closed => true,
            End::Bye => self.is_recorded(),
            _ => false,
        }
    }

    /// Whether the presentation has an end.
    fn is_recorded(&self) -> bool {
        let described = self.description.range.as_deref();
        let described = described.and_then(|range| Range::parse(range).ok());
        [self.info.range.as_ref(), described.as_ref()]
            .into_iter()
            .flatten()
            .any(|range| {
                matches!(
                    range,
                    Range::Npt { end: Some(_), .. }
                        | Range::Smpte { end: Some(_), .. }
                        | Range::Clock { end: Some(_), .. }
                )
            })
    }

    /// How far it was played, if PLAY told where it began.
    fn position(&mut self) -> Option<Duration> {
        let media = self.media.iter().enumerate();
        let last = media.filter_map(|(at, reception)| Some((at, reception.as_ref()?.last?)));
        let timeline = &mut self.heard.timeline;
        last.filter_map(|(at, (ssrc, timestamp))| timeline.place(at, ssrc, timestamp)?.position)
            .max()
    }

    fn interrupted(&mut self, stop: Stop) -> Result<Option<Event>, Error> {
        let position = self.is_recorded().then(|| self.position()).flatten();
        let place = self.conversation.place();
        // Some servers have room for one session only.
        self.conversation.abandon();
        let Some(again) = &mut self.again else {
            return Ok(None);
        };
        if let Stage::Up { since, .. } = again.stage
            && since.elapsed() > again.policy.longest_wait
        {
            again.back_off.restart();
        }
        let hopeless = matches!(&stop, Stop::Lost(error)
            if matches!(error.kind(), ErrorKind::Url | ErrorKind::Unsupported));
        let most = again.policy.max_attempts.unwrap_or(u32::MAX);
        if hopeless || again.back_off.attempts() >= most {
            self.again = None;
            return match stop {
                Stop::Ended(end) => {
                    self.end = Some(end);
                    Ok(None)
                }
                Stop::Lost(error) => Err(error),
                Stop::Silent(_) => {
                    let text = Interruption::from(stop).to_string();
                    Err(Error::new(ErrorKind::Timeout, place, text))
                }
            };
        }
        again.recipe.same_media = self.same_media_there;
        again.recipe.redirect = match &stop {
            Stop::Ended(End::Redirected(url)) => Some(url.clone()),
            _ => None,
        };
        if let Some(position) = position {
            again.recipe.start_at(position);
        }
        let wait = match &stop {
            Stop::Lost(error) => again.back_off.wait_after(error, again.recipe.version()),
            _ => again.back_off.next_wait(),
        };
        again.stage = Stage::Waiting(Box::pin(tokio::time::sleep(wait)));
        Ok(Some(Event::Interrupted {
            reason: stop.into(),
            attempt: again.back_off.attempts(),
            wait,
        }))
    }

    /// Goes on with another session.
    fn resumed(&mut self, mut playing: Self) -> Event {
        let same_formats = sdp::same_formats(&self.description, &playing.description);
        playing.again = self.again.take();
        if let Some(again) = &mut playing.again {
            again.stage = Stage::up();
        }
        *self = playing;
        Event::Resumed { same_formats }
    }
}

impl From<Stop> for Interruption {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Ended(end) => Self::Ended(end),
            Stop::Lost(error) => Self::Lost(Arc::new(error)),
            Stop::Silent(silence) => Self::Silent(silence),
        }
    }
}

impl Recipe {
    /// Begins at this position the next time, up to the end that was asked for.
    fn start_at(&mut self, position: Duration) {
        let end = match self.play.request.range.take() {
            Some(Range::Npt { end, .. }) => end,
            _ => None,
        };
        self.play.request.range = Some(Range::Npt {
            start: Some(NptTime::At(position)),
            end,
        });
    }
}
