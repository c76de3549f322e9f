use std::io::{ErrorKind, Read};

use tokio::net::TcpListener;

use super::*;

/// Connections, and the other ends of them.
async fn pairs(count: usize) -> Vec<(TcpStream, std::net::TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut pairs = Vec::new();
    for _ in 0..count {
        let far = std::net::TcpStream::connect(address).unwrap();
        pairs.push((listener.accept().await.unwrap().0, far));
    }
    pairs
}

/// With io_uring where it is, and without.
fn both() -> [Batch; 2] {
    [Batch::new(true), Batch::new(false)]
}

#[tokio::test]
async fn each_connection_gets_its_own_octets() {
    for mut batch in both() {
        // Several sends each: they keep their order.
        let mut pairs = pairs(AT_ONCE / 8).await;
        let texts: Vec<Vec<u8>> = (0..AT_ONCE).map(|at| vec![at as u8; 1000 + at]).collect();
        let mut results = Vec::new();
        for _ in 0..3 {
            let nears = pairs.iter().map(|(near, _)| near).cycle();
            let sends: Vec<Send<'_>> = nears
                .zip(&texts)
                .map(|(near, text)| (near, &text[..]))
                .collect();
            batch.send(&sends, &mut results);
            for (at, (text, result)) in texts.iter().zip(&results).enumerate() {
                let count = pairs.len();
                let far = &mut pairs[at % count].1;
                assert_eq!(*result.as_ref().unwrap(), text.len());
                let mut got = vec![0; text.len()];
                far.read_exact(&mut got).unwrap();
                assert_eq!(got, *text);
            }
        }
    }
}

#[tokio::test]
async fn a_full_socket_is_told_and_the_others_are_served() {
    for mut batch in both() {
        let pairs = pairs(WORTH_A_SUBMISSION).await;
        let much = vec![7; 64 << 20];
        let mut results = Vec::new();
        let (near, _) = &pairs[0];
        let mut sends: Vec<Send<'_>> = vec![(near, &much), (near, &much)];
        sends.extend(pairs[1..].iter().map(|(near, _)| (near, &b"x"[..])));
        batch.send(&sends, &mut results);
        let taken = *results[0].as_ref().unwrap();
        assert!((1..much.len()).contains(&taken), "{taken}");
        assert_eq!(
            results[1].as_ref().unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        for result in &results[2..] {
            assert_eq!(*result.as_ref().unwrap(), 1);
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_is_an_error_of_its_own() {
    for mut batch in both() {
        let mut pairs = pairs(WORTH_A_SUBMISSION + 1).await;
        let (near, far) = pairs.remove(0);
        // A reset, not a farewell.
        socket2::SockRef::from(&far)
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
        drop(far);
        near.readable().await.unwrap();
        let mut results = Vec::new();
        let mut sends: Vec<Send<'_>> = vec![(&near, b"x")];
        sends.extend(pairs.iter().map(|(near, _)| (near, &b"y"[..])));
        batch.send(&sends, &mut results);
        assert!(results[0].is_err());
        for result in &results[1..] {
            assert_eq!(*result.as_ref().unwrap(), 1);
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_submission_that_is_refused_goes_out_without_the_ring() {
    let Ok(ring) = linux::Ring::refusing() else {
        eprintln!("no io_uring here");
        return;
    };
    let mut batch = Batch { ring: Some(ring) };
    let mut pairs = pairs(WORTH_A_SUBMISSION).await;
    let mut results = Vec::new();
    // The second round finds no ring any more.
    for round in [b"one", b"two"] {
        let sends: Vec<Send<'_>> = pairs.iter().map(|(near, _)| (near, &round[..])).collect();
        batch.send(&sends, &mut results);
        assert_eq!(results.len(), WORTH_A_SUBMISSION);
        for ((_, far), result) in pairs.iter_mut().zip(&results) {
            assert_eq!(*result.as_ref().unwrap(), 3);
            let mut got = [0; 3];
            far.read_exact(&mut got).unwrap();
            assert_eq!(got, *round, "once, and in order");
        }
        assert!(!batch.submits());
    }
}

/// A socket that sends, and peers that receive.
#[cfg(target_os = "linux")]
fn peers(ip: &str, count: usize) -> (DatagramSocket, Vec<std::net::UdpSocket>) {
    let any = SocketAddr::new(ip.parse().unwrap(), 0);
    let from = DatagramSocket::bind(any, &Default::default()).unwrap();
    let peers = (0..count).map(|_| std::net::UdpSocket::bind(any).unwrap());
    (from, peers.collect())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn each_peer_gets_all_datagrams_from_where_it_is_told() {
    let mut batch = Batch::new(true);
    if !batch.submits() {
        eprintln!("no io_uring here");
        return;
    }
    for ip in ["127.0.0.1", "::1"] {
        let (from, peers) = peers(ip, AT_ONCE / 4 + 1);
        let to: Vec<_> = peers.iter().map(|it| it.local_addr().unwrap()).collect();
        let source = Some(ip.parse().unwrap());
        // The last datagram is shorter.
        let contents: Vec<u8> = (0..1100).map(|at| at as u8).collect();
        for (segment_size, source) in [(Some(500), None), (Some(500), source), (None, source)] {
            let shared = Shared {
                contents: &contents,
                segment_size,
                source,
            };
            if !from.can_cut(&shared) {
                eprintln!("no GSO here");
                continue;
            }
            let mut results = Vec::new();
            assert!(batch.send_to(&from, &shared, &to, &mut results));
            assert_eq!(results.len(), to.len());
            let mut memory = [0; 2000];
            for (peer, result) in peers.iter().zip(&results) {
                assert_eq!(*result.as_ref().unwrap(), contents.len());
                for expected in contents.chunks(segment_size.unwrap_or(usize::MAX)) {
                    let (len, whose) = peer.recv_from(&mut memory).unwrap();
                    assert_eq!(&memory[..len], expected);
                    assert_eq!(whose, from.local_address());
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_peer_that_the_system_refuses_is_an_error_of_its_own() {
    let mut batch = Batch::new(true);
    let (from, peers) = peers("127.0.0.1", WORTH_A_SUBMISSION);
    let mut to: Vec<_> = peers.iter().map(|it| it.local_addr().unwrap()).collect();
    // A broadcast, which was not asked for.
    to.insert(3, "255.255.255.255:9".parse().unwrap());
    let shared = Shared {
        contents: b"x",
        segment_size: None,
        source: None,
    };
    let mut results = Vec::new();
    if !batch.send_to(&from, &shared, &to, &mut results) {
        assert!(!batch.submits());
        return;
    }
    for (at, result) in results.iter().enumerate() {
        assert_eq!(result.is_err(), at == 3, "{at}: {result:?}");
    }
    for peer in &peers {
        assert_eq!(peer.recv(&mut [0; 10]).unwrap(), 1);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn datagrams_of_a_ring_that_fails_are_all_told() {
    let Ok(ring) = linux::Ring::refusing() else {
        eprintln!("no io_uring here");
        return;
    };
    let mut batch = Batch { ring: Some(ring) };
    let (from, peers) = peers("127.0.0.1", WORTH_A_SUBMISSION);
    let to: Vec<_> = peers.iter().map(|it| it.local_addr().unwrap()).collect();
    let shared = Shared {
        contents: b"x",
        segment_size: None,
        source: None,
    };
    let mut results = Vec::new();
    assert!(batch.send_to(&from, &shared, &to, &mut results));
    assert_eq!(results.len(), to.len());
    assert!(results.iter().all(Result::is_err), "{results:?}");
    assert!(!batch.send_to(&from, &shared, &to, &mut results));
    // Nothing has gone out.
    peers[0].set_nonblocking(true).unwrap();
    assert!(peers[0].recv(&mut [0; 10]).is_err());
}
