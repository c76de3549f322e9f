//! Where a session is, as answers tell it: Range, RTP-Info, Media-Range.

use rtsp_msg::{
    HeaderName, Headers, Request, Response, Version,
    headers::{MediaRange, RtpInfo, RtpInfoEntry},
};
use rtsp_session::{
    ProtocolError,
    server::{ServerSession, SessionId, State},
};

use super::request::Refusal;
use crate::{
    shard::{Reading, Role, Shard},
    stream::{local::LocalStream, registry::Stream, ring::Position},
};

/// What is said of one media: index, sequence number and RTP timestamp of its first packet.
pub(super) type FirstPacket = (usize, Option<u16>, Option<u32>);

/// The first packet that a reader at `position` gets of a media. Where none is there yet the next one's number is known all
/// the same.
pub(super) fn first_packet(local: &LocalStream, position: Position, media: usize) -> FirstPacket {
    match local.ring.first_packet(position, media as u8) {
        Some((sequence, timestamp)) => (media, Some(sequence), Some(timestamp)),
        None => {
            let last = local.ring.last_packet(media as u8);
            let next = last.map(|(sequence, _)| sequence.wrapping_add(1));
            (media, next, None)
        }
    }
}

/// RTP-Info, in the form of the version. RTSP/2.0 names the source of each media, and says nothing of one that has none yet
/// (RFC 7826 §18.45).
pub(crate) fn rtp_info(
    session: &ServerSession,
    stream: &Stream,
    version: Version,
    packets: &[FirstPacket],
) -> RtpInfo {
    let base = session.presentation();
    let entries = packets.iter().filter_map(|&(media, seq, rtptime)| {
        let ssrc = match version {
            Version::V2_0 => Some(stream.clocks.of(media as u8).ssrc?),
            _ => None,
        };
        Some(RtpInfoEntry {
            url: sdp::control::resolve(base, Some(&sdp::control::track(media))),
            ssrc,
            seq,
            rtptime,
        })
    });
    RtpInfo(entries.collect())
}

/// What the answer to a SETUP of a playing media says of the point from which on it goes the new way (RFC 7826 §13.3.1): its
/// Range, and the first packet there.
pub(super) fn switch_point(
    shard: &Shard,
    session: &ServerSession,
    reading: &Reading,
    media: usize,
    request: &Request,
    response: &mut Response,
) {
    let Some(reader) = reading.reader else {
        return;
    };
    let first = shard.with_stream(reading.stream.id, |local, _, _| {
        let place = local.place_of(reader, media as u8)?;
        Some(first_packet(local, place, media))
    });
    let Some(mut first) = first.flatten() else {
        return;
    };
    let at = reading.position();
    if let Some(player) = &reading.player {
        // Its time is told, not that of the packet.
        let mut of = player.positions(at).into_iter();
        let its = of.rfind(|position| position.media == media);
        first.2 = its.map(|position| position.rtp_timestamp);
    }
    let headers = &mut response.headers;
    headers.set(&reading.range(Some(at), None));
    let info = rtp_info(session, &reading.stream, request.version, &[first]);
    if !info.0.is_empty() {
        headers.set(&info);
    }
}

/// The newest packets of what a session has set up.
pub(crate) fn last_packets(
    shard: &Shard,
    session: &ServerSession,
    reading: &Reading,
) -> Vec<FirstPacket> {
    let streams = shard.streams.borrow();
    let last = session.media().iter().filter_map(|media| {
        let (sequence, timestamp) = match &reading.player {
            Some(player) => player.last_packet(media.index)?,
            None => {
                let local = streams.get(&reading.stream.id)?;
                local.ring.last_packet(media.index as u8)?
            }
        };
        Some((media.index, Some(sequence), Some(timestamp)))
    });
    last.collect()
}

/// What an answer to a PLAY or PAUSE that was done says beside its Range: how far media reach that grow with time.
pub(super) fn tell(headers: &mut Headers, version: Version, reading: &Reading) {
    let nature = reading.nature();
    if version == Version::V2_0 && nature.progresses() {
        headers.set::<MediaRange>(&nature.range());
    }
}

/// The refusal of a PLAY in RTSP/2.0: with the place where the session is, and how far its media reach (RFC 7826 §13.4.1).
pub(super) fn refuse_play(shard: &Shard, id: SessionId, error: ProtocolError) -> Refusal {
    let mut response: Response = error.into_response(Version::V2_0);
    let sessions = shard.sessions.borrow();
    let entry = sessions.get(&id);
    if let Some((session, Role::Reader(reading))) = entry.map(|entry| (&entry.session, &entry.role))
    {
        let nature = reading.nature();
        let place = match session.state() {
            State::Play => reading.rest(),
            _ => reading.place(),
        };
        response.headers.set(&place);
        response.headers.set::<MediaRange>(&nature.range());
        if response.status == rtsp_msg::StatusCode::HEADER_FIELD_NOT_VALID {
            response
                .headers
                .insert(HeaderName::AcceptRanges, nature.accept_ranges());
        }
    }
    Refusal::Answer(Box::new(response))
}
