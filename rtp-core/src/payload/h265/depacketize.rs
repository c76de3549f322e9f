//! Packets to access units (RFC 7798 §4.4).

use super::{aggregated, parameters::Collected, unit_type};
use crate::{
    Error, Packet,
    frame::FrameQueue,
    payload::{
        Parameters,
        access_unit::{Assembler, Class, Syntax},
        fmtp,
    },
};

/// Parameter sets so far, and what they amount to.
#[derive(Debug, Default)]
struct H265 {
    collected: Collected,
    parameters: Option<Parameters>,
}

impl H265 {
    fn refresh(&mut self) {
        self.parameters = self.collected.parameters().map(Parameters::H265);
    }
}

impl Syntax for H265 {
    fn classify(unit: &[u8]) -> Class {
        let Some(kind) = unit.first().map(|&first| super::unit_type(first)) else {
            return Class::default();
        };
        Class {
            picture: kind < 32,
            random_access: super::is_irap(kind),
            begins: matches!(kind, unit_type::VPS | unit_type::SPS | unit_type::DELIMITER),
            parameter_set: matches!(kind, unit_type::VPS..=unit_type::PPS),
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
    assembler: Assembler<H265>,
    /// Decoding order numbers stand in the packets (RFC 7798 §4.4.2).
    order_numbers: bool,
}

impl Depacketizer {
    pub(crate) fn new(parameters: &str, limit: usize) -> Self {
        let mut syntax = H265::default();
        syntax.collected.take_fmtp(parameters);
        syntax.refresh();
        let order_numbers =
            fmtp::number(parameters, "sprop-max-don-diff").is_some_and(|most| most > 0);
        Self {
            assembler: Assembler::new(syntax, limit),
            order_numbers,
        }
    }

    pub(crate) fn push(&mut self, packet: &Packet, out: &mut FrameQueue) -> Result<(), Error> {
        let payload = packet.payload();
        let fragment = payload
            .first()
            .is_some_and(|&first| super::unit_type(first) == unit_type::FRAGMENT);
        let continues = fragment && payload.get(2).is_some_and(|header| header & 0x80 == 0);
        self.assembler
            .begin_packet(packet.timestamp(), continues, out);
        let result = self.units(payload, out);
        self.assembler.end_packet(packet.marker(), out);
        result
    }

    fn units(&mut self, payload: &[u8], out: &mut FrameQueue) -> Result<(), Error> {
        let Some((&[first, second], body)) = payload.split_first_chunk() else {
            return Err(if payload.is_empty() {
                Error::EmptyPayload
            } else {
                Error::Truncated {
                    needed: 2,
                    have: payload.len(),
                }
            });
        };
        match super::unit_type(first) {
            unit_type::AGGREGATION if self.order_numbers => self.numbered(body, out),
            unit_type::AGGREGATION => {
                let mut result = Ok(());
                for unit in aggregated(body, 2) {
                    result = result.and(unit.and_then(|unit| self.unit(unit, out)));
                }
                result
            }
            unit_type::FRAGMENT => self.fragment(first, second, body, out),
            0..=47 if self.order_numbers => {
                let Some((_, rest)) = body.split_first_chunk::<2>() else {
                    return Err(Error::Truncated {
                        needed: 4,
                        have: payload.len(),
                    });
                };
                let started = self.assembler.fragment_start(&[first, second], rest, out);
                started.and(self.assembler.fragment(&[], true, out))
            }
            0..=47 => self.unit(payload, out),
            other => Err(Error::UnitType(other)),
        }
    }

    /// A unit needs its header; a shorter one is none.
    fn unit(&mut self, unit: &[u8], out: &mut FrameQueue) -> Result<(), Error> {
        if unit.len() < 2 {
            return Err(Error::Truncated {
                needed: 2,
                have: unit.len(),
            });
        }
        self.assembler.unit(unit, out)
    }

    /// An aggregation packet with DONL before the first unit and DOND before each further one.
    fn numbered(&mut self, body: &[u8], out: &mut FrameQueue) -> Result<(), Error> {
        let mut rest = body;
        let mut skip = 2;
        let mut result = Ok(());
        while !rest.is_empty() {
            let offset = 2 + body.len() - rest.len();
            let Some((length, behind)) = rest.get(skip..).and_then(|rest| rest.split_first_chunk())
            else {
                return result.and(Err(Error::Truncated {
                    needed: skip + 2,
                    have: rest.len(),
                }));
            };
            let announced = usize::from(u16::from_be_bytes(*length));
            let Some((unit, behind)) = behind.split_at_checked(announced) else {
                return result.and(Err(Error::Length {
                    offset,
                    announced,
                    left: behind.len(),
                }));
            };
            if !unit.is_empty() {
                result = result.and(self.unit(unit, out));
            }
            rest = behind;
            skip = 1;
        }
        result
    }

    /// RFC 7798 §4.4.3. The type of later fragments is not looked at: cameras differ.
    fn fragment(
        &mut self,
        first: u8,
        second: u8,
        body: &[u8],
        out: &mut FrameQueue,
    ) -> Result<(), Error> {
        let Some((&header, mut body)) = body.split_first() else {
            return Err(Error::Truncated { needed: 3, have: 2 });
        };
        let (start, end) = (header & 0x80 != 0, header & 0x40 != 0);
        if !start {
            return self.assembler.fragment(body, end, out);
        }
        if self.order_numbers {
            body = body.get(2..).unwrap_or_default();
        }
        let rebuilt = first & 0x81 | (header & 0x3f) << 1;
        let started = self.assembler.fragment_start(&[rebuilt, second], body, out);
        if end {
            // Both bits: a whole unit, though RFC 7798 §4.4.3 forbids it.
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
