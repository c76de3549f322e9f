//! What holds for media in clear holds for media that are sealed: the profiles SAVP and SAVPF are AVP and AVPF with SRTP.

use std::collections::VecDeque;

use bytes::BytesMut;
use rtsp_server::Srtp;
use rtsp_session::{
    random::Random,
    srtp::{MasterKey, Receiver, Sender, Suite, mikey::Keying},
};

use crate::{
    Live, ask,
    peer::{Pair, Peer},
    source::{Source, av, be32, has_rtcp, rtcp_packets, sequence, server_with, timestamp},
    track,
};

/// Who reads what is sealed, by UDP or interleaved.
struct Reader {
    peer: Peer,
    pair: Option<Pair>,
    receiver: Receiver,
    sender: Sender,
    /// Frames of the other channel than was waited for.
    kept: VecDeque<(u8, Vec<u8>)>,
}

impl Reader {
    /// Sets up the video, and its answer's Transport.
    async fn new(live: &Live, profile: &str, udp: bool) -> (Self, String) {
        let random = &mut Random::from_seed([3; 32]);
        let master = MasterKey::generate(Suite::default(), random);
        let keying = Keying {
            master: master.clone(),
            sources: vec![(77, 0)],
        };
        let told = keying.to_message(rtcp::NtpTime(1 << 60), random);
        let mut peer = live.peer("RTSP/2.0").await;
        let pair = if udp { Some(Pair::local().await) } else { None };
        let way = match &pair {
            Some(pair) => format!(
                ";unicast;dest_addr=\":{}\"/\":{}\"",
                pair.port(),
                pair.port() + 1
            ),
            None => "/TCP;unicast;interleaved=0-1".to_owned(),
        };
        let uri = track(&peer, 0);
        let offer = format!("{profile}{way};MIKEY={}", told.encode_base64());
        let answer = peer.setup(&uri, &offer).await.expect(200);
        let transport = answer.expect_header("Transport").to_owned();
        let given = transport.split(";MIKEY=").nth(1).expect("a MIKEY message");
        let receiver = Keying::decode(given).expect("a key").receiver();
        let sender = Sender::new(&master);
        let reader = Self {
            peer,
            pair,
            receiver,
            sender,
            kept: VecDeque::new(),
        };
        (reader, transport)
    }

    async fn frame_on(&mut self, channel: u8) -> Vec<u8> {
        if let Some(at) = self.kept.iter().position(|(on, _)| *on == channel)
            && let Some((_, frame)) = self.kept.remove(at)
        {
            return frame;
        }
        loop {
            let (on, frame) = self.peer.frame().await;
            if on == channel {
                return frame;
            }
            self.kept.push_back((on, frame));
        }
    }

    async fn packet(&mut self) -> Vec<u8> {
        let sealed = match &self.pair {
            Some(pair) => pair.packet().await,
            None => self.frame_on(0).await,
        };
        let mut out = BytesMut::new();
        self.receiver.open_rtp(&sealed, &mut out).expect("opened");
        out.to_vec()
    }

    async fn compound(&mut self) -> Vec<u8> {
        let sealed = match &self.pair {
            Some(pair) => pair.report().await,
            None => self.frame_on(1).await,
        };
        let mut out = BytesMut::new();
        self.receiver.open_rtcp(&sealed, &mut out).expect("opened");
        out.to_vec()
    }

    /// Sends a compound, sealed.
    async fn report(&mut self, compound: &[u8], transport: &str) {
        let mut sealed = BytesMut::new();
        self.sender
            .seal_rtcp(compound, &mut sealed)
            .expect("sealed");
        match &self.pair {
            None => self.peer.send_frame(1, &sealed).await,
            Some(pair) => {
                // src_addr="host:port"/"host:port": the second is that of reports.
                let ports = transport.split("src_addr=").nth(1).expect("src_addr");
                let second = ports.split('"').nth(3).expect("two of them");
                let port: u16 = second.rsplit(':').next().unwrap().parse().expect("a port");
                let to = (self.peer.address.ip(), port);
                pair.rtcp.send_to(&sealed, to).await.expect("sent");
            }
        }
    }
}

/// A parameter of RTP-Info.
fn told(info: &str, name: &str) -> u32 {
    let value = info
        .split([';', ':', ' '])
        .find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("{name} in {info}"))
}

#[tokio::test]
async fn r2_rtp_33_r2_rtp_34_what_holds_in_clear_holds_sealed() {
    let server = server_with(|config| config.srtp = Srtp::Forced).await;
    let source = Source::tcp(&server, "/live", &av()).await;
    let mut live = Live::of(server, source);
    let ntp = 0xE123_4567_0000_0000_u64;
    for profile in ["RTP/SAVP", "RTP/SAVPF"] {
        for udp in [false, true] {
            let report = live.video.report(ntp);
            live.source.send_report(0, &report).await;
            live.send().await;
            live.source.peer.sync().await;
            let (mut reader, transport) = Reader::new(&live, profile, udp).await;
            assert!(transport.starts_with(profile), "{transport}");
            let answer = ask(&mut reader.peer, "PLAY").await.expect(200);
            // The source, the first sequence number and its time are as told (RFC 7826 §18.45).
            let ssrc = live.video.ssrc;
            let info = answer.expect_header("RTP-Info").to_owned();
            assert!(
                info.to_uppercase().contains(&format!("SSRC={ssrc:08X}")),
                "{info}"
            );
            let first = reader.packet().await;
            assert_eq!(be32(&first, 8), ssrc);
            assert_eq!(told(&info, "seq"), u32::from(sequence(&first)));
            assert_eq!(told(&info, "rtptime"), timestamp(&first));
            // A sender report relates that to the time of day, and names the sender (RFC 3550 §6.4.1, §6.5.1).
            let compound = reader.compound().await;
            let packets = rtcp_packets(&compound);
            assert_eq!((packets[0][1], be32(packets[0], 4)), (200, ssrc));
            let (seconds, ticks) = (be32(packets[0], 8), be32(packets[0], 16));
            let (then, anchor) = ((ntp >> 32) as u32, be32(&report, 16));
            let passed = ticks.wrapping_sub(anchor) / 90_000;
            assert!(
                seconds.wrapping_sub(then).abs_diff(passed) <= 1,
                "{compound:?}"
            );
            assert!(has_rtcp(&compound, 202), "{compound:?}");
            // A wish for a key frame reaches the publisher (RFC 4585 §6.3.1).
            if profile == "RTP/SAVPF" {
                let mut wish = vec![0x80, 201, 0, 1, 0, 0, 0, 77, 0x81, 206, 0, 2, 0, 0, 0, 77];
                wish.extend_from_slice(&ssrc.to_be_bytes());
                loop {
                    reader.report(&wish, &transport).await;
                    let wished = live.source.peer.frame_on(1);
                    let wait = std::time::Duration::from_millis(200);
                    // They are passed on now and then only.
                    if let Ok(compound) = tokio::time::timeout(wait, wished).await
                        && has_rtcp(&compound, 206)
                    {
                        break;
                    }
                }
            }
            let packet = live.send().await;
            while reader.packet().await != packet {}
            // In the end it says so (RFC 3550 §6.6).
            ask(&mut reader.peer, "TEARDOWN").await.expect(200);
            while !has_rtcp(&reader.compound().await, 203) {}
        }
    }
}
