//! What readers report.

use rtsp_msg::FrameRun;
use rtsp_session::{server::SessionId, transport::NegotiatedTransport};

use super::{Role, Shard};

/// A share of lost packets, of 256, from which on it is worth a line in the log.
const WORTH_SAYING: u8 = 26;

impl Shard {
    /// Reports of an interleaved reader.
    pub(crate) fn interleaved_feedback(&self, id: SessionId, run: &FrameRun) {
        let now = self.now();
        for (channel, packet) in run.iter() {
            let media = {
                let mut sessions = self.sessions.borrow_mut();
                let Some(entry) = sessions.get_mut(&id) else {
                    return;
                };
                let media = entry.session.media().iter().find(|media| {
                    matches!(media.transport, NegotiatedTransport::Interleaved { rtcp, .. } if rtcp == channel)
                });
                let Some(media) = media.map(|media| media.index as u8) else {
                    continue;
                };
                entry.session.touch(now);
                media
            };
            self.feedback(id, media, packet);
        }
    }

    /// One compound of a reader: what it says of loss is logged, its wish for a key frame goes to the publisher.
    pub(crate) fn feedback(&self, id: SessionId, media: u8, compound: &[u8]) {
        let Ok(compound) = rtcp::Compound::parse(compound) else {
            tracing::debug!(session = ?id, media, "a report that is none");
            return;
        };
        for packet in compound.iter() {
            if let rtcp::Packet::ReceiverReport(report) = packet {
                for block in report.report_blocks() {
                    if block.fraction_lost >= WORTH_SAYING {
                        let sessions = self.sessions.borrow();
                        let Some(Role::Reader(reading)) =
                            sessions.get(&id).map(|entry| &entry.role)
                        else {
                            return;
                        };
                        tracing::info!(
                            session = ?id, path = %reading.stream.path, media,
                            lost_percent = u32::from(block.fraction_lost) * 100 / 256,
                            lost_in_all = block.cumulative_lost, "a reader loses packets on its way"
                        );
                    }
                }
            }
        }
    }
}
