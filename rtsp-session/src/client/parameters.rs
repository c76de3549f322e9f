//! Parameters of the server's: read, set, and the headers that may be asked for (RFC 7826 §13.8, §13.9).

use rtsp_msg::HeaderName;
use rtsp_msg::Method;
use rtsp_msg::Request;
use rtsp_msg::Response;
use rtsp_msg::Version;

use super::ClientSession;
use super::Event;
use super::SessionError;
use super::request::misuse;
use super::step::Step;
use crate::Now;
use crate::server::parameters;

impl ClientSession {
    /// Asks for parameters of the presentation, or of the session if there is one (GET_PARAMETER): `Parameters` tells them.
    ///
    /// # Errors
    ///
    /// See [`describe`](Self::describe); `Misuse` also for a name that is none.
    pub fn ask_parameters(&mut self, now: Now, names: &[&str]) -> Result<(), SessionError> {
        self.check(now, &Method::GetParameter)?;
        let body = parameters::names(names.iter().copied());
        let readable = parameters::asked(body.as_bytes()).is_ok_and(|read| read == names);
        if names.is_empty() || !readable {
            return Err(misuse(
                Method::GetParameter,
                "that is no name of a parameter",
            ));
        }
        let message = self.message(Method::GetParameter, self.aggregate_target());
        self.send(Step::GetParameters, with_body(message, body));
        Ok(())
    }

    /// Sets a parameter of the presentation, or of the session if there is one (SET_PARAMETER): `ParameterTaken` says that it
    /// was done. One at a time, so that a refusal tells which it was (RFC 7826 §13.9, RFC 2326 §10.9).
    ///
    /// # Errors
    ///
    /// See [`describe`](Self::describe); `Misuse` also for a name or value that cannot be written.
    pub fn set_parameter(&mut self, now: Now, name: &str, value: &str) -> Result<(), SessionError> {
        self.check(now, &Method::SetParameter)?;
        let body = parameters::values(&[(name, value.to_owned())]);
        let readable = parameters::given(body.as_bytes());
        if !readable.is_ok_and(|read| read == [(name, value.trim())]) {
            let why = "that is no parameter of one line";
            return Err(misuse(Method::SetParameter, why));
        }
        let message = self.message(Method::SetParameter, self.aggregate_target());
        self.send(Step::SetParameter, with_body(message, body));
        Ok(())
    }

    /// Asks where the session stands: `Located` tells position, RTP timestamps, properties (GET_PARAMETER with empty headers,
    /// RFC 7826 §13.8, §18.45).
    ///
    /// # Errors
    ///
    /// See [`describe`](Self::describe); `Misuse` also without a session, and in RTSP/1.0, which cannot ask so.
    pub fn locate(&mut self, now: Now) -> Result<(), SessionError> {
        self.check(now, &Method::GetParameter)?;
        // RFC 7826 §18.5: Accept-Ranges in GET_PARAMETER is about a session.
        if self.session.is_none() {
            return Err(misuse(Method::GetParameter, "there is no session yet"));
        }
        if self.version == Version::V1_0 {
            return Err(misuse(
                Method::GetParameter,
                "RTSP/1.0 has no such question",
            ));
        }
        let mut message = self.message(Method::GetParameter, self.aggregate_target());
        // RTP-Info belongs to the point that Range tells (RFC 7826 §18.45).
        for name in [
            HeaderName::Range,
            HeaderName::RtpInfo,
            HeaderName::AcceptRanges,
            HeaderName::MediaProperties,
            HeaderName::MediaRange,
        ] {
            message.headers.insert(name, "");
        }
        self.send(Step::Locate, message);
        Ok(())
    }

    /// The parameters in an answer.
    pub(super) fn parameters_told(response: &Response) -> Result<Event, SessionError> {
        let unusable = |_| SessionError::Misbehaved {
            method: Method::GetParameter,
            what: "its body is no list of parameters",
        };
        parameters::check_type(&response.headers).map_err(unusable)?;
        let given = parameters::given(&response.body).map_err(unusable)?;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(Event::Parameters(given.into_iter().map(owned).collect()))
    }
}

fn with_body(mut message: Request, body: String) -> Request {
    message
        .headers
        .insert(HeaderName::ContentType, parameters::MEDIA_TYPE);
    message.body = body.into();
    message
}
