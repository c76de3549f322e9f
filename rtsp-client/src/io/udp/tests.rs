use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use super::*;

fn options() -> DatagramOptions {
    DatagramOptions::default()
}

async fn collect(socket: &DatagramSocket, want: usize) -> Vec<(Origin, Bytes)> {
    let mut buffer = ReceiveBuffer::new(4);
    let mut out = Vec::new();
    while out.len() < want {
        socket.receive(&mut buffer).await.unwrap();
        buffer.freeze_into(&mut out);
    }
    out
}

#[tokio::test]
async fn ephemeral_pairs_are_even_and_odd() {
    for _ in 0..20 {
        let pair = DatagramPair::bind(Ipv4Addr::LOCALHOST.into(), PairPorts::Ephemeral, &options())
            .unwrap();
        let (rtp, rtcp) = pair.ports();
        assert_eq!(rtp % 2, 0);
        assert_eq!(rtcp, rtp + 1);
    }
}

#[tokio::test]
async fn a_fixed_pair_must_be_even_and_free() {
    let address = Ipv4Addr::LOCALHOST.into();
    let odd = DatagramPair::bind(address, PairPorts::Fixed(5001), &options()).unwrap_err();
    assert_eq!(odd.kind(), io::ErrorKind::InvalidInput);
    let pair = DatagramPair::bind(address, PairPorts::Ephemeral, &options()).unwrap();
    let port = pair.ports().0;
    let taken = DatagramPair::bind(address, PairPorts::Fixed(port), &options()).unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    let none = DatagramPair::bind(address, PairPorts::Between(port, port + 1), &options());
    assert_eq!(none.unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn segments_arrive_as_separate_datagrams_with_source_and_local_address() {
    let address = Ipv4Addr::LOCALHOST.into();
    let to =
        DatagramSocket::bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0), &options()).unwrap();
    let from = DatagramSocket::bind(SocketAddr::new(address, 0), &options()).unwrap();
    let contents: Vec<u8> = (0..250u8).collect();
    let destination = SocketAddr::new(address, to.local_address().port());
    let segments = from.max_segments().min(3);
    let size = 250usize.div_ceil(segments);
    from.send(&Outgoing {
        destination,
        contents: &contents,
        segment_size: Some(size),
        source: None,
    })
    .await
    .unwrap();
    let got = collect(&to, segments).await;
    let joined: Vec<u8> = got.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
    assert_eq!(joined, contents);
    assert_eq!(got.len(), segments);
    assert_eq!(got[0].0.source, from.local_address());
    if cfg!(target_os = "linux") {
        assert_eq!(got[0].0.local, Some(address));
    }
}

#[tokio::test]
async fn datagrams_of_different_sizes_keep_their_bounds() {
    let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    let to = DatagramSocket::bind(address, &options()).unwrap();
    let from = DatagramSocket::bind(address, &options()).unwrap();
    let sizes = [1usize, 1400, 1400, 7, 60_000, 0, 3];
    for size in sizes {
        from.send(&Outgoing {
            destination: to.local_address(),
            contents: &vec![size as u8; size],
            segment_size: None,
            source: None,
        })
        .await
        .unwrap();
    }
    let got = collect(&to, sizes.len() - 1).await;
    let lens: Vec<usize> = got.iter().map(|(_, bytes)| bytes.len()).collect();
    // An empty datagram carries nothing and is not reported.
    assert_eq!(lens, [1, 1400, 1400, 7, 60_000, 3]);
}

#[tokio::test]
async fn ipv6_works_beside_ipv4_on_one_port() {
    let Ok(v6) = DatagramSocket::bind(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0), &options())
    else {
        return; // A machine without IPv6.
    };
    let port = v6.local_address().port();
    DatagramSocket::bind(
        SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port),
        &options(),
    )
    .unwrap();
}

#[tokio::test]
async fn nothing_to_read_is_would_block() {
    let socket =
        DatagramSocket::bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), &options()).unwrap();
    let mut buffer = ReceiveBuffer::new(1);
    let error = socket.try_receive(&mut buffer).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(buffer.iter().count(), 0);
}

/// Sends to all, however many calls it takes; `Err` for those that were refused.
async fn send_to_all(
    from: &DatagramSocket,
    shared: &Shared<'_>,
    destinations: &[SocketAddr],
) -> Vec<io::Result<()>> {
    let mut memory = SendMemory::default();
    let mut results = Vec::new();
    while results.len() < destinations.len() {
        match from.try_send_many(shared, &destinations[results.len()..], &mut memory) {
            Ok(sent) => results.extend((0..sent).map(|_| Ok(()))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                from.writable().await.unwrap();
            }
            Err(error) => results.push(Err(error)),
        }
    }
    results
}

#[tokio::test]
async fn many_peers_get_the_same() {
    for ip in [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST.into(),
    ] {
        let Ok(from) = DatagramSocket::bind(SocketAddr::new(ip, 0), &options()) else {
            continue; // A machine without IPv6.
        };
        let bind = |_| DatagramSocket::bind(SocketAddr::new(ip, 0), &options()).unwrap();
        // More than go with one call.
        let peers: Vec<DatagramSocket> = (0..70).map(bind).collect();
        let destinations: Vec<_> = peers.iter().map(DatagramSocket::local_address).collect();
        for (length, segment) in [(900_usize, None), (2500, Some(1000)), (1000, Some(1000))] {
            for source in [None, Some(ip)] {
                let contents: Vec<u8> = (0..length).map(|at| at as u8).collect();
                let shared = Shared {
                    contents: &contents,
                    segment_size: segment,
                    source,
                };
                let results = send_to_all(&from, &shared, &destinations).await;
                assert!(results.iter().all(Result::is_ok), "{results:?}");
                for peer in &peers {
                    let count = segment.map_or(1, |size| length.div_ceil(size));
                    let got = collect(peer, count).await;
                    let joined: Vec<u8> =
                        got.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
                    assert_eq!((joined, got.len()), (contents.clone(), count));
                    assert_eq!(got[0].0.source, from.local_address());
                }
            }
        }
    }
}

#[tokio::test]
async fn one_peer_that_is_refused_takes_nobody_with_it() {
    let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    let from = DatagramSocket::bind(address, &options()).unwrap();
    let peers = [(); 3].map(|()| DatagramSocket::bind(address, &options()).unwrap());
    let mut destinations: Vec<_> = peers.iter().map(DatagramSocket::local_address).collect();
    // Nobody can be sent to at port 0.
    destinations.insert(1, address);
    let shared = Shared {
        contents: b"abcd",
        segment_size: Some(2),
        source: None,
    };
    let results = send_to_all(&from, &shared, &destinations).await;
    let sent: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(sent, [true, false, true, true]);
    for peer in &peers {
        assert_eq!(collect(peer, 2).await.len(), 2);
    }
}
