//! Policy: what an embedder decides.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

use crate::{
    access::permission::{Permission, by_config},
    config::Config,
    stream::slow::SlowReader,
};

/// What a peer wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// DESCRIBE, SETUP and PLAY; parameters that are asked for.
    Read,
    /// ANNOUNCE, SETUP and RECORD.
    Publish,
    /// SET_PARAMETER with parameters.
    Control,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Publish, Self::Control];

    /// Its name, as in the configuration file, in tokens and to those who are asked.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Publish => "publish",
            Self::Control => "control",
        }
    }
}

/// One question of access.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request<'a> {
    /// What is wanted.
    pub action: Action,
    /// The path, with its leading `/`, percent-decoding not applied.
    pub path: &'a str,
    /// Who asks, if they proved it.
    pub user: Option<&'a str>,
    /// From where.
    pub address: IpAddr,
    /// Whether nobody on the way can read the connection.
    pub encrypted: bool,
    /// What the user's token allows, where it says so: nothing else is allowed then.
    pub rights: Option<&'a [Permission]>,
}

/// The answer to a question of access.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Go on.
    Allow,
    /// Prove who you are: 401 with challenges.
    Authenticate,
    /// No: 403. The text is logged, not sent.
    Deny(&'static str),
    /// There will never be anything here again, nor elsewhere: 410. (For what is not known to be gone for good, `Allow`: where
    /// nothing is found the answer is 404.)
    Gone,
    /// It is to be had elsewhere.
    Elsewhere(Elsewhere),
}

/// Where a path is to be had instead. A URI without a path stands for the same path there; one that cannot be read is answered
/// 500 and logged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Elsewhere {
    /// There from now on: 301.
    Permanently(String),
    /// There for now: 302.
    Temporarily(String),
    /// Only through this proxy: 305.
    ThroughProxy(String),
}

/// Whose parameters are meant.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Scope<'a> {
    /// The path, with its leading `/`.
    pub path: &'a str,
    /// The session, where one is meant: its values are its own (RFC 7826 §13.8).
    pub session: Option<&'a str>,
    /// Who asks, if they proved it.
    pub user: Option<&'a str>,
    /// From where.
    pub address: IpAddr,
}

/// Why parameters are not set. None of them is, then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterError {
    /// There are none of these names: 451.
    Unknown(Vec<String>),
    /// These can be read only: 458.
    ReadOnly(Vec<String>),
    /// A value is none that the parameter can have: 400.
    Invalid,
}

/// What an embedder decides. Every method has a default, so `impl Handler for Mine {}` is a handler.
pub trait Handler: Send + Sync + 'static {
    /// May this be done? Called on a shard for each DESCRIBE, ANNOUNCE and SETUP, for GET_PARAMETER without a session, and for SET_PARAMETER: it must answer at once. The default is
    /// what the [`Config`] says.
    fn authorize(&self, request: &Request<'_>, config: &Config) -> Decision {
        by_config(request, config)
    }

    /// The value of a parameter that GET_PARAMETER asks for, or `None` where there is no such parameter: the peer is told so by
    /// 451. Called on a shard: it must answer at once. The default has no parameters.
    fn parameter(&self, scope: &Scope<'_>, name: &str) -> Option<String> {
        let _ = (scope, name);
        None
    }

    /// SET_PARAMETER: take all of the values, or none (RFC 7826 §13.9). Called on a shard: it must answer at once. The default
    /// has no parameters.
    ///
    /// # Errors
    ///
    /// Which of them cannot be set, and why.
    fn set_parameters(
        &self,
        scope: &Scope<'_>,
        values: &[(&str, &str)],
    ) -> Result<(), ParameterError> {
        let _ = scope;
        let names = values.iter().map(|(name, _)| (*name).to_owned());
        Err(ParameterError::Unknown(names.collect()))
    }

    /// A reader was too slow. The log tells it too, though not each time. Called on a shard: it must return at once.
    fn slow_reader(&self, event: &SlowReader) {
        let _ = event;
    }

    /// Somebody asks for a path that nobody serves. Publish it now, if you have it: the request is answered when the
    /// future is ready. It runs on the runtime that started the server, so it may take its time.
    fn missing(&self, path: Arc<str>) -> impl Future<Output = ()> + Send {
        let _ = path;
        std::future::ready(())
    }
}

/// The handler that leaves everything at its default.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs)] // It has nothing in it.
pub struct DefaultHandler;

impl Handler for DefaultHandler {}

/// [`Handler`] with its type forgotten. The future is boxed, once for a path that nobody serves.
pub(crate) trait AnyHandler: Send + Sync {
    fn authorize(&self, request: &Request<'_>, config: &Config) -> Decision;
    fn missing(self: Arc<Self>, path: Arc<str>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
    fn parameter(&self, scope: &Scope<'_>, name: &str) -> Option<String>;
    fn slow_reader(&self, event: &SlowReader);
    fn set_parameters(
        &self,
        scope: &Scope<'_>,
        values: &[(&str, &str)],
    ) -> Result<(), ParameterError>;
}

impl<H: Handler> AnyHandler for H {
    fn authorize(&self, request: &Request<'_>, config: &Config) -> Decision {
        Handler::authorize(self, request, config)
    }

    fn missing(self: Arc<Self>, path: Arc<str>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move { Handler::missing(&*self, path).await })
    }

    fn parameter(&self, scope: &Scope<'_>, name: &str) -> Option<String> {
        Handler::parameter(self, scope, name)
    }

    fn slow_reader(&self, event: &SlowReader) {
        Handler::slow_reader(self, event);
    }

    fn set_parameters(
        &self,
        scope: &Scope<'_>,
        values: &[(&str, &str)],
    ) -> Result<(), ParameterError> {
        Handler::set_parameters(self, scope, values)
    }
}

#[cfg(test)]
mod tests {
    use rtsp_session::auth::Credentials;

    use super::*;

    fn decide(config: &Config, action: Action, user: Option<&str>) -> Decision {
        let address = [192, 0, 2, 1].into();
        Handler::authorize(
            &DefaultHandler,
            &Request {
                action,
                path: "/x",
                user,
                address,
                encrypted: false,
                rights: None,
            },
            config,
        )
    }

    fn public() -> Config {
        Config {
            listen: vec!["0.0.0.0:0".parse().unwrap()],
            ..Config::default()
        }
    }

    #[test]
    fn on_loopback_everybody_publishes() {
        assert_eq!(
            decide(&Config::default(), Action::Publish, None),
            Decision::Allow
        );
    }

    #[test]
    fn elsewhere_publishing_needs_a_user_and_without_users_nobody_may() {
        let mut config = public();
        assert!(
            matches!(decide(&config, Action::Publish, None), Decision::Deny(why) if why.contains("publish"))
        );
        assert_eq!(decide(&config, Action::Read, None), Decision::Allow);
        config.users = vec![Credentials::new("ann", "x")];
        assert_eq!(
            decide(&config, Action::Publish, None),
            Decision::Authenticate
        );
        assert_eq!(
            decide(&config, Action::Publish, Some("ann")),
            Decision::Allow
        );
        config.publish = crate::Access::Open;
        assert_eq!(decide(&config, Action::Publish, None), Decision::Allow);
    }
}
