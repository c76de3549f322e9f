//! Changing compounds in place, as a relay does whose RTP headers differ from the publisher's.

use crate::Compound;
use crate::Error;
use crate::SenderInfo;
use crate::compound::PacketType;

/// Lets `rewrite` change each sender report of a compound, and returns how many there were.
///
/// A source whose SSRC it changes gets the new one in the descriptions and farewells of the same compound too.
/// Nothing is changed unless the whole compound is valid, be it of reduced size.
///
/// ```
/// use bytes::BytesMut;
/// use rtcp::{Compound, CompoundWriter, SenderInfo};
///
/// let mut buffer = BytesMut::new();
/// let info = SenderInfo { ssrc: 1, rtp_timestamp: u32::MAX, ..SenderInfo::default() };
/// CompoundWriter::new(&mut buffer).sender_report(&info, &[]).cname(1, "camera");
///
/// rtcp::patch::rewrite_sender(&mut buffer, |sender| {
///     sender.ssrc = 2;
///     sender.rtp_timestamp = sender.rtp_timestamp.wrapping_add(91);
/// })?;
///
/// let report = Compound::parse(&buffer)?.sender_report().unwrap();
/// assert_eq!((report.ssrc(), report.rtp_timestamp()), (2, 90));
/// # Ok::<(), rtcp::Error>(())
/// ```
///
/// # Errors
///
/// As [`Compound::parse_reduced`].
pub fn rewrite_sender(
    compound: &mut [u8],
    mut rewrite: impl FnMut(&mut SenderInfo),
) -> Result<usize, Error> {
    Compound::parse_reduced(compound)?;
    let mut reports: usize = 0;
    // Senders are told apart by the SSRC that they had, so the last change is enough in all but mixed compounds.
    let mut change = None;
    for_each_packet(compound, |packet_type, packet| {
        if packet_type != PacketType::SENDER_REPORT {
            return;
        }
        let Some(place) = packet.get_mut(4..).and_then(|rest| rest.first_chunk_mut()) else {
            return;
        };
        let before = SenderInfo::parse(place);
        let mut after = before;
        rewrite(&mut after);
        *place = after.emit();
        reports = reports.saturating_add(1);
        if before.ssrc != after.ssrc {
            change = Some((before.ssrc, after.ssrc));
        }
    });
    if let Some((from, to)) = change {
        replace_in_others(compound, from, to);
    }
    Ok(reports)
}

/// Replaces an SSRC wherever a source speaks of itself: sender and receiver reports, descriptions, farewells,
/// application packets and extended reports. Report blocks and feedback, which speak of others, stay.
///
/// Nothing is changed unless the whole compound is valid, be it of reduced size.
///
/// # Errors
///
/// As [`Compound::parse_reduced`].
pub fn replace_ssrc(compound: &mut [u8], from: u32, to: u32) -> Result<(), Error> {
    Compound::parse_reduced(compound)?;
    for_each_packet(compound, |packet_type, packet| {
        if packet_type == PacketType::SENDER_REPORT || packet_type == PacketType::RECEIVER_REPORT {
            replace_at(packet, 4, from, to);
        }
    });
    replace_in_others(compound, from, to);
    Ok(())
}

fn replace_in_others(compound: &mut [u8], from: u32, to: u32) {
    for_each_packet(compound, |packet_type, packet| match packet_type {
        PacketType::SOURCE_DESCRIPTION => replace_in_description(packet, from, to),
        PacketType::BYE => {
            let count = packet.first().map_or(0, |first| usize::from(first & 31));
            for index in 0..count {
                replace_at(packet, 4 + 4 * index, from, to);
            }
        }
        PacketType::APP | PacketType::EXTENDED_REPORT => replace_at(packet, 4, from, to),
        _ => {}
    });
}

fn replace_in_description(packet: &mut [u8], from: u32, to: u32) {
    let count = packet.first().map_or(0, |first| first & 31);
    let mut at = 4;
    for _ in 0..count {
        replace_at(packet, at, from, to);
        let mut item = at.saturating_add(4);
        while let Some([kind, length]) = packet.get(item..).and_then(|rest| rest.first_chunk())
            && *kind != 0
        {
            item = item.saturating_add(2).saturating_add(usize::from(*length));
        }
        // Behind the terminator, at the next multiple of four.
        at = (item | 3).saturating_add(1);
    }
}

fn replace_at(packet: &mut [u8], at: usize, from: u32, to: u32) {
    let place: Option<&mut [u8; 4]> = packet.get_mut(at..).and_then(|rest| rest.first_chunk_mut());
    if let Some(place) = place
        && *place == from.to_be_bytes()
    {
        *place = to.to_be_bytes();
    }
}

/// Hands out each packet, padding included, of a compound that is valid.
fn for_each_packet(compound: &mut [u8], mut act: impl FnMut(u8, &mut [u8])) {
    let mut rest = compound;
    while let Some(&[_, packet_type, high, low]) = rest.first_chunk() {
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let Some((packet, next)) = rest.split_at_mut_checked(length) else {
            return;
        };
        act(packet_type, packet);
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::CompoundWriter;
    use crate::NtpTime;
    use crate::Packet;
    use crate::ReportBlock;

    fn compound() -> BytesMut {
        let mut buffer = BytesMut::new();
        let info = SenderInfo {
            ssrc: 10,
            ntp: NtpTime(77),
            rtp_timestamp: 5,
            packet_count: 6,
            octet_count: 7,
        };
        let block = ReportBlock {
            ssrc: 10,
            ..ReportBlock::default()
        };
        CompoundWriter::new(&mut buffer)
            .sender_report(&info, &[block])
            .cname(9, "other")
            .cname(10, "camera")
            .bye(&[9, 10], Some("done"))
            .pli(3, 10);
        buffer
    }

    #[test]
    fn a_new_ssrc_goes_everywhere_the_source_speaks_of_itself() {
        let mut buffer = compound();
        let reports = rewrite_sender(&mut buffer, |sender| {
            sender.ssrc = 20;
            sender.rtp_timestamp = sender.rtp_timestamp.wrapping_sub(6);
        });
        assert_eq!(reports, Ok(1));
        let compound = Compound::parse(&buffer).unwrap();
        let report = compound.sender_report().unwrap();
        assert_eq!(report.sender_info().rtp_timestamp, u32::MAX);
        assert_eq!(report.ssrc(), 20);
        assert_eq!(
            (report.ntp(), report.packet_count(), report.octet_count()),
            (NtpTime(77), 6, 7)
        );
        assert_eq!(report.report_blocks().next().unwrap().ssrc, 10);
        let mut described = Vec::new();
        for packet in compound.iter().skip(1) {
            match packet {
                Packet::SourceDescription(packet) => {
                    described.extend(packet.chunks().map(|chunk| chunk.ssrc));
                }
                Packet::Bye(bye) => assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [9, 20]),
                Packet::PayloadFeedback(feedback) => assert_eq!(feedback.media_ssrc(), 10),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(described, [9, 20]);
    }

    #[test]
    fn an_invalid_compound_is_left_alone() {
        let mut buffer = compound();
        buffer.truncate(buffer.len() - 1);
        let before = buffer.clone();
        assert!(rewrite_sender(&mut buffer, |sender| sender.ssrc = 0).is_err());
        assert!(replace_ssrc(&mut buffer, 10, 0).is_err());
        assert_eq!(buffer, before);
    }

    #[test]
    fn replacing_is_undone_by_replacing_back() {
        let mut buffer = compound();
        let before = buffer.clone();
        replace_ssrc(&mut buffer, 10, 0xdead_beef).unwrap();
        assert_ne!(buffer, before);
        replace_ssrc(&mut buffer, 0xdead_beef, 10).unwrap();
        assert_eq!(buffer, before);
    }
}
