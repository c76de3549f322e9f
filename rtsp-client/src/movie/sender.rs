//! The samples of one track to the packets of one media.

use bytes::Bytes;
use bytes::BytesMut;
use rtp_core::Error;
use rtp_core::Header;
use rtp_core::Packetizer;
use rtp_core::PacketizerConfig;
use rtsp_session::random::Random;

use super::RtpFormat;

/// The most payload in a packet, octets: with RTP, UDP and IPv6 headers and some room for SRTP this fits an Ethernet frame.
const MAX_PAYLOAD: usize = 1_400;

/// The numbers that a media begins with. They are to be random (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaStart {
    /// Synchronization source; the media of one session need different ones.
    pub ssrc: u32,
    /// Sequence number of the first packet.
    pub sequence: u16,
    /// RTP timestamp at the start of the session's time.
    pub timestamp: u32,
}

impl MediaStart {
    /// Numbers that nobody can guess.
    pub fn random(random: &mut Random) -> Self {
        Self {
            ssrc: random.number(),
            sequence: (random.number() >> 16) as u16,
            timestamp: random.number(),
        }
    }
}

/// The sending side of one media: its packetizer and what was sent.
///
/// Sequence numbers go on by one, whatever becomes of the time.
#[derive(Debug)]
pub struct MediaSender {
    format: RtpFormat,
    packetizer: Packetizer,
    timestamp: u32,
    packet_count: u32,
    octet_count: u32,
    mark_next: bool,
}

impl MediaSender {
    /// For a track of this format.
    ///
    /// # Errors
    ///
    /// When there are no packets for its codec.
    pub fn new(format: RtpFormat, start: MediaStart) -> Result<Self, Error> {
        let config = PacketizerConfig {
            payload_type: format.payload_type,
            ssrc: start.ssrc,
            sequence: start.sequence,
            max_payload: MAX_PAYLOAD,
            clock_rate: format.clock_rate,
            channels: format.channels,
        };
        Ok(Self {
            format,
            packetizer: Packetizer::new(format.codec, config)?,
            timestamp: start.timestamp,
            packet_count: 0,
            octet_count: 0,
            mark_next: true,
        })
    }

    /// The clock of the timestamps, in Hz.
    #[must_use]
    pub const fn clock_rate(&self) -> u32 {
        self.format.clock_rate
    }

    /// The synchronization source.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.packetizer.config().ssrc
    }

    /// The sequence number of the next packet.
    #[must_use]
    pub fn next_sequence(&self) -> u16 {
        self.packetizer.next_sequence()
    }

    /// The RTP timestamp so many ticks after the start of the session's time.
    #[must_use]
    pub const fn timestamp(&self, ticks: i64) -> u32 {
        // RTP time counts modulo 2^32 (RFC 3550 §5.1).
        self.timestamp.wrapping_add(ticks as u32)
    }

    /// Packets and payload octets that were sent, each modulo 2^32, as a sender report counts them (RFC 3550 §6.4.1).
    #[must_use]
    pub const fn counts(&self) -> (u32, u32) {
        (self.packet_count, self.octet_count)
    }

    /// Makes packets of at most this payload, in octets, as far as the format allows; never larger ones than fit a network.
    pub fn limit_payload(&mut self, octets: usize) {
        self.packetizer.set_max_payload(octets.min(MAX_PAYLOAD));
    }

    /// Begins anew with other numbers, as after a BYE.
    pub fn restart(&mut self, start: MediaStart) {
        self.packetizer.set_ssrc(start.ssrc);
        self.packetizer.set_sequence(start.sequence);
        self.timestamp = start.timestamp;
        (self.packet_count, self.octet_count) = (0, 0);
        self.mark_next = true;
    }

    /// The next packet is the first after a pause or jump: audio marks it (RFC 2326 §B, RFC 7826 §C.8).
    pub const fn mark_next(&mut self) {
        self.mark_next = true;
    }

    /// Makes the packets of one sample, shown so many ticks after the start, and hands them to `out`. Video is NAL units behind
    /// lengths of 4 octets; PCM may be several samples.
    ///
    /// # Errors
    ///
    /// When the sample is not what its codec says. What could be made of it was handed out.
    pub fn send(
        &mut self,
        sample: &[u8],
        ticks: i64,
        mut out: impl FnMut(Bytes),
    ) -> Result<(), Error> {
        let pushed = self.packetizer.push(sample, self.timestamp(ticks));
        while let Some(mut packet) = self.packetizer.pop() {
            if std::mem::take(&mut self.mark_next) && self.format.marks_talk_spurts() {
                packet = marked(&packet);
            }
            self.packet_count = self.packet_count.wrapping_add(1);
            let octets = packet.len().saturating_sub(Header::LEN);
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
