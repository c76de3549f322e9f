//! Our client's sessions outlive their connections where their media do not travel there (RFC 7826 §10.2, §10.4).

use std::time::Duration;

use rtsp_client::{
    Client, End, Event, Options, PlayOptions, Playing, ReconnectPolicy, TransportPolicy,
    VersionPolicy,
};
use rtsp_server::ServerHandle;
use rtsp_session::client::PlayRequest;

use crate::{
    cutter::Cutter,
    peer::within,
    source::{Source, Track, address, server, video},
};

fn by_udp() -> Options {
    let mut options = Options::default();
    options.transport = TransportPolicy::Udp;
    options.version = VersionPolicy::V2_0;
    options
}

async fn plays(cutter: &Cutter, options: Options) -> Playing {
    let url = format!("rtsp://{}/live", cutter.at);
    let described = within("a description", Client::describe(&url, options)).await;
    let playing = described
        .expect("a description")
        .play(PlayOptions::default());
    within("it plays", playing).await.expect("it plays")
}

/// Publishes without a pause.
struct Publisher {
    source: Source,
    track: Track,
}

impl Publisher {
    async fn new(server: &ServerHandle) -> Self {
        Self {
            source: Source::tcp(server, "/live", &video()).await,
            track: Track::video(),
        }
    }

    /// One packet, and the client gets it, and is told of nothing else.
    async fn reaches(&mut self, playing: &mut Playing) {
        let sent = self.track.key(700);
        self.source.send(0, &sent).await;
        loop {
            let event = within("a packet", playing.next_event()).await;
            match event.expect("no error").expect("it goes on") {
                Event::Packet(it) if it.packet.payload() == &sent[12..] => return,
                // What came before may not have been waited for.
                Event::Packet(_) | Event::Rtcp { .. } | Event::Clocks { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Packet by packet, for ever.
    async fn goes_on(&mut self, playing: &mut Playing) {
        loop {
            self.reaches(playing).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn r2_conn_05_r2_conn_20_a_session_by_udp_goes_on_over_another_connection() {
    let server = server(2).await;
    let mut publisher = Publisher::new(&server).await;
    let mut cutter = Cutter::before(address(&server), 0).await;
    let mut playing = plays(&cutter, by_udp()).await;
    publisher.reaches(&mut playing).await;
    for _ in 0..3 {
        // Not a packet is lost, and the client is told of nothing.
        cutter.cut(publisher.goes_on(&mut playing)).await;
        publisher.reaches(&mut playing).await;
        // It is the same session: what is asked in it is answered, without another SETUP.
        within("it pauses", playing.pause()).await.expect("paused");
        let again = PlayRequest::default();
        within("it plays", playing.resume(&again))
            .await
            .expect("plays");
        publisher.reaches(&mut playing).await;
    }
    let statistics = playing.statistics(0).expect("a media");
    assert_eq!(statistics.lost, 0);
    within("the end", playing.close()).await;
}

/// What is asked while there is no connection goes out on the next.
#[tokio::test]
async fn r2_conn_20_requests_wait_for_the_next_connection() {
    let server = server(2).await;
    let mut publisher = Publisher::new(&server).await;
    let mut cutter = Cutter::before(address(&server), 0).await;
    let mut playing = plays(&cutter, by_udp()).await;
    publisher.reaches(&mut playing).await;
    cutter.close_one().await;
    within("it pauses", playing.pause()).await.expect("paused");
    let again = PlayRequest::default();
    within("it plays", playing.resume(&again))
        .await
        .expect("plays");
    publisher.reaches(&mut playing).await;
}

/// Where the next connection leads nobody knows the session.
#[tokio::test]
async fn a_session_that_is_not_known_any_more_is_begun_anew_where_that_is_wanted() {
    for again in [false, true] {
        let (first, second) = (server(1).await, server(1).await);
        let mut publisher = Publisher::new(&first).await;
        let mut other = Publisher::new(&second).await;
        let mut cutter = Cutter::before(address(&first), 0).await;
        let mut options = by_udp();
        options.reconnect = again.then(ReconnectPolicy::default);
        let mut playing = plays(&cutter, options).await;
        publisher.reaches(&mut playing).await;
        *cutter.to.lock().expect("no panic") = address(&second);
        cutter.close_one().await;
        if !again {
            while within("the end", playing.next())
                .await
                .expect("no error")
                .is_some()
            {}
            assert_eq!(playing.end(), Some(&End::SessionLost));
            continue;
        }
        loop {
            match within("a new session", playing.next_event())
                .await
                .expect("it comes back")
            {
                Some(Event::Resumed { same_formats }) => break assert!(same_formats),
                Some(_) => {}
                None => panic!("it is over: {:?}", playing.end()),
            }
        }
        other.reaches(&mut playing).await;
    }
}
