//! SRTP between the client and the server, over TLS: what arrives is what was sent, and nobody else can say anything.

use rtsp_client::{
    Client, ErrorKind, Options, Recording, SrtpPolicy, TransportPolicy, VersionPolicy,
    io::tls::Trust,
};
use rtsp_server::{Pull, PullTrust, ServerHandle, Srtp};
use sdp::{Attribute, Description};

use crate::{
    bridge::secure_server,
    peer::{Peer, within},
    source::{Source, Track, address, arrive, av, server_with, video},
};

async fn sealing_server() -> ServerHandle {
    secure_server(|config| config.srtp = Srtp::OverTls).await
}

fn options(server: &ServerHandle, transport: TransportPolicy) -> Options {
    let mut options = Options::default();
    options.transport = transport;
    options.trust = Trust::pinned([server.fingerprint().expect("TLS")]);
    options
}

fn url(server: &ServerHandle, path: &str) -> String {
    format!("rtsps://{}{path}", server.tls_addresses()[0])
}

const BOTH: [TransportPolicy; 2] = [TransportPolicy::Udp, TransportPolicy::Tcp];

#[tokio::test]
async fn r2_sec_07_r2_rtp_37_the_client_reads_what_is_sealed_in_both_versions_by_both_ways() {
    let server = sealing_server().await;
    let mut source = Source::tcp(&server, "/live", &av()).await;
    let (mut picture, mut sound) = (Track::video(), Track::audio());
    source.send_all(&[(0, picture.key(900))]).await;
    let from = url(&server, "/live");
    let mut readers = Vec::new();
    // Those who come later come after the sequence number has rolled over.
    for version in [VersionPolicy::V1_0, VersionPolicy::V2_0] {
        for transport in BOTH {
            let mut options = options(&server, transport);
            options.version = version;
            let described = within("a description", Client::describe(&from, options));
            let described = described.await.expect("described");
            let media = &described.description().media;
            assert!(media.iter().all(|media| media.protocol == "RTP/SAVP"));
            let playing = within("to play", described.play(Default::default()));
            let playing = playing.await.expect("it plays");
            assert!(playing.is_secured(0) && playing.is_secured(1));
            assert_eq!(playing.transport(), transport);
            readers.push(playing);
            for _ in 0..4 {
                let sent = [(0, picture.key(900)), (1, sound.sound(160))];
                source.send_all(&sent).await;
                for reader in &mut readers {
                    arrive(reader, &sent).await;
                }
            }
        }
    }
    for reader in readers {
        assert_eq!(reader.unopened(), 0);
        reader.close().await;
    }
}

#[tokio::test]
async fn any_transport_is_none_that_takes_media_out_of_tls_in_the_clear() {
    for (srtp, expected) in [
        (Srtp::Off, TransportPolicy::Tcp),
        (Srtp::OverTls, TransportPolicy::Udp),
    ] {
        let server = secure_server(|config| config.srtp = srtp).await;
        let mut source = Source::tcp(&server, "/live", &video()).await;
        let mut picture = Track::video();
        source.send_all(&[(0, picture.key(900))]).await;
        let options = || options(&server, TransportPolicy::Auto);
        let described = Client::describe(&url(&server, "/live"), options()).await;
        let playing = described.expect("described").play(Default::default());
        let playing = within("to play", playing).await.expect("it plays");
        assert_eq!(playing.transport(), expected);
        assert_eq!(playing.is_secured(0), srtp != Srtp::Off);
        let mut description = Description::parse(video().as_bytes()).expect("a description");
        if srtp != Srtp::Off {
            description.media[0].protocol = "RTP/SAVP".to_owned();
        }
        let announced = Client::announce(&url(&server, "/mine"), description, options()).await;
        let recording = announced.expect("announced").record();
        let recording = within("to record", recording).await.expect("it records");
        assert_eq!(recording.transport(), expected);
    }
}

async fn announced(
    server: &ServerHandle,
    path: &str,
    sdp: &str,
    transport: TransportPolicy,
) -> Recording {
    let mut description = Description::parse(sdp.as_bytes()).expect("a description");
    for (media, track) in description
        .media
        .iter_mut()
        .zip([Track::video(), Track::audio()])
    {
        media.protocol = "RTP/SAVP".to_owned();
        let source = Attribute::new("ssrc", format!("{} cname:test", track.ssrc));
        media.attributes.push(source);
    }
    let to = url(server, path);
    let announced = Client::announce(&to, description, options(server, transport));
    let announced = within("the answer", announced).await.expect("announced");
    within("to record", announced.record())
        .await
        .expect("it records")
}

#[tokio::test]
async fn the_client_publishes_sealed_and_readers_get_it_plain_and_sealed() {
    let server = sealing_server().await;
    for (transport, path) in BOTH.into_iter().zip(["/by-udp", "/by-tcp"]) {
        let mut recording = announced(&server, path, &av(), transport).await;
        assert_eq!(recording.transport(), transport);
        let (mut picture, mut sound) = (Track::video(), Track::audio());
        recording
            .send(0, picture.key(900).into())
            .await
            .expect("sent");
        let mut plain = Peer::connect(address(&server)).await;
        plain.play_tcp(path, 2).await;
        let described = Client::describe(&url(&server, path), options(&server, transport)).await;
        let mut sealed = described
            .expect("described")
            .play(Default::default())
            .await
            .expect("it plays");
        // The sequence number of the picture rolls over.
        for _ in 0..12 {
            let (one, other) = (picture.key(900), sound.sound(160));
            let packets = [(0, one.clone().into()), (1, other.clone().into())];
            within("room", recording.send_all(packets))
                .await
                .expect("sent");
            let mut missing = vec![(0, one.clone()), (2, other.clone())];
            while !missing.is_empty() {
                let got = plain.frame().await;
                missing.retain(|packet| *packet != got);
            }
            arrive(&mut sealed, &[(0, one), (1, other)]).await;
        }
        sealed.close().await;
        recording.close().await;
    }
}

#[tokio::test]
async fn a_publisher_hears_the_reports_that_are_sealed_for_it() {
    let server = sealing_server().await;
    for (transport, path) in BOTH.into_iter().zip(["/by-udp", "/by-tcp"]) {
        let mut recording = announced(&server, path, &video(), transport).await;
        let mut picture = Track::video();
        let heard = async {
            while recording.heard(0).is_none() {
                recording
                    .send(0, picture.key(300).into())
                    .await
                    .expect("sent");
                let soon = std::time::Instant::now() + std::time::Duration::from_millis(50);
                recording.run_until(soon).await.expect("it goes on");
            }
        };
        within("a report", heard).await;
        recording.close().await;
    }
}

#[tokio::test]
async fn keys_are_not_told_in_the_clear_unless_both_want_it() {
    let server = secure_server(|config| config.srtp = Srtp::Forced).await;
    let mut source = Source::tcp(&server, "/live", &video()).await;
    let mut picture = Track::video();
    source.send_all(&[(0, picture.key(900))]).await;
    let in_clear = format!("rtsp://{}/live", address(&server));
    let play = async |srtp| {
        let mut options = Options::default();
        options.transport = TransportPolicy::Tcp;
        options.srtp = srtp;
        let described = Client::describe(&in_clear, options)
            .await
            .expect("described");
        described.play(Default::default()).await
    };
    let error = play(SrtpPolicy::OverTls).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("clear text"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("rtsps")));
    let mut playing = play(SrtpPolicy::Forced).await.expect("it plays");
    let packet = picture.key(900);
    source.send_all(&[(0, packet.clone())]).await;
    arrive(&mut playing, &[(0, packet.clone())]).await;
    assert!(playing.is_secured(0));
}

#[tokio::test]
async fn a_path_is_pulled_by_tls_from_the_server_that_is_believed_and_no_other() {
    let upstream = sealing_server().await;
    let mut source = Source::tcp(&upstream, "/live", &video()).await;
    let mut picture = Track::video();
    source.send_all(&[(0, picture.key(900))]).await;
    let pull = |path: &str, trust| {
        let mut pull = Pull::new(path, url(&upstream, "/live"));
        pull.trust = trust;
        pull
    };
    let server = server_with(|config| {
        let pinned = PullTrust::Pinned(upstream.fingerprint().expect("TLS"));
        config.pulls = vec![pull("/cam", pinned), pull("/other", PullTrust::System)];
    })
    .await;
    let mut reader = Peer::connect(address(&server)).await;
    reader.play_tcp("/cam", 1).await;
    let packet = picture.key(900);
    source.send_all(&[(0, packet.clone())]).await;
    // Sequence numbers may be others; what is in the packet is not.
    while reader.frame_on(0).await[12..] != packet[12..] {}
    let mut other = Peer::connect(address(&server)).await;
    let uri = other.uri("/other");
    other.ask("DESCRIBE", &uri, "").await.expect(504);
}
