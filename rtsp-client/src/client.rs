//! The way in: from a URL to a described or announced presentation.

use rtsp_msg::Uri;
use rtsp_session::Now;
use rtsp_session::auth::Credentials;
use rtsp_session::client::ClientSession;
use rtsp_session::client::Conduct;
use rtsp_session::client::Event;
use rtsp_session::client::RedirectError;
use rtsp_session::client::SessionError;
use rtsp_session::client::VersionPolicy;
use sdp::Description;

use crate::Announced;
use crate::Described;
use crate::Error;
use crate::ErrorKind;
use crate::Options;
use crate::TransportPolicy;
use crate::conversation::Conversation;
use crate::described::Origin;

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
        let (uri, credentials) = target(url, &options)?;
        let origin = Origin { uri, credentials };
        let (conversation, credentials) =
            begin(origin.clone(), &options, ClientSession::describe).await?;
        Described::new(conversation, options, credentials, origin)
    }

    /// Connects to the server of `url` with a description of the presentation that was had from elsewhere, such as a file or a
    /// web page: it is not asked for (RFC 7826 §13.2, RFC 2326 §10.2). Relative controls in it belong to `url`.
    ///
    /// # Errors
    ///
    /// When the URL is none, or the server cannot be reached.
    pub async fn with_description(
        url: &str,
        description: Description,
        options: Options,
    ) -> Result<Described, Error> {
        let (uri, credentials) = target(url, &options)?;
        adopt(Origin { uri, credentials }, description, options).await
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
        let announce =
            |session: &mut ClientSession, now| session.announce(now, description.clone());
        let (uri, credentials) = target(url, &options)?;
        let origin = Origin { uri, credentials };
        let (conversation, credentials) = begin(origin, &options, announce).await?;
        Announced::new(conversation, options, credentials)
    }
}

/// Connects with a description that is known.
pub(crate) async fn adopt(
    origin: Origin,
    description: Description,
    options: Options,
) -> Result<Described, Error> {
    let adopt = |session: &mut ClientSession, now| session.adopt(now, description.clone());
    let (conversation, credentials) = begin(origin.clone(), &options, adopt).await?;
    let mut described = Described::new(conversation, options, credentials, origin)?;
    described.adopted = true;
    Ok(described)
}

/// Connects, follows redirections and takes the first step; the credentials are those that may still be used. Where any transport will
/// do and nothing comes back that is RTSP, once more within HTTP, which gets through where RTSP does not.
async fn begin(
    origin: Origin,
    options: &Options,
    command: impl Fn(&mut ClientSession, Now) -> Result<(), SessionError>,
) -> Result<(Conversation, Option<Credentials>), Error> {
    let error = match arrive(origin.clone(), options, &command).await {
        Err(error) if options.transport == TransportPolicy::Auto && error.is_unheard() => error,
        other => return other,
    };
    tracing::warn!(%error, "RTSP gets no answer, turning to a tunnel over HTTP");
    let mut tunnelled = options.clone();
    tunnelled.transport = TransportPolicy::Http;
    match Box::pin(arrive(origin, &tunnelled, &command)).await {
        Err(no_tunnel) if no_tunnel.is_of_the_way() || no_tunnel.kind() == ErrorKind::Connect => {
            tracing::warn!(error = %no_tunnel, "no tunnel over HTTP either");
            Err(error)
        }
        other => other,
    }
}

/// The same by one transport.
async fn arrive(
    origin: Origin,
    options: &Options,
    command: &impl Fn(&mut ClientSession, Now) -> Result<(), SessionError>,
) -> Result<(Conversation, Option<Credentials>), Error> {
    let Origin {
        mut uri,
        mut credentials,
    } = origin;
    for _ in 0..=options.max_redirects {
        let (conversation, event) = negotiate(&uri, options, credentials.clone(), command).await?;
        let Event::Redirected(redirect) = event else {
            return Ok((conversation, credentials));
        };
        if !redirect.same_host {
            credentials = None;
        }
        uri = redirect.uri;
    }
    let place = uri.without_userinfo().to_string();
    let error = SessionError::Redirect(RedirectError::TooMany);
    Err(Error::session(place, error))
}

/// Connects and takes the first step; once more in RTSP/1.0 where RTSP/2.0 was an attempt that ended the connection.
async fn negotiate(
    uri: &Uri,
    options: &Options,
    credentials: Option<Credentials>,
    command: &impl Fn(&mut ClientSession, Now) -> Result<(), SessionError>,
) -> Result<(Conversation, Event), Error> {
    match first_step(uri, options, credentials.clone(), command).await {
        Err(error) if error.is_version_refused() && options.version == VersionPolicy::Negotiate => {
            tracing::info!(%uri, "no answer to RTSP/2.0, turning to RTSP/1.0");
            let mut options = options.clone();
            options.version = VersionPolicy::V1_0;
            first_step(uri, &options, credentials, command).await
        }
        other => other,
    }
}

/// Connects and takes the first step; once more where the server closes after it has asked for credentials (live555).
async fn first_step(
    uri: &Uri,
    options: &Options,
    credentials: Option<Credentials>,
    command: &impl Fn(&mut ClientSession, Now) -> Result<(), SessionError>,
) -> Result<(Conversation, Event), Error> {
    let mut conversation = Conversation::connect(uri, options, credentials.clone()).await?;
    match conversation.step(command).await {
        Ok(event) => Ok((conversation, event)),
        Err(error)
            if error.kind() == ErrorKind::Closed && conversation.session.was_challenged() =>
        {
            let Some(learned) = conversation.session.take_authentication() else {
                return Err(error);
            };
            let mut again = Conversation::connect(uri, options, credentials).await?;
            again.session.set_authentication(learned);
            again.session.note(Conduct::ClosedAfterChallenge);
            let event = again.step(command).await?;
            Ok((again, event))
        }
        Err(error) if !conversation.session.has_heard() => Err(error.unheard()),
        Err(error) => Err(error),
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
