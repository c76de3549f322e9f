//! Packets to access units (RFC 6184 §5.6–5.8).

use super::{parameters::Collected, unit_type};
use crate::{
    Error, Packet,
    frame::FrameQueue,
    payload::{
        Parameters,
        access_unit::{Assembler, Class, Syntax},
    },
};

/// The units of an aggregation packet behind its header: each behind its length in two bytes. A length that
/// lies ends it with an error; `offset` is where `body` begins in the payload. Empty units are left out.
pub(crate) fn aggregated(body: &[u8], offset: usize) -> impl Iterator<Item = Result<&[u8], Error>> {
    let mut rest = body;
    let mut offset = offset;
    core::iter::from_fn(move || {
        while !rest.is_empty() {
            let Some((length, behind)) = rest.split_first_chunk() else {
                let have = core::mem::take(&mut rest).len();
                return Some(Err(Error::Truncated { needed: 2, have }));
            };
            let announced = usize::from(u16::from_be_bytes(*length));
            let Some((unit, behind)) = behind.split_at_checked(announced) else {
                rest = &[];
                return Some(Err(Error::Length {
                    offset,
                    announced,
                    left: behind.len(),
                }));
            };
            rest = behind;
            offset += 2 + announced;
            if !unit.is_empty() {
                return Some(Ok(unit));
            }
        }
        None
    })
}

/// Parameter sets so far, and what they amount to.
#[derive(Debug, Default)]
struct H264 {
    collected: Collected,
    parameters: Option<Parameters>,
}

impl H264 {
    fn refresh(&mut self) {
        self.parameters = self.collected.parameters().map(Parameters::H264);
    }
}

impl Syntax for H264 {
    fn classify(unit: &[u8]) -> Class {
        let kind = unit.first().map_or(0, |&first| super::unit_type(first));
        Class {
            picture: (unit_type::SLICE..=unit_type::IDR).contains(&kind),
            random_access: kind == unit_type::IDR
                || (kind == unit_type::SEI && super::is_recovery_point(unit)),
            begins: matches!(kind, unit_type::SPS | unit_type::DELIMITER),
            parameter_set: matches!(kind, unit_type::SPS | unit_type::PPS),
        }
    }

    fn parameter_set(&mut self, unit: &[u8]) -> bool {
        if !self.collected.take(unit) {
            return false;
        }
        let before = self.parameters.take();
        self.refresh();
        self.parameters != before
    }
}

#[derive(Debug)]
pub(crate) struct Depacketizer {
    assembler: Assembler<H264>,
}

impl Depacketizer {
    pub(crate) fn new(fmtp: &str, limit: usize) -> Self {
        let mut syntax = H264::default();
        syntax.collected.take_fmtp(fmtp);
        syntax.refresh();
        Self {
            assembler: Assembler::new(syntax, limit),
        }
    }

    pub(crate) fn push(&mut self, packet: &Packet, out: &mut FrameQueue) -> Result<(), Error> {
        let payload = packet.payload();
        let kind = payload.first().map(|&first| super::unit_type(first));
        let continues = kind == Some(unit_type::FU_A)
            && payload.get(1).is_some_and(|header| header & 0x80 == 0);
        self.assembler
            .begin_packet(packet.timestamp(), continues, out);
        let result = self.units(payload, out);
        self.assembler.end_packet(packet.marker(), out);
        result
    }

    fn units(&mut self, payload: &[u8], out: &mut FrameQueue) -> Result<(), Error> {
        let Some((&first, body)) = payload.split_first() else {
            return Err(Error::EmptyPayload);
        };
        match super::unit_type(first) {
            // A start code where the header should be: the assembler splits at it.
            0 if payload.starts_with(&[0, 0, 1]) || payload.starts_with(&[0, 0, 0, 1]) => {
                self.assembler.unit(payload, out)
            }
            1..=23 => self.assembler.unit(payload, out),
            unit_type::STAP_A => {
                let mut result = Ok(());
                for unit in aggregated(body, 1) {
                    result = result.and(unit.and_then(|unit| self.assembler.unit(unit, out)));
                }
                result
            }
            unit_type::FU_A => self.fragment(first, body, out),
            other => Err(Error::UnitType(other)),
        }
    }

    /// RFC 6184 §5.8. The reserved bit and the type of later fragments are not looked at: cameras differ.
    fn fragment(&mut self, indicator: u8, body: &[u8], out: &mut FrameQueue) -> Result<(), Error> {
        let Some((&header, body)) = body.split_first() else {
            return Err(Error::Truncated { needed: 2, have: 1 });
        };
        let (start, end) = (header & 0x80 != 0, header & 0x40 != 0);
        if !start {
            return self.assembler.fragment(body, end, out);
        }
        let rebuilt = indicator & 0xe0 | super::unit_type(header);
        let started = self.assembler.fragment_start(&[rebuilt], body, out);
        if end {
            // Both bits: a whole unit, though RFC 6184 §5.8 forbids it.
            return started.and(self.assembler.fragment(&[], true, out));
        }
        started
    }

    pub(crate) fn parameters(&self) -> Option<&Parameters> {
        self.assembler.syntax.parameters.as_ref()
    }

    pub(crate) fn lost(&mut self, count: u32) {
        self.assembler.lost(count);
    }

    pub(crate) fn flush(&mut self, out: &mut FrameQueue) {
        self.assembler.flush(out);
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.assembler.set_limit(limit);
    }

    pub(crate) fn annex_b(&self) -> u64 {
        self.assembler.annex_b
    }
}
