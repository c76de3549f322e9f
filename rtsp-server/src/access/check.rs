//! The HTTP server that is asked about users whom this server does not know. What it does not say clearly is a no.

use std::{net::IpAddr, sync::Arc, time::Duration};

use rtsp_session::auth::Offered;
use serde::Serialize;

use super::{
    http::{Http, HttpUrlError},
    turns::Turns,
};
use crate::{config::HttpCheck, handler::Action};

/// Questions that are asked at once.
const AT_ONCE: usize = 16;

/// Who is asked.
#[derive(Debug)]
pub(crate) struct Check {
    http: Http,
    /// How long a yes holds on its connection.
    pub(crate) remember: Duration,
    turns: Turns,
}

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) offered: &'a Offered,
    pub(crate) address: IpAddr,
    pub(crate) action: Action,
    pub(crate) path: &'a str,
    pub(crate) encrypted: bool,
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    /// The credentials are wrong.
    Wrong,
    /// They are right, and that is not allowed.
    Forbidden,
    /// Nobody knows: no answer, or none that says either.
    Unknown,
}

#[derive(Serialize)]
struct Asked<'a> {
    user: &'a str,
    password: &'a str,
    token: &'a str,
    ip: IpAddr,
    action: &'static str,
    path: &'a str,
    protocol: &'static str,
}

impl Check {
    pub(crate) fn new(check: &HttpCheck) -> Result<Self, HttpUrlError> {
        Ok(Self {
            http: Http::new(&check.url, check.timeout)?,
            remember: check.remember,
            turns: Turns::new(AT_ONCE),
        })
    }

    pub(crate) async fn ask(&self, question: Question<'_>) -> Answer {
        let body = body(question);
        let http = self.http.clone();
        let status = self
            .turns
            .take(question.address, move || http.post(&body))
            .await;
        match status {
            Some(Ok(status)) => judged(status).unwrap_or_else(|| {
                tracing::error!(
                    url = self.http.shown(),
                    status,
                    "this is neither yes nor no"
                );
                Answer::Unknown
            }),
            Some(Err(error)) => {
                tracing::error!(url = self.http.shown(), %error, "nobody says who may");
                Answer::Unknown
            }
            None => {
                tracing::warn!(address = %question.address, "too many wait to be asked about");
                Answer::Unknown
            }
        }
    }
}

fn judged(status: u16) -> Option<Answer> {
    match status {
        200..=299 => Some(Answer::Yes),
        401 => Some(Answer::Wrong),
        403 => Some(Answer::Forbidden),
        _ => None,
    }
}

fn body(question: Question<'_>) -> Vec<u8> {
    let (user, password, token) = match question.offered {
        Offered::Password(it) => (it.username.as_str(), it.password.as_str(), ""),
        Offered::Token(token) => ("", "", token.as_str()),
    };
    let asked = Asked {
        user,
        password,
        token,
        ip: question.address.to_canonical(),
        action: question.action.as_str(),
        path: question.path,
        protocol: if question.encrypted { "rtsps" } else { "rtsp" },
    };
    serde_json::to_vec(&asked).unwrap_or_default()
}

/// Under which name a peer goes that others have proved: no user of the configuration has a colon in its name. Those who show the same
/// token are one, and `trace` is all that is kept of it.
pub(crate) fn name(offered: &Offered, trace: &str) -> Arc<str> {
    match offered {
        Offered::Password(it) => format!("check:{}", it.username).into(),
        Offered::Token(_) => format!("check:#{trace}").into(),
    }
}

#[cfg(test)]
mod tests {
    use rtsp_session::auth::Credentials;

    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (status, answer) in [
            (200, Some(Answer::Yes)),
            (204, Some(Answer::Yes)),
            (401, Some(Answer::Wrong)),
            (403, Some(Answer::Forbidden)),
        ] {
            assert_eq!(judged(status), answer);
        }
        for status in [100, 199, 300, 301, 302, 307, 400, 404, 429, 500, 503] {
            assert_eq!(judged(status), None, "{status}");
        }
    }

    #[test]
    fn what_is_asked_cannot_be_made_to_say_something_else() {
        let credentials = Credentials::new("a\",\"user\":\"root", "p\"\n");
        let asked = body(Question {
            offered: &Offered::Password(credentials),
            address: "::ffff:192.0.2.1".parse().unwrap(),
            action: Action::Publish,
            path: "/a\"b",
            encrypted: true,
        });
        let asked: serde_json::Value = serde_json::from_slice(&asked).unwrap();
        let expected = serde_json::json!({
            "user": "a\",\"user\":\"root", "password": "p\"\n", "token": "", "ip": "192.0.2.1",
            "action": "publish", "path": "/a\"b", "protocol": "rtsps",
        });
        assert_eq!(asked, expected);
    }

    #[test]
    fn names_are_nobody_elses() {
        let ann = Offered::Password(Credentials::new("ann", "x"));
        let token = Offered::Token("secret".into());
        assert_eq!(&*name(&ann, "t"), "check:ann");
        assert_eq!(&*name(&token, "t"), "check:#t");
        let posing = Offered::Password(Credentials::new("token", "x"));
        assert_ne!(name(&posing, "t"), "token".into());
    }
}
