//! The samples of one track to the packets of one media.

use bytes::Bytes;
use bytes::BytesMut;
use rtp_core::Packetizer;
use rtp_core::PacketizerConfig;
use rtsp_client::mp4::TrackConfig;

use super::MediaStart;
use super::SourceError;
use super::format::RtpFormat;

/// The most payload in one packet, in bytes: with RTP, UDP and IPv6 headers and some room for SRTP this fits an Ethernet frame.
pub(crate) const MAX_PAYLOAD: usize = 1400;

/// The sending side of one media: its packetizer and what was sent.
#[derive(Debug)]
pub(crate) struct MediaSender {
    format: RtpFormat,
    packetizer: Packetizer,
    timestamp: u32,
    packet_count: u32,
    octet_count: u32,
    mark_next: bool,
}

impl MediaSender {
    /// For the track that is media `index`.
    pub(crate) fn new(
        config: &TrackConfig,
        index: usize,
        start: MediaStart,
    ) -> Result<Self, SourceError> {
        let format =
            RtpFormat::of(config, index).ok_or(SourceError::Format(rtp_core::Codec::Other))?;
        let packetizer = Packetizer::new(
            format.codec,
            PacketizerConfig {
                payload_type: format.payload_type,
                ssrc: start.ssrc,
                sequence: start.sequence,
                max_payload: MAX_PAYLOAD,
                clock_rate: format.clock_rate,
                channels: format.channels,
            },
        )
        .map_err(|_| SourceError::Format(format.codec))?;
        Ok(Self {
            format,
            packetizer,
            timestamp: start.timestamp,
            packet_count: 0,
            octet_count: 0,
            mark_next: true,
        })
    }

    pub(crate) const fn clock_rate(&self) -> u32 {
        self.format.clock_rate
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.packetizer.config().ssrc
    }

    pub(crate) fn next_sequence(&self) -> u16 {
        self.packetizer.next_sequence()
    }

    /// The RTP timestamp so many ticks after the start of the session's time.
    pub(crate) const fn timestamp(&self, ticks: i64) -> u32 {
        // RTP time counts modulo 2^32 (RFC 3550 §5.1).
        self.timestamp.wrapping_add(ticks as u32)
    }

    /// Packets and payload bytes that were sent, each modulo 2^32.
    pub(crate) const fn counts(&self) -> (u32, u32) {
        (self.packet_count, self.octet_count)
    }

    /// Begins anew with other numbers, as after a BYE.
    pub(crate) fn restart(&mut self, start: MediaStart) {
        self.packetizer.set_ssrc(start.ssrc);
        self.packetizer.set_sequence(start.sequence);
        self.timestamp = start.timestamp;
        (self.packet_count, self.octet_count) = (0, 0);
        self.mark_next = true;
    }

    /// The next packet is the first after a pause or jump: audio marks it (RFC 2326 §B, RFC 7826 §C.8).
    pub(crate) const fn mark_next(&mut self) {
        self.mark_next = true;
    }

    /// Makes the packets of one sample and hands them to `out`.
    pub(crate) fn send(
        &mut self,
        sample: &[u8],
        ticks: i64,
        mut out: impl FnMut(Bytes),
    ) -> Result<(), rtp_core::Error> {
        let pushed = self.packetizer.push(sample, self.timestamp(ticks));
        while let Some(mut packet) = self.packetizer.pop() {
            if std::mem::take(&mut self.mark_next) && self.format.marks_talk_spurts() {
                packet = marked(&packet);
            }
            self.packet_count = self.packet_count.wrapping_add(1);
            let octets = packet.len().saturating_sub(rtp_core::Header::LEN);
            self.octet_count = self.octet_count.wrapping_add(octets as u32);
            out(packet);
        }
        pushed
    }
}

/// A copy with the marker bit set. Once a PLAY, so the copy does not matter.
fn marked(packet: &[u8]) -> Bytes {
    let mut copy = BytesMut::from(packet);
    if let Some(byte) = copy.get_mut(1) {
        *byte |= 0x80;
    }
    copy.freeze()
}
