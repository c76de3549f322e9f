//! Keys in requests and answers: `KeyMgmt` and `a=key-mgmt` in RTSP/1.0 (RFC 4567), the `MIKEY` parameter of Transport in RTSP/2.0
//! (RFC 7826 §C.1.4.1), `a=crypto` of publishers (RFC 4568).
//!
//! A reader is given the key of the stream, and tells its own for what it sends. Keys travel as they are, so none is given or taken where the
//! connection is not TLS, unless the server is told to.

use std::time::SystemTime;

use rtcp::NtpTime;
use rtsp_msg::{
    Header as _, HeaderName, Headers, Request, Response, Version,
    headers::{KeyMgmt, KeyMgmtSpec},
};
use rtsp_session::{
    ProtocolError,
    random::Random,
    srtp::{MasterKey, Sender, mikey::Keying, sdes::Crypto},
    transport::Selected,
};

use super::request::From;
use crate::{
    config::Srtp,
    shard::{Security, Shard},
    source::player::Prepared,
    stream::registry::Stream,
};

/// Whether keys may go over this connection, both ways.
pub(super) fn may_have_keys(shard: &Shard, from: &From) -> bool {
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

/// Adds the keys of a live stream to its description.
pub(super) fn describe(shard: &Shard, stream: &Stream, description: &mut sdp::Description) {
    for (index, media) in description.media.iter_mut().enumerate() {
        if let Some(keying) = of_stream(shard, stream, index) {
            tell(shard, media, &keying);
        }
    }
}

/// The same of a film. Each session of it has keys and sources of its own: these are for the one that this connection sets up next.
pub(super) fn describe_film(
    shard: &Shard,
    from: &From,
    path: &str,
    description: &mut sdp::Description,
) {
    let Some(link) = &from.link else { return };
    let prepared = Prepared::new(description.media.len(), &mut shard.random.borrow_mut());
    let keyings = prepared.keyings(&mut shard.random.borrow_mut());
    for (media, keying) in description.media.iter_mut().zip(&keyings) {
        tell(shard, media, keying);
    }
    link.prepared.replace(Some((path.to_owned(), prepared)));
}

/// What a film was described with on this connection; used once, so that no two sessions share keys.
pub(super) fn prepared(from: &From, path: &str) -> Prepared {
    let taken = from
        .link
        .as_ref()
        .and_then(|link| link.prepared.borrow_mut().take_if(|(of, _)| of == path));
    taken.map(|(_, prepared)| prepared).unwrap_or_default()
}

fn tell(shard: &Shard, media: &mut sdp::Media, keying: &Keying) {
    if media.is_rtp() {
        let value = format!("mikey {}", message(shard, keying));
        let attribute = sdp::Attribute::new("key-mgmt", value);
        media.attributes.push(attribute);
    }
}

/// The contexts of a media that is set up under SRTP, and what to answer in Transport.
pub(super) fn reader(
    shard: &Shard,
    request: &Request,
    (stream, media): (&Stream, usize),
    selected: &Selected,
) -> Result<(Security, Option<String>), ProtocolError> {
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
        .map(|keying| message(shard, &keying));
    if answer.is_none() {
        // Made now at the latest, whether anybody was told by DESCRIBE or not.
        let _ = of_stream(shard, stream, media);
    }
    Ok((Security::of_reader(stream, peer.as_ref()), answer))
}

/// The contexts of a media that is published under SRTP: by the key of its SETUP, else that of its description.
pub(super) fn publisher(
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
