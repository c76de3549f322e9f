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
