//! Multicast groups that are joined for one source only, and those of IPv6.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rtsp_client::{
    Client, Options, PlayOptions, TransportPolicy, VersionPolicy,
    io::{
        multicast::Sender,
        udp::{DatagramOptions, Outgoing},
    },
};
use rtsp_server::{Access, Multicast};

use crate::{
    multicast::{Member, ask, next, of_its_own, reader, timed},
    peer::within,
    source::{address, be32, has_rtcp, rtcp_packets, sequence, server_with, video},
};

/// Packets of the stream itself, by their look, and its BYE.
fn forged(packet: &[u8], ssrc: u32) -> [Vec<u8>; 2] {
    let mut media = packet.to_vec();
    media[20..].fill(0xee);
    let bye = [&[0x81, 203, 0, 1][..], &ssrc.to_be_bytes()].concat();
    [media, bye]
}

#[tokio::test]
async fn who_sends_to_a_group_of_another_source_is_not_heard() {
    for version in [VersionPolicy::V1_0, VersionPolicy::V2_0] {
        let (_, ports) = of_its_own().await;
        let [high, low] = ports.0.to_be_bytes();
        let group = Ipv4Addr::new(232, 254, high, low);
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let server = server_with(|config| {
            let groups = group.to_string().parse().unwrap();
            let mut multicast = Multicast::new(vec![groups], vec![here]);
            (multicast.ttl, multicast.ports) = (0, ports);
            multicast.describe = true;
            config.multicast = Some(multicast);
        })
        .await;
        let (mut source, mut track) = timed(&server, &video()).await;
        let (mut other, answer) = reader(&server, "RTP/AVP;multicast").await;
        let member = Member::of(&answer, here);
        let mut options = Options::default();
        (options.transport, options.version) = (TransportPolicy::Multicast, version);
        let url = format!("rtsp://{}/live", address(&server));
        let described = Client::describe(&url, options).await.unwrap();
        let mut client = described.play(PlayOptions::default()).await.unwrap();
        let all = [next(&member.rtcp).await];
        assert!(has_rtcp(&all[0], 200));

        let rtcp_port = member.group.port();
        let stranger = Sender::bind(
            [127, 0, 0, 2].into(),
            (rtcp_port - 1, rtcp_port),
            0,
            &DatagramOptions::default(),
        );
        let stranger = stranger.unwrap().pair().unwrap();
        for _ in 0..5 {
            let packet = track.key(100);
            let [media, bye] = forged(&packet, track.ssrc);
            for (socket, port, contents) in [
                (&stranger.rtp, rtcp_port - 1, &media),
                (&stranger.rtcp, rtcp_port, &bye),
            ] {
                let outgoing = Outgoing {
                    destination: SocketAddr::new(group.into(), port),
                    contents,
                    segment_size: None,
                    source: None,
                };
                socket.send(&outgoing).await.unwrap();
            }
            source.send(0, &packet).await;
            let got = within("a packet", client.next()).await.unwrap().unwrap();
            assert_eq!(got.packet.sequence(), sequence(&packet));
            assert_eq!(got.packet.payload(), &packet[12..], "of the source alone");
        }
        // Networks carry nothing of receivers there, so they send no reports, and no BYE (RFC 4607 §1).
        client.close().await;
        ask(&mut other, "TEARDOWN").await;
        loop {
            let compound = next(&member.rtcp).await;
            for packet in rtcp_packets(&compound) {
                assert_eq!(be32(packet, 4), track.ssrc);
            }
            if has_rtcp(&compound, 203) {
                break;
            }
        }
    }
}

/// An address of IPv6 whose interface takes multicast. Loopback has no route for it, unless somebody makes one.
#[cfg(target_os = "linux")]
fn address_v6() -> Option<IpAddr> {
    let mut all = nix::ifaddrs::getifaddrs().ok()?;
    all.find_map(|one| {
        let flags =
            nix::net::if_::InterfaceFlags::IFF_MULTICAST | nix::net::if_::InterfaceFlags::IFF_UP;
        let address = one.address?.as_sockaddr_in6()?.ip();
        let local = (address.segments()[0] & 0xffc0) == 0xfe80;
        (one.flags.contains(flags) && !local).then_some(address.into())
    })
}

#[cfg(not(target_os = "linux"))]
fn address_v6() -> Option<IpAddr> {
    None
}

#[tokio::test]
async fn groups_of_ipv6_are_sent_to_and_joined() {
    let Some(here) = address_v6() else {
        eprintln!("not tried: no interface here has an IPv6 address and takes multicast");
        return;
    };
    let (_, ports) = of_its_own().await;
    let server = server_with(|config| {
        config.listen = vec![SocketAddr::new(here, 0)];
        // It is not loopback: nobody would be let in.
        (config.read, config.publish) = (Access::Open, Access::Open);
        let groups = format!("ff15::{:x}/127", ports.0);
        let mut multicast = Multicast::new(vec![groups.parse().unwrap()], vec![here]);
        (multicast.ttl, multicast.ports) = (0, ports);
        multicast.describe = true;
        config.multicast = Some(multicast);
    })
    .await;
    let (mut source, mut track) = timed(&server, &video()).await;
    let (mut reader, answer) = reader(&server, "RTP/AVP;multicast").await;
    let member = Member::of(&answer, here);
    ask(&mut reader, "PLAY").await;
    member.compound(200).await;
    let sent = track.key(1000);
    source.send(0, &sent).await;
    assert_eq!(member.packet().await, sent);
    let uri = reader.uri("/live");
    let described = reader.ask("DESCRIBE", &uri, "").await.expect(200);
    let group = answer.parameter("Transport", "destination").unwrap();
    let filter = format!("a=source-filter: incl IN IP6 {group} {here}\r\n");
    assert!(described.text().contains(&filter), "{}", described.text());
    ask(&mut reader, "TEARDOWN").await;
    member.compound(203).await;
}
