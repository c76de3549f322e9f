//! The stream that is published: H.264 as a server sees it, at an exact rate, each packet with its [`Stamp`].

use std::time::Duration;

use sdp::Description;

use super::stamp;
use super::stamp::Stamp;

/// A baseline SPS and PPS of a real encoder, 640 by 480.
const PARAMETER_SETS: &str = "Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==";
/// Of the `$` frame (RFC 7826 §14).
const PREFIX: usize = 4;
/// Of the RTP packet (RFC 3550 §5.1).
const HEADER: usize = 12;
/// The smallest packet: RTP header, fragment header, slice header, stamp.
pub(crate) const SMALLEST: usize = HEADER + 4 + stamp::LEN;
const CLOCK_RATE: f64 = 90_000.0;
const PAYLOAD_TYPE: u8 = 96;
/// What fills a slice; no start code can arise of it.
const FILLER: u8 = 0xA5;

/// What all streams of a run are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    /// RTP packets of one picture.
    pub(crate) packets: u32,
    /// Octets of one RTP packet, header and all.
    pub(crate) packet: usize,
    /// Pictures a second.
    pub(crate) rate: f64,
    /// Every so many pictures one is a key frame.
    pub(crate) key_every: u32,
}

impl Shape {
    /// The shape that comes nearest to `bitrate`, in bit/s.
    pub(crate) fn new(bitrate: f64, packet: usize, rate: f64, key_every: u32) -> Self {
        let packets = (bitrate / rate / (packet as f64 * 8.0)).round();
        Self {
            packets: packets.clamp(1.0, 10_000.0) as u32,
            packet,
            rate,
            key_every,
        }
    }

    /// From one picture to the next.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }

    /// What it comes to, in bit/s.
    pub(crate) fn bitrate(&self) -> f64 {
        self.packet as f64 * 8.0 * f64::from(self.packets) * self.rate
    }

    /// What is announced.
    pub(crate) fn description(&self) -> String {
        format!(
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=load\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n\
             m=video 0 RTP/AVP {PAYLOAD_TYPE}\r\na=rtpmap:{PAYLOAD_TYPE} H264/90000\r\n\
             a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;sprop-parameter-sets={PARAMETER_SETS};profile-level-id=42C01E\r\n\
             a=framerate:{}\r\na=control:trackID=0\r\n",
            self.rate
        )
    }

    /// The same, taken apart.
    pub(crate) fn announced(&self) -> Result<Description, sdp::Error> {
        Description::parse(self.description().as_bytes())
    }
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Film {
    shape: Shape,
    stamp: Stamp,
    ssrc: u32,
    sequence: u16,
    picture: u64,
    frame: Vec<u8>,
}

impl Film {
    /// A stream whose frames are for `channel`.
    pub(crate) fn new(shape: Shape, run: u32, publisher: u16, channel: u8, ssrc: u32) -> Self {
        let mut frame = vec![FILLER; (PREFIX + shape.packet) * shape.packets as usize];
        let [high, low] = (shape.packet as u16).to_be_bytes();
        for packet in frame.chunks_mut(PREFIX + shape.packet) {
            if let Some(prefix) = packet.first_chunk_mut() {
                *prefix = [b'$', channel, high, low];
            }
        }
        let stamp = Stamp {
            run,
            publisher,
            index: 0,
            sent: 0,
        };
        Self {
            shape,
            stamp,
            ssrc,
            sequence: 0,
            picture: 0,
            frame,
        }
    }

    /// How many packets there were so far.
    pub(crate) fn packets(&self) -> u64 {
        self.stamp.index
    }

    /// The next picture, as `$` frames, to be written at `sent`.
    pub(crate) fn next(&mut self, sent: u64) -> &[u8] {
        self.stamp.sent = sent;
        let key = self
            .picture
            .is_multiple_of(u64::from(self.shape.key_every.max(1)));
        // Wraps as RTP does.
        let timestamp = (self.picture as f64 * CLOCK_RATE / self.shape.rate) as u64 as u32;
        let last = self.shape.packets - 1;
        let packets = self.frame.chunks_mut(PREFIX + self.shape.packet);
        for (number, packet) in (0..=last).zip(packets) {
            let marker = if number == last { 0x80 } else { 0 };
            let mut head = Vec::with_capacity(SMALLEST);
            head.extend([0x80, PAYLOAD_TYPE | marker]);
            head.extend(self.sequence.to_be_bytes());
            head.extend(timestamp.to_be_bytes());
            head.extend(self.ssrc.to_be_bytes());
            head.extend_from_slice(nal_head(key, number == 0, number == last));
            // First macroblock 0, an I or a P slice, parameter set 0.
            head.extend(if key { [0x88, 0x84] } else { [0x9A, 0x84] });
            head.extend(self.stamp.emit());
            if let Some(place) = packet.get_mut(PREFIX..PREFIX + head.len()) {
                place.copy_from_slice(&head);
            }
            self.sequence = self.sequence.wrapping_add(1);
            self.stamp.index += 1;
        }
        self.picture += 1;
        &self.frame
    }

    /// The same picture without the prefixes: what goes out as datagrams.
    pub(crate) fn datagrams(&self, out: &mut Vec<u8>) {
        out.clear();
        for packet in self.frame.chunks(PREFIX + self.shape.packet) {
            out.extend_from_slice(packet.get(PREFIX..).unwrap_or_default());
        }
    }
}

/// The header of the NAL unit, or of its fragment (FU-A, RFC 6184 §5.8).
fn nal_head(key: bool, first: bool, last: bool) -> &'static [u8] {
    match (key, first, last) {
        (true, true, true) => &[0x65],
        (false, true, true) => &[0x61],
        (true, true, false) => &[0x7C, 0x85],
        (true, false, false) => &[0x7C, 0x05],
        (true, false, true) => &[0x7C, 0x45],
        (false, true, false) => &[0x7C, 0x81],
        (false, false, false) => &[0x7C, 0x01],
        (false, false, true) => &[0x7C, 0x41],
    }
}

#[cfg(test)]
mod tests {
    use rtp_core::Codec;
    use rtp_core::PacketView;
    use rtp_core::keyframe;
    use rtsp_msg::Decoder;
    use rtsp_msg::FrameRun;
    use rtsp_msg::Leniency;
    use rtsp_msg::Limits;

    use super::*;

    #[test]
    fn shapes_are_those_of_the_tables() {
        let packets = |bitrate| Shape::new(bitrate, 1200, 25.0, 25).packets;
        assert_eq!((packets(5e5), packets(1e6), packets(4e6)), (2, 4, 17));
        assert_eq!(packets(1.0), 1);
        assert_eq!(Shape::new(1e6, 1200, 25.0, 25).bitrate(), 960_000.0);
    }

    #[test]
    fn what_is_announced_can_be_read() {
        let description = Shape::new(1e6, 1200, 25.0, 25).announced().unwrap();
        let format = &description.media[0].formats[0];
        assert_eq!(
            format.parameter("sprop-parameter-sets"),
            Some(PARAMETER_SETS)
        );
    }

    #[test]
    fn frames_are_rtp_with_key_frames_where_they_should_be() {
        for bitrate in [2e5, 5e5, 4e6] {
            let shape = Shape::new(bitrate, 1200, 25.0, 3);
            let mut film = Film::new(shape, 7, 3, 2, 99);
            let mut index = 0;
            for picture in 0..7 {
                let mut bytes = film.next(1234).into();
                let mut run = FrameRun::new();
                let mut decoder = Decoder::new(Limits::default(), Leniency::permissive());
                assert!(decoder.decode_run(&mut bytes, &mut run).unwrap());
                assert_eq!(run.frames.len(), shape.packets as usize);
                for (number, (channel, packet)) in run.iter().enumerate() {
                    let view = PacketView::parse(packet).unwrap();
                    assert_eq!((channel, packet.len()), (2, 1200));
                    assert_eq!(view.timestamp(), picture * 3600);
                    assert_eq!(u64::from(view.sequence()), index);
                    assert_eq!(view.marker(), number + 1 == run.frames.len());
                    let key = keyframe::random_access(Codec::H264, view.payload());
                    assert_eq!(key, picture % 3 == 0 && number == 0, "{picture} {number}");
                    let stamp = Stamp::find(view.payload()).unwrap();
                    assert_eq!((stamp.index, stamp.sent, stamp.publisher), (index, 1234, 3));
                    index += 1;
                }
                let mut datagrams = Vec::new();
                film.datagrams(&mut datagrams);
                assert_eq!(datagrams.len(), shape.packets as usize * 1200);
            }
            assert_eq!(film.packets(), index);
        }
    }
}
