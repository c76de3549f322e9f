//! Packets to publish, and a publisher that sends them.

use std::net::{IpAddr, SocketAddr};

use rtsp_server::{Config, DefaultHandler, Handler, Server, ServerHandle};

use crate::peer::{Message, Pair, Peer, server_ports, within};

/// Parameters of the video, which readers must find unchanged.
pub(crate) const FMTP: &str = "packetization-mode=1;sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==;profile-level-id=42C01E";

/// H.264 and PCMU.
pub(crate) fn av() -> String {
    format!(
        "v=0\r\no=- 17 1 IN IP4 127.0.0.1\r\ns=Two media\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=tool:script\r\n\
         m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 {FMTP}\r\na=framerate:25\r\na=control:streamid=0\r\n\
         m=audio 0 RTP/AVP 0\r\nb=AS:64\r\na=control:streamid=1\r\n"
    )
}

/// PCMU alone.
pub(crate) fn audio() -> String {
    "v=0\r\no=- 18 1 IN IP4 127.0.0.1\r\ns=Sound\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=control:streamid=0\r\n"
        .to_owned()
}

/// H.264 alone.
pub(crate) fn video() -> String {
    format!(
        "v=0\r\no=- 19 1 IN IP4 127.0.0.1\r\ns=Picture\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 {FMTP}\r\na=control:streamid=0\r\n"
    )
}

/// One media: makes RTP packets, each unlike any other.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) payload_type: u8,
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    step: u32,
    made: u32,
}

impl Track {
    pub(crate) fn video() -> Self {
        // Close to the wrap, so that every test passes over it.
        Self {
            payload_type: 96,
            ssrc: 0xA1B2_C3D4,
            sequence: 65_530,
            timestamp: u32::MAX - 20_000,
            step: 3600,
            made: 0,
        }
    }

    pub(crate) fn audio() -> Self {
        Self {
            payload_type: 0,
            ssrc: 0x0102_0304,
            sequence: 100,
            timestamp: 800_000,
            step: 160,
            made: 0,
        }
    }

    fn packet(&mut self, first: u8, size: usize) -> Vec<u8> {
        let mut out = vec![0x80, self.payload_type | 0x80];
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.push(first);
        out.extend_from_slice(&self.made.to_be_bytes());
        let fill = self.made.wrapping_mul(0x9E37_79B1).to_be_bytes();
        out.extend((out.len()..size.max(out.len())).map(|at| fill[at % 4] ^ at as u8));
        self.made += 1;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.step);
        out
    }

    /// A picture in so many packets, of which the last has the marker.
    pub(crate) fn picture(&mut self, key: bool, packets: usize, size: usize) -> Vec<Vec<u8>> {
        let timestamp = self.timestamp;
        let mut picture: Vec<_> = (0..packets)
            .map(|_| {
                self.timestamp = timestamp;
                let first = if key { 0x65 } else { 0x41 };
                let mut packet = self.packet(first, size);
                packet[1] &= 0x7f;
                packet
            })
            .collect();
        if let Some(last) = picture.last_mut() {
            last[1] |= 0x80;
        }
        picture
    }

    /// A whole picture that decoding can start at.
    pub(crate) fn key(&mut self, size: usize) -> Vec<u8> {
        self.packet(0x65, size)
    }

    /// A picture that it cannot.
    pub(crate) fn delta(&mut self, size: usize) -> Vec<u8> {
        self.packet(0x41, size)
    }

    /// Sound.
    pub(crate) fn sound(&mut self, size: usize) -> Vec<u8> {
        self.packet(0xD5, size)
    }

    /// A sender report of this moment, as publishers write them.
    pub(crate) fn report(&self, ntp: u64) -> Vec<u8> {
        let mut out = vec![0x80, 200, 0, 6];
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&ntp.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.made.to_be_bytes());
        out.extend_from_slice(&0_u32.to_be_bytes());
        // SDES with a CNAME.
        out.extend_from_slice(&[0x81, 202, 0, 3]);
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&[1, 4, b't', b'e', b's', b't', 0, 0]);
        out
    }
}

pub(crate) fn sequence(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[2], packet[3]])
}

pub(crate) fn timestamp(packet: &[u8]) -> u32 {
    u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]])
}

pub(crate) fn is_key(packet: &[u8]) -> bool {
    packet[12] == 0x65
}

/// Whether a compound has a packet of this type, such as 200 for a sender report or 203 for a BYE.
pub(crate) fn has_rtcp(compound: &[u8], kind: u8) -> bool {
    rtcp_packets(compound)
        .iter()
        .any(|packet| packet[1] == kind)
}

/// The packets of a compound.
#[track_caller]
pub(crate) fn rtcp_packets(mut compound: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    while !compound.is_empty() {
        assert!(
            compound.len() >= 4 && compound[0] >> 6 == 2,
            "RTCP: {compound:?}"
        );
        let len = 4 * (1 + usize::from(u16::from_be_bytes([compound[2], compound[3]])));
        let (packet, rest) = compound.split_at(len);
        packets.push(packet);
        compound = rest;
    }
    packets
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// A server on ports of its own.
pub(crate) async fn server(threads: usize) -> ServerHandle {
    server_with(|config| config.threads = threads).await
}

pub(crate) async fn server_with(change: impl FnOnce(&mut Config)) -> ServerHandle {
    server_of(DefaultHandler, change).await
}

/// A server with a policy of its own.
pub(crate) async fn server_of(
    handler: impl Handler,
    change: impl FnOnce(&mut Config),
) -> ServerHandle {
    let mut config = Config::default();
    config.cleartext_passwords = true;
    config.listen = vec!["127.0.0.1:0".parse().expect("an address")];
    config.threads = 2;
    change(&mut config);
    let server = Server::start_with(config, handler).await;
    server.expect("a server")
}

pub(crate) fn address(server: &ServerHandle) -> SocketAddr {
    server.addresses()[0]
}

/// Who publishes, and how its packets travel.
pub(crate) struct Source {
    pub(crate) peer: Peer,
    pub(crate) path: String,
    /// With UDP: sockets and the server's ports per media.
    pub(crate) ways: Vec<(Pair, SocketAddr, SocketAddr)>,
}

pub(crate) async fn announce(peer: &mut Peer, path: &str, sdp: &str) -> Message {
    let uri = peer.uri(path);
    peer.ask_with(
        "ANNOUNCE",
        &uri,
        "Content-Type: application/sdp\r\n",
        sdp.as_bytes(),
    )
    .await
}

impl Source {
    /// ANNOUNCE, SETUP of every media, RECORD.
    pub(crate) async fn tcp(server: &ServerHandle, path: &str, sdp: &str) -> Self {
        let peer = Peer::connect(address(server)).await;
        Self::tcp_on(peer, path, sdp).await
    }

    pub(crate) async fn tcp_on(mut peer: Peer, path: &str, sdp: &str) -> Self {
        announce(&mut peer, path, sdp).await.expect(200);
        for media in 0..media_count(sdp) {
            let uri = format!("{}/streamid={media}", peer.uri(path));
            let (rtp, rtcp) = (media * 2, media * 2 + 1);
            let transport = format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp};mode=record");
            let answer = peer.setup(&uri, &transport).await.expect(200);
            assert_eq!(
                answer.parameter("Transport", "interleaved"),
                Some(format!("{rtp}-{rtcp}"))
            );
        }
        let uri = peer.uri(path);
        peer.ask("RECORD", &uri, "Range: npt=0.000-\r\n")
            .await
            .expect(200);
        Self {
            peer,
            path: path.to_owned(),
            ways: Vec::new(),
        }
    }

    pub(crate) async fn udp(server: &ServerHandle, path: &str, sdp: &str) -> Self {
        Self::udp_from(server, path, sdp, [127, 0, 0, 1].into()).await
    }

    pub(crate) async fn udp_from(
        server: &ServerHandle,
        path: &str,
        sdp: &str,
        from: IpAddr,
    ) -> Self {
        let peer = Peer::connect_from(address(server), from).await;
        Self::udp_on(peer, path, sdp, from).await
    }

    /// The same on a connection that there is, from the same address.
    pub(crate) async fn udp_on(mut peer: Peer, path: &str, sdp: &str, from: IpAddr) -> Self {
        announce(&mut peer, path, sdp).await.expect(200);
        let mut ways = Vec::new();
        for media in 0..media_count(sdp) {
            let pair = Pair::bind(from).await;
            let uri = format!("{}/streamid={media}", peer.uri(path));
            let transport = format!("{};mode=record", pair.transport());
            let answer = peer.setup(&uri, &transport).await.expect(200);
            let (rtp, rtcp) = server_ports(&answer);
            let host = peer.address.ip();
            ways.push((
                pair,
                SocketAddr::new(host, rtp),
                SocketAddr::new(host, rtcp),
            ));
        }
        let uri = peer.uri(path);
        peer.ask("RECORD", &uri, "").await.expect(200);
        Self {
            peer,
            path: path.to_owned(),
            ways,
        }
    }

    /// Sends one RTP packet.
    pub(crate) async fn send(&mut self, media: usize, packet: &[u8]) {
        match self.ways.get(media) {
            None => self.peer.send_frame(media as u8 * 2, packet).await,
            Some((pair, rtp, _)) => {
                pair.rtp.send_to(packet, rtp).await.expect("sent");
            }
        }
    }

    /// Sends one RTCP compound.
    pub(crate) async fn send_report(&mut self, media: usize, compound: &[u8]) {
        match self.ways.get(media) {
            None => self.peer.send_frame(media as u8 * 2 + 1, compound).await,
            Some((pair, _, rtcp)) => {
                pair.rtcp.send_to(compound, rtcp).await.expect("sent");
            }
        }
    }

    /// Sends packets and waits until the server has taken them in (with TCP).
    pub(crate) async fn send_all(&mut self, packets: &[(usize, Vec<u8>)]) {
        for (media, packet) in packets {
            self.send(*media, packet).await;
        }
        if self.ways.is_empty() {
            self.peer.sync().await;
        }
    }

    pub(crate) async fn teardown(&mut self) {
        let uri = self.peer.uri(&self.path);
        self.peer.ask("TEARDOWN", &uri, "").await.expect(200);
        self.peer.session = None;
    }
}

fn media_count(sdp: &str) -> usize {
    sdp.matches("\r\nm=").count()
}

/// Waits until all of these packets have reached a reader; what comes besides is passed over, such as what was there before. Which media is
/// first is nobody's promise where each has a socket of its own.
pub(crate) async fn arrive(playing: &mut rtsp_client::Playing, packets: &[(usize, Vec<u8>)]) {
    let mut missing: Vec<_> = packets.iter().collect();
    while !missing.is_empty() {
        let (media, got) = next(playing).await;
        missing.retain(|(of, packet)| (*of, &packet[..]) != (media, &got[..]));
    }
}

/// The next packet that a reader gets, of which media.
async fn next(playing: &mut rtsp_client::Playing) -> (usize, bytes::Bytes) {
    let packet = within("a packet", playing.next())
        .await
        .expect("no failure");
    let packet = packet.expect("no end");
    (packet.media, packet.packet.into_bytes())
}
