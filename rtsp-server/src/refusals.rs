//! What was refused because a limit was reached: counted and named.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A limit that somebody met. Most have the name of their setting in [`Limits`](crate::Limits).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Limit {
            $($(#[$doc])* $name,)*
        }

        impl Limit {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name, as in the configuration file.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

limits! {
    /// A connection was closed as it came: there are as many as there may be.
    Connections = "connections",
    /// The same, of its address.
    ConnectionsPerAddress = "connections_per_address",
    /// A connection was closed, or credentials were not looked at: too many wrong ones came from its address.
    Failures = "failures_per_address",
    /// A request had to wait for its turn, or was not answered: its address asks too often.
    RequestRate = "requests_per_second",
    /// A session was refused: there are as many as there may be.
    Sessions = "sessions",
    /// The same, of its address.
    SessionsPerAddress = "sessions_per_address",
    /// The same, of its connection.
    SessionsPerConnection = "sessions_per_connection",
    /// A SETUP was refused: its media would exceed what readers may take together.
    Bandwidth = "bandwidth",
    /// A publisher was refused: there are as many streams as there may be.
    Streams = "streams",
    /// A publisher was refused: its description has too many media.
    Media = "media",
    /// A publisher's session was ended: it sent more than it may.
    PublishBitRate = "publish_bit_rate",
    /// A message was refused: too many bytes of header, or of its first line.
    HeaderBytes = "header_bytes",
    /// A message was refused: too many header lines.
    HeaderCount = "header_count",
    /// A request was refused: its URL is too long.
    Url = "url",
    /// A message was refused: its body is too large.
    Body = "body",
    /// A connection was closed: so many had begun TLS and not come to its end, or were one half of a tunnel, in all or from its address.
    HalfOpen = "half_open",
    /// One half of a tunnel over HTTP was refused: its cookie is in use, or its POST has no GET of its address, or one of them has TLS.
    TunnelHalves = "tunnel halves",
    /// A connection was closed: the POST of its tunnel brought what is no base64, or something came on the GET.
    TunnelBase64 = "tunnel base64",
    /// A connection was closed: frames of WebSocket came that a client may not send.
    WebSocketFrames = "websocket frames",
    /// A tunnel was refused: the page of a site asked for it that may not.
    WebSocketOrigins = "websocket_origins",
    /// A connection was closed: it did not come to the end of the handshake of TLS, or the other half of its tunnel did not come.
    Handshake = "handshake_timeout",
    /// A connection was closed: its first request did not come.
    FirstRequest = "first_request_timeout",
    /// A connection was closed: a message was begun and did not end.
    Message = "message_timeout",
    /// A connection was closed: nobody logged in and no session was made on it.
    Unauthenticated = "unauthenticated_timeout",
    /// A connection was closed: nothing came, and no session needed it.
    Idle = "idle_timeout",
    /// A request was answered 503: too many passwords and tokens were being checked, or who has to be asked did not answer.
    PasswordChecks = "password checks",
    /// A SETUP was answered 503: too many exchanges of keys by RSA were being computed, in all or of its address.
    KeyExchanges = "key_exchanges",
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often each limit was met.
#[derive(Debug)]
pub(crate) struct Refusals(Vec<AtomicU64>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Limit::ALL.iter().map(|_| AtomicU64::new(0)).collect())
    }
}

impl Refusals {
    /// Counts one, and tells the log of the first and each time that there are twice as many.
    pub(crate) fn count(&self, limit: Limit, peer: impl fmt::Display) {
        let Some(count) = self.0.get(limit as usize) else {
            return;
        };
        let count = count.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            tracing::warn!(%limit, %peer, count, "refused: a limit is reached");
        } else {
            tracing::debug!(%limit, %peer, count, "refused: a limit is reached");
        }
    }

    pub(crate) fn of(&self, limit: Limit) -> u64 {
        let count = self.0.get(limit as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_count_of_its_own() {
        let refusals = Refusals::default();
        for (times, limit) in Limit::ALL.iter().enumerate() {
            (0..times).for_each(|_| refusals.count(*limit, "test"));
        }
        for (times, limit) in Limit::ALL.iter().enumerate() {
            assert_eq!(refusals.of(*limit), times as u64, "{limit}");
        }
    }
}
