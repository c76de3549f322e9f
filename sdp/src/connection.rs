use std::net::IpAddr;

/// A `c=` line (RFC 8866 §5.7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Network type, `IN`.
    pub network: String,
    /// Address type, `IP4` or `IP6`.
    pub address_type: String,
    /// The address as written, with `/ttl` and `/count` where there.
    pub address: String,
}

impl Connection {
    /// The address of an IP host or group, without time to live.
    pub fn ip(address: IpAddr) -> Self {
        Self {
            network: "IN".to_owned(),
            address_type: address_type(address).to_owned(),
            address: address.to_string(),
        }
    }

    /// The IP address; `None` for a host name.
    pub fn ip_address(&self) -> Option<IpAddr> {
        self.address.split('/').next()?.parse().ok()
    }

    /// The time to live of an IPv4 multicast address.
    pub fn ttl(&self) -> Option<u8> {
        match self.ip_address()? {
            IpAddr::V4(_) => self.address.split('/').nth(1)?.parse().ok(),
            IpAddr::V6(_) => None,
        }
    }

    /// Whether it names a multicast group.
    pub fn is_multicast(&self) -> bool {
        self.ip_address()
            .is_some_and(|address| address.is_multicast())
    }
}

/// A `b=` line (RFC 8866 §5.8).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bandwidth {
    /// What is meant: `AS`, `TIAS`, `RR`, `RS`…
    pub kind: String,
    /// The figure: kbit/s for `AS` and `CT`, bit/s for the others.
    pub value: u64,
}

pub(crate) fn address_type(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    }
}
