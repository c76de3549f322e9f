//! Media that are controlled each by itself.

use rtsp_msg::Uri;

use super::Described;
use super::Origin;
use crate::Error;
use crate::ErrorKind;
use crate::client::adopt;

impl Described {
    /// The chosen media each with a connection and a session of its own, so that each is paused and sought by itself: a session
    /// can only be played as a whole (RFC 7826 §13.4.2). A description without a control for the whole presentation asks for
    /// this, and its media may even be on several servers (RFC 7826 §D.2); credentials go to the host only that they are for.
    ///
    /// # Errors
    ///
    /// When a media has no control that is a URL, or a server cannot be reached.
    pub async fn apart(self) -> Result<Vec<Self>, Error> {
        let mut parts = Vec::new();
        for &media in &self.selected {
            let control = self.control(media).ok_or_else(|| {
                let text = format!("media {media} has no control of its own");
                Error::new(ErrorKind::Unsupported, self.conversation.place(), text)
            })?;
            let mut description = self.description.clone();
            description.media = description.media.get(media).cloned().into_iter().collect();
            // The media's own URI is what PLAY and PAUSE are about.
            description.control = Some(control.to_string());
            for media in &mut description.media {
                media.control = Some(control.to_string());
            }
            let here = control.host().eq_ignore_ascii_case(self.origin.uri.host());
            let origin = Origin {
                credentials: self.credentials.clone().filter(|_| here),
                uri: control,
            };
            let mut options = self.options.clone();
            options.credentials = None;
            options.version = self.version().into();
            let mut part = adopt(origin, description, options).await?;
            part.selected = vec![0];
            parts.push(part);
        }
        Ok(parts)
    }

    /// Whether the chosen media are on several servers and nothing controls them as one.
    pub(super) fn is_scattered(&self) -> bool {
        let servers = self.selected.iter().filter_map(|&media| {
            let uri = self.control(media)?;
            Some((uri.host().to_ascii_lowercase(), uri.port_or_default()))
        });
        let mut servers: Vec<_> = servers.collect();
        servers.dedup();
        self.description.control.is_none() && servers.len() > 1
    }

    fn control(&self, media: usize) -> Option<Uri> {
        let control = self.description.media.get(media)?.control.as_deref()?;
        let base = self.conversation.session.base();
        let uri = Uri::parse(&sdp::control::resolve(base, Some(control))).ok()?;
        Some(uri.without_userinfo())
    }
}
