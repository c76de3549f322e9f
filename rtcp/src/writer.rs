use bytes::BufMut;
use bytes::BytesMut;

use crate::FullIntraRequest;
use crate::ItemKind;
use crate::NtpTime;
use crate::ReferenceDelay;
use crate::ReportBlock;
use crate::SenderInfo;
use crate::compound::PacketType;
use crate::feedback::Symbol;

/// How many report blocks, sources or chunks the five bits of a header can count.
const COUNT_MAX: usize = 31;

/// How many entries of a list go into one feedback packet, which keeps it under the size of a datagram.
const ENTRIES_MAX: usize = 128;

/// Writes packets one after the other, straight to the end of a buffer.
///
/// Nothing can fail: what does not fit one packet goes on in another, and texts are cut at 255 bytes. A compound begins
/// with a report and has a canonical name (RFC 3550 §6.1); the order of the calls is that of the packets.
///
/// ```
/// use bytes::BytesMut;
/// use rtcp::CompoundWriter;
///
/// let mut buffer = BytesMut::new();
/// CompoundWriter::new(&mut buffer)
///     .receiver_report(0x1234_5678, &[])
///     .cname(0x1234_5678, "viewer@192.0.2.1")
///     .pli(0x1234_5678, 0xcafe_0001);
/// assert_eq!(buffer.len(), 8 + 28 + 12);
/// ```
#[derive(Debug)]
pub struct CompoundWriter<'a> {
    buffer: &'a mut BytesMut,
    start: usize,
    last: usize,
}

impl<'a> CompoundWriter<'a> {
    /// A writer that appends to `buffer`.
    pub fn new(buffer: &'a mut BytesMut) -> Self {
        let start = buffer.len();
        Self {
            buffer,
            start,
            last: start,
        }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.buffer.len().saturating_sub(self.start)
    }

    /// Whether nothing was written so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A sender report (RFC 3550 §6.4.1). Blocks over 31 follow in receiver reports.
    pub fn sender_report(&mut self, sender: &SenderInfo, blocks: &[ReportBlock]) -> &mut Self {
        let (first, rest) = blocks.split_at_checked(COUNT_MAX).unwrap_or((blocks, &[]));
        self.packet(PacketType::SENDER_REPORT, first.len(), |buffer| {
            buffer.put_slice(&sender.emit());
            put_blocks(buffer, first);
        });
        if !rest.is_empty() {
            self.receiver_report(sender.ssrc, rest);
        }
        self
    }

    /// A receiver report (RFC 3550 §6.4.2), or as many as the blocks need, 31 in each.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) -> &mut Self {
        let mut rest = blocks;
        loop {
            let (blocks, next) = rest.split_at_checked(COUNT_MAX).unwrap_or((rest, &[]));
            self.packet(PacketType::RECEIVER_REPORT, blocks.len(), |buffer| {
                buffer.put_u32(ssrc);
                put_blocks(buffer, blocks);
            });
            if next.is_empty() {
                return self;
            }
            rest = next;
        }
    }

    /// A source description with nothing but the canonical name (RFC 3550 §6.5.1).
    pub fn cname(&mut self, ssrc: u32, cname: &str) -> &mut Self {
        self.source_description(ssrc, &[(ItemKind::Cname, cname)])
    }

    /// A source description of one source (RFC 3550 §6.5).
    pub fn source_description(&mut self, ssrc: u32, items: &[(ItemKind, &str)]) -> &mut Self {
        self.packet(PacketType::SOURCE_DESCRIPTION, 1, |buffer| {
            buffer.put_u32(ssrc);
            for (kind, text) in items {
                // A kind of 0 would end the list.
                if kind.to_byte() != 0 {
                    buffer.put_u8(kind.to_byte());
                    put_text(buffer, text);
                }
            }
            // The terminator; `packet` fills up with more of it.
            buffer.put_u8(0);
        })
    }

    /// A farewell of some sources (RFC 3550 §6.6), or as many as they need, 31 in each, the reason in the last.
    pub fn bye(&mut self, ssrcs: &[u32], reason: Option<&str>) -> &mut Self {
        let mut rest = ssrcs;
        loop {
            let (ssrcs, next) = rest.split_at_checked(COUNT_MAX).unwrap_or((rest, &[]));
            self.packet(PacketType::BYE, ssrcs.len(), |buffer| {
                for ssrc in ssrcs {
                    buffer.put_u32(*ssrc);
                }
                if let Some(reason) = reason.filter(|reason| next.is_empty() && !reason.is_empty())
                {
                    put_text(buffer, reason);
                }
            });
            if next.is_empty() {
                return self;
            }
            rest = next;
        }
    }

    /// An application's packet (RFC 3550 §6.7). The payload is filled with zeros to a multiple of four bytes, and cut
    /// where a packet can hold no more.
    pub fn app(&mut self, ssrc: u32, subtype: u8, name: [u8; 4], payload: &[u8]) -> &mut Self {
        let payload = payload.get(..0x3_fff0).unwrap_or(payload);
        self.packet(PacketType::APP, usize::from(subtype & 31), |buffer| {
            buffer.put_u32(ssrc);
            buffer.put_slice(&name);
            buffer.put_slice(payload);
        })
    }

    /// Tells `media` which packets are missing (generic NACK, RFC 4585 §6.2.1). The numbers are to be in
    /// order of sequence; then each entry takes up to 17 of them. Nothing is written for an empty list.
    pub fn nack(&mut self, sender: u32, media: u32, lost: &[u16]) -> &mut Self {
        let mut rest = lost;
        while !rest.is_empty() {
            self.feedback(PacketType::TRANSPORT_FEEDBACK, 1, sender, media, |buffer| {
                for _ in 0..ENTRIES_MAX {
                    let Some((entry, next)) = nack_entry(rest) else {
                        return;
                    };
                    buffer.put_u32(entry);
                    rest = next;
                }
            });
        }
        self
    }

    /// When packets arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): for each sequence number from
    /// `base` on, `None` if it is lost, else the time after the one before in units of 250 µs. `reference` is
    /// in units of 64 ms, of which 24 bits are written. Takes the first 1024 packets and says how many it took.
    pub fn transport_wide(
        &mut self,
        (sender, media): (u32, u32),
        base: u16,
        reference: i32,
        feedback_count: u8,
        arrivals: &[Option<i16>],
    ) -> usize {
        let arrivals = arrivals.get(..1024).unwrap_or(arrivals);
        self.feedback(
            PacketType::TRANSPORT_FEEDBACK,
            15,
            sender,
            media,
            |buffer| {
                buffer.put_u16(base);
                buffer.put_u16(arrivals.len() as u16);
                buffer.put_u32(((reference as u32) << 8) | u32::from(feedback_count));
                put_statuses(buffer, arrivals);
                for delta in arrivals.iter().flatten() {
                    match u8::try_from(*delta) {
                        Ok(small) => buffer.put_u8(small),
                        Err(_) => buffer.put_i16(*delta),
                    }
                }
            },
        );
        arrivals.len()
    }

    /// Tells `media` that a picture was lost (PLI, RFC 4585 §6.3.1).
    pub fn pli(&mut self, sender: u32, media: u32) -> &mut Self {
        self.feedback(PacketType::PAYLOAD_FEEDBACK, 1, sender, media, |_| {})
    }

    /// Asks sources for key frames (FIR, RFC 5104 §4.3.1). Nothing is written for an empty list.
    pub fn fir(&mut self, sender: u32, requests: &[FullIntraRequest]) -> &mut Self {
        for requests in requests.chunks(ENTRIES_MAX) {
            self.feedback(PacketType::PAYLOAD_FEEDBACK, 4, sender, 0, |buffer| {
                for request in requests {
                    buffer.put_u32(request.ssrc);
                    buffer.put_u32(u32::from(request.sequence) << 24);
                }
            });
        }
        self
    }

    /// Tells how many bit/s the receiver can take from the first 255 of the sources together (REMB,
    /// draft-alvestrand-rmcat-remb-03 §2.2), rounded down to 18 significant bits.
    pub fn remb(&mut self, sender: u32, bits_per_second: u64, ssrcs: &[u32]) -> &mut Self {
        let ssrcs = ssrcs.get(..255).unwrap_or(ssrcs);
        let significant = u64::BITS.saturating_sub(bits_per_second.leading_zeros());
        let exponent = significant.saturating_sub(18);
        let mantissa = (bits_per_second >> exponent) as u32;
        self.feedback(PacketType::PAYLOAD_FEEDBACK, 15, sender, 0, |buffer| {
            buffer.put_slice(b"REMB");
            buffer.put_u32((ssrcs.len() as u32) << 24 | exponent << 18 | mantissa);
            for ssrc in ssrcs {
                buffer.put_u32(*ssrc);
            }
        })
    }

    /// The receiver's wall-clock time (XR, RFC 3611 §4.4).
    pub fn reference_time(&mut self, ssrc: u32, time: NtpTime) -> &mut Self {
        self.packet(PacketType::EXTENDED_REPORT, 0, |buffer| {
            buffer.put_u32(ssrc);
            buffer.put_slice(&[4, 0, 0, 2]);
            buffer.put_u64(time.0);
        })
    }

    /// The sender's answer to reference times (XR DLRR, RFC 3611 §4.5). Nothing is written for an empty list.
    pub fn reference_delays(&mut self, ssrc: u32, delays: &[ReferenceDelay]) -> &mut Self {
        for delays in delays.chunks(ENTRIES_MAX) {
            self.packet(PacketType::EXTENDED_REPORT, 0, |buffer| {
                buffer.put_u32(ssrc);
                buffer.put_slice(&[5, 0]);
                buffer.put_u16((delays.len() as u16).saturating_mul(3));
                for delay in delays {
                    buffer.put_u32(delay.ssrc);
                    buffer.put_u32(delay.last_reference);
                    buffer.put_u32(delay.delay);
                }
            });
        }
        self
    }

    /// Pads the last packet until the compound is a multiple of that many bytes, itself a multiple of 4, as block
    /// ciphers need (RFC 3550 §6.4.1). To be called last, once. Does nothing to an empty compound, or for any other multiple.
    pub fn pad(&mut self, multiple: u8) -> &mut Self {
        let over = self.len().checked_rem(usize::from(multiple)).unwrap_or(0);
        if over == 0 || !multiple.is_multiple_of(4) {
            return self;
        }
        let padding = multiple.saturating_sub(over as u8);
        self.buffer
            .put_bytes(0, usize::from(padding).saturating_sub(1));
        self.buffer.put_u8(padding);
        if let Some(first) = self.buffer.get_mut(self.last) {
            *first |= 0x20;
        }
        self.set_length();
        self
    }

    fn feedback(
        &mut self,
        packet_type: u8,
        format: usize,
        sender: u32,
        media: u32,
        body: impl FnOnce(&mut BytesMut),
    ) -> &mut Self {
        self.packet(packet_type, format, |buffer| {
            buffer.put_u32(sender);
            buffer.put_u32(media);
            body(buffer);
        })
    }

    /// The header, the body, zeros to a multiple of four bytes, and the length when it is known.
    fn packet(
        &mut self,
        packet_type: u8,
        count: usize,
        body: impl FnOnce(&mut BytesMut),
    ) -> &mut Self {
        self.last = self.buffer.len();
        self.buffer
            .put_slice(&[0x80 | (count & 31) as u8, packet_type, 0, 0]);
        body(self.buffer);
        let length = self.buffer.len().saturating_sub(self.last);
        self.buffer.put_bytes(0, length.wrapping_neg() & 3);
        self.set_length();
        self
    }

    /// Writes the length of the last packet, in words less one.
    fn set_length(&mut self) {
        let length = self.buffer.len().saturating_sub(self.last);
        let words = (length / 4).saturating_sub(1) as u16;
        let header = self.buffer.get_mut(self.last..).unwrap_or_default();
        if let Some(field) = header.get_mut(2..4) {
            field.copy_from_slice(&words.to_be_bytes());
        }
    }
}

fn put_blocks(buffer: &mut BytesMut, blocks: &[ReportBlock]) {
    for block in blocks {
        buffer.put_slice(&block.emit());
    }
}

/// A length byte and as many whole characters as it can count.
fn put_text(buffer: &mut BytesMut, text: &str) {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let text = text.get(..end).unwrap_or_default();
    buffer.put_u8(text.len() as u8);
    buffer.put_slice(text.as_bytes());
}

/// The first lost packet with those of the next 16 that follow it in the list; and the rest of the list.
fn nack_entry(lost: &[u16]) -> Option<(u32, &[u16])> {
    let (first, mut rest) = lost.split_first()?;
    let mut following = 0_u16;
    while let Some((next, after)) = rest.split_first() {
        let distance = next.wrapping_sub(*first);
        if distance > 16 {
            break;
        }
        // A number twice in the list has distance 0 and adds nothing.
        following |= 1_u16
            .checked_shl(u32::from(distance.wrapping_sub(1)))
            .unwrap_or(0);
        rest = after;
    }
    Some((u32::from(*first) << 16 | u32::from(following), rest))
}

/// Status chunks: a run where seven or more are alike, else seven symbols of two bits.
fn put_statuses(buffer: &mut BytesMut, arrivals: &[Option<i16>]) {
    let mut rest = arrivals;
    while let Some(first) = rest.first() {
        let symbol = Symbol::of(*first);
        let run = rest
            .iter()
            .take_while(|delta| Symbol::of(**delta) == symbol)
            .count();
        let taken = if run >= 7 {
            // At most 1024, which fits in 13 bits.
            buffer.put_u16(symbol.bits() << 13 | run as u16);
            run
        } else {
            let symbols = rest.iter().map(|delta| Symbol::of(*delta).bits());
            let padded = symbols.chain(core::iter::repeat(0)).take(7);
            buffer.put_u16(padded.fold(0b11, |vector, bits| vector << 2 | bits));
            rest.len().min(7)
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
}
