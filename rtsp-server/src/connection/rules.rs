//! What connections allow, by the configuration.

use std::sync::Arc;

use rtsp_msg::{DecodeErrorKind, Limits as MessageLimits};
use rtsp_session::{
    auth::Scheme,
    server::{CloseReason, ConnectionConfig},
    transport::MUX_FEATURE,
};

use crate::{access::verify::Verifier, config::Config, refusals::Limit};

/// The rules of a connection, encrypted or not.
pub(crate) fn connection_config(
    config: &Config,
    verifier: &Verifier,
    encrypted: bool,
) -> ConnectionConfig {
    let mut messages = MessageLimits::default();
    messages.body = config.limits.body;
    messages.header_bytes = config.limits.header_bytes;
    messages.header_count = config.limits.header_count;
    messages.uri = config.limits.url;
    let shows = verifier.needs_secrets();
    let users = (config.has_users() || shows).then(|| Arc::clone(verifier.plain()));
    let mut features = vec!["play.basic".to_owned()];
    if config.files.is_some() {
        // Films are played at other scales and speeds (RFC 7826 §18.46, §18.50); what is live is not.
        features.extend(["play.scale".to_owned(), "play.speed".to_owned()]);
    }
    let mut connections = ConnectionConfig {
        limits: messages,
        body_retry_after: config
            .limits
            .body_retry_after
            .map(|after| u32::try_from(after.as_secs()).unwrap_or(u32::MAX).max(1)),
        features,
        users,
        schemes: schemes(config, verifier, encrypted),
        shell_proves: shows,
        continue_after: config.limits.continue_after,
        answer_timeout: config.limits.answer_timeout,
        first_request_timeout: config.limits.first_request_timeout,
        message_timeout: config.limits.message_timeout,
        unauthenticated_timeout: config.limits.unauthenticated_timeout,
        idle_timeout: config.limits.idle_timeout,
        ..ConnectionConfig::default()
    };
    connections.features.push(MUX_FEATURE.into());
    connections
}

/// How peers may prove who they are, in the order in which it is offered.
///
/// Most players take any Digest before Basic, whoever they are: where some users cannot be proved by it, it is not offered
/// beside Basic.
fn schemes(config: &Config, verifier: &Verifier, encrypted: bool) -> Vec<Scheme> {
    let clear = encrypted || config.cleartext_passwords;
    if clear && verifier.needs_secrets() {
        // Of challenges that are no Digest, live555 (so VLC) looks at the first alone.
        let bearer = verifier.takes_tokens().then_some(Scheme::Bearer);
        return [Scheme::Basic].into_iter().chain(bearer).collect();
    }
    if verifier.plain().is_empty() {
        return Vec::new();
    }
    let usable = |scheme: &Scheme| clear || *scheme != Scheme::Basic;
    Scheme::ALL.into_iter().filter(usable).collect()
}

/// Which limit a message exceeds.
pub(super) fn limit_of(kind: DecodeErrorKind) -> Option<Limit> {
    match kind {
        DecodeErrorKind::UriTooLong => Some(Limit::Url),
        DecodeErrorKind::TooManyHeaders => Some(Limit::HeaderCount),
        DecodeErrorKind::BodyTooLarge => Some(Limit::Body),
        DecodeErrorKind::StartLineTooLong | DecodeErrorKind::HeadTooLarge => {
            Some(Limit::HeaderBytes)
        }
        _ => None,
    }
}

/// The limit because of which a connection is closed.
pub(super) fn limit_behind(reason: CloseReason) -> Option<Limit> {
    match reason {
        CloseReason::NoRequest => Some(Limit::FirstRequest),
        CloseReason::TooSlow => Some(Limit::Message),
        CloseReason::Unauthenticated => Some(Limit::Unauthenticated),
        CloseReason::Idle => Some(Limit::Idle),
        CloseReason::TooManyFailures => Some(Limit::Failures),
        _ => None,
    }
}
