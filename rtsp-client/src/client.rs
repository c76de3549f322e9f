//! The way in: from a URL to a described or announced presentation.

use rtsp_msg::Uri;
use rtsp_session::auth::Credentials;
use rtsp_session::client::ClientSession;
use rtsp_session::client::Event;
use rtsp_session::client::RedirectError;
use rtsp_session::client::SessionError;
use sdp::Description;

use crate::Announced;
use crate::Described;
use crate::Error;
use crate::ErrorKind;
use crate::Options;
use crate::conversation::Conversation;

/// Where everything starts.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Client;

impl Client {
    /// Connects to the server of `url` and asks what the presentation consists of.
    ///
    /// Redirections are followed; credentials never leave the host that they were given for.
    ///
    /// # Errors
    ///
    /// When the URL is none, the server cannot be reached, refuses, or sends no usable description.
    pub async fn describe(url: &str, options: Options) -> Result<Described, Error> {
        let (mut uri, mut credentials) = target(url, &options)?;
        for _ in 0..=options.max_redirects {
            let mut conversation =
                Conversation::connect(&uri, &options, credentials.clone()).await?;
            match conversation.step(ClientSession::describe).await? {
                Event::Redirected(redirect) => {
                    if !redirect.same_host {
                        credentials = None;
                    }
                    uri = redirect.uri;
                }
                _ => return Described::new(conversation, options, credentials),
            }
        }
        let place = uri.without_userinfo().to_string();
        Err(Error::session(
            place,
            SessionError::Redirect(RedirectError::TooMany),
        ))
    }

    /// Connects to the server of `url` and announces what will be sent there.
    ///
    /// The media of `description` need a control attribute each; [`Description::for_describe`] gives them one.
    ///
    /// # Errors
    ///
    /// When the URL is none, the server cannot be reached, or refuses.
    pub async fn announce(
        url: &str,
        description: Description,
        options: Options,
    ) -> Result<Announced, Error> {
        let (mut uri, mut credentials) = target(url, &options)?;
        for _ in 0..=options.max_redirects {
            let mut conversation =
                Conversation::connect(&uri, &options, credentials.clone()).await?;
            let description = description.clone();
            let announce = |session: &mut ClientSession, now| session.announce(now, description);
            match conversation.step(announce).await? {
                Event::Redirected(redirect) => {
                    if !redirect.same_host {
                        credentials = None;
                    }
                    uri = redirect.uri;
                }
                _ => return Announced::new(conversation, options, credentials),
            }
        }
        let place = uri.without_userinfo().to_string();
        Err(Error::session(
            place,
            SessionError::Redirect(RedirectError::TooMany),
        ))
    }
}

/// The URI to ask for, and who asks.
fn target(url: &str, options: &Options) -> Result<(Uri, Option<Credentials>), Error> {
    let uri = Uri::from_iri(url.trim()).map_err(|error| {
        // What stands before an `@` may be a password.
        let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
        Error::new(
            ErrorKind::Url,
            format!("{shown:?}"),
            format!("not a usable URL: {error}"),
        )
    })?;
    let from_url = uri
        .credentials()
        .map(|(user, password)| Credentials::new(user, password));
    let credentials = options.credentials.clone().or(from_url);
    Ok((uri.without_userinfo(), credentials))
}
