//! What a server tells in PLAY_NOTIFY, REDIRECT and TEARDOWN: `Notify-Reason`, `Request-Status`, `Terminate-Reason`.

use alloc::string::String;
use core::fmt::Write;

use super::lex;
use super::time::UtcTime;
use crate::header_name::HeaderName;
use crate::leniency::Tolerance;
use crate::status::StatusCode;
use crate::token::Token;
use crate::typed::{Header, HeaderError, HeaderErrorKind};

/// Why a PLAY_NOTIFY is sent (RFC 7826 §18.32).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotifyReason {
    /// `end-of-stream`
    EndOfStream,
    /// `media-properties-update`
    MediaPropertiesUpdate,
    /// `scale-change`
    ScaleChange,
    /// Any other, answered 465.
    Other(Token),
}

impl NotifyReason {
    fn as_str(&self) -> &str {
        match self {
            Self::EndOfStream => "end-of-stream",
            Self::MediaPropertiesUpdate => "media-properties-update",
            Self::ScaleChange => "scale-change",
            Self::Other(token) => token,
        }
    }
}

impl Header for NotifyReason {
    fn name() -> HeaderName {
        HeaderName::NotifyReason
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single("Notify-Reason", values)?;
        let known = [
            Self::EndOfStream,
            Self::MediaPropertiesUpdate,
            Self::ScaleChange,
        ];
        let known = known
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(value));
        let reason = known.or_else(|| Token::new(value).map(Self::Other));
        reason.ok_or(lex::error("Notify-Reason", HeaderErrorKind::Syntax))
    }

    fn encode(&self, out: &mut String) {
        out.push_str(self.as_str());
    }
}

/// How an earlier request ended (RFC 7826 §18.42).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestStatus {
    /// The number of that request.
    pub cseq: u32,
    /// What became of it.
    pub status: StatusCode,
    /// For people.
    pub reason: String,
}

impl RequestStatus {
    fn parse(text: &str) -> Option<Self> {
        let (cseq, rest) = text.split_once([' ', '\t'])?;
        let (status, rest) = rest.trim_start().split_once([' ', '\t'])?;
        let value = |text, name: &str| {
            let (known, value) = lex::pair(text);
            value.filter(|_| known.eq_ignore_ascii_case(name))
        };
        Some(Self {
            cseq: lex::number(value(cseq, "cseq")?, 10)?,
            status: StatusCode::parse(value(status, "status")?)?,
            reason: lex::unquote(value(rest.trim(), "reason")?)?.into_owned(),
        })
    }
}

impl Header for RequestStatus {
    fn name() -> HeaderName {
        HeaderName::RequestStatus
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let value = lex::single("Request-Status", values)?;
        Self::parse(value).ok_or(lex::error("Request-Status", HeaderErrorKind::Syntax))
    }

    fn encode(&self, out: &mut String) {
        let _ = write!(out, "cseq={} status={} reason=", self.cseq, self.status);
        lex::quote(&self.reason, out);
    }
}

/// Why a session ends, or has to (RFC 7826 §18.52).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminateReason {
    /// The cause.
    pub cause: TerminateCause,
    /// When.
    pub time: Option<UtcTime>,
    /// To be shown to the user.
    pub user_message: Option<String>,
}

/// The cause of a session's end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TerminateCause {
    /// `Session-Timeout`: it was kept long enough.
    SessionTimeout,
    /// `Server-Admin`: whoever runs the server wants it.
    ServerAdmin,
    /// `Internal-Error`
    InternalError,
    /// Any other.
    Other(Token),
}

impl TerminateCause {
    fn as_str(&self) -> &str {
        match self {
            Self::SessionTimeout => "Session-Timeout",
            Self::ServerAdmin => "Server-Admin",
            Self::InternalError => "Internal-Error",
            Self::Other(token) => token,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let known = [Self::SessionTimeout, Self::ServerAdmin, Self::InternalError];
        let known = known
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(text));
        known.or_else(|| Token::new(text).map(Self::Other))
    }
}

impl Header for TerminateReason {
    fn name() -> HeaderName {
        HeaderName::TerminateReason
    }

    fn decode_noting(
        values: &mut dyn Iterator<Item = &str>,
        _: &mut Tolerance<'_>,
    ) -> Result<Self, HeaderError> {
        let error = lex::error("Terminate-Reason", HeaderErrorKind::Syntax);
        let mut parts = lex::split(lex::single("Terminate-Reason", values)?, b';');
        let cause = parts.next().and_then(TerminateCause::parse).ok_or(error)?;
        let (mut time, mut user_message) = (None, None);
        for (name, value) in parts.map(lex::pair) {
            if name.eq_ignore_ascii_case("time") {
                time = Some(value.and_then(UtcTime::parse_clock).ok_or(error)?);
            } else if name.eq_ignore_ascii_case("user-msg") {
                user_message = Some(value.and_then(lex::unquote).ok_or(error)?.into_owned());
            }
        }
        Ok(Self {
            cause,
            time,
            user_message,
        })
    }

    fn encode(&self, out: &mut String) {
        out.push_str(self.cause.as_str());
        if let Some(time) = self.time {
            out.push_str(";time=");
            time.push_clock(out);
        }
        if let Some(message) = &self.user_message {
            out.push_str(";user-msg=");
            lex::quote(message, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::tests::{decode, encoded};
    use super::*;

    #[test]
    fn notify_reasons_round_trip() {
        for text in [
            "end-of-stream",
            "media-properties-update",
            "scale-change",
            "x-other",
        ] {
            assert_eq!(encoded(&decode::<NotifyReason>(text).unwrap()), text);
        }
        assert_eq!(
            decode::<NotifyReason>("End-Of-Stream"),
            Ok(NotifyReason::EndOfStream)
        );
        assert!(decode::<NotifyReason>("a b").is_err());
    }

    #[test]
    fn request_status_round_trips() {
        let text = "cseq=854 status=200 reason=\"O\\\"K\"";
        let value = decode::<RequestStatus>(text).unwrap();
        assert_eq!(
            (value.cseq, value.status, &*value.reason),
            (854, StatusCode::OK, "O\"K")
        );
        assert_eq!(encoded(&value), text);
        for text in [
            "",
            "cseq=1",
            "cseq=1 status=20 reason=\"\"",
            "cseq=-1 status=200 reason=\"\"",
            "cseq=1 status=200 reason=\"",
            "status=200 cseq=1 reason=\"\"",
        ] {
            assert!(decode::<RequestStatus>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn r2_media_10_terminate_reasons_round_trip() {
        for text in [
            "Server-Admin;time=20101129T090000Z;user-msg=\"back; soon\"",
            "Session-Timeout",
            "Internal-Error",
            "x-y",
        ] {
            assert_eq!(encoded(&decode::<TerminateReason>(text).unwrap()), text);
        }
        for text in [
            "",
            "a b",
            "Server-Admin;time=now",
            "Server-Admin;user-msg=\"x",
        ] {
            assert!(decode::<TerminateReason>(text).is_err(), "{text}");
        }
    }
}
