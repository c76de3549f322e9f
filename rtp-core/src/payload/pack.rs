//! From access units to packets: what H.264 and H.265 have in common.

use bytes::BufMut;

use super::{PacketWriter, nal::LengthPrefixed};
use crate::Error;

/// What differs between H.264 and H.265.
pub(crate) trait Packing {
    /// Bytes of an aggregation packet's header; the first of [`Self::aggregate_header`] are used.
    const AGGREGATE_HEADER: usize;
    /// Bytes of a unit's own header, which fragments replace.
    const UNIT_HEADER: usize;
    /// Bytes in front of each fragment; the first of [`Self::fragment_header`] are used.
    const FRAGMENT_HEADER: usize;

    /// Whether a unit is small fry that may travel with its like.
    fn joins(unit: &[u8]) -> bool;
    fn aggregate_header(units: LengthPrefixed<'_>) -> [u8; 2];
    /// `flags`: 0x80 at the first fragment, 0x40 at the last.
    fn fragment_header(unit: &[u8], flags: u8) -> [u8; 3];
}

/// Single units, aggregation for parameter sets and the like in a row, fragments for what is too large.
pub(crate) fn packetize<P: Packing>(
    writer: &mut PacketWriter,
    frame: &[u8],
    timestamp: u32,
) -> Result<(), Error> {
    let mut rest = frame;
    loop {
        let (count, length) = aggregate::<P>(writer, rest);
        let (taken, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let next = LengthPrefixed::new(behind).next();
        let last = !matches!(next, Some(Ok(_)));
        match LengthPrefixed::new(taken).next() {
            Some(Ok(_)) if count > 1 => together::<P>(writer, taken, last, timestamp),
            Some(Ok(unit)) => single::<P>(writer, unit, last, timestamp),
            Some(Err(error)) => return Err(error),
            None => {}
        }
        match next {
            Some(Ok(_)) => rest = behind,
            Some(Err(error)) => return Err(moved(error, frame.len() - behind.len())),
            None => return Ok(()),
        }
    }
}

/// The same error, seen from `by` bytes before.
fn moved(error: Error, by: usize) -> Error {
    match error {
        Error::Length {
            offset,
            announced,
            left,
        } => Error::Length {
            offset: offset + by,
            announced,
            left,
        },
        other => other,
    }
}

/// How many units at the start of `rest` go into the next packet, and how many bytes of `rest` they are.
fn aggregate<P: Packing>(writer: &PacketWriter, rest: &[u8]) -> (usize, usize) {
    let mut units = LengthPrefixed::new(rest);
    let (mut count, mut taken, mut packed) = (0, 0, P::AGGREGATE_HEADER);
    while let Some(Ok(unit)) = units.next() {
        packed += 2 + unit.len();
        if count > 0 && (packed > writer.config.max_payload || !P::joins(unit)) {
            return (count, taken);
        }
        count += 1;
        taken = units.offset();
        if !P::joins(unit) {
            return (count, taken);
        }
    }
    (count, if count == 0 { rest.len() } else { taken })
}

fn together<P: Packing>(writer: &mut PacketWriter, units: &[u8], last: bool, timestamp: u32) {
    let header = P::aggregate_header(LengthPrefixed::new(units));
    writer.packet_with(last, timestamp, |out| {
        out.put_slice(header.get(..P::AGGREGATE_HEADER).unwrap_or_default());
        for unit in LengthPrefixed::new(units).flatten() {
            out.put_u16(u16::try_from(unit.len()).unwrap_or(u16::MAX));
            out.put_slice(unit);
        }
    });
}

fn single<P: Packing>(writer: &mut PacketWriter, unit: &[u8], last: bool, timestamp: u32) {
    let most = writer.config.max_payload;
    if unit.len() <= most {
        writer.packet(last, timestamp, &[unit]);
        return;
    }
    let body = unit.get(P::UNIT_HEADER..).unwrap_or_default();
    let mut chunks = body.chunks(most - P::FRAGMENT_HEADER).peekable();
    let mut flags = 0x80;
    while let Some(chunk) = chunks.next() {
        if chunks.peek().is_none() {
            flags |= 0x40;
        }
        let header = P::fragment_header(unit, flags);
        let marker = last && flags & 0x40 != 0;
        writer.packet(
            marker,
            timestamp,
            &[header.get(..P::FRAGMENT_HEADER).unwrap_or_default(), chunk],
        );
        flags = 0;
    }
}
