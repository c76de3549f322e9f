//! Passwords that are kept as hashes, what is asked for on connections that everybody can read, and what guessing costs.

use std::net::{IpAddr, SocketAddr};

use rtsp_server::{Access, Action, Config, Permission, Server, ServerHandle, Who};
use rtsp_session::auth::Credentials;

use crate::{
    peer::{Event, Message, Peer, within},
    source::{Source, address, av, server_with, video},
    users::ANN,
};

const WRONG: &str = "Authorization: Basic YW5uOndyb25n\r\n";
/// Of "secret", by the reference implementation, as small as can be: 64 KiB, one pass.
const HASH: &str =
    "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$Sm3MnLdCFk0Af+croKgebRoqqmhbKd88iiW3yUOXn78";

async fn with_users(change: impl FnOnce(&mut Config)) -> (ServerHandle, Source) {
    let server = server_with(|config| {
        config.read = Access::Users;
        config.users = vec![
            Credentials::new("ann", HASH),
            Credentials::new("bob", "secret"),
        ];
        change(config);
    })
    .await;
    let source = Source::tcp(&server, "/live", &video()).await;
    (server, source)
}

fn schemes(answer: &Message) -> Vec<String> {
    let first = |value: &str| value.split(' ').next().unwrap_or_default().to_owned();
    answer.all("WWW-Authenticate").map(first).collect()
}

#[tokio::test]
async fn users_with_hashed_passwords_are_asked_for_basic_and_let_in() {
    let (server, _source) = with_users(|_| {}).await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let answer = peer.ask("DESCRIBE", &uri, "").await.expect(401);
    assert_eq!(
        schemes(&answer),
        ["Basic"],
        "players would take a Digest first"
    );
    for (headers, status) in [
        (WRONG, 401),
        (ANN, 200),
        // Bob's password is known, and he is asked for it in the same way.
        ("Authorization: Basic Ym9iOnNlY3JldA==\r\n", 200),
        ("Authorization: Basic Ym9iOndyb25n\r\n", 401),
        ("Authorization: Basic ZXZlOnNlY3JldA==\r\n", 401),
        (ANN, 200),
        (WRONG, 401),
    ] {
        peer.ask("DESCRIBE", &uri, headers).await.expect(status);
    }
    peer.extra = ANN.into();
    peer.play_tcp("/live", 1).await;
}

#[tokio::test]
async fn in_the_clear_only_digest_is_asked_for() {
    let (server, _source) = with_users(|config| {
        config.cleartext_passwords = false;
        config.users.remove(0);
        config.users.push(Credentials::new("ann", "secret"));
    })
    .await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    let answer = peer.ask("DESCRIBE", &uri, "").await.expect(401);
    assert_eq!(schemes(&answer), ["Digest", "Digest", "Digest"]);
    peer.ask("DESCRIBE", &uri, ANN).await.expect(401);
}

#[tokio::test]
async fn who_cannot_be_asked_is_refused() {
    let (server, _source) = with_users(|config| {
        config.cleartext_passwords = false;
        config.users.truncate(1);
    })
    .await;
    let mut peer = Peer::connect(address(&server)).await;
    let uri = peer.uri("/live");
    for headers in ["", ANN] {
        peer.ask("DESCRIBE", &uri, headers).await.expect(403);
    }
}

#[tokio::test]
async fn a_session_of_a_user_with_a_hashed_password_is_its_users() {
    let (server, _source) = with_users(|_| {}).await;
    let mut peer = Peer::connect(address(&server)).await;
    peer.extra = ANN.into();
    peer.play_tcp("/live", 1).await;
    for (extra, status) in [
        ("Authorization: Basic Ym9iOnNlY3JldA==\r\n", 454),
        (WRONG, 454),
        ("", 454),
        (ANN, 200),
    ] {
        let mut other = Peer::connect(address(&server)).await;
        other.extra = extra.to_owned();
        other.session.clone_from(&peer.session);
        let uri = other.uri("/live");
        other.ask("GET_PARAMETER", &uri, "").await.expect(status);
    }
}

#[tokio::test]
async fn guessing_keeps_an_address_out_for_a_while_and_nobody_else() {
    let (server, _source) = with_users(|config| {
        config.limits.limit_loopback = true;
        config.limits.failures_per_address = 4;
        config.limits.ban = std::time::Duration::from_secs(2);
    })
    .await;
    let guesser: IpAddr = [127, 0, 0, 2].into();
    let mut good = Peer::connect(address(&server)).await;
    good.extra = ANN.into();
    good.play_tcp("/live", 1).await;
    // Of the guesser's own address, but proved before.
    let mut trusted = Peer::connect_from(address(&server), guesser).await;
    let uri = trusted.uri("/live");
    trusted.ask("DESCRIBE", &uri, ANN).await.expect(200);
    let mut idle = Peer::connect_from(address(&server), guesser).await;
    idle.sync().await;
    let mut peer = Peer::connect_from(address(&server), guesser).await;
    for _ in 0..4 {
        peer.ask("DESCRIBE", &uri, WRONG).await.expect(401);
    }
    assert_eq!(peer.next().await, Event::Closed);
    let mut again = Peer::connect_from(address(&server), guesser).await;
    assert_eq!(again.next().await, Event::Closed);
    // A connection that was open before is no way round it, even with the right password.
    idle.ask("DESCRIBE", &uri, ANN).await.expect(403);
    assert_eq!(idle.next().await, Event::Closed);
    trusted.ask("DESCRIBE", &uri, ANN).await.expect(200);
    let uri = good.uri("/live");
    good.ask("GET_PARAMETER", &uri, "").await.expect(200);
    let mut other = Peer::connect(address(&server)).await;
    other.ask("DESCRIBE", &uri, ANN).await.expect(200);
    let back = async {
        loop {
            let mut peer = Peer::connect_from(address(&server), guesser).await;
            let request = peer.request("DESCRIBE", &uri, ANN, b"");
            peer.send(&request).await;
            match peer.next().await {
                Event::Closed => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                Event::Message(answer) => return assert_eq!(answer.status(), 200),
                Event::Frame(..) => panic!("a frame"),
            }
        }
    };
    within("the end of the ban", back).await;
}

#[tokio::test]
async fn permissions_hold_by_user_action_path_and_address() {
    let server = server_with(|config| {
        let user = |name: &str| Who::User(name.into());
        let mut publishes = Permission::new(user("ann"));
        publishes.actions = vec![Action::Publish];
        publishes.paths = vec!["/cams/*".into()];
        let mut reads = Permission::new(user("bob"));
        reads.actions = vec![Action::Read];
        reads.from = vec!["127.0.0.1".parse().unwrap()];
        (config.read, config.publish) = (Access::Permitted, Access::Permitted);
        config.permissions = vec![publishes, reads];
        config.users = vec![
            Credentials::new("ann", "secret"),
            Credentials::new("bob", "secret"),
        ];
    })
    .await;
    let bob = "Authorization: Basic Ym9iOnNlY3JldA==\r\n";
    let here: SocketAddr = address(&server);
    for (user, path, status) in [
        ("", "/cams/1", 401),
        (ANN, "/cams/1", 200),
        (ANN, "/cam", 403),
        (bob, "/cams/2", 403),
    ] {
        let mut peer = Peer::connect(here).await;
        let uri = peer.uri(path);
        let headers = format!("Content-Type: application/sdp\r\n{user}");
        peer.ask_with("ANNOUNCE", &uri, &headers, av().as_bytes())
            .await
            .expect(status);
    }
    let mut publisher = Peer::connect(here).await;
    publisher.extra = ANN.into();
    let _source = Source::tcp_on(publisher, "/cams/1", &video()).await;
    for (user, from, status) in [
        (bob, 1, 200),
        (bob, 2, 403),
        (ANN, 1, 403),
        ("", 1, 401),
        // Nobody may from there: not worth a question.
        ("", 2, 403),
    ] {
        let mut peer = Peer::connect_from(here, [127, 0, 0, from]).await;
        let uri = peer.uri("/cams/1");
        for (method, uri, headers) in [
            ("DESCRIBE", uri.clone(), String::new()),
            (
                "SETUP",
                format!("{uri}/trackID=0"),
                "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n".to_owned(),
            ),
        ] {
            let answer = peer.ask(method, &uri, &format!("{headers}{user}")).await;
            assert_eq!(answer.status(), status, "{method} {user} {from}");
        }
    }
}

#[tokio::test]
async fn permissions_hold_for_parameters_too() {
    let server = server_with(|config| {
        let mut controls = Permission::new(Who::User("ann".into()));
        controls.actions = vec![Action::Control];
        controls.paths = vec!["/cams/*".into()];
        controls.from = vec!["127.0.0.1".parse().unwrap()];
        config.control = Access::Permitted;
        config.permissions = vec![controls];
        config.users = vec![
            Credentials::new("ann", "secret"),
            Credentials::new("bob", "secret"),
        ];
    })
    .await;
    let _cam = Source::tcp(&server, "/cams/1", &video()).await;
    let _live = Source::tcp(&server, "/live", &video()).await;
    let bob = "Authorization: Basic Ym9iOnNlY3JldA==\r\n";
    for (user, path, from, status) in [
        // There is no such parameter; may it be set?
        (ANN, "/cams/1", 1, 451),
        (ANN, "/live", 1, 403),
        (ANN, "/cams/1", 2, 403),
        (bob, "/cams/1", 1, 403),
        ("", "/cams/1", 1, 401),
    ] {
        let mut peer = Peer::connect_from(address(&server), [127, 0, 0, from]).await;
        peer.extra = user.to_owned();
        peer.play_tcp(path, 1).await;
        let uri = peer.uri(path);
        let headers = "Content-Type: text/parameters\r\n";
        let answer = peer
            .ask_with("SET_PARAMETER", &uri, headers, b"name: value\r\n")
            .await;
        assert_eq!(answer.status(), status, "{user} {path} {from}");
    }
}

#[tokio::test]
async fn a_hash_that_cannot_be_used_is_told_at_start() {
    let mut config = Config::default();
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    config.users = vec![Credentials::new("ann", "$argon2id$v=19$m=64")];
    let error = Server::start(config).await.unwrap_err().to_string();
    assert!(
        error.contains("\"ann\"") && !error.contains("m=64"),
        "{error}"
    );
}
