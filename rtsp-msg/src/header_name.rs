//! Names of headers.

use core::fmt;
use core::hash::{Hash, Hasher};

use crate::token::Token;

macro_rules! header_names {
    ($($variant:ident => $text:literal,)*) => {
        /// The name of a header. Names compare without regard to case (RFC 7826 §20).
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum HeaderName {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
            /// Any other name, spelled as it was received or given.
            Extension(Token),
        }

        /// Position of a known name in [`NAMES`].
        #[derive(Clone, Copy)]
        enum Index {
            $($variant,)*
        }

        const NAMES: &[&str] = &[$($text),*];

        const KNOWN: &[HeaderName] = &[$(HeaderName::$variant),*];

        impl HeaderName {
            /// The names that have a variant, in alphabetical order.
            pub const KNOWN: &'static [Self] = KNOWN;

            /// The known name's number; of an extension only if it spells a known name.
            pub(crate) fn index(&self) -> Option<u8> {
                match self {
                    $(Self::$variant => Some(Index::$variant as u8),)*
                    Self::Extension(token) => lookup(token.as_bytes()),
                }
            }
        }
    };
}

header_names! {
    Accept => "Accept",
    AcceptCredentials => "Accept-Credentials",
    AcceptEncoding => "Accept-Encoding",
    AcceptLanguage => "Accept-Language",
    AcceptRanges => "Accept-Ranges",
    Allow => "Allow",
    AuthenticationInfo => "Authentication-Info",
    Authorization => "Authorization",
    Bandwidth => "Bandwidth",
    Blocksize => "Blocksize",
    CacheControl => "Cache-Control",
    Conference => "Conference",
    Connection => "Connection",
    ConnectionCredentials => "Connection-Credentials",
    ContentBase => "Content-Base",
    ContentEncoding => "Content-Encoding",
    ContentLanguage => "Content-Language",
    ContentLength => "Content-Length",
    ContentLocation => "Content-Location",
    ContentType => "Content-Type",
    CSeq => "CSeq",
    Date => "Date",
    Expires => "Expires",
    Frames => "Frames",
    From => "From",
    Host => "Host",
    IfMatch => "If-Match",
    IfModifiedSince => "If-Modified-Since",
    IfNoneMatch => "If-None-Match",
    Immediate => "Immediate",
    KeyMgmt => "KeyMgmt",
    LastModified => "Last-Modified",
    Location => "Location",
    MediaProperties => "Media-Properties",
    MediaRange => "Media-Range",
    MTag => "MTag",
    NotifyReason => "Notify-Reason",
    PipelinedRequests => "Pipelined-Requests",
    ProxyAuthenticate => "Proxy-Authenticate",
    ProxyAuthenticationInfo => "Proxy-Authentication-Info",
    ProxyAuthorization => "Proxy-Authorization",
    ProxyRequire => "Proxy-Require",
    ProxySupported => "Proxy-Supported",
    Public => "Public",
    Range => "Range",
    RateControl => "Rate-Control",
    Referer => "Referer",
    Referrer => "Referrer",
    RequestStatus => "Request-Status",
    Require => "Require",
    RetryAfter => "Retry-After",
    RtpInfo => "RTP-Info",
    Scale => "Scale",
    SeekStyle => "Seek-Style",
    Server => "Server",
    Session => "Session",
    Speed => "Speed",
    Supported => "Supported",
    TerminateReason => "Terminate-Reason",
    Timestamp => "Timestamp",
    Transport => "Transport",
    Unsupported => "Unsupported",
    UserAgent => "User-Agent",
    Via => "Via",
    WwwAuthenticate => "WWW-Authenticate",
    XServerIpAddress => "x-server-ip-address",
    XSessionCookie => "x-sessioncookie",
}

impl HeaderName {
    /// Reads a name; `None` when it is no token.
    pub fn parse(text: &str) -> Option<Self> {
        match lookup(text.as_bytes()) {
            Some(index) => Self::known(index),
            None => Token::new(text).map(Self::Extension),
        }
    }

    /// The name as it is written: known names always in the RFC's spelling.
    pub fn as_str(&self) -> &str {
        match (self.index(), self) {
            (Some(index), _) => known_text(index),
            (None, Self::Extension(token)) => token,
            (None, _) => "",
        }
    }

    fn known(index: u8) -> Option<Self> {
        KNOWN.get(usize::from(index)).cloned()
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        match (self.index(), other.index()) {
            (Some(a), Some(b)) => a == b,
            (None, None) => self.as_str().eq_ignore_ascii_case(other.as_str()),
            _ => false,
        }
    }
}

impl Eq for HeaderName {}

impl Hash for HeaderName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.as_str().bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The spelling of the known name with this number.
pub(crate) fn known_text(index: u8) -> &'static str {
    NAMES.get(usize::from(index)).copied().unwrap_or("")
}

/// The number of `Content-Length`.
pub(crate) const CONTENT_LENGTH: u8 = Index::ContentLength as u8;

const SLOTS: usize = 1024;
const EMPTY: u8 = u8::MAX;

/// Open addressing by length and four letters, filled when compiled. The factors of [`slot`] were tried out until the
/// known names collided nowhere.
#[allow(clippy::indexing_slicing)] // evaluated by the compiler, which would refuse an index out of range
static TABLE: [u8; SLOTS] = {
    let mut table = [EMPTY; SLOTS];
    let mut index = 0;
    while index < NAMES.len() {
        let mut slot = slot(NAMES[index].as_bytes());
        while table[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = index as u8;
        index += 1;
    }
    table
};

#[allow(clippy::indexing_slicing)] // each index is below a length that was just compared
const fn slot(name: &[u8]) -> usize {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    let first = (name[0] | 0x20) as usize;
    let middle = (name[length / 2] | 0x20) as usize;
    let later = (name[length * 3 / 4] | 0x20) as usize;
    let last = (name[length - 1] | 0x20) as usize;
    (length * 33 + first * 131 + middle * 61 + last * 254 + later * 390) % SLOTS
}

/// The number of a known name, whatever its case.
pub(crate) fn lookup(name: &[u8]) -> Option<u8> {
    let mut slot = slot(name);
    loop {
        let index = *TABLE.get(slot)?;
        let known = NAMES.get(usize::from(index))?;
        // Most peers spell as the RFC does.
        if known.as_bytes() == name || known.as_bytes().eq_ignore_ascii_case(name) {
            return Some(index);
        }
        slot = (slot + 1) % SLOTS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_msg_06_names_are_case_insensitive() {
        for (index, text) in NAMES.iter().enumerate() {
            for spelled in [text.to_ascii_lowercase(), text.to_ascii_uppercase()] {
                let name = HeaderName::parse(&spelled).unwrap();
                assert_eq!(name.index(), Some(index as u8), "{spelled}");
                assert_eq!(name.as_str(), *text);
            }
        }
    }

    #[test]
    fn an_extension_that_spells_a_known_name_is_that_name() {
        let token = Token::new("cseq").unwrap();
        assert_eq!(HeaderName::Extension(token), HeaderName::CSeq);
        assert_eq!(HeaderName::parse("X-Foo"), HeaderName::parse("x-foo"));
        assert_ne!(HeaderName::parse("X-Foo"), HeaderName::parse("X-Bar"));
        assert_eq!(HeaderName::parse("a:b"), None);
        assert_eq!(HeaderName::parse(""), None);
    }

    #[test]
    fn no_known_names_collide() {
        for (index, name) in NAMES.iter().enumerate() {
            assert_eq!(usize::from(TABLE[slot(name.as_bytes())]), index, "{name}");
        }
    }
}
