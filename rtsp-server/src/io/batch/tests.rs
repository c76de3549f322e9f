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
