//! Readers by UDP that nothing more may be sent to (RFC 8083).

use std::time::Instant;

use rtcp::ReportBlock;
use rtsp_session::{
    media::Tripped,
    server::{SessionId, State},
    transport::NegotiatedTransport,
};

use super::{Ending, Role, Shard};
use crate::stream::registry::Stream;

impl Shard {
    /// What a reader's report on one media means for sending it more; `true` when that is over.
    pub(super) fn judge(
        &self,
        session: SessionId,
        media: u8,
        stream: &Stream,
        block: &ReportBlock,
    ) -> bool {
        let reader = match self
            .sessions
            .borrow()
            .get(&session)
            .map(|entry| &entry.role)
        {
            Some(Role::Reader(reading)) => reading.reader,
            _ => None,
        };
        let (Some(reader), sending) = (reader, stream.clocks.of(media)) else {
            return false;
        };
        if sending.ssrc != Some(block.ssrc) {
            return false;
        }
        let tripped = self.with_stream(stream.id, |local, now, _| {
            let clock = sending.clock;
            let round_trip = clock.and_then(|clock| {
                block.round_trip(clock.ntp + now.saturating_duration_since(clock.at))
            });
            let mut all = local.reader_mut(reader)?.destinations();
            let to = all.find(|to| to.media == media)?;
            let account = &mut *to.account;
            account
                .breaker
                .on_report(now, block, round_trip, account.sent)
        });
        let tripped = tripped.flatten();
        if let Some(why) = tripped {
            self.break_circuit(session, why);
        }
        tripped.is_some()
    }

    /// Ends the readers whose reports have ceased.
    pub(super) fn check_breakers(&self) {
        let now = Instant::now();
        let mut tripped = Vec::new();
        {
            let sessions = self.sessions.borrow();
            let mut streams = self.streams.borrow_mut();
            for (id, entry) in sessions.iter() {
                let Role::Reader(reading) = &entry.role else {
                    continue;
                };
                let (State::Play, Some(reader)) = (entry.session.state(), reading.reader) else {
                    continue;
                };
                let local = streams.get_mut(&reading.stream.id);
                let Some(reader) = local.and_then(|local| local.reader_mut(reader)) else {
                    continue;
                };
                let mut all = reader.destinations();
                let why = all.find_map(|to| to.account.breaker.check(now, to.account.sent));
                tripped.extend(why.map(|why| (*id, why)));
            }
        }
        for (id, why) in tripped {
            self.break_circuit(id, why);
        }
    }

    /// Ends a session, and lets its addresses rest: who comes back at once to where nothing got through gets nothing
    /// (RFC 8083 §4.5).
    fn break_circuit(&self, id: SessionId, why: Tripped) {
        if let Some(entry) = self.sessions.borrow().get(&id) {
            for media in entry.session.media() {
                if let NegotiatedTransport::Udp { peer_rtp, .. } = media.transport
                    && let Some(ports) = self.ports.towards(peer_rtp.ip())
                {
                    ports.rest(peer_rtp);
                }
            }
            let count = self.shared.counters.circuit_breaker();
            tracing::warn!(
                session = ?id, path = %entry.role.stream().path, reason = why.as_str(), count,
                "sending by UDP is stopped (RFC 8083)"
            );
        }
        self.end_session(id, Ending::CircuitBreaker(why));
    }
}
