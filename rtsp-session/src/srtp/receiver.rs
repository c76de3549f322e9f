//! The receiving end of a context.

use bytes::BytesMut;

use super::{
    Keys, MasterKey, OpenError,
    index::{MAX_SOURCES, estimate},
    keys::{Header, rtcp_source},
    replay::Window,
};

/// Rollovers that a source may have made in a pause: some 40 minutes of 4 Mbit/s.
const REACH: u32 = 16;

/// Opens what one peer sends, once each. Sources are taken up with their first packet that is authentic, so that nobody
/// without the key can fill the table.
#[derive(Debug)]
pub struct Receiver {
    master: MasterKey,
    keys: Keys,
    sources: Vec<Source>,
    /// Rollovers that a key exchange told of sources that were not heard yet.
    told: Vec<(u32, u32)>,
    drops: Drops,
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    rtp: Option<Window>,
    rtcp: Option<Window>,
    /// Its sequence number may have rolled over while nothing came.
    resuming: bool,
}

/// What was not opened, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drops {
    /// No packets of their kind.
    pub malformed: u64,
    /// Not authentic, or named another key.
    pub forged: u64,
    /// Received before, or too old to know.
    pub replayed: u64,
    /// Behind the end of a key's life, or from more sources than are kept.
    pub refused: u64,
}

impl Drops {
    /// All together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.malformed + self.forged + self.replayed + self.refused
    }

    fn count(&mut self, error: OpenError) {
        let count = match error {
            OpenError::Malformed => &mut self.malformed,
            OpenError::AuthenticationFailed | OpenError::UnknownKey => &mut self.forged,
            OpenError::Replayed | OpenError::Old => &mut self.replayed,
            OpenError::KeyExpired | OpenError::TooManySources | OpenError::NoKey => {
                &mut self.refused
            }
        };
        *count += 1;
    }
}

impl Receiver {
    /// Nothing received yet.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self {
            master: master.clone(),
            keys: Keys::derive(master),
            sources: Vec::new(),
            told: Vec::new(),
            drops: Drops::default(),
        }
    }

    /// How often a source has rolled over already, as a key exchange tells a receiver that joins late. It counts until
    /// the source's first packet; 32 sources are remembered.
    pub fn expect(&mut self, ssrc: u32, roc: u32) {
        if let Some(told) = self.told.iter_mut().find(|told| told.0 == ssrc) {
            told.1 = roc;
        } else if self.told.len() < MAX_SOURCES {
            self.told.push((ssrc, roc));
        }
    }

    /// Nothing came for a while although its sources went on, as in a pause: the next packet of each may be up to 16 rollovers ahead.
    pub fn resume(&mut self) {
        for source in &mut self.sources {
            source.resuming = true;
        }
    }

    /// Whether both open what is sealed with one and the same key.
    #[must_use]
    pub fn has_key_of(&self, other: &Self) -> bool {
        let (one, other) = (&self.master, &other.master);
        one.suite() == other.suite()
            && one.identifier() == other.identifier()
            && one.key_and_salt() == other.key_and_salt()
    }

    /// What was dropped so far.
    #[must_use]
    pub fn drops(&self) -> Drops {
        self.drops
    }

    /// Appends to `out` what a sealed RTP packet was.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; then `out` and the context are as before, but for the count of drops.
    pub fn open_rtp(&mut self, packet: &[u8], out: &mut BytesMut) -> Result<(), OpenError> {
        let opened = self.rtp(packet, out);
        opened.inspect_err(|error| self.drops.count(*error))
    }

    /// Appends to `out` what a sealed compound was.
    ///
    /// # Errors
    ///
    /// As [`open_rtp`](Self::open_rtp).
    pub fn open_rtcp(&mut self, packet: &[u8], out: &mut BytesMut) -> Result<(), OpenError> {
        let opened = self.rtcp(packet, out);
        opened.inspect_err(|error| self.drops.count(*error))
    }

    fn rtp(&mut self, packet: &[u8], out: &mut BytesMut) -> Result<(), OpenError> {
        let header = Header::parse(packet).ok_or(OpenError::Malformed)?;
        let known = self.place(header.ssrc)?;
        let source = known.and_then(|at| self.sources.get(at));
        let window = source.and_then(|source| source.rtp);
        let resuming = source.is_some_and(|source| source.resuming);
        let (best, low, high) = match window {
            Some(window) => {
                let first = (window.newest() >> 16) as u32;
                match likely(window, header.sequence) {
                    Ok(roc) if !resuming => (roc, roc, roc),
                    Err(error) if !resuming => return Err(error),
                    likely => (likely.unwrap_or(first), first, first.saturating_add(REACH)),
                }
            }
            // What was told may be a rollover older or newer than the first packet: the seal shows which.
            None => match self.told.iter().find(|told| told.0 == header.ssrc) {
                Some((_, roc)) => (*roc, roc.saturating_sub(1), roc.saturating_add(1)),
                None => (0, 0, 0),
            },
        };
        let index = |roc: u32| u64::from(roc) << 16 | u64::from(header.sequence);
        let is_new = |roc: &u32| window.is_none_or(|window| window.check(index(*roc)).is_ok());
        let others = (low..=high).filter(|roc| *roc != best);
        let mut opened = Err(OpenError::Old);
        for roc in std::iter::once(best).chain(others).filter(is_new) {
            opened = self.keys.open_rtp(roc, packet, out).map(|()| index(roc));
            if opened != Err(OpenError::AuthenticationFailed) {
                break;
            }
        }
        let index = opened?;
        let source = self.source(known, header.ssrc);
        if let Some(source) = source {
            note(&mut source.rtp, index);
            source.resuming = false;
        }
        Ok(())
    }

    fn rtcp(&mut self, packet: &[u8], out: &mut BytesMut) -> Result<(), OpenError> {
        let ssrc = rtcp_source(packet).ok_or(OpenError::Malformed)?;
        let known = self.place(ssrc)?;
        let start = out.len();
        // The index is authentic only when the rest is.
        let index = u64::from(self.keys.open_rtcp(packet, out)?);
        let window = known.and_then(|at| self.sources.get(at)?.rtcp);
        if let Some(Err(error)) = window.map(|window| window.check(index)) {
            out.truncate(start);
            return Err(error);
        }
        if let Some(source) = self.source(known, ssrc) {
            note(&mut source.rtcp, index);
        }
        Ok(())
    }

    /// Where a source is; `None` for a new one that there is room for.
    fn place(&self, ssrc: u32) -> Result<Option<usize>, OpenError> {
        let known = self.sources.iter().position(|source| source.ssrc == ssrc);
        if known.is_none() && self.sources.len() >= MAX_SOURCES {
            return Err(OpenError::TooManySources);
        }
        Ok(known)
    }

    fn source(&mut self, known: Option<usize>, ssrc: u32) -> Option<&mut Source> {
        let at = known.unwrap_or_else(|| {
            self.sources.push(Source {
                ssrc,
                rtp: None,
                rtcp: None,
                resuming: false,
            });
            self.sources.len() - 1
        });
        self.sources.get_mut(at)
    }
}

/// How often the sequence number has most likely rolled over, where the packet may be taken then.
fn likely(window: Window, sequence: u16) -> Result<u32, OpenError> {
    let newest = window.newest();
    let index = estimate(newest, sequence).ok_or(if newest < 1 << 16 {
        OpenError::Old
    } else {
        OpenError::KeyExpired
    })?;
    window.check(index)?;
    Ok((index >> 16) as u32)
}

fn note(window: &mut Option<Window>, index: u64) {
    match window {
        Some(window) => window.insert(index),
        None => *window = Some(Window::new(index)),
    }
}
