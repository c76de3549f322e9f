//! Asking HTTP servers: within a time, with bounded answers, without redirections and proxies. It blocks: never on a shard.

use std::{fmt, sync::Arc, time::Duration};

use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
};

use crate::config::provers::shown;

/// Header lines of an answer, in bytes.
const MOST_HEADERS: usize = 16 * 1024;

/// A way to ask at one URL.
#[derive(Clone)]
pub(crate) struct Http {
    agent: Agent,
    url: Arc<str>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Http").field(&self.shown()).finish()
    }
}

/// Why there is no answer, without a secret in it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct HttpError(String);

/// A URL that nothing can be asked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a URL such as \"https://auth.example/rtsp\"")]
#[non_exhaustive]
pub struct HttpUrlError;

/// Can be asked there? `https://` needs authorities that the system trusts.
///
/// # Errors
///
/// When it is no `http://` or `https://` URL with a host. The URL is not in the error: it may have a password.
pub fn check_http_url(url: &str) -> Result<(), HttpUrlError> {
    let (uri, schemes) = (url.parse::<ureq::http::Uri>(), ["http", "https"]);
    let good = uri.is_ok_and(|uri| {
        let host = uri.host().is_some_and(|host| !host.is_empty());
        host && uri.scheme_str().is_some_and(|it| schemes.contains(&it))
    });
    good.then_some(()).ok_or(HttpUrlError)
}

impl Http {
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, HttpUrlError> {
        check_http_url(url)?;
        let mut config = Agent::config_builder()
            .timeout_global(Some(timeout))
            // Whoever answers in the name of another would get what was meant for that one.
            .max_redirects(0)
            .proxy(None)
            .http_status_as_error(false)
            .max_response_header_size(MOST_HEADERS)
            .user_agent(concat!("rtsp-server/", env!("CARGO_PKG_VERSION")));
        if url.starts_with("https:") {
            config = config.tls_config(tls());
        } else {
            tracing::warn!(
                url = shown(url),
                "asked without TLS: whoever is on the way can read and change it"
            );
        }
        Ok(Self {
            agent: config.build().new_agent(),
            url: url.into(),
        })
    }

    /// Where it asks, for people.
    pub(crate) fn shown(&self) -> String {
        shown(&self.url)
    }

    /// The body of what is there, `most` bytes of it at most.
    pub(crate) fn get(&self, most: u64) -> Result<Vec<u8>, HttpError> {
        let answer = self.agent.get(&*self.url).call();
        let mut answer = answer.map_err(|error| without_url(&error))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(HttpError(format!("it answers {status}")));
        }
        let body = answer.body_mut().with_config().limit(most).read_to_vec();
        body.map_err(|error| without_url(&error))
    }

    /// The status that something gets.
    pub(crate) fn post(&self, body: &[u8]) -> Result<u16, HttpError> {
        let request = self.agent.post(&*self.url).content_type("application/json");
        let answer = request.send(body);
        let answer = answer.map_err(|error| without_url(&error))?;
        Ok(answer.status().as_u16())
    }
}

/// Some errors tell the URL.
fn without_url(error: &ureq::Error) -> HttpError {
    HttpError(match error {
        ureq::Error::BadUri(_) => "the URL cannot be used".into(),
        other => other.to_string(),
    })
}

/// The authorities that the system trusts, by the one TLS that there is.
fn tls() -> TlsConfig {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        tracing::warn!(errors = ?found.errors, "the system trusts no authority: https cannot be had");
    }
    let roots = found
        .certs
        .iter()
        .map(|one| Certificate::from_der(one).to_owned());
    TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_a_scheme_and_a_host() {
        for good in [
            "http://h",
            "https://auth.example:444/a?b=c",
            "http://[::1]:1/",
        ] {
            assert_eq!(check_http_url(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "h",
            "/a",
            "rtsp://h/",
            "http://",
            "http:///a",
            "ftp://h",
            "http://h/a b",
        ] {
            assert_eq!(check_http_url(bad), Err(HttpUrlError), "{bad}");
        }
    }
}
