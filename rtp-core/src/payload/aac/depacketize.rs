//! Packets to access units (RFC 3640 §3.2, modes AAC-lbr and AAC-hbr).

use bytes::{Bytes, BytesMut};

use super::{AudioSpecificConfig, Parameters as Aac, config::Adts};
use crate::{
    Error, Frame, Packet,
    frame::FrameQueue,
    payload::{Parameters, bits::BitReader, fmtp},
};

/// Widths of the fields of an AU-header in bits (RFC 3640 §4.1).
#[derive(Debug, Clone, Copy)]
struct Widths {
    size: u32,
    index: u32,
    index_delta: u32,
    cts_delta: u32,
    dts_delta: u32,
    random_access: u32,
    stream_state: u32,
    auxiliary_size: u32,
    constant_size: Option<usize>,
}

impl Widths {
    fn from_fmtp(parameters: &str) -> Self {
        let number = |name| fmtp::number(parameters, name);
        let width = |name| number(name).filter(|&bits| bits <= 32).unwrap_or(0);
        let mode = fmtp::parameter(parameters, "mode").unwrap_or("AAC-hbr");
        let constant_size = number("constantsize")
            .filter(|&size| size > 0)
            .and_then(|size| usize::try_from(size).ok());
        let mut widths = Self {
            size: width("sizelength"),
            index: width("indexlength"),
            index_delta: width("indexdeltalength"),
            cts_delta: width("ctsdeltalength"),
            dts_delta: width("dtsdeltalength"),
            random_access: width("randomaccessindication").min(1),
            stream_state: width("streamstateindication"),
            auxiliary_size: width("auxiliarydatasizelength"),
            constant_size,
        };
        // What the two modes prescribe, for senders that leave it out (RFC 3640 §3.3.5, §3.3.6).
        if number("sizelength").is_none() && constant_size.is_none() {
            (widths.size, widths.index, widths.index_delta) = match mode {
                lbr if lbr.eq_ignore_ascii_case("AAC-lbr") => (6, 2, 2),
                hbr if hbr.eq_ignore_ascii_case("AAC-hbr") => (13, 3, 3),
                _ => (0, 0, 0),
            };
        }
        widths
    }

    /// Bits of the shortest AU-header; 0: there is no AU header section.
    fn least(&self, first: bool) -> usize {
        let index = if first { self.index } else { self.index_delta };
        let flags = u32::from(self.cts_delta > 0) + u32::from(self.dts_delta > 0);
        let sum = self.size + index + flags + self.random_access + self.stream_state;
        usize::try_from(sum).unwrap_or(usize::MAX)
    }

    /// Whether a further unit follows.
    fn more(&self, headers: Option<&BitReader<'_>>, units: &[u8]) -> bool {
        headers.map_or(!units.is_empty(), |bits| {
            bits.left() >= self.least(false).max(1)
        })
    }

    /// The next AU-header; without an AU header section, what goes without saying.
    fn header(&self, headers: Option<&mut BitReader<'_>>, first: bool) -> Option<AuHeader> {
        let Some(bits) = headers else {
            return Some(AuHeader {
                size: self.constant_size,
                step: u32::from(!first),
                cts: None,
            });
        };
        let size = if self.size > 0 {
            usize::try_from(bits.bits(self.size)?).ok()
        } else {
            self.constant_size
        };
        let step = if first {
            bits.bits(self.index)?;
            0
        } else {
            bits.bits(self.index_delta)?.saturating_add(1)
        };
        let mut cts = None;
        if self.cts_delta > 0 && bits.flag()? {
            let value = bits.bits(self.cts_delta)?;
            // Two's complement of that width, extended to 32 bits.
            let shift = 32 - self.cts_delta;
            cts = Some((value << shift).cast_signed() >> shift);
        }
        if self.dts_delta > 0 && bits.flag()? {
            bits.bits(self.dts_delta)?;
        }
        bits.bits(self.random_access)?;
        bits.bits(self.stream_state)?;
        Some(AuHeader { size, step, cts })
    }
}

#[derive(Debug, Clone, Copy)]
struct AuHeader {
    /// Bytes of the whole unit; `None`: what is left in the packet.
    size: Option<usize>,
    /// Units since the previous one.
    step: u32,
    cts: Option<i32>,
}

/// A unit that is spread over packets.
#[derive(Debug)]
struct Partial {
    timestamp: u32,
    size: usize,
    bytes: BytesMut,
}

#[derive(Debug)]
pub(crate) struct Depacketizer {
    widths: Widths,
    clock_rate: u32,
    constant_duration: Option<u32>,
    duration: Option<u32>,
    parameters: Option<Parameters>,
    changed: bool,
    partial: Option<Partial>,
    after_loss: bool,
    limit: usize,
}

impl Depacketizer {
    pub(crate) fn new(parameters: &str, clock_rate: u32, channels: u8, limit: usize) -> Self {
        let announced = Aac::from_fmtp(parameters);
        let guessed = || {
            Aac::from_config(&AudioSpecificConfig::low_complexity(clock_rate, channels)?.to_bytes())
        };
        let constant_duration =
            fmtp::number(parameters, "constantduration").filter(|&ticks| ticks > 0);
        let mut depacketizer = Self {
            widths: Widths::from_fmtp(parameters),
            clock_rate,
            constant_duration,
            duration: constant_duration,
            parameters: None,
            changed: false,
            partial: None,
            after_loss: false,
            limit,
        };
        if let Ok(aac) = announced.or_else(|_| guessed()) {
            depacketizer.set_parameters(aac);
        }
        depacketizer
    }

    fn set_parameters(&mut self, aac: Aac) {
        let ticks = u64::from(aac.frame_length) * u64::from(self.clock_rate);
        let ticks = ticks
            .checked_div(u64::from(aac.sample_rate))
            .and_then(|ticks| u32::try_from(ticks).ok());
        self.duration = self.constant_duration.or(ticks);
        self.parameters = Some(Parameters::Aac(aac));
    }

    pub(crate) fn push(&mut self, packet: &Packet, out: &mut FrameQueue) -> Result<(), Error> {
        let payload = packet.payload_bytes();
        if payload.is_empty() {
            return Err(Error::EmptyPayload);
        }
        // As length of the AU-headers a syncword would be more than a packet holds.
        if Adts::parse(&payload).is_some_and(|adts| adts.frame_len <= payload.len()) {
            self.partial = None;
            return self.bare_adts(&payload, packet.timestamp(), out);
        }
        let (mut headers, start) = self.sections(&payload)?;
        let units = payload.slice(start..);
        let Some(first) = self.widths.header(headers.as_mut(), true) else {
            return Err(Error::Truncated {
                needed: start + 1,
                have: payload.len(),
            });
        };
        let behind = first
            .size
            .and_then(|size| units.get(size..))
            .unwrap_or_default();
        if !self.widths.more(headers.as_ref(), behind)
            && self.fragment(packet, first, &units, out)?
        {
            return Ok(());
        }
        self.partial = None;
        self.after_loss = false;
        self.whole_units(first, headers, units, packet.timestamp(), out)
    }

    /// The AU header section, if there is one, and where the units begin.
    fn sections<'a>(&self, payload: &'a Bytes) -> Result<(Option<BitReader<'a>>, usize), Error> {
        let have = payload.len();
        let (mut headers, mut start) = (None, 0);
        if self.widths.least(true) > 0 {
            let Some((length, rest)) = payload.split_first_chunk() else {
                return Err(Error::Truncated { needed: 2, have });
            };
            let announced = usize::from(u16::from_be_bytes(*length));
            let Some(section) = rest.get(..announced.div_ceil(8)) else {
                return Err(Error::Length {
                    offset: 0,
                    announced: announced.div_ceil(8),
                    left: rest.len(),
                });
            };
            headers = Some(BitReader::limited(section, announced));
            start = 2 + section.len();
        }
        if self.widths.auxiliary_size > 0 {
            let mut bits = BitReader::new(payload.get(start..).unwrap_or_default());
            let size = bits
                .bits(self.widths.auxiliary_size)
                .and_then(|size| usize::try_from(size).ok());
            let width = usize::try_from(self.widths.auxiliary_size).unwrap_or(0);
            let end = size.and_then(|size| start.checked_add(size.checked_add(width)?.div_ceil(8)));
            start = end.filter(|&end| end <= have).ok_or(Error::Truncated {
                needed: start + 1,
                have,
            })?;
        }
        Ok((headers, start))
    }

    /// Takes the only unit of a packet if it is a part of one; false if it is whole and still to be taken.
    fn fragment(
        &mut self,
        packet: &Packet,
        header: AuHeader,
        bytes: &Bytes,
        out: &mut FrameQueue,
    ) -> Result<bool, Error> {
        let Some(size) = header.size.filter(|&size| size > bytes.len()) else {
            if self.partial.take().is_some() {
                // The unit in hand is whole; the one before it never will be.
                out.pending_loss = out.pending_loss.saturating_add(u32::from(!self.after_loss));
            }
            return Ok(false);
        };
        if size > self.limit {
            self.partial = None;
            return Err(Error::FrameTooLarge { limit: self.limit });
        }
        let timestamp = packet.timestamp();
        let fits = |partial: &Partial| {
            partial.timestamp == timestamp
                && partial.size == size
                && partial.bytes.len() + bytes.len() <= size
        };
        match self.partial.take() {
            Some(mut partial) if fits(&partial) => {
                partial.bytes.extend_from_slice(bytes);
                if partial.bytes.len() == size {
                    self.unit(timestamp, partial.bytes.freeze(), out);
                } else if packet.marker() {
                    return Err(Error::UnfinishedFragment);
                } else {
                    self.partial = Some(partial);
                }
                Ok(true)
            }
            _ if packet.marker() && self.after_loss => Ok(true),
            _ if packet.marker() => Err(Error::OrphanFragment),
            before => {
                let fragment = Partial {
                    timestamp,
                    size,
                    bytes: BytesMut::from(&bytes[..]),
                };
                self.partial = Some(fragment);
                self.after_loss = false;
                if before.is_some() {
                    Err(Error::UnfinishedFragment)
                } else {
                    Ok(true)
                }
            }
        }
    }

    fn whole_units(
        &mut self,
        first: AuHeader,
        mut headers: Option<BitReader<'_>>,
        mut units: Bytes,
        start: u32,
        out: &mut FrameQueue,
    ) -> Result<(), Error> {
        let all = units.len();
        let mut header = first;
        let mut timestamp = start;
        for _ in 0..Self::MAX_UNITS {
            let size = header.size.unwrap_or(units.len());
            if size > units.len() {
                return Err(Error::Length {
                    offset: all - units.len(),
                    announced: size,
                    left: units.len(),
                });
            }
            let step = self.duration.unwrap_or(0).wrapping_mul(header.step);
            timestamp = header.cts.map_or(timestamp.wrapping_add(step), |cts| {
                start.wrapping_add_signed(cts)
            });
            let unit = units.split_to(size);
            if !unit.is_empty() {
                self.unit(timestamp, unit, out);
            }
            if !self.widths.more(headers.as_ref(), &units) {
                return Ok(());
            }
            let Some(next) = self.widths.header(headers.as_mut(), false) else {
                return Err(Error::Syntax("AU-header"));
            };
            header = next;
        }
        Err(Error::Syntax("AU header section"))
    }

    /// Units of one packet that are looked at.
    const MAX_UNITS: usize = 1024;

    /// ADTS frames in a row, without AU headers: no RFC says so, cameras do it.
    fn bare_adts(
        &mut self,
        payload: &Bytes,
        start: u32,
        out: &mut FrameQueue,
    ) -> Result<(), Error> {
        let mut rest = payload.clone();
        let mut timestamp = start;
        while !rest.is_empty() {
            let Some(adts) = Adts::parse(&rest).filter(|adts| adts.frame_len <= rest.len()) else {
                return Err(Error::Syntax("ADTS frame"));
            };
            let unit = rest.split_to(adts.frame_len);
            self.unit(timestamp, unit, out);
            timestamp = timestamp.wrapping_add(self.duration.unwrap_or(0));
        }
        Ok(())
    }

    /// A whole unit; an ADTS header around it is taken off.
    fn unit(&mut self, timestamp: u32, mut unit: Bytes, out: &mut FrameQueue) {
        if let Some(adts) = Adts::parse(&unit).filter(|adts| adts.frame_len == unit.len()) {
            let _ = unit.split_to(adts.header_len);
            if self.parameters.is_none()
                && let Ok(aac) = Aac::from_config(&adts.config.to_bytes())
            {
                self.set_parameters(aac);
                self.changed = true;
            }
        }
        let mut frame = Frame::audio(timestamp, unit, self.duration);
        frame.parameters_changed = core::mem::take(&mut self.changed);
        out.push(frame);
    }

    pub(crate) fn parameters(&self) -> Option<&Parameters> {
        self.parameters.as_ref()
    }

    pub(crate) fn lost(&mut self) {
        self.partial = None;
        self.after_loss = true;
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }
}
