//! Who else receives from a group, as far as they report (RFC 3550 §6.2.1, §6.3.5).

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use rtcp::Compound;
use rtcp::Packet;

/// More are not told apart: by then each of them reports once in a minute or two.
const MOST: usize = 4096;

/// The other receivers of a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    heard: BTreeMap<u32, Instant>,
}

impl Members {
    /// Takes a compound that came to the group at `now`; `own` are our own reports, which come back.
    pub(super) fn hear(&mut self, now: Instant, compound: &Compound<'_>, own: u32) {
        for packet in compound.iter() {
            match packet {
                Packet::ReceiverReport(report) if report.ssrc() != own => {
                    let ssrc = report.ssrc();
                    if self.heard.len() < MOST || self.heard.contains_key(&ssrc) {
                        self.heard.insert(ssrc, now);
                    }
                }
                Packet::Bye(bye) => {
                    for ssrc in bye.ssrcs() {
                        self.heard.remove(&ssrc);
                    }
                }
                _ => {}
            }
        }
    }

    /// Forgets who has said nothing for five times the interval.
    pub(super) fn forget_silent(&mut self, now: Instant, interval: Duration) {
        let silence = interval.saturating_mul(5);
        self.heard
            .retain(|_, last| now.saturating_duration_since(*last) < silence);
    }

    /// How many they are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.heard.len()).unwrap_or(u32::MAX)
    }
}
