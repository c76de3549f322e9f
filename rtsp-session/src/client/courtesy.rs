//! What requests say about the one who asks, if he wants it said.

use rtsp_msg::HeaderName;
use rtsp_msg::Request;
use rtsp_msg::headers::Referrer;

/// Headers that tell about the user. None of them is sent unless it is given here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Courtesy {
    /// `From`: who is responsible for the requests, such as `mailto:ann@example.com`. Only with the approval of whom it names
    /// (RFC 7826 §18.23).
    pub from: Option<String>,
    /// `Referrer`: the URI of the document that the URL was found in; not to be given for a URL that somebody typed
    /// (RFC 7826 §18.41). Its fragment is left out, and where it is of an encrypted document it goes out encrypted only.
    pub referrer: Option<String>,
    /// `Bandwidth`, in bit/s: what the narrowest link on the way to us carries, if that is known for sure (RFC 7826 §18.9).
    pub bandwidth: Option<u64>,
}

impl Courtesy {
    /// Puts it into a request; `encrypted`: nobody on the way can read it.
    pub(super) fn write(&self, encrypted: bool, request: &mut Request) {
        if let Some(from) = &self.from {
            request.headers.insert(HeaderName::From, from);
        }
        if let Some(bandwidth) = self.bandwidth {
            let bandwidth = bandwidth.to_string();
            request.headers.insert(HeaderName::Bandwidth, bandwidth);
        }
        if let Some(referrer) = self.referrer.as_deref().and_then(without_fragment)
            && (encrypted || !is_secure(referrer))
        {
            Referrer(referrer.to_owned()).put(request.version, &mut request.headers);
        }
    }
}

fn without_fragment(referrer: &str) -> Option<&str> {
    let referrer = referrer.split('#').next()?.trim();
    Some(referrer).filter(|referrer| !referrer.is_empty())
}

/// Whether the document came over an encrypted connection.
fn is_secure(referrer: &str) -> bool {
    let scheme = referrer.split(':').next().unwrap_or_default();
    ["https", "rtsps"]
        .iter()
        .any(|secure| scheme.eq_ignore_ascii_case(secure))
}
