//! SRTP of sessions: what opens the packets of a peer, and what seals those that are for it alone.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use rtsp_session::{
    server::SessionId,
    srtp::{Receiver, Sender, mikey::Keying},
};

use super::Shard;
use crate::stream::{batch::Kind, secure::Sealing};

/// The contexts of one media of a session.
#[derive(Debug)]
pub(crate) struct Security {
    /// What the peer sends; none where it has not told its key.
    inbound: Option<Receiver>,
    outbound: Outbound,
}

/// What goes to the peer.
#[derive(Debug)]
enum Outbound {
    /// With the media that it reads.
    Media(Sealing),
    /// Under a key for it alone: reports to a publisher.
    Reports(Box<Sender>),
    /// Nothing: there is no key for it.
    Nothing,
}

impl Security {
    /// Of a reader, with the key that it has told for what it sends.
    pub(crate) fn of_reader(sealing: Sealing, peer: Option<&Keying>) -> Self {
        Self {
            inbound: peer.map(Keying::receiver),
            outbound: Outbound::Media(sealing),
        }
    }

    /// Of a publisher, with its key, and ours for what it is told.
    pub(crate) fn of_publisher(peer: &Keying, own: Option<Sender>) -> Self {
        Self {
            inbound: Some(peer.receiver()),
            outbound: own.map_or(Outbound::Nothing, |own| Outbound::Reports(Box::new(own))),
        }
    }
}

/// By session and media.
pub(super) type Securities = HashMap<(SessionId, u8), Security>;

impl Shard {
    /// What a media of a session is secured with from now on; `None`: nothing.
    pub(crate) fn secure(&self, session: SessionId, media: u8, security: Option<Security>) {
        let mut all = self.securities.borrow_mut();
        let before = all.remove(&(session, media));
        if let Some(mut security) = security {
            let kept = before.and_then(|before| before.inbound);
            if let (Some(kept), Some(inbound)) = (kept, &mut security.inbound)
                && kept.has_key_of(inbound)
            {
                // The same key once more: what was here before is not taken again.
                *inbound = kept;
            }
            all.insert((session, media), security);
        }
    }

    /// A session is over: its keys go.
    pub(super) fn unsecure(&self, session: &SessionId) {
        let mut all = self.securities.borrow_mut();
        all.retain(|(known, _), _| known != session);
    }

    /// Whether a media of a session is secured.
    pub(crate) fn is_secured(&self, session: SessionId, media: u8) -> bool {
        self.securities.borrow().contains_key(&(session, media))
    }

    /// What the packets that go to a session are sealed with.
    pub(crate) fn sealing(&self, session: SessionId, media: u8) -> Option<Sealing> {
        match &self.securities.borrow().get(&(session, media))?.outbound {
            Outbound::Media(sealing) => Some(sealing.clone()),
            Outbound::Reports(_) | Outbound::Nothing => None,
        }
    }

    /// A packet of a peer, opened where its media is secured. `None` where it is not the peer's, or was here before: counted.
    pub(crate) fn open_packet(
        &self,
        (session, media): (SessionId, u8),
        kind: Kind,
        packet: &[u8],
    ) -> Option<Bytes> {
        let mut all = self.securities.borrow_mut();
        let Some(security) = all.get_mut(&(session, media)) else {
            return Some(Bytes::copy_from_slice(packet));
        };
        let Some(receiver) = &mut security.inbound else {
            self.shared
                .counters
                .unopened_packet(media, "its key is not known");
            return None;
        };
        let mut opened = BytesMut::new();
        let result = match kind {
            Kind::Rtp => receiver.open_rtp(packet, &mut opened),
            Kind::Rtcp => receiver.open_rtcp(packet, &mut opened),
        };
        match result {
            Ok(()) => Some(opened.freeze()),
            Err(error) => {
                self.shared
                    .counters
                    .unopened_packet(media, &error.to_string());
                None
            }
        }
    }

    /// A compound for one peer, sealed where its media is secured. `None` where it cannot be.
    pub(super) fn seal_compound(
        &self,
        session: SessionId,
        media: u8,
        compound: &[u8],
    ) -> Option<Bytes> {
        let mut all = self.securities.borrow_mut();
        let Some(security) = all.get_mut(&(session, media)) else {
            return Some(Bytes::copy_from_slice(compound));
        };
        let mut sealed = BytesMut::new();
        let result = match &mut security.outbound {
            Outbound::Media(sealing) => sealing.seal_rtcp(media, compound, &mut sealed),
            Outbound::Reports(sender) => sender.seal_rtcp(compound, &mut sealed),
            Outbound::Nothing => return None,
        };
        match result {
            Ok(()) => Some(sealed.freeze()),
            Err(error) => {
                tracing::warn!(?session, media, %error, "a report cannot be sealed: it is not sent");
                None
            }
        }
    }
}
