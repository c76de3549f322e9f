//! Where the packets of one media go.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use bytes::BytesMut;
use rtcp::Compound;
use rtp_core::Packet;
use rtp_core::Reordered;
use rtsp_session::client::PacketKind;
use rtsp_session::media::Arrived;
use rtsp_session::media::Feedback;
use rtsp_session::media::Receiver;
use rtsp_session::media::ReceiverConfig;
use rtsp_session::media::Timeline;

use crate::Event;
use crate::MediaPacket;
use crate::paths::Path;

/// One media while it plays.
#[derive(Debug)]
pub(super) struct Reception {
    /// Its index in the description.
    index: usize,
    pub(super) path: Path,
    pub(super) receiver: Receiver,
    /// All its sources have said goodbye.
    pub(super) bye: bool,
    /// Source and timestamp of the last packet in order.
    pub(super) last: Option<(u32, u32)>,
}

/// What came of the packets of all media.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) timeline: Timeline,
    /// What nobody has taken yet.
    pub(super) ready: VecDeque<Event>,
    /// Frames on channels that were never set up.
    pub(super) unassigned: u64,
    /// Packets that are none.
    pub(super) malformed: u64,
    /// Packets of SRTP that could not be opened.
    pub(super) unopened: u64,
    /// Packets on the channel for reports, and the reverse.
    pub(super) swapped: u64,
    /// Reports about sources that send nothing.
    pub(super) foreign: u64,
}

impl Reception {
    /// The media at `index`, which comes by `path`; `rate` is its clock's, in Hz.
    pub(super) fn new(
        index: usize,
        path: Path,
        media: Option<&sdp::Media>,
        ssrc: u32,
        cname: &str,
    ) -> Self {
        let format = media.and_then(|media| media.formats.first());
        let rate = format.map_or(90_000, |format| format.clock_rate);
        let mut config = match path {
            Path::Datagrams(_) => ReceiverConfig::datagrams(rate, ssrc, cname),
            Path::Interleaved { .. } | Path::Connections(_) => {
                ReceiverConfig::interleaved(rate, ssrc, cname)
            }
        };
        config.group = matches!(&path, Path::Datagrams(path) if path.is_group());
        config.feedback = media.and_then(Feedback::of);
        Self {
            index,
            path,
            receiver: Receiver::new(Instant::now(), config),
            bye: false,
            last: None,
        }
    }

    /// Takes a packet that came where `negotiated` ones belong.
    pub(super) fn take(
        &mut self,
        now: Instant,
        negotiated: PacketKind,
        bytes: Bytes,
        heard: &mut Heard,
    ) {
        let kind = PacketKind::of(&bytes, negotiated);
        // Elsewhere the two may share one flow.
        if matches!(self.path, Path::Interleaved { .. }) && kind != negotiated {
            heard.swapped += 1;
        }
        match kind {
            PacketKind::Rtp => match Packet::parse(bytes) {
                Ok(packet) => {
                    self.bye = false;
                    self.receiver.push(now, packet);
                    self.release(now, heard);
                }
                Err(_) => heard.malformed += 1,
            },
            PacketKind::Rtcp => self.take_compound(now, bytes, heard),
        }
    }

    /// Moves what is in order by `now`, or given up.
    pub(super) fn release(&mut self, now: Instant, heard: &mut Heard) {
        let media = self.index;
        while let Some((ssrc, next)) = self.receiver.pop(now) {
            heard.ready.push_back(match next {
                Reordered::Item(Arrived { packet, at }) => {
                    let timestamp = packet.timestamp();
                    heard.timeline.on_packet(media, ssrc, timestamp, at);
                    self.last = Some((ssrc, timestamp));
                    Event::Packet(MediaPacket {
                        media,
                        packet,
                        arrival: at,
                    })
                }
                Reordered::Lost { first, count } => Event::Lost {
                    media,
                    ssrc,
                    first,
                    count,
                },
            });
        }
    }

    fn take_compound(&mut self, now: Instant, bytes: Bytes, heard: &mut Heard) {
        let media = self.index;
        let Ok(compound) = Compound::parse_reduced(&bytes) else {
            heard.malformed += 1;
            return;
        };
        let told = self.receiver.on_compound(now, &compound);
        heard.foreign += u64::from(told.foreign);
        heard.ready.push_back(Event::Rtcp {
            media,
            compound: bytes,
        });
        if let Some((ssrc, clocks)) = told.clocks {
            heard.timeline.on_report(media, ssrc, clocks);
            heard.ready.push_back(Event::Clocks {
                media,
                ssrc,
                clocks,
            });
        }
        if told.bye {
            self.bye = true;
            heard.ready.push_back(Event::Bye { media });
        }
    }

    /// A report to its sender, if one is due.
    pub(super) fn report(&mut self, now: Instant, random: u32) -> Option<BytesMut> {
        let mut compound = BytesMut::new();
        let due = self.receiver.report(now, random, &mut compound);
        due.then_some(compound)
    }
}
