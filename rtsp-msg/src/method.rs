//! Methods.

use core::fmt;

use crate::token::Token;

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident => $text:literal,)*) => {
        /// What a request asks for (RFC 7826 §13, RFC 2326 §10). Names are case-sensitive.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Method {
            $($(#[$doc])* $variant,)*
            /// A method that neither RFC names.
            Extension(Token),
        }

        impl Method {
            /// The methods that an RFC names, in alphabetical order.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),*];

            /// Reads a method name; `None` when it is no token.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)*
                    _ => Token::new(text).map(Self::Extension),
                }
            }

            /// The name as it stands on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Extension(token) => token,
                }
            }
        }
    };
}

methods! {
    /// Describes the media that the client will send, or an update of it (RFC 2326 §10.3; not in 2.0).
    Announce => "ANNOUNCE",
    /// Asks what a presentation consists of (RFC 7826 §13.2).
    Describe => "DESCRIBE",
    /// Reads parameters; empty, it keeps a session alive (RFC 7826 §13.8).
    GetParameter => "GET_PARAMETER",
    /// Asks what the peer can do (RFC 7826 §13.1).
    Options => "OPTIONS",
    /// Stops the flow and keeps the session (RFC 7826 §13.6).
    Pause => "PAUSE",
    /// Starts the flow (RFC 7826 §13.4).
    Play => "PLAY",
    /// Tells the client of an event (RFC 7826 §13.5; not in 1.0).
    PlayNotify => "PLAY_NOTIFY",
    /// Starts recording (RFC 2326 §10.11; not in 2.0).
    Record => "RECORD",
    /// Sends the client elsewhere (RFC 7826 §13.10).
    Redirect => "REDIRECT",
    /// Sets parameters (RFC 7826 §13.9).
    SetParameter => "SET_PARAMETER",
    /// Agrees on the transport of one media (RFC 7826 §13.3).
    Setup => "SETUP",
    /// Ends a session (RFC 7826 §13.7).
    Teardown => "TEARDOWN",
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_msg_09_known_names_map_to_their_variant_and_others_to_extension() {
        for method in Method::KNOWN {
            assert_eq!(Method::parse(method.as_str()).as_ref(), Some(method));
            assert!(!matches!(method, Method::Extension(_)));
        }
        assert!(matches!(Method::parse("FOO"), Some(Method::Extension(token)) if &*token == "FOO"));
    }

    #[test]
    fn r2_msg_07_names_are_case_sensitive() {
        assert!(matches!(
            Method::parse("options"),
            Some(Method::Extension(_))
        ));
        assert_eq!(Method::parse("PL AY"), None);
        assert_eq!(Method::parse(""), None);
    }
}
