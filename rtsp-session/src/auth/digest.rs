//! The arithmetic of the Digest scheme (RFC 7616 §3.4, RFC 2617 §3.2.2).

use md5::Md5;
use rtsp_msg::headers;
use sha2::{Sha256, Sha512_256};
use std::fmt;

/// The hash of a Digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// The only one that FFmpeg, GStreamer and live555 know.
    Md5,
    /// RFC 7616.
    Sha256,
    /// RFC 7616: SHA-512, cut to half its length in the way of FIPS 180-4.
    Sha512_256,
}

impl Algorithm {
    /// Of a header's parameter: the hash, and whether it is the `-sess` variant. `None` for what is not implemented.
    #[must_use]
    pub const fn from_header(named: &headers::Algorithm) -> Option<(Self, bool)> {
        Some(match named {
            headers::Algorithm::Md5 => (Self::Md5, false),
            headers::Algorithm::Md5Sess => (Self::Md5, true),
            headers::Algorithm::Sha256 => (Self::Sha256, false),
            headers::Algorithm::Sha256Sess => (Self::Sha256, true),
            headers::Algorithm::Sha512_256 => (Self::Sha512_256, false),
            headers::Algorithm::Sha512_256Sess => (Self::Sha512_256, true),
            _ => return None,
        })
    }

    /// For a header's parameter.
    #[must_use]
    pub const fn to_header(self) -> headers::Algorithm {
        match self {
            Self::Md5 => headers::Algorithm::Md5,
            Self::Sha256 => headers::Algorithm::Sha256,
            Self::Sha512_256 => headers::Algorithm::Sha512_256,
        }
    }

    /// As in the `algorithm` parameter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }

    /// The hash of `parts` with colons between them, in lower-case hexadecimal digits.
    #[must_use]
    pub fn hash(self, parts: &[&str]) -> String {
        let parts = parts.iter().map(|part| part.as_bytes());
        match self {
            Self::Md5 => hash_with::<Md5>(parts),
            Self::Sha256 => hash_with::<Sha256>(parts),
            Self::Sha512_256 => hash_with::<Sha512_256>(parts),
        }
    }

    /// The hash of a body.
    fn hash_bytes(self, bytes: &[u8]) -> String {
        match self {
            Self::Md5 => hash_with::<Md5>([bytes].into_iter()),
            Self::Sha256 => hash_with::<Sha256>([bytes].into_iter()),
            Self::Sha512_256 => hash_with::<Sha512_256>([bytes].into_iter()),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn hash_with<'a, H: sha2::Digest>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hash = H::new();
    for (index, part) in parts.enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    hash.finalize()
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// H(username:realm:password): all that a verifier must keep of a password.
#[must_use]
pub fn secret(algorithm: Algorithm, username: &str, realm: &str, password: &str) -> String {
    algorithm.hash(&[username, realm, password])
}

/// The session's secret of the `-sess` variants: H(secret:nonce:cnonce).
#[must_use]
pub fn session_secret(algorithm: Algorithm, secret: &str, nonce: &str, cnonce: &str) -> String {
    algorithm.hash(&[secret, nonce, cnonce])
}

/// What `qop` adds to the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Auth<'a> {
    /// The nonce count as sent, eight hexadecimal digits.
    pub nc: &'a str,
    /// The requester's nonce.
    pub cnonce: &'a str,
    /// The request's body, for `qop=auth-int`: its hash is part of the proof, be it that of nothing (RFC 7826 §19.1.1).
    pub body: Option<&'a [u8]>,
}

/// The `response` parameter for one request. Without `qop` it is that of RFC 2069.
#[must_use]
pub fn response(
    algorithm: Algorithm,
    secret: &str,
    nonce: &str,
    auth: Option<Auth<'_>>,
    method: &str,
    uri: &str,
) -> String {
    let body = auth.and_then(|auth| auth.body);
    let request = match body {
        Some(body) => algorithm.hash(&[method, uri, &algorithm.hash_bytes(body)]),
        None => algorithm.hash(&[method, uri]),
    };
    match auth {
        Some(Auth { nc, cnonce, body }) => {
            let qop = if body.is_some() { "auth-int" } else { "auth" };
            algorithm.hash(&[secret, nonce, nc, cnonce, qop, &request])
        }
        None => algorithm.hash(&[secret, nonce, &request]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1 for both hashes; the first is also that of RFC 2617 §3.5 in shape.
    #[test]
    fn rfc_7616_example() {
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let auth = Auth {
            nc: "00000001",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            body: None,
        };
        for (algorithm, expected) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (
                Algorithm::Sha256,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
            // RFC 7616 §3.9.2 has one with `userhash` and a text of its own: this is the first example, by another program.
            (
                Algorithm::Sha512_256,
                "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0",
            ),
        ] {
            let secret = secret(
                algorithm,
                "Mufasa",
                "http-auth@example.org",
                "Circle of Life",
            );
            assert_eq!(
                response(
                    algorithm,
                    &secret,
                    nonce,
                    Some(auth),
                    "GET",
                    "/dir/index.html"
                ),
                expected
            );
        }
    }

    #[test]
    fn rfc_2617_example() {
        let secret = secret(
            Algorithm::Md5,
            "Mufasa",
            "testrealm@host.com",
            "Circle Of Life",
        );
        let auth = Auth {
            nc: "00000001",
            cnonce: "0a4f113b",
            body: None,
        };
        let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let with = response(
            Algorithm::Md5,
            &secret,
            nonce,
            Some(auth),
            "GET",
            "/dir/index.html",
        );
        assert_eq!(with, "6629fae49393a05397450978507c4ef1");
        let without = response(
            Algorithm::Md5,
            &secret,
            nonce,
            None,
            "GET",
            "/dir/index.html",
        );
        assert_eq!(without, "670fd8c2df070c60b045671b8b24ff02");
    }

    /// RFC 7616 §3.4.3: A2 is method, URI and the hash of the body; RFC 7826 §19.1.1: that of nothing where there is none. The
    /// figures were made with Python's hashlib.
    #[test]
    fn r2_auth_08_auth_int_takes_the_body_in_be_it_empty() {
        let secret = secret(
            Algorithm::Md5,
            "Mufasa",
            "testrealm@host.com",
            "Circle Of Life",
        );
        let with = |body| {
            let auth = Auth {
                nc: "00000001",
                cnonce: "0a4f113b",
                body: Some(body),
            };
            let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
            response(
                Algorithm::Md5,
                &secret,
                nonce,
                Some(auth),
                "SETUP",
                "rtsp://h/a",
            )
        };
        assert_eq!(
            Algorithm::Md5.hash_bytes(b""),
            "d41d8cd98f00b204e9800998ecf8427e"
        );
        assert_eq!(with(b""), "92e1b39ca11c2da2af7b8456f01c7896");
        assert_eq!(with(b"a: 1\r\n"), "ed4f4721fe7ab800e8e0051d26edbe1a");
    }
}
