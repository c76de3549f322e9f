//! The frames of one media, out of the packets of each of its sources.

use rtp_core::Codec;
use rtp_core::Depacketizer;
use rtp_core::Frame;
use rtp_core::Packet;
use rtp_core::Parameters;
use sdp::Format;

/// More sources than this are not read at a time; the one that joined first makes room.
const MAX_SOURCES: usize = 8;

/// Makes frames of the packets of one media.
#[derive(Debug)]
pub(super) struct Unpacker {
    format: Format,
    /// For the next source to join.
    fresh: Depacketizer,
    sources: Vec<(u32, Depacketizer)>,
    /// The source of the last packet.
    current: Option<usize>,
    pub(super) errors: u64,
}

impl Unpacker {
    /// `None` where there is no depacketizer for the format.
    pub(super) fn new(format: &Format) -> Option<Self> {
        Some(Self {
            format: format.clone(),
            fresh: depacketizer(format)?,
            sources: Vec::new(),
            current: None,
            errors: 0,
        })
    }

    /// Hz, never zero.
    pub(super) fn clock_rate(&self) -> u32 {
        self.format.clock_rate.max(1)
    }

    /// Takes a packet; [`pop`](Self::pop) until `None` afterwards.
    pub(super) fn push(&mut self, packet: &Packet) {
        // Cameras mix in packets of other payload types (Geovision: 50); they are no part of the format.
        if packet.payload_type() != self.format.payload_type {
            return;
        }
        let Some(at) = self.source(packet.ssrc()) else {
            return;
        };
        self.current = Some(at);
        if let Some((_, depacketizer)) = self.sources.get_mut(at)
            && depacketizer.push(packet).is_err()
        {
            self.errors += 1;
        }
    }

    /// The next frame of the last packet's source.
    pub(super) fn pop(&mut self) -> Option<Frame> {
        let (_, depacketizer) = self.sources.get_mut(self.current?)?;
        depacketizer.pop()
    }

    /// Packets of a source are missing.
    pub(super) fn lost(&mut self, ssrc: u32, count: u16) {
        let mut sources = self.sources.iter_mut();
        if let Some((_, depacketizer)) = sources.find(|(source, _)| *source == ssrc) {
            depacketizer.lost(count);
        }
    }

    /// What is known about the coding.
    pub(super) fn parameters(&self) -> Option<&Parameters> {
        let current = self.current.and_then(|at| self.sources.get(at));
        current
            .map_or(&self.fresh, |(_, current)| current)
            .parameters()
    }

    /// What was begun will not be finished: another range plays.
    pub(super) fn forget(&mut self) {
        self.sources.clear();
        self.current = None;
    }

    fn source(&mut self, ssrc: u32) -> Option<usize> {
        let known = self.sources.iter().position(|(source, _)| *source == ssrc);
        if known.is_some() {
            return known;
        }
        let next = depacketizer(&self.format)?;
        if self.sources.len() == MAX_SOURCES {
            self.sources.remove(0);
        }
        let fresh = std::mem::replace(&mut self.fresh, next);
        self.sources.push((ssrc, fresh));
        Some(self.sources.len() - 1)
    }
}

fn depacketizer(format: &Format) -> Option<Depacketizer> {
    let depacketizer = Depacketizer::new(
        Codec::from_encoding_name(&format.encoding),
        format.clock_rate,
        format.channels,
        format.fmtp.as_deref(),
    );
    depacketizer.ok()
}
