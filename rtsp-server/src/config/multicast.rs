//! What multicast delivery is set up with.

use std::{net::IpAddr, time::Duration};

/// The most addresses of a range that are lent: more streams than this have no group at the same time.
const MOST_ADDRESSES: u32 = 65_536;

/// Multicast delivery of what is live: each stream that is read so has a group, and is sent there once for all its readers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Multicast {
    /// The groups to choose from.
    pub groups: Vec<GroupRange>,
    /// The ports to choose from, both included: each media of a stream has an even one and the next.
    pub ports: (u16, u16),
    /// How many routers packets may pass.
    pub ttl: u8,
    /// The addresses to send from, by family; they say by which interface, too.
    pub sources: Vec<IpAddr>,
    /// The paths that are offered so, or beginnings of paths with a `*`; all where there are none.
    pub paths: Vec<String>,
    /// Whether descriptions name the group. Players then may join it without asking, and some take nothing else.
    pub describe: bool,
    /// Whether what not everybody may read is offered, too: in a group everybody gets it.
    pub guarded: bool,
    /// How long a group rests before another stream has it.
    pub quarantine: Duration,
}

impl Multicast {
    /// Groups of these ranges, sent from these addresses, to the next router.
    #[must_use]
    pub fn new(groups: Vec<GroupRange>, sources: Vec<IpAddr>) -> Self {
        Self {
            groups,
            ports: (42_000, 42_999),
            ttl: 1,
            sources,
            paths: Vec::new(),
            describe: false,
            guarded: false,
            quarantine: Duration::from_secs(60),
        }
    }

    pub(crate) fn source_of(&self, v6: bool) -> Option<IpAddr> {
        let mut sources = self.sources.iter().copied();
        sources.find(|source| source.is_ipv6() == v6)
    }
}

/// A range of multicast addresses: `239.1.2.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRange {
    first: IpAddr,
    count: u32,
}

impl GroupRange {
    pub(crate) fn is_ipv6(self) -> bool {
        self.first.is_ipv6()
    }

    /// Its addresses, at most 65 536 of them.
    pub(crate) fn addresses(self) -> impl Iterator<Item = IpAddr> {
        (0..self.count).map(move |number| match self.first {
            IpAddr::V4(first) => IpAddr::V4((first.to_bits() + number).into()),
            IpAddr::V6(first) => IpAddr::V6((first.to_bits() + u128::from(number)).into()),
        })
    }
}

/// Not a range of multicast addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a range of multicast addresses such as \"239.1.2.0/24\" or \"ff15::4200/120\", and not of 224.0.0.0/24"
)]
#[non_exhaustive]
pub struct NotGroups;

impl std::str::FromStr for GroupRange {
    type Err = NotGroups;

    /// Reads an address, or one and the length of a prefix.
    fn from_str(text: &str) -> Result<Self, NotGroups> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, prefix.parse::<u32>().map_err(|_| NotGroups)?),
            None => (text, u32::MAX),
        };
        let address: IpAddr = address.parse().map_err(|_| NotGroups)?;
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let free = width - prefix.min(width);
        let count = 1_u32.checked_shl(free).unwrap_or(MOST_ADDRESSES);
        let first = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(free).unwrap_or(0);
                // RFC 5771 §4: those of one link's own protocols.
                let reserved = address.octets()[..3] == [224, 0, 0];
                let first = (!reserved).then_some(address.to_bits() & mask);
                IpAddr::V4(first.ok_or(NotGroups)?.into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(free).unwrap_or(0);
                IpAddr::V6((address.to_bits() & mask).into())
            }
        };
        if !first.is_multicast() || (prefix != u32::MAX && (prefix > width || prefix < 8)) {
            return Err(NotGroups);
        }
        let count = count.min(MOST_ADDRESSES);
        Ok(Self { first, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_groups() {
        let read = |text: &str| {
            let range: GroupRange = text.parse().ok()?;
            let all: Vec<String> = range.addresses().map(|ip| ip.to_string()).collect();
            Some((all.first()?.clone(), all.last()?.clone(), all.len()))
        };
        let is = |first: &str, last: &str, count| Some((first.to_owned(), last.to_owned(), count));
        assert_eq!(read("239.1.2.3"), is("239.1.2.3", "239.1.2.3", 1));
        assert_eq!(read("239.1.2.3/24"), is("239.1.2.0", "239.1.2.255", 256));
        assert_eq!(read("ff15::4200/120"), is("ff15::4200", "ff15::42ff", 256));
        assert_eq!(read("ff15::/16"), is("ff15::", "ff15::ffff", 65_536));
        for text in [
            "192.0.2.0/24",
            "224.0.0.1",
            "239.1.2.0/33",
            "239.1.2.0/0",
            "ff15::/x",
            "",
            "2001:db8::1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
