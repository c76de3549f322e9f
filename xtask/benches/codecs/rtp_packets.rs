//! Reading RTP packets: every field of the header and the payload's place, beside `rtp-types` and webrtc-rs `rtp`.

use std::hint::black_box;

use bytes::Bytes;
use criterion::Criterion;
use webrtc_util::marshal::Unmarshal;

use crate::contest::{AS_FAST, Contest, Table, each};

/// Packets read in one iteration: as many as a large read holds.
const PACKETS: usize = 54;

/// What is read, so that no crate may leave a part out: fields, contributors, extension, payload.
type Read = (bool, u8, u16, u32, u32, u32, usize, usize);

/// Sum of the contributors, and bytes of the extension.
fn add(sum: u64, read: Read) -> u64 {
    let (marker, payload_type, sequence, timestamp, ssrc, contributors, extension, payload) = read;
    sum.wrapping_add(u64::from(marker))
        .wrapping_add(u64::from(payload_type))
        .wrapping_add(u64::from(sequence))
        .wrapping_add(u64::from(timestamp))
        .wrapping_add(u64::from(ssrc))
        .wrapping_add(u64::from(contributors))
        .wrapping_add((extension + payload) as u64)
}

fn view(bytes: &[u8]) -> Read {
    let packet = rtp_core::PacketView::parse(bytes).expect("a packet");
    (
        packet.marker(),
        packet.payload_type(),
        packet.sequence(),
        packet.timestamp(),
        packet.ssrc(),
        packet.csrcs().fold(0, u32::wrapping_add),
        packet.extension().map_or(0, |(_, body)| body.len()),
        packet.payload().len(),
    )
}

fn owned(bytes: &Bytes) -> Read {
    let packet = rtp_core::Packet::parse(bytes.clone()).expect("a packet");
    (
        packet.marker(),
        packet.payload_type(),
        packet.sequence(),
        packet.timestamp(),
        packet.ssrc(),
        packet.csrcs().fold(0, u32::wrapping_add),
        packet.extension().map_or(0, |(_, body)| body.len()),
        packet.payload_bytes().len(),
    )
}

fn rtp_types(bytes: &[u8]) -> Read {
    let packet = rtp_types::RtpPacket::parse(bytes).expect("a packet");
    (
        packet.marker_bit(),
        packet.payload_type(),
        packet.sequence_number(),
        packet.timestamp(),
        packet.ssrc(),
        packet.csrc().fold(0, u32::wrapping_add),
        packet.extension().map_or(0, |(_, body)| body.len()),
        packet.payload().len(),
    )
}

fn webrtc(bytes: &Bytes) -> Read {
    let packet = webrtc_rtp::packet::Packet::unmarshal(&mut bytes.clone()).expect("a packet");
    let header = &packet.header;
    let extension = header
        .extensions
        .iter()
        .map(|extension| extension.payload.len())
        .sum();
    (
        header.marker,
        header.payload_type,
        header.sequence_number,
        header.timestamp,
        header.ssrc,
        header.csrc.iter().copied().fold(0, u32::wrapping_add),
        extension,
        packet.payload.len(),
    )
}

/// Nothing but the fixed header; or two contributors, an extension of another profile than RFC 8285 and padding.
fn packets(full: bool) -> Vec<Bytes> {
    let packet = |n: u16| {
        let mut bytes = vec![0x80, 96];
        bytes.extend(n.to_be_bytes());
        bytes.extend((u32::from(n) * 3600).to_be_bytes());
        bytes.extend(0x1122_3344_u32.to_be_bytes());
        if full {
            bytes[0] |= 0x32;
            bytes.extend([0, 0, 0, 5, 0, 0, 0, 6]);
            bytes.extend([0xab, 0xcd, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
        }
        bytes.resize(bytes.len() + 1188, 0x41);
        if full {
            bytes.extend([0, 0, 0, 4]);
        }
        bytes.into()
    };
    (0..PACKETS as u16).map(packet).collect()
}

pub(crate) fn contests(criterion: &mut Criterion, table: &mut Table) {
    for (what, full) in [("", false), (", all parts", true)] {
        let packets = packets(full);
        for bytes in &packets {
            let read = view(bytes);
            assert_eq!(read, owned(bytes));
            assert_eq!(read, rtp_types(bytes));
            assert_eq!(read, webrtc(bytes));
        }
        macro_rules! over {
            ($read:path) => {
                each(|| {
                    black_box(&packets)
                        .iter()
                        .fold(0, |sum, bytes| add(sum, $read(bytes)))
                })
            };
        }
        Contest::new(format!("RTP, read a view{what}"), PACKETS, over!(view))
            .against("rtp-types", AS_FAST, over!(rtp_types))
            .run(criterion, table);
        Contest::new(format!("RTP, read to keep{what}"), PACKETS, over!(owned))
            .against("webrtc-rs rtp", AS_FAST, over!(webrtc))
            .run(criterion, table);
    }
}
