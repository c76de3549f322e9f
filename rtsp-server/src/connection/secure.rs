//! Keys in requests and answers: `KeyMgmt` and `a=key-mgmt` in RTSP/1.0 (RFC 4567), the `MIKEY` parameter of Transport in RTSP/2.0
//! (RFC 7826 §C.1.4.1), `a=crypto` (RFC 4568).
//!
//! A reader is given the key of the stream, and tells its own for what it sends; by MIKEY-RSA-R it is given both, hidden for it alone. By `a=crypto` it is given keys of its own, which begin with it. Keys travel as they are, so none is given or taken where the
//! connection is not TLS, unless the server is told to.

use std::{rc::Rc, sync::Arc, time::SystemTime};

use rtcp::NtpTime;
use rtsp_msg::{
    Header as _, HeaderName, Headers, Request, Response, Version,
    headers::{self, Delivery, KeyMgmt, KeyMgmtSpec, Lower, Profile, TransportSpec},
};
use rtsp_session::{
    ProtocolError,
    random::Random,
    server::SessionId,
    srtp::{
        MasterKey, Sender,
        mikey::{
            Keying,
            reverse::{self, Unsigned},
        },
        sdes::Crypto,
    },
    transport::Selected,
};

use super::{
    request::{Asker, Outcome},
    setup::SetUp,
};
use crate::{
    config::{Srtp, names},
    exchange::{Question, Unanswered},
    refusals::Limit,
    shard::{Reading, Role, Security, Shard},
    source::player::Prepared,
    stream::{own::Own, registry::Stream, secure::Sealing},
};

/// Whether keys may go over this connection, both ways.
pub(super) fn may_have_keys(shard: &Shard, from: &Asker) -> bool {
    match shard.shared.config.srtp {
        Srtp::Off => false,
        Srtp::OverTls => from.link.as_ref().is_some_and(|link| link.is_secure()),
        Srtp::Forced => true,
    }
}

/// The key of a media of a stream, as its readers are told it now.
fn of_stream(shard: &Shard, stream: &Stream, media: usize) -> Option<Keying> {
    let mut random = shard.random.borrow_mut();
    let keys = stream.secured.keys(stream.shapes.len(), &mut random);
    let sending = stream.clocks.of(media as u8);
    Some(Keying {
        master: keys.get(media)?.master.clone(),
        sources: sending
            .ssrc
            .map(|ssrc| (ssrc, sending.roc))
            .into_iter()
            .collect(),
    })
}

fn message(shard: &Shard, keying: &Keying) -> String {
    let wall = shard.now().wall;
    let since = wall
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let random: &mut Random = &mut shard.random.borrow_mut();
    keying
        .to_message(NtpTime::from_unix(since), random)
        .encode_base64()
}

/// What a connection was told of a presentation, for the one reader that it sets up next.
#[derive(Debug, Default)]
pub(crate) struct Told {
    path: String,
    prepared: Prepared,
    /// By `a=crypto`, too.
    crypto: bool,
}

/// What was told on this connection of what is set up now: used once, so that no two sessions share keys.
pub(super) fn told(from: &Asker, request: &Request, path: &str) -> Told {
    let link = from.link.as_ref();
    let told = link.and_then(|link| link.told.borrow_mut().take_if(|told| told.path == path));
    let mut told = told.unwrap_or_default();
    // Who exchanges keys by MIKEY says so here (RFC 4567 §3.2).
    told.crypto &=
        request.version != Version::V2_0 && !request.headers.contains(&HeaderName::KeyMgmt);
    told
}

impl Told {
    /// What a film begins with.
    pub(super) fn take_prepared(&mut self) -> Prepared {
        std::mem::take(&mut self.prepared)
    }

    /// What the packets of a session are sealed with by `a=crypto`: the keys of a film are for one session already.
    pub(super) fn sealing(self, stream: &Arc<Stream>) -> Option<Sealing> {
        let secured = self.prepared.secured;
        let own = secured.is_for(stream.shapes.len());
        self.crypto.then(|| match own {
            true => Sealing::Own(Rc::new(Own::new(secured))),
            false => Sealing::Stream(Arc::clone(&stream.secured)),
        })
    }
}

/// Whether a reader is told keys by `a=crypto`, too: all of RTSP/1.0 where the settings say so; else FFmpeg, which knows nothing else,
/// where TLS does not keep its media secret already.
fn tells_crypto(shard: &Shard, (from, request): (&Asker, &Request)) -> bool {
    let agent = request.headers.first(&HeaderName::UserAgent);
    let ffmpeg = agent.is_some_and(|agent| agent.starts_with("Lavf"));
    let bare = from.link.as_ref().is_some_and(|link| !link.is_secure());
    shard.shared.config.sdes || (ffmpeg && bare)
}

/// Adds the keys of a live stream to its description, and those of this reader alone.
pub(super) fn describe(
    shard: &Shard,
    by: (&Asker, &Request),
    stream: &Stream,
    description: &mut sdp::Description,
) {
    for (index, media) in description.media.iter_mut().enumerate() {
        if let Some(keying) = of_stream(shard, stream, index) {
            tell(shard, media, &keying);
        }
    }
    if tells_crypto(shard, by) {
        prepare(shard, by, &stream.path, description, tell_crypto);
    }
}

/// The same of a film. Each session of it has keys and sources of its own: these are for the one that this connection sets up next.
pub(super) fn describe_film(
    shard: &Shard,
    by: (&Asker, &Request),
    path: &str,
    description: &mut sdp::Description,
) {
    let crypto = tells_crypto(shard, by);
    prepare(shard, by, path, description, |media, keying| {
        tell(shard, media, keying);
        if crypto {
            tell_crypto(media, keying);
        }
    });
}

/// Makes keys for one reader, and has each media told of.
fn prepare(
    shard: &Shard,
    by: (&Asker, &Request),
    path: &str,
    description: &mut sdp::Description,
    tell: impl Fn(&mut sdp::Media, &Keying),
) {
    let Some(link) = &by.0.link else { return };
    let (prepared, keyings) = {
        let random = &mut shard.random.borrow_mut();
        let prepared = Prepared::new(description.media.len(), random);
        let keyings = prepared.keyings(random);
        (prepared, keyings)
    };
    for (media, keying) in description.media.iter_mut().zip(&keyings) {
        tell(media, keying);
    }
    link.told.replace(Some(Told {
        path: path.to_owned(),
        prepared,
        crypto: tells_crypto(shard, by),
    }));
}

fn tell(shard: &Shard, media: &mut sdp::Media, keying: &Keying) {
    if media.is_rtp() {
        let value = format!("mikey {}", message(shard, keying));
        let attribute = sdp::Attribute::new("key-mgmt", value);
        media.attributes.push(attribute);
    }
}

fn tell_crypto(media: &mut sdp::Media, keying: &Keying) {
    if media.is_rtp() {
        let crypto = Crypto {
            tag: 1,
            master: keying.master.clone(),
        };
        let attribute = sdp::Attribute::new("crypto", crypto.to_string());
        media.attributes.push(attribute);
    }
}

/// FFmpeg opens what comes with the key of `a=crypto`, and asks for `RTP/AVP` all the same: it is taken to mean what it was described.
pub(super) fn seal_offers(shard: &Shard, role: &Role, offers: &mut [TransportSpec]) {
    let told = matches!(role, Role::Reader(reading) if reading.crypto.is_some());
    let leniency = &shard.shared.connection_config.session_leniency;
    if told && leniency.avp_after_crypto {
        for offer in offers {
            offer.profile = match std::mem::take(&mut offer.profile) {
                Profile::RtpAvp => Profile::RtpSavp,
                Profile::RtpAvpf => Profile::RtpSavpf,
                other => other,
            };
        }
    }
}

/// Whether a path is had by TLS only.
pub(super) fn is_by_tls_only(shard: &Shard, path: &str) -> bool {
    let tls = shard.shared.config.tls.as_ref();
    tls.is_some_and(|tls| tls.required.iter().any(|it| names(it, path).is_some()))
}

/// Of what is had by TLS only nothing goes beside the connection as it is: neither as datagrams nor on connections of its own. Groups have a
/// rule of their own.
pub(super) fn keep_within_tls(
    shard: &Shard,
    role: &Role,
    grammar: Version,
    offers: &mut Vec<TransportSpec>,
) {
    if !is_by_tls_only(shard, &role.stream().path) {
        return;
    }
    offers.retain(|offer| {
        let interleaved = grammar != Version::V2_0 || offer.interleaved.is_some();
        let within = offer.lower == Lower::Tcp && interleaved;
        within || offer.profile.is_secure() || offer.delivery == Some(Delivery::Multicast)
    });
}

/// The question by MIKEY-RSA-R that a SETUP has, proved; `None` where it has none, or may have no answer. To be asked before anything else is done, because it takes
/// a while, and only of those who may have the media.
pub(super) async fn question(
    shard: &Shard,
    from: &Asker,
    request: &Request,
) -> Result<Option<Question>, ProtocolError> {
    if request.version != Version::V2_0 || !may_have_keys(shard, from) {
        return Ok(None);
    }
    let Ok(Some(headers::Transport(offers))) = request.headers.typed() else {
        // Others say what is wrong with it.
        return Ok(None);
    };
    let mut texts = offers.iter().filter_map(|offer| offer.mikey.as_deref());
    let Some(text) = texts.find(|text| reverse::is_inquiry(text)) else {
        return Ok(None);
    };
    let now = shard.now().wall;
    let exchanges = &shard.shared.exchanges;
    let proved = exchanges.prove(from.peer.address, text, now).await;
    proved
        .map(Some)
        .map_err(|why| unanswered(shard, from, &why))
}

fn unanswered(shard: &Shard, from: &Asker, why: &Unanswered) -> ProtocolError {
    match why {
        Unanswered::Busy => {
            let refusals = &shard.shared.counters.refusals;
            refusals.count(Limit::KeyExchanges, from.peer.address);
            ProtocolError::Overloaded {
                retry_after: Some(1),
            }
        }
        Unanswered::Refused(error) => {
            tracing::info!(peer = %from.peer.address, %error, "no keys by MIKEY-RSA-R");
            ProtocolError::KeyManagement
        }
        Unanswered::Broken => ProtocolError::Internal,
    }
}

/// The message that answers a peer's in Transport.
#[derive(Debug)]
pub(super) enum Reply {
    Whole(String),
    /// To be signed when all else is done, see [`sign`].
    Unsigned(Box<Unsigned>),
}

/// Signs the answer of a SETUP.
pub(super) async fn sign(
    shard: &Shard,
    from: &Asker,
    question: Option<Question>,
    done: SetUp,
) -> Result<Outcome, ProtocolError> {
    let SetUp {
        mut outcome,
        unsigned,
    } = done;
    if let (Some((answer, mut spec)), Some(question)) = (unsigned, question) {
        let random = shard.random.borrow_mut().fork();
        let signed = shard.shared.exchanges.sign(*answer, question, random).await;
        let text = signed.map_err(|why| unanswered(shard, from, &why))?;
        spec.mikey = Some(text);
        outcome
            .response
            .headers
            .set(&headers::Transport(vec![spec]));
    }
    Ok(outcome)
}

/// What a media is secured with, where SRTP was chosen, and the message that answers the peer's.
pub(super) fn chosen(
    shard: &Shard,
    (request, question): (&Request, Option<&Question>),
    id: &SessionId,
    media: usize,
    selected: &Selected,
) -> Result<(Option<Security>, Option<Reply>), ProtocolError> {
    if !selected.profile.is_secure() {
        return Ok((None, None));
    }
    let sessions = shard.sessions.borrow();
    let entry = sessions.get(id).ok_or(ProtocolError::SessionNotFound)?;
    let (security, answer) = match &entry.role {
        Role::Reader(reading) => reader(shard, (request, question), reading, media, selected)?,
        Role::Publisher(publishing) => {
            let described = publishing.stream.description.media.get(media);
            let own = publishing.keys.get(media);
            (publisher(request, described, own)?, None)
        }
    };
    Ok((Some(security), answer))
}

/// The contexts of a media that is set up under SRTP, and what to answer in Transport.
fn reader(
    shard: &Shard,
    (request, question): (&Request, Option<&Question>),
    reading: &Reading,
    media: usize,
    selected: &Selected,
) -> Result<(Security, Option<Reply>), ProtocolError> {
    let stream = &reading.stream;
    let sealing = match &reading.crypto {
        Some(sealing) => sealing.clone(),
        None => Sealing::Stream(Arc::clone(&stream.secured)),
    };
    let asked = question.filter(|asked| selected.mikey.as_ref() == Some(&asked.text));
    if let Some(Question {
        asked, identity, ..
    }) = asked
    {
        let keying = of_stream(shard, stream, media).ok_or(ProtocolError::NotFound)?;
        let random = &mut shard.random.borrow_mut();
        let (answer, peer) = asked.answer(identity, &keying, random).map_err(|error| {
            tracing::info!(%error, "no keys by MIKEY-RSA-R");
            ProtocolError::KeyManagement
        })?;
        let security = Security::of_reader(sealing, peer.as_ref());
        return Ok((security, Some(Reply::Unsigned(Box::new(answer)))));
    }
    let told = match request.version {
        Version::V2_0 => selected.mikey.clone(),
        _ => key_mgmt(&request.headers)?,
    };
    let peer = told.as_deref().map(read).transpose()?;
    if request.version == Version::V2_0 && peer.is_none() {
        // RFC 7826 §C.1.4.1, step 7.
        return Err(ProtocolError::Forbidden);
    }
    let answer = (request.version == Version::V2_0)
        .then(|| of_stream(shard, stream, media))
        .flatten()
        .map(|keying| Reply::Whole(message(shard, &keying)));
    if answer.is_none() {
        // Made now at the latest, whether anybody was told by DESCRIBE or not.
        let _ = of_stream(shard, stream, media);
    }
    Ok((Security::of_reader(sealing, peer.as_ref()), answer))
}

/// The contexts of a media that is published under SRTP: by the key of its SETUP, else that of its description.
fn publisher(
    request: &Request,
    described: Option<&sdp::Media>,
    own: Option<&MasterKey>,
) -> Result<Security, ProtocolError> {
    let peer = match key_mgmt(&request.headers)? {
        Some(text) => Some(read(&text)?),
        None => described.map(of_description).transpose()?.flatten(),
    };
    let peer = peer.ok_or(ProtocolError::Forbidden)?;
    // Only who exchanges keys by MIKEY has been told ours.
    let exchanges = described.is_some_and(|media| media.attribute("key-mgmt").is_some());
    let own = own.filter(|_| exchanges).map(Sender::new);
    Ok(Security::of_publisher(&peer, own))
}

/// The key that a description has for a media.
fn of_description(media: &sdp::Media) -> Result<Option<Keying>, ProtocolError> {
    if let Some(value) = media.attribute("key-mgmt") {
        let (protocol, text) = value.split_once(' ').ok_or(ProtocolError::KeyManagement)?;
        if !protocol.eq_ignore_ascii_case("mikey") {
            return Err(ProtocolError::KeyManagement);
        }
        return read(text).map(Some);
    }
    let Some(value) = media.attribute("crypto") else {
        return Ok(None);
    };
    let crypto = Crypto::parse(value).map_err(|error| {
        tracing::info!(%error, "a=crypto cannot be used");
        ProtocolError::KeyManagement
    })?;
    Ok(Some(Keying {
        master: crypto.master,
        sources: Vec::new(),
    }))
}

/// Keys of ours for what the publisher of a description with keys is told, and the headers that tell it of them (GStreamer
/// reads them from the answer to ANNOUNCE).
pub(super) fn announce(
    shard: &Shard,
    description: &sdp::Description,
    base: &str,
    response: &mut Response,
) -> Vec<MasterKey> {
    let mut keys = Vec::new();
    let mut specs = Vec::new();
    for media in &description.media {
        let master = MasterKey::generate(Default::default(), &mut shard.random.borrow_mut());
        if media.attribute("key-mgmt").is_some() {
            let keying = Keying {
                master: master.clone(),
                sources: Vec::new(),
            };
            specs.push(KeyMgmtSpec {
                protocol: "mikey".to_owned(),
                uri: Some(sdp::control::resolve(base, media.control.as_deref())),
                message: message(shard, &keying),
            });
        }
        keys.push(master);
    }
    for spec in specs {
        // One line each, as gst-rtsp-server has it.
        let mut line = String::new();
        KeyMgmt(vec![spec]).encode(&mut line);
        response.headers.append(HeaderName::KeyMgmt, line);
    }
    keys
}

/// The message of a `KeyMgmt` header.
fn key_mgmt(headers: &Headers) -> Result<Option<String>, ProtocolError> {
    let header = headers
        .typed::<KeyMgmt>()
        .map_err(|_| ProtocolError::KeyManagement)?;
    let Some(KeyMgmt(specs)) = header else {
        return Ok(None);
    };
    let mikey = specs
        .into_iter()
        .find(|spec| spec.protocol.eq_ignore_ascii_case("mikey"));
    mikey
        .map(|spec| Some(spec.message))
        .ok_or(ProtocolError::KeyManagement)
}

fn read(text: &str) -> Result<Keying, ProtocolError> {
    Keying::decode(text).map_err(|error| {
        tracing::info!(%error, "a key cannot be used");
        ProtocolError::KeyManagement
    })
}
