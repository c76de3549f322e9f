//! What is known of the time of a stream's media, for reports to readers on any shard.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use rtcp::{CompoundWriter, NtpTime, SenderInfo};

/// Our name in source descriptions (RFC 3550 §6.5.1).
pub(crate) const CNAME: &str = "trackside";

/// One instant of a media in NTP and in RTP time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) ntp: NtpTime,
    pub(crate) rtp: u32,
    pub(crate) at: Instant,
    /// The publisher said so; else the server found it from arrival times.
    pub(crate) published: bool,
}

/// The sending side of one media.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sending {
    pub(crate) ssrc: Option<u32>,
    pub(crate) clock: Option<Clock>,
    pub(crate) clock_rate: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    /// Bits a second between the last two reports; 0 before.
    pub(crate) bit_rate: u64,
    /// How often its sequence number has rolled over, where packets may be sealed.
    pub(crate) roc: u32,
}

impl Sending {
    /// A sender report of `now`, carried on from the last known instant.
    pub(crate) fn report(&self, now: Instant) -> Option<Bytes> {
        let (ssrc, clock) = (self.ssrc?, self.clock?);
        let elapsed = now.saturating_duration_since(clock.at);
        let mut out = BytesMut::new();
        let mut writer = CompoundWriter::new(&mut out);
        writer.sender_report(
            &SenderInfo {
                ssrc,
                ntp: clock.ntp + elapsed,
                rtp_timestamp: clock.rtp.wrapping_add(ticks(elapsed, self.clock_rate)),
                packet_count: self.packets,
                octet_count: self.octets,
            },
            &[],
        );
        writer.cname(ssrc, CNAME);
        Some(out.freeze())
    }

    /// The last word to a reader: a report and a BYE (RFC 3550 §6.6).
    pub(crate) fn bye(&self, now: Instant, reason: &str) -> Option<Bytes> {
        let ssrc = self.ssrc?;
        let mut out = BytesMut::from(self.report(now).unwrap_or_default().as_ref());
        let begins = out.is_empty();
        let mut writer = CompoundWriter::new(&mut out);
        if begins {
            writer.receiver_report(ssrc, &[]);
            writer.cname(ssrc, CNAME);
        }
        writer.bye(&[ssrc], Some(reason));
        Some(out.freeze())
    }
}

/// [`Sending`] of every media. Written once per report, not per packet.
#[derive(Debug)]
pub(crate) struct Clocks(Mutex<Vec<Sending>>);

impl Clocks {
    pub(crate) fn new(rates: impl Iterator<Item = u32>) -> Self {
        let media = rates.map(|clock_rate| Sending {
            clock_rate,
            ..Sending::default()
        });
        Self(Mutex::new(media.collect()))
    }

    pub(crate) fn set(&self, media: u8, sending: Sending) {
        let mut all = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(slot) = all.get_mut(usize::from(media)) {
            *slot = sending;
        }
    }

    pub(crate) fn of(&self, media: u8) -> Sending {
        let all = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        all.get(usize::from(media)).copied().unwrap_or_default()
    }
}

/// `elapsed` in units of `rate` a second, modulo 2^32.
pub(crate) fn ticks(elapsed: Duration, rate: u32) -> u32 {
    let whole = elapsed.as_secs().wrapping_mul(rate.into());
    let part = u64::from(elapsed.subsec_nanos()) * u64::from(rate) / 1_000_000_000;
    whole.wrapping_add(part) as u32
}
