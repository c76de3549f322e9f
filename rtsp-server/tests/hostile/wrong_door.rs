//! TLS where nobody speaks it, and what is not TLS where only that is spoken.

use rtsp_client::io::tls::Trust;
use tokio::io::AsyncReadExt as _;

use super::{certificates::Folder, *};
use crate::bridge;

/// How often all of it is said at each door.
const ROUNDS: usize = 20;

/// What begins like TLS and what does not, and what turns from one into the other.
fn words() -> Vec<Vec<u8>> {
    let request = b"DESCRIBE rtsp://127.0.0.1/demo RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    let record = |kind: u8, len: u16, body: &[u8]| {
        let [high, low] = len.to_be_bytes();
        [&[kind, 3, 1, high, low][..], body].concat()
    };
    // A handshake whose ClientHello says that it is 16 MiB, and one that lists nothing.
    let hello = [&[1, 0, 0, 38, 3, 3][..], &[7; 32], &[0, 0, 0, 1, 0]].concat();
    let giant = [&[1, 0xff, 0xff, 0xff, 3, 3][..], &[7; 4000]].concat();
    vec![
        request.to_vec(),
        request.repeat(50),
        b"GET /demo HTTP/1.1\r\nHost: x\r\nx-sessioncookie: 1\r\n\r\n".to_vec(),
        b"$\0\0\x04abcd".repeat(2000),
        record(22, hello.len() as u16, &hello),
        [record(22, hello.len() as u16, &hello), request.to_vec()].concat(),
        record(22, giant.len() as u16, &giant).repeat(10),
        record(22, 0xffff, request),
        record(22, 0, b"").repeat(5000),
        record(21, 2, &[2, 40]),
        record(23, 400, &[9; 400]).repeat(20),
        // As SSL 2.0 had it.
        vec![0x80, 46, 1, 3, 1, 0, 21, 0, 0, 0, 16],
        vec![22],
        vec![22, 3],
    ]
}

/// What comes back until the door is closed.
async fn say(at: SocketAddr, words: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(at).await {
        let _ = stream.write_all(words).await;
        let _ = stream.shutdown().await;
        let _ = within("the end", stream.read_to_end(&mut answer)).await;
    }
    answer
}

#[tokio::test]
async fn threat_tls_on_the_plain_port_and_plain_on_the_tls_port() {
    let times = "[limits]\nfirst_request_timeout = 2\nhandshake_timeout = 2\nmessage_timeout = 2\nidle_timeout = 2\n";
    let plain = Program::with("plain-door", times);
    let folder = Folder::new("doors");
    let trust = Trust::pinned([folder.renew()]).config().expect("a trust");
    let both = Program::with("both-doors", &format!("{times}{}", folder.settings()));
    let secure = both.secure.expect("TLS");
    let by_plain = Witnesses::new(&plain).await;
    let by_both = Witnesses::new(&both).await;
    let sealed = Witnesses::of(bridge::bridged(trust, secure, None).await).await;
    let before = [&plain, &both].map(|program| (program.descriptors(), program.memory()));
    let mut open = Vec::new();
    for _ in 0..ROUNDS {
        for words in words() {
            for at in [plain.address, both.address, secure] {
                let answer = say(at, &words).await;
                let text = String::from_utf8_lossy(&answer);
                assert!(at != secure || !text.contains("200 OK"), "{text}");
                // Some say it and wait.
                if let Ok(mut stream) = TcpStream::connect(at).await {
                    let _ = stream.write_all(&words).await;
                    open.push(stream);
                }
            }
        }
    }
    // Whoever waits is not waited for.
    for (program, (descriptors, memory)) in [&plain, &both].into_iter().zip(before) {
        program.is_as_before(descriptors, memory).await;
    }
    drop(open);
    sealed.got_everything().await;
    by_both.got_everything().await;
    by_plain.got_everything().await;
}
