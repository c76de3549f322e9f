//! Thousands of connections that begin something and say no more.

use super::*;

/// Connections, in all.
const COUNT: usize = 5000;

/// What they begin: nothing, a request, a body, a frame, TLS, a tunnel.
const BEGUN: [&[u8]; 6] = [
    b"",
    b"DESCRIBE rtsp://127.0.0.1/demo RTSP/1.0\r\nCSeq: 1\r\nX-Slow: ",
    b"ANNOUNCE rtsp://127.0.0.1/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 200000\r\n\r\nv=0",
    b"$\0\xff\xff\x80",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /dem",
];

#[tokio::test]
async fn threat_connection_flood_of_5000_half_open_ones() {
    rlimit::increase_nofile_limit(u64::MAX).expect("a limit of descriptors");
    // Nobody is let go by the clock: they are all there at once, however slow the machine is.
    let patient = ["first_request", "message", "handshake", "idle"]
        .map(|name| format!("{name}_timeout = \"2h\"\n"))
        .concat();
    let program = Program::with(
        "half-open",
        &format!(
            "[limits]\nhalf_open = 10000\n{patient}[tls]\nself_signed = true\nlisten = \"127.0.0.1:0\"\n"
        ),
    );
    let witnesses = Witnesses::new(&program).await;
    let (descriptors, memory) = (program.descriptors(), program.memory());
    let mut all = Vec::with_capacity(COUNT);
    for number in 0..COUNT {
        let stream = within("a connection", TcpStream::connect(program.address)).await;
        let mut stream = stream.expect("a connection");
        let begun = BEGUN[number % BEGUN.len()];
        stream.write_all(begun).await.expect("it takes so much");
        all.push(stream);
    }
    let there = async {
        while program.descriptors() < descriptors + COUNT {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("all of them", there).await;
    // Who comes now is served, and plays.
    is_served(&program).await;
    let late = Witnesses::new(&program).await;
    late.got_everything().await;
    drop(all);
    program.is_as_before(descriptors, memory).await;
    witnesses.got_everything().await;
}
