//! What readers report and ask for.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtcp::{Compound, CompoundWriter, FullIntraRequest, Packet};
use rtsp_msg::FrameRun;
use rtsp_session::{media::Feedback, server::SessionId, transport::NegotiatedTransport};

use super::{Mail, Role, Shard};
use crate::stream::{batch::Kind, clocks::CNAME, registry::StreamId};

/// A share of lost packets, of 256, from which on it is worth a line in the log.
const WORTH_SAYING: u8 = 26;
/// A publisher is asked for a key frame at most this often, however many readers want one.
const KEY_FRAME_PAUSE: Duration = Duration::from_millis(500);

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
        let Some(compound) = self.open_packet((id, media), Kind::Rtcp, compound) else {
            return;
        };
        let compound: &[u8] = &compound;
        // Players open a path with less than a whole compound.
        let Ok(compound) = Compound::parse_reduced(compound) else {
            tracing::debug!(session = ?id, media, bytes = compound.len(), "what came as a report is none");
            return;
        };
        let stream = match self.sessions.borrow().get(&id).map(|entry| &entry.role) {
            Some(Role::Reader(reading)) => std::sync::Arc::clone(&reading.stream),
            _ => return,
        };
        for packet in compound.iter() {
            match packet {
                Packet::ReceiverReport(report) => {
                    for block in report.report_blocks() {
                        if self.judge(id, media, &stream, &block) {
                            return;
                        }
                        if block.fraction_lost < WORTH_SAYING {
                            continue;
                        }
                        tracing::info!(
                            session = ?id, path = %stream.path, media,
                            lost_percent = u32::from(block.fraction_lost) * 100 / 256,
                            lost_in_all = block.cumulative_lost, "a reader loses packets on its way"
                        );
                    }
                }
                Packet::PayloadFeedback(feedback) => {
                    let source = stream.clocks.of(media).ssrc;
                    if source.is_some_and(|source| feedback.asks_for_key_frame(source)) {
                        self.shared.post(
                            stream.home,
                            Mail::KeyFrame {
                                stream: stream.id,
                                media,
                            },
                        );
                    }
                }
                _ => {}
            }
        }
    }

    /// Asks the publisher of a stream for a key frame (RFC 4585 §6.3.1), unless it was asked just now.
    pub(super) fn ask_for_key_frame(&self, stream: StreamId, media: u8) {
        let mut sessions = self.sessions.borrow_mut();
        let publisher = sessions
            .values_mut()
            .find_map(|entry| match &mut entry.role {
                Role::Publisher(publishing) if publishing.stream.id == stream => {
                    Some((&entry.session, entry.local, publishing))
                }
                _ => None,
            });
        let Some((session, local, publishing)) = publisher else {
            return;
        };
        let now = Instant::now();
        if publishing
            .asked_for_key_frame
            .is_some_and(|last| now.duration_since(last) < KEY_FRAME_PAUSE)
        {
            return;
        }
        let Some(source) = publishing.stream.clocks.of(media).ssrc else {
            return;
        };
        let described = publishing.stream.description.media.get(usize::from(media));
        let takes = described.and_then(Feedback::of);
        // Who says nothing of feedback may still listen; who says what it takes gets no other.
        let (pli, fir) = takes.map_or((true, false), |takes| (takes.pli, takes.fir));
        if !pli && !fir {
            return;
        }
        publishing.asked_for_key_frame = Some(now);
        let own = self.with_stream(stream, |local, _, _| {
            Some(local.origin.as_ref()?.ingest.own_source())
        });
        let Some(own) = own.flatten() else { return };
        let mut out = BytesMut::new();
        let mut writer = CompoundWriter::new(&mut out);
        writer.receiver_report(own, &[]).cname(own, CNAME);
        if pli {
            writer.pli(own, source);
        } else {
            let ssrc = source;
            let sequence = publishing.full_intra_requests;
            publishing.full_intra_requests = sequence.wrapping_add(1);
            writer.fir(own, &[FullIntraRequest { ssrc, sequence }]);
        }
        let link = self.link_of(session);
        tracing::debug!(path = %publishing.stream.path, media, "a reader asks for a key frame");
        self.send_rtcp(session, media, link.as_deref(), local, &out);
    }
}
