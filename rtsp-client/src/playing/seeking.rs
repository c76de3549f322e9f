//! Going elsewhere in a presentation that plays.

use std::time::Instant;

use rtsp_msg::Version;
use rtsp_msg::headers::MediaProperties;
use rtsp_session::client::PlayRequest;
use rtsp_session::client::PlayStart;
use rtsp_session::client::Seeking;

use super::Playing;
use crate::Error;
use crate::Event;

impl Playing {
    /// Plays something else at once: from another position, at another scale or speed. [`info`](Self::info) tells what the
    /// server made of it.
    ///
    /// Packets of what played before are not handed out any more, not even those that are still on their way, as far as the
    /// server tells by RTP-Info where the new range begins. In RTSP/1.0 a PLAY would wait for the end of the one before, so this
    /// pauses first (RFC 2326 §10.5); in RTSP/2.0 it takes its place (RFC 7826 §13.4.5).
    ///
    /// # Errors
    ///
    /// When the server refuses or the connection breaks. After a refusal in RTSP/1.0 it is paused.
    pub async fn seek(&mut self, request: &PlayRequest) -> Result<(), Error> {
        if self.version() == Version::V1_0 && !self.paused {
            self.pause().await?;
        }
        self.resume(request).await
    }

    /// Where the presentation can be played from, as far as the server tells.
    #[must_use]
    pub fn seeking(&self) -> Seeking {
        self.conversation.session.seeking()
    }

    /// The properties of the presentation that the server told last (RFC 7826 §18.29).
    #[must_use]
    pub fn media_properties(&self) -> Option<&MediaProperties> {
        self.conversation.session.media_properties()
    }

    /// The version of RTSP that is spoken.
    #[must_use]
    pub fn version(&self) -> Version {
        self.conversation.session.version()
    }

    /// Takes what PLAY was answered with.
    pub(super) fn started(&mut self, info: PlayStart) {
        let timestamps: Vec<_> = info.points.iter().map(|point| point.timestamp).collect();
        let scale = info.scale.map_or(1.0, |scale| scale.value());
        self.heard.timeline.on_play(info.start, scale, &timestamps);
        self.info = info;
    }

    /// Another range plays than before: what is left of that one is dropped.
    pub(super) fn leave_range(&mut self) {
        let of_packets = |event: &Event| matches!(event, Event::Packet(_) | Event::Lost { .. });
        self.heard.ready.retain(|event| !of_packets(event));
        let now = Instant::now();
        for (reception, point) in self.media.iter_mut().zip(&self.info.points) {
            if let (Some(reception), Some(sequence)) = (reception, point.sequence) {
                reception.receiver.on_seek(now, sequence);
            }
        }
    }
}
