//! From the description that a source gave to the one that a server gives its readers.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use crate::Attribute;
use crate::Connection;
use crate::Description;
use crate::Direction;
use crate::Media;
use crate::Origin;
use crate::Timing;
use crate::control;

/// Attributes that tell how the source is reached, secured or grouped on its own transport. Names in lower case.
const OF_THE_TRANSPORT: &[&str] = &[
    "candidate",
    "connection",
    "crypto",
    "end-of-candidates",
    "etag",
    "fingerprint",
    "ice-lite",
    "ice-mismatch",
    "ice-options",
    "ice-pwd",
    "ice-ufrag",
    "key-mgmt",
    "mtag",
    "msid",
    "msid-semantic",
    "remote-candidates",
    "rtcp",
    "rtcp-fb",
    "rtcp-mux",
    "rtcp-mux-only",
    "rtcp-rsize",
    "rtcp-unicast",
    "setup",
    "source-filter",
    "ssrc",
    "ssrc-group",
    "tls-id",
    "tool",
];

impl Description {
    /// The answer to a DESCRIBE for what this description announced: same media with the same formats and
    /// attributes, but `origin`, no address and port (RFC 7826 §D.1.2, §D.1.8), `a=control:*` for the
    /// aggregate and [`control::track`] for each media, `a=recvonly`, and `range` as the only range.
    ///
    /// What the source said of its own transport is left out: addresses, RTCP ports, keys, candidates.
    #[must_use]
    pub fn for_describe(&self, origin: Origin, range: Option<&str>) -> Self {
        let nowhere = if origin.address_type.eq_ignore_ascii_case("IP6") {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED)
        } else {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        };
        let mut answer = Self::new(origin, self.session_name.clone());
        answer.information = self.information.clone();
        answer.connection = Some(Connection::ip(nowhere));
        answer.bandwidth = self.bandwidth.clone();
        answer.times = vec![Timing::default()];
        answer.control = Some("*".to_owned());
        answer.range = range.map(str::to_owned);
        answer.attributes = own_attributes(&self.attributes);
        answer.media = self.media.iter().enumerate().map(media).collect();
        answer
    }
}

impl Description {
    /// The same for delivery by other ways than RTSP, where no Content-Base comes with it (RFC 7826 §D.5): every control is an absolute
    /// URI, `base` that of the presentation.
    #[must_use]
    pub fn for_delivery(&self, base: &str) -> Self {
        let aggregate = control::resolve(base, self.control.as_deref());
        let mut delivered = self.clone();
        for media in &mut delivered.media {
            let control = control::resolve(&aggregate, media.control.as_deref());
            media.control = Some(control);
        }
        delivered.control = Some(aggregate);
        delivered
    }
}

fn media((index, source): (usize, &Media)) -> Media {
    let protocol = if source.is_rtp() {
        "RTP/AVP"
    } else {
        &source.protocol
    };
    let mut media = Media::new(source.kind.clone(), protocol);
    media.formats = source.formats.clone();
    media.other_formats = source.other_formats.clone();
    media.title = source.title.clone();
    media.bandwidth = source.bandwidth.clone();
    media.control = Some(control::track(index));
    media.direction = Direction::ReceiveOnly;
    media.framerate = source.framerate;
    media.attributes = own_attributes(&source.attributes);
    media
}

fn own_attributes(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes
        .iter()
        .filter(|attribute| !OF_THE_TRANSPORT.iter().any(|name| attribute.is(name)))
        .filter(|attribute| !is_bundle(attribute))
        .cloned()
        .collect()
}

/// `a=group:BUNDLE` puts all media on one transport (RFC 9143); other groups concern their meaning.
fn is_bundle(attribute: &Attribute) -> bool {
    let value = attribute.value.as_deref().unwrap_or_default();
    let semantics = value.split_ascii_whitespace().next().unwrap_or_default();
    attribute.is("group") && semantics.eq_ignore_ascii_case("BUNDLE")
}
