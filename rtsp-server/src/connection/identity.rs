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

use super::{
    Link,
    request::{Asker, Refusal},
};
use crate::{
    access::{
        Bearer,
        check::{self, Answer, Question},
        permission::{Permission, Who},
        verify::{Proved, Verdict},
    },
    handler::Action,
    refusals::Limit,
    shard::Shard,
};

/// When somebody may try again whose credentials could not be looked at.
const BUSY: u32 = 2;
/// What others have said yes to is remembered on a connection for so many things; then that for the first is forgotten.
const MOST_YES: usize = 32;

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
    let bearer = Bearer {
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
        (Authentication::Failed, _) => failed(link).await,
        (Authentication::Offered, Some(offered)) => {
            return offered_proved(shard, link, offered, bearer).await;
        }
        _ => {}
    }
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
async fn failed(link: &Link) {
    tracing::warn!(peer = %link.peer, "wrong credentials");
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
    offered: &Offered,
    mut bearer: Bearer,
) -> Result<(Option<Arc<str>>, Bearer), ProtocolError> {
    if let Some(proved) = link.remembered(shard, offered) {
        bearer.offered = proved.elsewhere.then(|| Arc::new(offered.clone()));
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
        Verdict::Elsewhere => {
            bearer.offered = Some(Arc::new(offered.clone()));
            Ok((None, bearer))
        }
        // Nobody who guesses has one; it is as good as none.
        Verdict::Expired => Ok((None, bearer)),
        Verdict::Wrong => {
            disproved(link).await;
            Ok((None, bearer))
        }
        Verdict::Busy => Err(busy(shard, link.peer)),
    }
}

fn busy(shard: &Shard, peer: impl std::fmt::Display) -> ProtocolError {
    let refusals = &shard.shared.counters.refusals;
    refusals.count(Limit::PasswordChecks, peer);
    ProtocolError::Overloaded {
        retry_after: Some(BUSY),
    }
}

/// Credentials that a connection handed out were wrong.
async fn disproved(link: &Link) {
    link.protocol.borrow_mut().authenticated(false);
    failed(link).await;
}

/// Asks others whether credentials that this server does not know are good, and their peer may do this. Where it may, it has a name from
/// now on, and the right.
pub(super) async fn ask(
    shard: &Rc<Shard>,
    from: &mut Asker,
    offered: &Offered,
    action: Action,
    path: &str,
) -> Result<(), Refusal> {
    let (Some(check), Some(link)) = (shard.shared.verifier.check(), from.link.clone()) else {
        return Err(Refusal::Challenge);
    };
    if path.ends_with('*') {
        // It would read as the beginning of many paths, of which the answer says nothing.
        return Err(ProtocolError::Forbidden.into());
    }
    let question = Question {
        offered,
        address: from.peer.address,
        action,
        path,
        encrypted: from.bearer.encrypted,
    };
    match check.ask(question).await {
        Answer::Yes => {
            let name = check::name(offered, &shard.shared.verifier.trace(offered));
            let mut right = Permission::new(Who::Users);
            (right.actions, right.paths) = (vec![action], vec![path.to_owned()]);
            let before = from.bearer.rights.as_deref().unwrap_or_default();
            let kept = before.len().saturating_sub(MOST_YES - 1);
            let rights: Arc<[Permission]> =
                before.iter().skip(kept).cloned().chain([right]).collect();
            from.peer.user = Some(Arc::clone(&name));
            from.bearer.rights = Some(Arc::clone(&rights));
            // One yes does not make another last longer.
            let until = link.remembered(shard, offered).and_then(|it| it.until);
            let proved = Proved {
                user: name,
                rights: Some(rights),
                until: until.or_else(|| Instant::now().checked_add(check.remember)),
                elsewhere: true,
            };
            link.remember(shard, offered, proved);
            Ok(())
        }
        Answer::Wrong => {
            disproved(&link).await;
            Err(Refusal::Challenge)
        }
        Answer::Forbidden => {
            let peer = link.peer;
            tracing::warn!(%peer, path, ?action, "refused with 403: so say those who are asked");
            Err(ProtocolError::Forbidden.into())
        }
        Answer::Unknown => Err(busy(shard, link.peer).into()),
    }
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
