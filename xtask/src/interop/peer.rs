//! A peer: a program that others use, and what it can do here.

use super::clip::Clip;
use super::fingerprint::Capture;
use super::machine::Machine;
use super::process::Process;
use super::stage::Stage;
use crate::failure::Result;
use std::fmt;
use std::path::Path;

/// Which way the media go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
    /// Interleaved, and RTSP within HTTP.
    Http,
    /// Interleaved, and RTSP within WebSocket.
    WebSocket,
    /// Datagrams to a group.
    Multicast,
}

impl Transport {
    /// Those that every peer has.
    pub(crate) const BOTH: [Self; 2] = [Self::Tcp, Self::Udp];

    /// As our client spells it; the others do the first two.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Http => "http",
            Self::WebSocket => "ws",
            Self::Multicast => "multicast",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// The version of RTSP that a reader is to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Version {
    #[default]
    V1,
    V2,
}

impl Version {
    /// As it stands behind `RTSP/`, and as our client spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
        }
    }
}

/// What a reader is to do.
pub(crate) struct Reading<'a> {
    pub(crate) url: &'a str,
    pub(crate) transport: Transport,
    pub(crate) version: Version,
    pub(crate) clip: &'a Clip,
    /// How much of it, in seconds of media.
    pub(crate) seconds: u32,
    /// The server begins with a burst, from a key frame that is past.
    pub(crate) live: bool,
    pub(crate) protection: Protection<'a>,
}

/// What keeps others from reading along.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Protection<'a> {
    /// With `rtsps`: the file with the certificate of the server, which is its own authority.
    pub(crate) authority: Option<&'a Path>,
    /// Media are encrypted themselves. Who reads is told so by the description, who publishes decides it.
    pub(crate) srtp: bool,
}

impl<'a> Reading<'a> {
    /// A few seconds from the start, in RTSP/1.0.
    pub(crate) fn new(url: &'a str, transport: Transport, clip: &'a Clip) -> Self {
        Self {
            url,
            transport,
            version: Version::V1,
            clip,
            seconds: 4,
            live: false,
            protection: Protection::default(),
        }
    }
}

/// What a publisher is to do.
pub(crate) struct Publishing<'a> {
    pub(crate) url: &'a str,
    pub(crate) transport: Transport,
    pub(crate) clip: &'a Clip,
    pub(crate) protection: Protection<'a>,
}

impl<'a> Publishing<'a> {
    /// In the clear.
    pub(crate) fn new(url: &'a str, transport: Transport, clip: &'a Clip) -> Self {
        Self {
            url,
            transport,
            clip,
            protection: Protection::default(),
        }
    }
}

/// A server that plays a clip, until it is dropped.
pub(crate) struct Served {
    pub(crate) process: Process,
    pub(crate) url: String,
}

/// A server that takes what is published to it.
pub(crate) struct Sink {
    pub(crate) process: Process,
    pub(crate) url: String,
    /// What will be there when it has ended.
    pub(crate) capture: Capture,
}

type Read = fn(&Stage<'_>, &Reading<'_>) -> Result<Capture>;
type Publish = fn(&Stage<'_>, &Publishing<'_>) -> Result<Process>;
type Serve = fn(&Stage<'_>, &Clip) -> Result<Served>;
type Accept = fn(&Stage<'_>, &Clip, Transport) -> Result<Sink>;
type Relay = fn(&Stage<'_>, upstream: &str) -> Result<Served>;

/// A peer and its abilities: those that it has not are `None`.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// The line that installs it.
    pub(crate) install: &'static str,
    /// Its version, if it is here.
    pub(crate) version: fn(&Machine) -> Option<String>,
    pub(crate) read: Option<Read>,
    pub(crate) publish: Option<Publish>,
    pub(crate) serve: Option<Serve>,
    pub(crate) accept: Option<Accept>,
    pub(crate) relay: Option<Relay>,
}

impl Peer {
    /// A peer that can do nothing yet: the abilities are named where it is defined.
    pub(crate) const fn new(
        name: &'static str,
        install: &'static str,
        version: fn(&Machine) -> Option<String>,
    ) -> Self {
        Self {
            name,
            install,
            version,
            read: None,
            publish: None,
            serve: None,
            accept: None,
            relay: None,
        }
    }
}

impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
