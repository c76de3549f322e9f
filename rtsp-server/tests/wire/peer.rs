//! A peer that follows a script: it sends the bytes that it is told to, and keeps what comes back in the order in which it
//! came. It shares no code with the server.

use std::{
    collections::VecDeque,
    future::Future,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream, UdpSocket},
};

/// How long anything may take. Nothing takes so long but on a machine that is far too busy, or when it never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that has to happen.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing within {PATIENCE:?}"),
    }
}

/// A text message: a response, or a request of the server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) first_line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The status of a response.
    pub(crate) fn status(&self) -> u16 {
        assert!(self.first_line.starts_with("RTSP/"), "a response: {self:?}");
        let code = self.first_line.split(' ').nth(1);
        code.and_then(|code| code.parse().ok())
            .unwrap_or_else(|| panic!("a status in {:?}", self.first_line))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = name.to_owned();
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(&name))
            .map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn expect_header(&self, name: &str) -> &str {
        self.header(name)
            .unwrap_or_else(|| panic!("a {name} header in {self:#?}"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }

    /// Parameters of a header behind `;`, with their values.
    #[track_caller]
    pub(crate) fn parameter(&self, header: &str, name: &str) -> Option<String> {
        self.expect_header(header).split(';').find_map(|one| {
            let (key, value) = one.split_once('=').unwrap_or((one, ""));
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status(), status, "{self:#?}");
        self
    }
}

/// What comes from the server, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Message(Message),
    Frame(u8, Vec<u8>),
    Closed,
}

pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
    /// How much of the buffer is used up.
    at: usize,
    queue: VecDeque<Event>,
    pub(crate) cseq: u32,
    pub(crate) session: Option<String>,
    /// Headers that each request carries.
    pub(crate) extra: String,
    pub(crate) version: &'static str,
    pub(crate) address: SocketAddr,
    /// `rtsp` or `rtsps`.
    pub(crate) scheme: &'static str,
}

impl Peer {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, None, None).await
    }

    pub(crate) async fn connect_from(address: SocketAddr, from: impl Into<IpAddr>) -> Self {
        Self::connect_with(address, Some(from.into()), None).await
    }

    /// Connects with a small receive buffer: what is not read stays with the server.
    pub(crate) async fn connect_narrow(address: SocketAddr, buffer: u32) -> Self {
        Self::connect_with(address, None, Some(buffer)).await
    }

    async fn connect_with(
        address: SocketAddr,
        from: Option<IpAddr>,
        receive_buffer: Option<u32>,
    ) -> Self {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }
        .expect("a socket");
        if let Some(size) = receive_buffer {
            socket.set_recv_buffer_size(size).expect("a small buffer");
        }
        if let Some(from) = from {
            socket
                .bind(SocketAddr::new(from, 0))
                .expect("a local address");
        }
        let stream = within("connect", socket.connect(address))
            .await
            .expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream,
            buffer: Vec::new(),
            at: 0,
            queue: VecDeque::new(),
            cseq: 0,
            session: None,
            extra: String::new(),
            version: "RTSP/1.0",
            address,
            scheme: "rtsp",
        }
    }

    /// The URI of a path on the server.
    pub(crate) fn uri(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        within("send", self.stream.write_all(bytes))
            .await
            .expect("the connection takes what is sent");
    }

    pub(crate) async fn send_frame(&mut self, channel: u8, packet: &[u8]) {
        self.send(&frame(channel, packet)).await;
    }

    /// A request with the next CSeq and the session, if there is one.
    pub(crate) fn request(
        &mut self,
        method: &str,
        uri: &str,
        headers: &str,
        body: &[u8],
    ) -> Vec<u8> {
        self.cseq += 1;
        let mut out = format!("{method} {uri} {}\r\nCSeq: {}\r\n", self.version, self.cseq);
        if let Some(session) = &self.session {
            out += &format!("Session: {session}\r\n");
        }
        out += &self.extra;
        out += headers;
        if !body.is_empty() {
            out += &format!("Content-Length: {}\r\n", body.len());
        }
        out += "\r\n";
        let mut out = out.into_bytes();
        out.extend_from_slice(body);
        out
    }

    /// Sends a request and waits for its response. What comes before that is kept for [`next`](Self::next).
    pub(crate) async fn ask(&mut self, method: &str, uri: &str, headers: &str) -> Message {
        self.ask_with(method, uri, headers, b"").await
    }

    pub(crate) async fn ask_with(
        &mut self,
        method: &str,
        uri: &str,
        headers: &str,
        body: &[u8],
    ) -> Message {
        let request = self.request(method, uri, headers, body);
        self.send(&request).await;
        let response = self.response(method).await;
        assert_eq!(
            response.header("CSeq"),
            Some(self.cseq.to_string().as_str()),
            "{method} {uri}: {response:#?}"
        );
        response
    }

    /// The next response; frames before it are kept.
    pub(crate) async fn response(&mut self, what: &str) -> Message {
        let mut kept = VecDeque::new();
        loop {
            match self.next().await {
                Event::Message(message) if message.first_line.starts_with("RTSP/") => {
                    kept.append(&mut self.queue);
                    self.queue = kept;
                    return message;
                }
                Event::Closed => panic!("closed instead of a response to {what}"),
                other => kept.push_back(other),
            }
        }
    }

    /// What comes next, whatever it is.
    pub(crate) async fn next(&mut self) -> Event {
        if let Some(event) = self.queue.pop_front() {
            return event;
        }
        loop {
            if let Some(event) = self.decode() {
                return event;
            }
            if self.at > 0 {
                self.buffer.drain(..self.at);
                self.at = 0;
            }
            let read = within("an event", self.stream.read_buf(&mut self.buffer)).await;
            match read {
                // The alert with which TLS is refused, or ended, is no message.
                Ok(0) if self.buffer.starts_with(&[21, 3]) => return Event::Closed,
                Ok(0) => {
                    assert!(
                        self.buffer.is_empty(),
                        "closed in the middle of {} bytes: {:?}",
                        self.buffer.len(),
                        String::from_utf8_lossy(&self.buffer)
                    );
                    return Event::Closed;
                }
                Ok(_) => {}
                // What was sent and not read any more makes the kernel reset the connection.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                    return Event::Closed;
                }
                Err(error) => panic!("reading: {error}"),
            }
        }
    }

    /// The next `$` frame. Anything else is a mistake.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        match self.next().await {
            Event::Frame(channel, packet) => (channel, packet),
            other => panic!("a frame, not {other:?}"),
        }
    }

    /// The next frame on a channel; frames on others are passed over.
    pub(crate) async fn frame_on(&mut self, channel: u8) -> Vec<u8> {
        loop {
            let (on, packet) = self.frame().await;
            if on == channel {
                return packet;
            }
        }
    }

    /// Waits until the server has closed the connection; returns what came before.
    pub(crate) async fn until_closed(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            match self.next().await {
                Event::Closed => return events,
                event => events.push(event),
            }
        }
    }

    /// Everything that was sent before is dealt with once this is answered.
    pub(crate) async fn sync(&mut self) {
        let session = self.session.take();
        self.ask("OPTIONS", "*", "").await.expect(200);
        self.session = session;
    }

    /// SETUP of one media. The session of the answer is kept.
    pub(crate) async fn setup(&mut self, uri: &str, transport: &str) -> Message {
        let answer = self
            .ask("SETUP", uri, &format!("Transport: {transport}\r\n"))
            .await;
        if answer.status() == 200 {
            let id = answer.expect_header("Session").split(';').next();
            self.session = id.map(|id| id.trim().to_owned());
        }
        answer
    }

    /// SETUP of media 0.. with channels 0-1, 2-3.. and PLAY.
    pub(crate) async fn play_tcp(&mut self, path: &str, media: usize) -> Message {
        for index in 0..media {
            let uri = format!("{}/trackID={index}", self.uri(path));
            let channels = format!(
                "RTP/AVP/TCP;unicast;interleaved={}-{}",
                index * 2,
                index * 2 + 1
            );
            self.setup(&uri, &channels).await.expect(200);
        }
        let uri = self.uri(path);
        self.ask("PLAY", &uri, "").await.expect(200)
    }

    fn decode(&mut self) -> Option<Event> {
        let rest = self.buffer.get(self.at..)?;
        match rest.first()? {
            b'$' => {
                let header = rest.get(..4)?;
                let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
                let packet = rest.get(4..4 + len)?.to_vec();
                let channel = header[1];
                self.at += 4 + len;
                Some(Event::Frame(channel, packet))
            }
            _ => {
                let end = rest.windows(4).position(|four| four == b"\r\n\r\n")?;
                let head = std::str::from_utf8(&rest[..end]).unwrap_or_else(|_| {
                    panic!("neither a frame nor text: {:?}", &rest[..end.min(64)])
                });
                let mut lines = head.split("\r\n");
                let first_line = lines.next().unwrap_or_default().to_owned();
                assert!(
                    first_line.contains("RTSP/") || first_line.starts_with("HTTP/"),
                    "neither a frame nor a message: {first_line:?}"
                );
                let headers: Vec<_> = lines
                    .map(|line| {
                        let (name, value) = line.split_once(':').expect("a header");
                        (name.to_owned(), value.trim().to_owned())
                    })
                    .collect();
                let len = headers
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                    .map_or(0, |(_, value)| value.parse().expect("a length"));
                let body = rest.get(end + 4..end + 4 + len)?.to_vec();
                self.at += end + 4 + len;
                Some(Event::Message(Message {
                    first_line,
                    headers,
                    body,
                }))
            }
        }
    }
}

pub(crate) fn frame(channel: u8, packet: &[u8]) -> Vec<u8> {
    let mut out = vec![b'$', channel];
    out.extend_from_slice(
        &u16::try_from(packet.len())
            .expect("a short packet")
            .to_be_bytes(),
    );
    out.extend_from_slice(packet);
    out
}

/// Two sockets with consecutive ports, the first even.
pub(crate) struct Pair {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
}

impl Pair {
    pub(crate) async fn bind(address: impl Into<IpAddr>) -> Self {
        let address = address.into();
        for _ in 0..200 {
            let rtp = UdpSocket::bind((address, 0)).await.expect("a UDP port");
            let port = rtp.local_addr().expect("its address").port();
            if port % 2 == 0
                && port < u16::MAX
                && let Ok(rtcp) = UdpSocket::bind((address, port + 1)).await
            {
                return Self { rtp, rtcp };
            }
        }
        panic!("no two ports side by side");
    }

    pub(crate) async fn local() -> Self {
        Self::bind([127, 0, 0, 1]).await
    }

    pub(crate) fn port(&self) -> u16 {
        self.rtp.local_addr().expect("its address").port()
    }

    /// What to put into a Transport header.
    pub(crate) fn transport(&self) -> String {
        format!(
            "RTP/AVP;unicast;client_port={}-{}",
            self.port(),
            self.port() + 1
        )
    }

    pub(crate) async fn packet(&self) -> Vec<u8> {
        receive(&self.rtp).await.0
    }

    pub(crate) async fn report(&self) -> Vec<u8> {
        receive(&self.rtcp).await.0
    }
}

pub(crate) async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_536];
    let (len, from) = within("a datagram", socket.recv_from(&mut buffer))
        .await
        .expect("a datagram");
    buffer.truncate(len);
    (buffer, from)
}

/// The two ports of `server_port=` in an answer.
#[track_caller]
pub(crate) fn server_ports(answer: &Message) -> (u16, u16) {
    let value = answer
        .parameter("Transport", "server_port")
        .expect("server_port");
    let (rtp, rtcp) = value.split_once('-').expect("two ports");
    (rtp.parse().expect("a port"), rtcp.parse().expect("a port"))
}
