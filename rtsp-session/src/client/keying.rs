//! SRTP of a session: which media have it, how keys are told, and what opens and seals packets.
//!
//! That a media has SRTP is said by the profile of its description, `RTP/SAVP` or `RTP/SAVPF`. The server's key stands there too: in `a=key-mgmt` (RFC 4567),
//! and ours goes out in the `KeyMgmt` header of SETUP, or in `a=crypto` (RFC 4568), which knows no answer. Where it does not, RTSP/2.0 has both keys in the
//! `MIKEY` parameter of Transport: by RSA-R (RFC 7826 §C.1.4.1) where we were given an identity for it ([`Exchange`]), else as they are. Who publishes tells its key by `a=key-mgmt` in ANNOUNCE and again in SETUP, and is told the server's, for reports, in the answer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use rtcp::NtpTime;
use rtsp_msg::headers::{KeyMgmt, KeyMgmtSpec, Transport};
use rtsp_msg::{Request, Response, Version};
use sdp::{Attribute, Description, Media};

use super::{ClientSession, Exchange, PacketKind, SessionError};
use crate::random::Random;
use crate::srtp::mikey::reverse::{Identity, Inquiry, ReverseError};
use crate::srtp::mikey::{Keying, KeyingError};
use crate::srtp::sdes::{Crypto, CryptoError};
use crate::srtp::{Drops, MasterKey, OpenError, Receiver, SealError, Sender};

/// The attributes that hold keys.
const KEY_MGMT: &str = "key-mgmt";
const CRYPTO: &str = "crypto";

/// Where keys of SRTP may travel. They travel as they are, but by an [`Exchange`]: whoever reads them on the way reads the media. What is in the way could change an
/// exchange, too, so that needs TLS as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SrtpPolicy {
    /// Where nobody on the way can read them: [`ConnectionConfig::encrypted`](super::ConnectionConfig::encrypted).
    #[default]
    OverTls,
    /// Everywhere: for networks where whoever could read them is trusted, and for tests.
    Forced,
}

/// Why a media that is secured by SRTP cannot be had, or sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// Its keys would go over a connection that is not encrypted, against [`SrtpPolicy::OverTls`].
    #[error("its keys would travel in clear text, as this connection is not encrypted")]
    InClear,
    /// Nobody has told a key: neither the description nor the answer to SETUP.
    #[error("the server tells no key for it")]
    Missing,
    /// The server grants it without SRTP, which is not what it described.
    #[error("the server grants it without SRTP")]
    Downgraded,
    /// Keys by another protocol than MIKEY.
    #[error("its keys are managed by a protocol that is not known here")]
    Protocol,
    /// A MIKEY message that brings no key that could be used.
    #[error("its MIKEY message brings no key: {0}")]
    Mikey(#[from] KeyingError),
    /// The exchange by RSA-R came to nothing.
    #[error("no key by MIKEY-RSA-R: {0}")]
    Reverse(#[from] ReverseError),
    /// An `a=crypto` that cannot be used; the first of them, where there are several.
    #[error("its a=crypto cannot be used: {0}")]
    Crypto(#[from] CryptoError),
}

/// The keys of a session.
#[derive(Debug)]
pub(super) struct Keyring {
    random: Random,
    exchange: Option<Exchange>,
    /// When we asked last: no two questions are of one time (RFC 3830 §5.2).
    asked: Option<NtpTime>,
    /// By media.
    media: Vec<MediaKeys>,
}

/// The keys of one media; without any of it, it has no SRTP.
#[derive(Debug, Default)]
struct MediaKeys {
    /// What SETUP or ANNOUNCE tells.
    offer: Option<Offer>,
    /// What the answer made of it.
    contexts: Option<Box<Contexts>>,
}

/// What we tell of our key for one media. `Debug` does not show it.
struct Offer {
    /// Whose packets our key seals; ours, in reports.
    ssrc: u32,
    /// The MIKEY message.
    message: String,
    way: Way,
    key: Offered,
}

/// Where the keys come from.
enum Offered {
    /// We have made ours.
    Own {
        own: MasterKey,
        /// The server's, where the description has it.
        described: Option<Keying>,
    },
    /// The server makes both.
    Asked(Box<Inquiry>),
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer")
            .field("ssrc", &self.ssrc)
            .field("way", &self.way)
            .finish_non_exhaustive()
    }
}

impl Offer {
    /// Our key, where we made it.
    fn own(&self) -> Option<&MasterKey> {
        match &self.key {
            Offered::Own { own, .. } => Some(own),
            Offered::Asked(_) => None,
        }
    }
}

/// How we tell our key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In the `MIKEY` parameter of Transport.
    Transport,
    /// In the header `KeyMgmt`.
    Header,
    /// Not at all, so that the server could open nothing of ours.
    Nowhere,
}

#[derive(Debug)]
struct Contexts {
    /// `None` where the server has told no key for what it sends: reports to a publisher.
    inbound: Option<Receiver>,
    outbound: Option<Sender>,
    ssrc: u32,
}

impl Keyring {
    pub(super) fn new(random: Random) -> Self {
        Self {
            random,
            exchange: None,
            asked: None,
            media: Vec::new(),
        }
    }

    fn of(&self, media: usize) -> Option<&MediaKeys> {
        self.media.get(media)
    }

    fn contexts(&mut self, media: usize) -> Option<&mut Contexts> {
        self.media.get_mut(media)?.contexts.as_deref_mut()
    }

    /// `media` is one of the description's: their number is bounded.
    fn slot(&mut self, media: usize) -> &mut MediaKeys {
        if self.media.len() <= media {
            self.media.resize_with(media + 1, MediaKeys::default);
        }
        &mut self.media[media]
    }
}

impl ClientSession {
    /// Whether the packets of a media that is set up, or announced, are sealed.
    #[must_use]
    pub fn is_secured(&self, media: usize) -> bool {
        self.keyring
            .of(media)
            .is_some_and(|it| it.contexts.is_some())
    }

    /// The SSRC that our reports on a media have to have: the server was told our key for that one. `None` where any will do.
    #[must_use]
    pub fn reporter(&self, media: usize) -> Option<u32> {
        Some(self.keyring.of(media)?.contexts.as_ref()?.ssrc)
    }

    /// What was not opened of a media that is secured by SRTP; `None` where it is not.
    #[must_use]
    pub fn unopened(&self, media: usize) -> Option<Drops> {
        let contexts = self.keyring.of(media)?.contexts.as_ref()?;
        Some(
            contexts
                .inbound
                .as_ref()
                .map(Receiver::drops)
                .unwrap_or_default(),
        )
    }

    /// Opens a packet of the server's. Where the media has no SRTP, it is what it was.
    ///
    /// # Errors
    ///
    /// When it is not the server's, was changed on the way, or was here before. It is to be dropped; nothing has changed but
    /// [`unopened`](Self::unopened).
    pub fn open(
        &mut self,
        media: usize,
        kind: PacketKind,
        packet: Bytes,
    ) -> Result<Bytes, OpenError> {
        let Some(contexts) = self.keyring.contexts(media) else {
            return Ok(packet);
        };
        let receiver = contexts.inbound.as_mut().ok_or(OpenError::NoKey)?;
        let mut opened = BytesMut::with_capacity(packet.len());
        match kind {
            PacketKind::Rtp => receiver.open_rtp(&packet, &mut opened)?,
            PacketKind::Rtcp => receiver.open_rtcp(&packet, &mut opened)?,
        }
        Ok(opened.freeze())
    }

    /// Seals a packet for the server. Where the media has no SRTP, it stays what it is.
    ///
    /// # Errors
    ///
    /// When it is no packet, was sent before, or there is no key for it. Then it must not be sent.
    pub fn seal<'a>(
        &mut self,
        media: usize,
        kind: PacketKind,
        packet: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, SealError> {
        let Some(contexts) = self.keyring.contexts(media) else {
            return Ok(Cow::Borrowed(packet));
        };
        let sender = contexts.outbound.as_mut().ok_or(SealError::NoKey)?;
        let mut sealed = BytesMut::with_capacity(packet.len() + 64);
        match kind {
            PacketKind::Rtp => sender.seal_rtp(packet, &mut sealed)?,
            PacketKind::Rtcp => sender.seal_rtcp(packet, &mut sealed)?,
        }
        Ok(Cow::Owned(sealed.into()))
    }

    /// Whether keys of what is described are to be exchanged by RSA-R, and we were not told how: whether
    /// [`exchange_by`](Self::exchange_by) should be called. What it wants takes time to be made.
    #[must_use]
    pub fn wants_exchange(&self) -> bool {
        let media = self.description.as_ref().map(|it| (it, &it.media));
        let unkeyed = media.is_some_and(|(description, media)| {
            let mut media = media.iter();
            media.any(|one| is_secure(one) && key_of(description, one).is_none())
        });
        unkeyed && self.version == Version::V2_0 && self.keyring.exchange.is_none()
    }

    /// Has keys of RTSP/2.0 exchanged by RSA-R (RFC 7826 §C.1.4.1) from now on, where the description has none. Without it they are told as they are.
    pub fn exchange_by(&mut self, exchange: Exchange) {
        self.keyring.exchange = Some(exchange);
    }

    /// Makes our key for a media that is described under SRTP, before its SETUP.
    ///
    /// # Errors
    ///
    /// When keys must not be told here, or the description's cannot be used.
    pub(super) fn offer_keys(&mut self, media: usize) -> Result<(), SessionError> {
        let description = self.description.as_ref();
        let Some(described) = description.and_then(|it| it.media.get(media)) else {
            return Ok(());
        };
        if self.recording || !is_secure(described) {
            return Ok(());
        }
        self.check_keys(media)?;
        let of_server = description.and_then(|it| key_of(it, described)).transpose();
        let of_server = of_server.map_err(|error| SessionError::Secured { media, error })?;
        let way = match (&of_server, self.version) {
            (Some((_, way)), _) => *way,
            (None, Version::V2_0) => Way::Transport,
            (None, _) => Way::Header,
        };
        let described = of_server.map(|(keying, _)| keying);
        let ssrc = self.keyring.random.number().max(1);
        let offer = match (way, self.keyring.exchange.clone()) {
            (Way::Transport, Some(exchange)) => {
                let asked = self.ask(&exchange.identity, ssrc);
                asked.map_err(|error| SessionError::Secured {
                    media,
                    error: error.into(),
                })?
            }
            _ => self.offer(Some(ssrc), way, described),
        };
        self.keyring.slot(media).offer = Some(offer);
        Ok(())
    }

    /// Makes our keys for what is announced under SRTP, and puts them into the description. Each is for the source that `a=ssrc` names (RFC 5576 §4.1), if it does.
    pub(super) fn announce_keys(
        &mut self,
        description: &mut Description,
    ) -> Result<(), SessionError> {
        for (index, media) in description.media.iter_mut().enumerate() {
            if !is_secure(media) {
                continue;
            }
            self.check_keys(index)?;
            let ssrc = media
                .attribute("ssrc")
                .and_then(|value| value.split(' ').next()?.parse().ok());
            let offer = self.offer(ssrc, Way::Header, None);
            media
                .attributes
                .retain(|attribute| !attribute.is(KEY_MGMT) && !attribute.is(CRYPTO));
            media
                .attributes
                .push(Attribute::new(KEY_MGMT, format!("mikey {}", offer.message)));
            let slot = self.keyring.slot(index);
            slot.contexts = Some(Box::new(Contexts {
                inbound: None,
                outbound: offer.own().map(Sender::new),
                ssrc: offer.ssrc,
            }));
            // gst-rtsp-server (1.22) passes over the description, and wants it in SETUP as well.
            slot.offer = Some(offer);
        }
        Ok(())
    }

    fn offer(&mut self, ssrc: Option<u32>, way: Way, described: Option<Keying>) -> Offer {
        let now = self.ntp();
        let random = &mut self.keyring.random;
        let suite = described
            .as_ref()
            .map(|keying| keying.master.suite())
            .unwrap_or_default();
        let keying = Keying {
            master: MasterKey::generate(suite, random),
            sources: ssrc.map(|ssrc| (ssrc, 0)).into_iter().collect(),
        };
        let message = keying.to_message(now, random).encode_base64();
        Offer {
            ssrc: ssrc.unwrap_or_else(|| random.number()),
            message,
            way,
            key: Offered::Own {
                own: keying.master,
                described,
            },
        }
    }

    /// Asks the server for keys, by RSA-R.
    fn ask(&mut self, identity: &Arc<Identity>, ssrc: u32) -> Result<Offer, ReverseError> {
        let now = self.ntp();
        let next = self
            .keyring
            .asked
            .map(|before| NtpTime(before.0.wrapping_add(1)));
        let now = next.filter(|next| next.since(now) > 0).unwrap_or(now);
        self.keyring.asked = Some(now);
        let host = match self.uri.host().contains(':') {
            true => format!("[{}]", self.uri.host()),
            false => self.uri.host().to_owned(),
        };
        let (scheme, port) = (self.uri.scheme(), self.uri.port_or_default());
        let server = format!("{scheme}://{host}:{port}/");
        let inquiry = Inquiry::new(identity, ssrc, &server, now, &mut self.keyring.random)?;
        Ok(Offer {
            ssrc,
            message: inquiry.text().to_owned(),
            way: Way::Transport,
            key: Offered::Asked(Box::new(inquiry)),
        })
    }

    fn ntp(&self) -> NtpTime {
        let since = self.now.wall.duration_since(SystemTime::UNIX_EPOCH);
        NtpTime::from_unix(since.unwrap_or_default())
    }

    fn check_keys(&self, media: usize) -> Result<(), SessionError> {
        if self.config.connection.encrypted || self.config.srtp == SrtpPolicy::Forced {
            return Ok(());
        }
        let error = KeysError::InClear;
        Err(SessionError::Secured { media, error })
    }

    /// Puts our key for a media into its SETUP.
    pub(super) fn tell_key(
        &self,
        media: usize,
        control: &str,
        specs: &mut Transport,
        message: &mut Request,
    ) {
        let Some(offer) = self.keyring.of(media).and_then(|it| it.offer.as_ref()) else {
            return;
        };
        match offer.way {
            Way::Transport => {
                for spec in specs.0.iter_mut().filter(|spec| spec.profile.is_secure()) {
                    spec.mikey = Some(offer.message.clone());
                }
            }
            Way::Header => message.headers.set(&KeyMgmt(vec![KeyMgmtSpec {
                protocol: "mikey".to_owned(),
                uri: Some(control.to_owned()),
                message: offer.message.clone(),
            }])),
            Way::Nowhere => {}
        }
    }

    /// Media go on after a pause, in which those that are live went on without us.
    pub(super) fn resume_keys(&mut self) {
        for media in &mut self.keyring.media {
            let contexts = media.contexts.as_deref_mut();
            if let Some(inbound) = contexts.and_then(|it| it.inbound.as_mut()) {
                inbound.resume();
            }
        }
    }

    /// Takes the server's key for a media out of the answer to its SETUP, or the one that it described; from now on its packets are opened and ours are sealed.
    ///
    /// # Errors
    ///
    /// When there is none, or the server grants the media without SRTP.
    pub(super) fn take_key(
        &mut self,
        media: usize,
        answer: Option<&Transport>,
        response: &Response,
    ) -> Result<(), SessionError> {
        let refuse = |error| SessionError::Secured { media, error };
        let spec = answer.and_then(|transport| transport.0.first());
        let recording = self.recording;
        let slot = self.keyring.media.get_mut(media);
        let Some((offer, contexts)) =
            slot.and_then(|it| Some((it.offer.take()?, &mut it.contexts)))
        else {
            return Ok(());
        };
        if spec.is_some_and(|spec| !spec.profile.is_secure()) {
            return Err(refuse(KeysError::Downgraded));
        }
        if recording {
            // What we send has its key since ANNOUNCE; the server's, if it tells one, is for reports, and media flow without.
            return Ok(());
        }
        let told = spec.and_then(|spec| spec.mikey.as_deref());
        let way = offer.way;
        let (keying, own) = match offer.key {
            Offered::Asked(inquiry) => {
                let text = told.ok_or_else(|| refuse(KeysError::Missing))?;
                let exchange = self.keyring.exchange.as_ref();
                let exchange = exchange.ok_or_else(|| refuse(KeysError::Missing))?;
                let (known, believe) = (exchange.certificate.as_deref(), &*exchange.believe);
                let told = inquiry.take(text, known, believe, &mut self.keyring.random);
                let told = told.map_err(|error| refuse(error.into()))?;
                (told.theirs, told.own)
            }
            Offered::Own { own, described } => {
                let keying = match (told, described) {
                    (Some(text), _) => {
                        Keying::decode(text).map_err(|error| refuse(error.into()))?
                    }
                    (None, Some(described)) => described,
                    (None, None) => in_header(response).map_err(refuse)?,
                };
                (keying, own)
            }
        };
        let mut inbound = keying.receiver();
        if let Some(before) = contexts.take().and_then(|it| it.inbound)
            && before.has_key_of(&inbound)
        {
            // The same media another way: what was here before stays known, and how far its sources have come.
            inbound = before;
            inbound.resume();
        }
        *contexts = Some(Box::new(Contexts {
            inbound: Some(inbound),
            outbound: (way != Way::Nowhere).then(|| Sender::new(&own)),
            ssrc: offer.ssrc,
        }));
        Ok(())
    }

    /// Takes the keys that a publisher is told for the server's reports, as far as there are any that can be used: media flow without.
    pub(super) fn take_announced_keys(&mut self, response: &Response) {
        for spec in key_mgmt(response) {
            let count = self.description.as_ref().map_or(0, |it| it.media.len());
            let named = |index: &usize| spec.uri.is_some() && spec.uri == self.control(*index);
            let media = (0..count).find(named).or((count == 1).then_some(0));
            let Some(contexts) = media.and_then(|media| self.keyring.contexts(media)) else {
                continue;
            };
            if let Ok(keying) = Keying::decode(&spec.message) {
                contexts.inbound = Some(keying.receiver());
            }
        }
    }
}

/// The key in the `KeyMgmt` header of an answer.
fn in_header(response: &Response) -> Result<Keying, KeysError> {
    let specs = key_mgmt(response);
    let spec = specs
        .into_iter()
        .find(|spec| spec.protocol.eq_ignore_ascii_case("mikey"));
    let spec = spec.ok_or(KeysError::Missing)?;
    Ok(Keying::decode(&spec.message)?)
}

fn key_mgmt(response: &Response) -> Vec<KeyMgmtSpec> {
    let header = response.headers.typed::<KeyMgmt>().ok().flatten();
    header.map(|KeyMgmt(specs)| specs).unwrap_or_default()
}

/// Whether a media is described under SRTP.
fn is_secure(media: &Media) -> bool {
    ["RTP/SAVP", "RTP/SAVPF"]
        .iter()
        .any(|it| media.protocol.eq_ignore_ascii_case(it))
}

/// The key that a description has for a media, and how ours is told then. MIKEY comes first: it knows late joiners.
fn key_of(description: &Description, media: &Media) -> Option<Result<(Keying, Way), KeysError>> {
    let message = media
        .attribute(KEY_MGMT)
        .or(description.attribute(KEY_MGMT));
    if let Some(value) = message {
        return Some(match value.split_once(' ') {
            Some((protocol, text)) if protocol.eq_ignore_ascii_case("mikey") => {
                let keying = Keying::decode(text.trim());
                keying
                    .map(|keying| (keying, Way::Header))
                    .map_err(KeysError::from)
            }
            _ => Err(KeysError::Protocol),
        });
    }
    // The order is the server's preference; what is not understood is passed over while there is another.
    let all = media
        .attributes
        .iter()
        .filter(|attribute| attribute.is(CRYPTO));
    let mut all = all
        .filter_map(|attribute| attribute.value.as_deref())
        .map(Crypto::parse);
    let first = all.next()?;
    let usable = first.or_else(|error| all.find_map(Result::ok).ok_or(error));
    Some(match usable {
        Ok(Crypto { master, .. }) => {
            let sources = Vec::new();
            Ok((Keying { master, sources }, Way::Nowhere))
        }
        Err(error) => Err(error.into()),
    })
}
