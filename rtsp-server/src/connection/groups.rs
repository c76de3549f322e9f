//! Multicast groups of sessions: who gets one, and until when.

use std::sync::Arc;

use rtsp_session::{ProtocolError, server::SessionId, transport::NegotiatedTransport};

use super::request::Asker;
use super::secure::is_by_tls_only;
use crate::{
    config::Access,
    multicast::{Lease, Member, NoGroup},
    shard::{Role, SessionEntry, Shard},
    stream::registry::Stream,
};

/// The group of the stream that a session reads. What is played of a file is one session's own.
pub(super) fn lend(shard: &Shard, from: &Asker, id: &SessionId) -> Result<Arc<Lease>, NoGroup> {
    let sessions = shard.sessions.borrow();
    let role = sessions.get(id).map(|entry| &entry.role);
    match (role, &shard.shared.groups) {
        (Some(Role::Reader(reading)), Some(groups)) if reading.player.is_none() => groups.lend(
            &reading.stream,
            from.peer.address.is_ipv6(),
            is_guarded(shard, from, &reading.stream.path),
        ),
        _ => Err(NoGroup::NotOffered),
    }
}

/// Whether what a peer may read is not for everybody: who has proved to be somebody may have had to, and what is had by TLS only is
/// not meant to be seen on the way.
fn is_guarded(shard: &Shard, from: &Asker, path: &str) -> bool {
    let config = &shard.shared.config;
    let sealed = is_by_tls_only(shard, path);
    let open = match config.read {
        Access::Open => true,
        Access::Guarded => config.is_local(),
        _ => false,
    };
    !open || sealed || from.peer.user.is_some()
}

/// A media of the session goes to a group.
pub(super) fn join(shard: &Shard, entry: &mut SessionEntry, lease: Arc<Lease>) {
    if let Role::Reader(reading) = &mut entry.role
        && reading.member.is_none()
    {
        reading.member = Some(Member::new(lease, &shard.shared));
    }
}

/// A session that has no media there gives up its part in the group.
pub(super) fn leave(entry: &mut SessionEntry) {
    let mut media = entry.session.media().iter();
    let needed = media.any(|media| matches!(media.transport, NegotiatedTransport::Multicast(_)));
    if let (false, Role::Reader(reading)) = (needed, &mut entry.role) {
        reading.member = None;
    }
}

/// As [`leave`], after a SETUP that was refused.
pub(super) fn leave_unused(shard: &Shard, id: &SessionId) {
    if let Some(entry) = shard.sessions.borrow_mut().get_mut(id) {
        leave(entry);
    }
}

/// Why nothing was chosen of what was offered: where all groups are taken there will be one again, which 461 would deny.
pub(super) fn why(
    error: ProtocolError,
    lease: Option<&Result<Arc<Lease>, NoGroup>>,
) -> ProtocolError {
    match (error, lease) {
        (ProtocolError::UnsupportedTransport, Some(Err(NoGroup::Exhausted))) => {
            ProtocolError::NotEnoughBandwidth
        }
        (error, _) => error,
    }
}

/// Whether all media of a session go to its group.
pub(super) fn has_all(shard: &Shard, id: SessionId) -> bool {
    let sessions = shard.sessions.borrow();
    sessions.get(&id).is_some_and(|entry| {
        let mut media = entry.session.media().iter();
        media.all(|media| matches!(media.transport, NegotiatedTransport::Multicast(_)))
    })
}

/// The group that a description of a stream names, where descriptions do.
pub(super) fn describe(shard: &Shard, from: &Asker, stream: &Arc<Stream>) -> Option<Arc<Lease>> {
    let groups = shard.shared.groups.as_ref()?;
    let v6 = from.peer.address.is_ipv6();
    groups.describe(stream, v6, is_guarded(shard, from, &stream.path))
}
