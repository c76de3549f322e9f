//! Who is at the other end of a connection: proves what its requests offer, and remembers it.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use rtsp_session::{
    ProtocolError,
    auth::Offered,
    server::{Authentication, Incoming},
};

use super::Link;
use crate::{
    access::{
        Bearer,
        verify::{Proved, Verdict},
    },
    refusals::Limit,
    shard::Shard,
};

/// When somebody may try again whose credentials could not be looked at.
const BUSY: u32 = 2;

/// What is known of the peer of a connection.
#[derive(Debug, Default)]
pub(super) struct Identity {
    /// The trace of the credentials that were proved last, and whose they are.
    known: Option<(String, Proved)>,
    /// It has proved a user: what others of its address do is not its fault.
    trusted: bool,
}

/// The user that a request proves, and what else its peer bears. `Err` where it is not worked on.
pub(super) async fn prove(
    shard: &Rc<Shard>,
    link: &Rc<Link>,
    incoming: &Incoming,
) -> Result<(Option<Arc<str>>, Bearer), ProtocolError> {
    let mut bearer = Bearer {
        encrypted: link.encrypted,
        ..Bearer::default()
    };
    wait_for_turn(shard, link).await?;
    if incoming.authentication != Authentication::Anonymous && is_kept_out(link) {
        shard
            .shared
            .counters
            .refusals
            .count(Limit::Failures, link.peer);
        link.finish();
        return Err(ProtocolError::Forbidden);
    }
    match (incoming.authentication, &incoming.offered) {
        (Authentication::User, _) => link.identity.borrow_mut().trusted = true,
        (Authentication::Failed, _) => failed(link, incoming).await,
        (Authentication::Offered, Some(offered)) => {
            return offered_proved(shard, link, incoming, offered, bearer).await;
        }
        _ => {}
    }
    bearer.offered = None;
    Ok((incoming.user.clone(), bearer))
}

/// Who asks too often is answered later, or not at all.
async fn wait_for_turn(shard: &Shard, link: &Link) -> Result<(), ProtocolError> {
    let wait = link.permit.request(Instant::now());
    if wait == Some(Duration::ZERO) {
        return Ok(());
    }
    shard
        .shared
        .counters
        .refusals
        .count(Limit::RequestRate, link.peer);
    let Some(wait) = wait else {
        link.finish();
        return Err(ProtocolError::Overloaded {
            retry_after: Some(BUSY),
        });
    };
    tokio::time::sleep(wait).await;
    Ok(())
}

/// Whether too many wrong credentials came from its address, and no right ones on this connection.
fn is_kept_out(link: &Link) -> bool {
    !link.identity.borrow().trusted && link.permit.is_banned(Instant::now())
}

/// Wrong credentials cost time, and in the end the connection.
async fn failed(link: &Link, incoming: &Incoming) {
    tracing::warn!(peer = %link.peer, method = %incoming.request.method, "wrong credentials");
    let cost = link.permit.failed(Instant::now());
    if cost.banned {
        link.finish();
    }
    if cost.pause > Duration::ZERO {
        tokio::time::sleep(cost.pause).await;
    }
}

async fn offered_proved(
    shard: &Rc<Shard>,
    link: &Rc<Link>,
    incoming: &Incoming,
    offered: &Offered,
    mut bearer: Bearer,
) -> Result<(Option<Arc<str>>, Bearer), ProtocolError> {
    if let Some(proved) = link.remembered(shard, offered) {
        bearer.rights = proved.rights;
        return Ok((Some(proved.user), bearer));
    }
    let verifier = &shard.shared.verifier;
    match verifier.prove(offered, link.peer.ip()).await {
        Verdict::Proved(proved) => {
            link.remember(shard, offered, proved.clone());
            bearer.rights = proved.rights;
            Ok((Some(proved.user), bearer))
        }
        Verdict::Unknown => {
            bearer.offered = Some(Arc::new(offered.clone()));
            Ok((None, bearer))
        }
        Verdict::Wrong => {
            disproved(link, incoming).await;
            Ok((None, bearer))
        }
        Verdict::Busy => {
            let refusals = &shard.shared.counters.refusals;
            refusals.count(Limit::PasswordChecks, link.peer);
            Err(ProtocolError::Overloaded {
                retry_after: Some(BUSY),
            })
        }
    }
}

/// Credentials that a connection handed out were wrong.
async fn disproved(link: &Link, incoming: &Incoming) {
    link.protocol.borrow_mut().authenticated(false);
    failed(link, incoming).await;
}

impl Link {
    fn remembered(&self, shard: &Shard, offered: &Offered) -> Option<Proved> {
        let identity = self.identity.borrow();
        let (trace, proved) = identity.known.as_ref()?;
        let holds = proved.until.is_none_or(|until| Instant::now() < until);
        (holds && shard.shared.verifier.left(trace, offered)).then(|| proved.clone())
    }

    /// The credentials that a request offered are good.
    pub(super) fn remember(&self, shard: &Shard, offered: &Offered, proved: Proved) {
        self.protocol.borrow_mut().authenticated(true);
        let mut identity = self.identity.borrow_mut();
        identity.trusted = true;
        identity.known = Some((shard.shared.verifier.trace(offered), proved));
    }
}
