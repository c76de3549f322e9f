//! One reader: from connecting to its last packet.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use bytes::BytesMut;
use mio::Registry;
use mio::Token;
use rtcp::CompoundWriter;
use rtcp::ReportBlock;
use rtp_core::Codec;
use rtp_core::PacketView;
use rtp_core::keyframe;
use rtsp_session::Now;
use rtsp_session::client::Event;
use rtsp_session::client::MediaTransport;
use rtsp_session::client::PacketKind;
use rtsp_session::client::PlayRequest;
use rtsp_session::client::TransportRequest;
use sdp::Description;

use super::datagrams::Memory;
use super::datagrams::Pair;
use super::link::Broken;
use super::link::Heard;
use super::link::Link;
use super::stamp;
use super::stamp::Stamp;
use super::tally::Course;
use super::tally::Tally;

/// How often a reader tells what it received (RFC 3550 §6.2, for a session of two).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// Media that one reader sets up at most.
pub(super) const MAX_MEDIA: usize = 8;

/// How a reader is meant to behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conduct {
    /// Reads until the end.
    Steady,
    /// Reads nothing during the window.
    Stalls,
    /// Tears down once PLAY is answered.
    LeavesAtPlay,
    /// Tears down once the first key frame has begun.
    LeavesAtKey,
}

/// Where a reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Asking,
    SettingUp,
    Starting,
    Playing,
    Leaving,
}

/// What a reader has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Goes,
    /// It has its first key frame now.
    Joined,
    /// It has done all that it had to.
    Done,
}

/// One media that a reader gets.
#[derive(Debug)]
struct Part {
    /// Its index in the description.
    media: usize,
    codec: Codec,
    pair: Option<Pair>,
    rtcp_to: Option<SocketAddr>,
    channels: (u8, u8),
    course: Course,
    /// Run and publisher of the stamps.
    origin: Option<(u32, u16)>,
    ssrc: u32,
    /// Extended highest sequence number.
    highest: u64,
}

/// What is common to all readers of a thread.
pub(super) struct Around<'a> {
    pub(super) tally: &'a mut Tally,
    pub(super) registry: &'a Registry,
    /// Whether the window is open.
    pub(super) measuring: bool,
    pub(super) udp: bool,
}

/// The reader.
#[derive(Debug)]
pub(super) struct Reader {
    link: Option<Link>,
    talk: Talk,
}

/// Everything of a reader but its connection.
#[derive(Debug)]
struct Talk {
    conduct: Conduct,
    stage: Stage,
    token: usize,
    local: Option<SocketAddr>,
    peer: SocketAddr,
    parts: Vec<Part>,
    opened: Instant,
    asked: Option<Instant>,
    joined: bool,
    report_due: Option<Instant>,
    progress: Progress,
    /// Packets and octets, for the thread to take.
    packets: u64,
    octets: u64,
    failure: Option<String>,
}

impl Reader {
    /// A reader whose readiness comes as `token` and those behind it, two for each media.
    pub(super) fn new(link: Link, peer: SocketAddr, conduct: Conduct, token: usize) -> Self {
        Self {
            link: Some(link),
            talk: Talk {
                conduct,
                stage: Stage::Asking,
                token,
                local: None,
                peer,
                parts: Vec::new(),
                opened: Instant::now(),
                asked: None,
                joined: false,
                report_due: None,
                progress: Progress::Goes,
                packets: 0,
                octets: 0,
                failure: None,
            },
        }
    }

    pub(super) fn conduct(&self) -> Conduct {
        self.talk.conduct
    }

    /// Whether it got a key frame at least.
    pub(super) fn joined(&self) -> bool {
        self.talk.joined
    }

    /// Packets and octets since the last call.
    pub(super) fn take_counts(&mut self) -> (u64, u64) {
        (
            std::mem::take(&mut self.talk.packets),
            std::mem::take(&mut self.talk.octets),
        )
    }

    /// What came of each media, with the run and publisher that it came from.
    pub(super) fn courses(&self) -> impl Iterator<Item = (Option<(u32, u16)>, Course)> + '_ {
        self.talk
            .parts
            .iter()
            .map(|part| (part.origin, part.course))
    }

    /// Its connection is writable.
    pub(super) fn writable(&mut self, around: &mut Around<'_>) -> Result<(), Broken> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        if link.writable()? {
            self.talk.local = link.local().ok();
            if let Err(error) = link.session.describe(Now::read()) {
                return Err(error.to_string());
            }
            link.settle(&mut |link, heard| self.talk.hear(link, heard, around))?;
        }
        Ok(())
    }

    /// Its connection is readable.
    pub(super) fn readable(
        &mut self,
        memory: &mut [u8],
        around: &mut Around<'_>,
    ) -> Result<Progress, Broken> {
        let Some(mut link) = self.link.take() else {
            return Ok(Progress::Goes);
        };
        let mut clock = None;
        let read = link.read(memory, |link, heard| match heard {
            Heard::Packet(channel, packet) => {
                let now = *clock.get_or_insert_with(stamp::clock);
                self.talk.interleaved(link, channel, packet, now, around);
            }
            other => self.talk.hear(link, other, around),
        });
        let read = read.and_then(|()| self.talk.leave_if_done(&mut link, around));
        self.link = Some(link);
        read?;
        self.talk.settled()
    }

    /// One of its datagram sockets is readable; `slot` counts them.
    pub(super) fn datagrams(
        &mut self,
        slot: usize,
        memory: &mut Memory,
        around: &mut Around<'_>,
    ) -> Result<Progress, Broken> {
        let rtcp = slot % 2 == 1;
        let talk = &mut self.talk;
        let at = slot / 2;
        let Some(pair) = talk.parts.get_mut(at).and_then(|part| part.pair.take()) else {
            return Ok(Progress::Goes);
        };
        let mut clock = None;
        pair.read(rtcp, memory, |packet| {
            let now = *clock.get_or_insert_with(stamp::clock);
            if !rtcp {
                talk.packet(at, packet, now, around);
            }
        });
        if let Some(part) = talk.parts.get_mut(at) {
            part.pair = Some(pair);
        }
        if let Some(link) = &mut self.link {
            talk.leave_if_done(link, around)?;
        }
        self.talk.settled()
    }

    /// Keep-alives and reports.
    pub(super) fn tick(&mut self, now: Now, around: &mut Around<'_>) -> Result<(), Broken> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let talk = &mut self.talk;
        link.tick(now, |link, heard| talk.hear(link, heard, around))?;
        if talk.report_due.is_some_and(|due| due <= now.monotonic) {
            talk.report_due = Some(now.monotonic + REPORT_INTERVAL);
            talk.report(link)?;
        }
        match talk.failure.take() {
            Some(why) => Err(why),
            None => Ok(()),
        }
    }

    /// Asks the server to end the session, if there is one.
    pub(super) fn leave(&mut self) {
        if let Some(link) = &mut self.link {
            // Without a session there is nothing to end.
            if link.session.teardown(Now::read()).is_ok() {
                let _ = link.settle(&mut |_, _| {});
            }
        }
    }
}

impl Talk {
    fn settled(&mut self) -> Result<Progress, Broken> {
        match self.failure.take() {
            Some(why) => Err(why),
            None => Ok(std::mem::replace(&mut self.progress, Progress::Goes)),
        }
    }

    fn hear(&mut self, link: &mut Link, heard: Heard<'_>, around: &mut Around<'_>) {
        match heard {
            Heard::Packet(channel, packet) => {
                self.interleaved(link, channel, packet, stamp::clock(), around);
            }
            Heard::Event(event) => {
                if let Err(why) = self.event(link, event, around) {
                    self.failure.get_or_insert(why);
                }
            }
        }
    }

    fn event(
        &mut self,
        link: &mut Link,
        event: Event,
        around: &mut Around<'_>,
    ) -> Result<(), Broken> {
        match event {
            Event::Described => {
                self.parts = link.session.description().map(parts).unwrap_or_default();
                if self.parts.is_empty() {
                    return Err("the description offers no media that travels by RTP".to_owned());
                }
                self.stage = Stage::SettingUp;
                self.set_up(link, 0, around)
            }
            Event::SetUp { media, .. } if link.session.is_secured(media) => {
                Err("its media are encrypted themselves, which is not for load".to_owned())
            }
            Event::SetUp { media, transport } => {
                let next = self.granted(media, &transport)? + 1;
                if next < self.parts.len() {
                    return self.set_up(link, next, around);
                }
                self.stage = Stage::Starting;
                self.asked = Some(Instant::now());
                let play = link
                    .session
                    .play(Now::read(), &PlayRequest::from(Duration::ZERO));
                play.map_err(|error| error.to_string())
            }
            Event::Playing(_) => {
                self.stage = Stage::Playing;
                around.tally.set_up.add_duration(self.opened.elapsed());
                // Spread over the interval, as many readers would be.
                let spread = REPORT_INTERVAL.mul_f64((self.token % 61) as f64 / 61.0);
                self.report_due = Some(Instant::now() + spread);
                Ok(())
            }
            Event::TornDown => {
                around.tally.session.add_duration(self.opened.elapsed());
                self.progress = Progress::Done;
                Ok(())
            }
            Event::Failed(error) => Err(error.to_string()),
            Event::Ended(reason) => Err(format!("the server ended the session: {reason:?}")),
            Event::Redirected(_) => {
                Err("the server redirects, which load does not follow".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn set_up(&mut self, link: &mut Link, at: usize, around: &Around<'_>) -> Result<(), Broken> {
        let token = self.token + 1 + 2 * at;
        let Some(part) = self.parts.get_mut(at) else {
            return Ok(());
        };
        let request = if around.udp {
            let bound = self.local.ok_or(io::ErrorKind::NotConnected.into());
            let bound = bound.and_then(|local| {
                let mut pair = Pair::bind(local.ip())?;
                pair.register(around.registry, Token(token), Token(token + 1))?;
                let ports = pair.ports()?;
                part.pair = Some(pair);
                Ok(ports)
            });
            let (rtp, rtcp) = bound.map_err(|error: io::Error| format!("no UDP ports: {error}"))?;
            TransportRequest::Udp { rtp, rtcp }
        } else {
            let rtp = 2 * at as u8;
            TransportRequest::Interleaved { rtp, rtcp: rtp + 1 }
        };
        let asked = link.session.setup(Now::read(), part.media, request);
        asked.map_err(|error| error.to_string())
    }

    /// Which of the parts it was.
    fn granted(&mut self, media: usize, transport: &MediaTransport) -> Result<usize, Broken> {
        let at = self.parts.iter().position(|part| part.media == media);
        let Some((at, part)) = at.and_then(|at| Some((at, self.parts.get_mut(at)?))) else {
            return Err("the server set up what was not asked for".to_owned());
        };
        match transport {
            MediaTransport::Udp { server, .. } if part.pair.is_some() => {
                part.rtcp_to = server.map(|(_, rtcp)| SocketAddr::new(self.peer.ip(), rtcp));
            }
            MediaTransport::Interleaved { rtp, rtcp, .. } if part.pair.is_none() => {
                part.channels = (*rtp, *rtcp);
            }
            _ => return Err("the server granted another transport than was asked for".to_owned()),
        }
        Ok(at)
    }

    fn interleaved(
        &mut self,
        link: &Link,
        channel: u8,
        packet: &[u8],
        now: u64,
        around: &mut Around<'_>,
    ) {
        // The usual case without a look into the session.
        let first = self
            .parts
            .first()
            .is_some_and(|part| part.channels.0 == channel);
        if first {
            return self.packet(0, packet, now, around);
        }
        if let Some((media, PacketKind::Rtp)) = link.session.channel(channel)
            && let Some(at) = self.parts.iter().position(|part| part.media == media)
        {
            self.packet(at, packet, now, around);
        }
    }

    fn packet(&mut self, at: usize, packet: &[u8], now: u64, around: &mut Around<'_>) {
        let Some(part) = self.parts.get_mut(at) else {
            return;
        };
        let Ok(view) = PacketView::parse(packet) else {
            return;
        };
        self.packets += 1;
        self.octets += packet.len() as u64;
        let payload = view.payload();
        let key = || {
            !keyframe::has_key_frames(part.codec) || keyframe::random_access(part.codec, payload)
        };
        if !self.joined && key() {
            self.joined = true;
            around.tally.joined += 1;
            if let Some(asked) = self.asked {
                around.tally.join.add_duration(asked.elapsed());
            }
            self.progress = Progress::Joined;
        }
        let sequence = view.sequence();
        part.ssrc = view.ssrc();
        match Stamp::find(payload) {
            Some(stamp) => {
                let origin = Some((stamp.run, stamp.publisher));
                if part.origin != origin {
                    part.origin = origin;
                    part.course = Course::default();
                }
                part.course.take(stamp.index, key);
                if around.measuring && self.conduct == Conduct::Steady {
                    around.tally.latency.add(now.saturating_sub(stamp.sent));
                }
            }
            None => {
                around.tally.unstamped += 1;
                part.course.take(part.course.unwrap(sequence), key);
            }
        }
        part.highest = extend(part.highest, sequence);
    }

    fn leave_if_done(&mut self, link: &mut Link, around: &mut Around<'_>) -> Result<(), Broken> {
        let due = match self.conduct {
            Conduct::LeavesAtPlay => true,
            Conduct::LeavesAtKey => self.joined,
            Conduct::Steady | Conduct::Stalls => false,
        };
        if !due || self.stage != Stage::Playing {
            return Ok(());
        }
        self.stage = Stage::Leaving;
        let torn = link.session.teardown(Now::read());
        torn.map_err(|error| error.to_string())?;
        link.settle(&mut |link, heard| self.hear(link, heard, around))
    }

    /// A receiver report for each media that something came of (RFC 3550 §6.4.2).
    fn report(&self, link: &mut Link) -> Result<(), Broken> {
        for part in self.parts.iter().filter(|part| part.highest > 0) {
            let block = ReportBlock {
                ssrc: part.ssrc,
                fraction_lost: 0,
                cumulative_lost: i32::try_from(part.course.lost)
                    .unwrap_or(i32::MAX)
                    .min(0x7F_FFFF),
                extended_highest_sequence: part.highest as u32,
                jitter: 0,
                last_sender_report: 0,
                delay_since_last_sender_report: 0,
            };
            let own = part.ssrc ^ self.token as u32 ^ 0x5A5A_0000;
            let mut out = BytesMut::zeroed(4);
            let mut writer = CompoundWriter::new(&mut out);
            writer.receiver_report(own, &[block]).cname(own, "load");
            let length = (out.len() - 4) as u16;
            match (&part.pair, part.rtcp_to) {
                (Some(pair), Some(to)) => pair.report(to, out.get(4..).unwrap_or_default()),
                (Some(_), None) => {}
                (None, _) => {
                    let [high, low] = length.to_be_bytes();
                    if let Some(prefix) = out.first_chunk_mut() {
                        *prefix = [b'$', part.channels.1, high, low];
                    }
                    link.write(&out)?;
                }
            }
        }
        Ok(())
    }
}

/// The media that are set up: what travels by RTP and is not ours to send.
fn parts(description: &Description) -> Vec<Part> {
    let media = description.media.iter().enumerate();
    let offered =
        media.filter(|(index, media)| media.is_rtp() && !description.is_back_channel(*index));
    let parts = offered.map(|(index, media)| {
        let encoding = media.formats.first().map(|format| format.encoding.as_str());
        Part {
            media: index,
            codec: encoding.map_or(Codec::Other, Codec::from_encoding_name),
            pair: None,
            rtcp_to: None,
            channels: (u8::MAX, u8::MAX),
            course: Course::default(),
            origin: None,
            ssrc: 0,
            highest: 0,
        }
    });
    parts.take(MAX_MEDIA).collect()
}

/// The extended sequence number (RFC 3550 §A.1), starting one cycle up, so that 0 is none.
fn extend(highest: u64, sequence: u16) -> u64 {
    if highest == 0 {
        return 1 << 16 | u64::from(sequence);
    }
    let ahead = sequence.wrapping_sub(highest as u16) as i16;
    if ahead > 0 {
        highest + ahead as u64
    } else {
        highest
    }
}
