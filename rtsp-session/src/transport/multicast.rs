//! Multicast: the group that carries a media, and what descriptions and transports say of it (RFC 8866 §5.7, RFC 4570,
//! RFC 2326 §12.39, RFC 7826 §18.54).

use super::ports;
use rtsp_msg::Version;
use rtsp_msg::headers::{Address, TransportSpec};
use sdp::{Attribute, Connection, Description, Media};
use std::net::{IpAddr, SocketAddr};

/// A multicast group as it carries one media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // Complete: what a transport says of it.
pub struct Group {
    /// Its address.
    pub address: IpAddr,
    /// The ports of RTP and RTCP.
    pub ports: (u16, u16),
    /// How many routers packets may pass. In IPv6 it is the hop limit, which descriptions do not tell (RFC 8866 §5.7).
    pub ttl: Option<u8>,
    /// The one who sends; receivers that join only what it sends get nothing of others (RFC 4607).
    pub source: Option<IpAddr>,
}

impl Group {
    /// Where RTP goes.
    #[must_use]
    pub const fn rtp(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.ports.0)
    }

    /// Where RTCP goes, of the sender and of all receivers.
    #[must_use]
    pub const fn rtcp(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.ports.1)
    }

    /// Whether it is one to be joined for one source only (RFC 4607 §1).
    #[must_use]
    pub fn is_source_specific(&self) -> bool {
        is_source_specific(self.address)
    }

    /// The group that a description names for one of its media: `c=` and `m=`, and the source of `a=source-filter` (RFC 4570).
    ///
    /// `None` where it names none: no multicast address, or no port. `m=` is RTP's port and the next one RTCP's, unless
    /// `a=rtcp` says otherwise (RFC 3605).
    #[must_use]
    pub fn described(description: &Description, media: &Media) -> Option<Self> {
        let connection = description.connection_of(media)?;
        let address = connection.ip_address().filter(IpAddr::is_multicast)?;
        let rtcp = media.attribute("rtcp");
        let rtcp = rtcp.and_then(|text| text.split(' ').next()?.parse().ok());
        let all = media.attributes.iter().chain(&description.attributes);
        let mut filters = all.filter(|attribute| attribute.is("source-filter"));
        Some(Self {
            address,
            ports: ports::pair((media.port, rtcp))?,
            ttl: connection.ttl(),
            source: filters.find_map(|filter| included(filter.value.as_deref()?, address)),
        })
    }

    /// Puts it into a description's media: `c=` with the time to live, the port, and the source that a group for one source has to
    /// be joined with.
    pub fn describe(&self, media: &mut Media) {
        let mut connection = Connection::ip(self.address);
        if let (IpAddr::V4(_), Some(ttl)) = (self.address, self.ttl) {
            connection.address = format!("{}/{ttl}", self.address);
        }
        if let Some(source) = self.source {
            let kind = &connection.address_type;
            let filter = format!(" incl IN {kind} {} {source}", self.address);
            media
                .attributes
                .push(Attribute::new("source-filter", filter));
        }
        media.connections = vec![connection];
        media.port = self.ports.0;
    }

    /// The group that an alternative names; the time to live and the source where it says them. `None` where there is no multicast
    /// address, or no port.
    #[must_use]
    pub fn named(spec: &TransportSpec) -> Option<Self> {
        let ip = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let (host, ports) = match spec.dest_addr.as_slice() {
            [] => (spec.destination.as_deref(), spec.port),
            [rtp, rest @ ..] => {
                let rtcp = rest.first().map(|address| address.port);
                (rtp.host.as_deref(), Some((rtp.port, rtcp)))
            }
        };
        let source = spec.src_addr.first().and_then(|from| from.host.as_deref());
        let source = source.or(spec.source.as_deref()).and_then(ip);
        Some(Self {
            address: host.and_then(ip).filter(IpAddr::is_multicast)?,
            ports: ports::pair(ports?)?,
            ttl: spec.ttl,
            source: source.filter(|source| !source.is_multicast() && !source.is_unspecified()),
        })
    }

    /// Writes it into an alternative, in the form of the version.
    pub(super) fn tell(&self, spec: &mut TransportSpec, version: Version) {
        spec.ttl = self.ttl;
        if version == Version::V2_0 {
            let pair = |host: IpAddr| {
                let host = Some(host.to_string());
                [self.ports.0, self.ports.1].map(|port| Address {
                    host: host.clone(),
                    port,
                })
            };
            spec.dest_addr = pair(self.address).into();
            // Whoever sends does so from the same ports.
            spec.src_addr = self
                .source
                .map(|source| pair(source).into())
                .unwrap_or_default();
        } else {
            spec.destination = Some(self.address.to_string());
            spec.source = self.source.map(|source| source.to_string());
            spec.port = Some((self.ports.0, Some(self.ports.1)));
        }
    }
}

/// Whether an address is of the ranges that are joined for one source only: 232/8 and FF3x::/32 (RFC 4607 §1).
#[must_use]
pub fn is_source_specific(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[0] == 232,
        IpAddr::V6(address) => {
            let segments = address.segments();
            segments[0] & 0xfff0 == 0xff30 && segments[1] == 0
        }
    }
}

/// The first source that ` incl IN IP4 GROUP SOURCE…` lets in for `group` (RFC 4570 §3); `*` is every group.
fn included(filter: &str, group: IpAddr) -> Option<IpAddr> {
    let mut words = filter.split_ascii_whitespace();
    let mode = words.next()?;
    let (_network, _kind, to) = (words.next()?, words.next()?, words.next()?);
    let meant = to == "*" || to.parse() == Ok(group);
    let mut sources = words.filter_map(|word| word.parse::<IpAddr>().ok());
    let source = sources.find(|source| source.is_ipv4() == group.is_ipv4())?;
    (mode == "incl" && meant && !source.is_multicast() && !source.is_unspecified())
        .then_some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_from_what_describes_them() {
        let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 239.1.1.1/16\r\nt=0 0\r\n\
            a=source-filter: incl IN IP4 * 192.0.2.9 192.0.2.8\r\n\
            m=video 5000 RTP/AVP 96\r\nm=audio 5002 RTP/AVP 0\r\nc=IN IP6 ff3e::8000:1\r\na=rtcp:5010\r\n\
            m=audio 0 RTP/AVP 0\r\nm=audio 5004 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n";
        let description = Description::parse(text.as_bytes()).unwrap();
        let of = |at: usize| Group::described(&description, &description.media[at]);
        let first = Group {
            address: [239, 1, 1, 1].into(),
            ports: (5000, 5001),
            ttl: Some(16),
            source: Some([192, 0, 2, 9].into()),
        };
        assert_eq!(of(0), Some(first));
        let second = of(1).unwrap();
        assert_eq!((second.ports, second.ttl), ((5002, 5010), None));
        assert_eq!(second.source, None, "a source of another family is none");
        assert!(second.is_source_specific() && !first.is_source_specific());
        assert_eq!((of(2), of(3)), (None, None));

        let mut written = description.clone();
        written.attributes.clear();
        first.describe(&mut written.media[0]);
        let text = written.encode();
        assert!(text.contains("\r\nc=IN IP4 239.1.1.1/16\r\n"), "{text}");
        let filter = "\r\na=source-filter: incl IN IP4 239.1.1.1 192.0.2.9\r\n";
        assert!(text.contains(filter), "{text}");
        let again = Description::parse(text.as_bytes()).unwrap();
        assert_eq!(Group::described(&again, &again.media[0]), Some(first));
    }

    #[test]
    fn filters_for_others_and_those_that_keep_out_name_no_source() {
        let group = [239, 1, 1, 1].into();
        for (filter, source) in [
            (" incl IN IP4 239.1.1.1 192.0.2.9", Some("192.0.2.9")),
            ("incl IN IP4 * 192.0.2.9", Some("192.0.2.9")),
            (" incl IN IP4 239.1.1.2 192.0.2.9", None),
            (" excl IN IP4 239.1.1.1 192.0.2.9", None),
            (" incl IN IP4 239.1.1.1 host.example", None),
            (" incl IN IP4 239.1.1.1 239.1.1.1", None),
            (" incl IN IP4", None),
            ("", None),
        ] {
            let source = source.map(|source| source.parse().unwrap());
            assert_eq!(included(filter, group), source, "{filter:?}");
        }
    }
}
