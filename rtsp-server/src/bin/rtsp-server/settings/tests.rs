mod mistakes;

use std::{path::Path, time::Duration};

use rtsp_server::{
    Action, PathRule, Permission, Pull, PullTransport, PullTrust, SlowReaders, Start, UdpPorts, Who,
};

use super::{file::apply, *};

const EXAMPLE: &str = include_str!("../../../../rtsp-server.example.toml");

fn read(text: &str) -> Settings {
    let mut settings = Settings::default();
    if let Err(problems) = apply(Path::new("server.toml"), text, &mut settings) {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"));
    }
    settings
}

fn problems(text: &str) -> Vec<String> {
    let mut settings = Settings::default();
    let problems = apply(Path::new("server.toml"), text, &mut settings).expect_err(text);
    problems.iter().map(ToString::to_string).collect()
}

/// The example with its examples: lines that begin with `#` and a key or a table.
fn uncommented() -> String {
    let is_example = |line: &&str| {
        let rest = line.strip_prefix('#').unwrap_or_default();
        rest.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '[')
    };
    let lines = EXAMPLE.lines().map(|line| {
        if is_example(&line) {
            line.trim_start_matches('#')
        } else {
            line
        }
    });
    let lines: Vec<&str> = lines
        .filter(|line| !line.starts_with("users_file"))
        .collect();
    lines.join("\n")
}

#[test]
fn the_example_says_what_is_so_anyway() {
    let example = read(EXAMPLE);
    let default = Settings::default();
    assert_eq!(
        format!("{:?}", example.config),
        format!("{:?}", default.config)
    );
    assert_eq!(example.log, default.log);
}

#[test]
fn the_examples_in_the_example_are_right() {
    let example = read(&uncommented()).config;
    assert_eq!(example.files.as_deref(), Some(Path::new("/srv/films")));
    assert_eq!(example.users.len(), 1);
    let multicast = example.multicast.expect("multicast");
    assert_eq!((multicast.groups.len(), multicast.ttl), (2, 1));
    let pull = &example.pulls[0];
    let mut expected = Pull::new("/cam", pull.url.as_str());
    expected.trust = PullTrust::Authorities("camera.pem".into());
    assert_eq!(*pull, expected);
}

#[test]
fn the_example_has_every_key() {
    // An unknown key that is like no other makes the program name those that it knows.
    let text = "zzz = 1\n[tls]\nzzz = 1\nself_signed = true\n[check]\nzzz = 1\nurl = 'http://h'\n[tokens]\nzzz = 1\nkeys = 'http://h'\n[limits]\nzzz = 1\n[[permission]]\nzzz = 1\nuser = '*'\nactions = []\n[multicast]\nzzz = 1\ngroups = []\nsource = []\n[[path]]\nzzz = 1\npath = '/a'\nsource = 'rtsp://a/'\n";
    let mut keys = 0;
    for line in problems(text) {
        let (_, known) = line.split_once("expected one of ").expect(&line);
        for key in known.split(", ") {
            keys += 1;
            let shown = [
                format!("{key} = "),
                format!("[{key}]"),
                format!("[[{key}]]"),
            ];
            let has = |line: &str| {
                shown
                    .iter()
                    .any(|it| line.trim_start_matches('#').starts_with(it))
            };
            assert!(EXAMPLE.lines().any(has), "{key}");
        }
    }
    assert!(keys > 20, "{keys}");
}

#[test]
fn others_that_prove_users_reach_the_configuration() {
    let config = read(
        r#"
        read = "users"
        [check]
        url = "https://auth.example/rtsp?key=x"
        timeout = "2s"
        remember = 0
        [tokens]
        keys = "https://id.example/jwks.json"
        issuer = "https://id.example"
        audience = "cameras"
        rights = "rtsp"
        refresh = "5m"
        "#,
    );
    assert_eq!(config.contradictions(), [""; 0]);
    let mut check = rtsp_server::HttpCheck::new("https://auth.example/rtsp?key=x");
    (check.timeout, check.remember) = (Duration::from_secs(2), Duration::ZERO);
    assert_eq!(config.config.check, Some(check));
    let mut tokens = rtsp_server::Tokens::new("https://id.example/jwks.json");
    tokens.issuer = Some("https://id.example".into());
    tokens.audience = Some("cameras".into());
    tokens.rights = Some("rtsp".into());
    tokens.refresh = Duration::from_secs(300);
    assert_eq!(config.config.tokens, Some(tokens));
    for (text, expected) in [
        ("check = 1", "check: expected a table: [check]"),
        ("[check]", "check: \"url\" is missing"),
        (
            "[check]\nurl = 'ftp://me:hunter2@h/'",
            "check.url: expected a URL such as",
        ),
        (
            "[check]\nurl = 'http://h'\ntimeout = '1h'",
            "check.timeout: expected 30 s or less",
        ),
        (
            "[tokens]\nkeys = 'http://h'\nrefresh = 1",
            "tokens.refresh: expected 60s or more",
        ),
        (
            "[tokens]\nkeys = 'http://h'\nkid = 1",
            "unknown key \"tokens.kid\"",
        ),
    ] {
        let found = problems(text);
        assert!(
            found.iter().any(|it| it.contains(expected)),
            "{text}: {found:?}"
        );
        assert!(!found.concat().contains("hunter2"), "{found:?}");
    }
}

#[test]
fn every_limit_reaches_the_configuration() {
    let settings = read(
        r#"
        [limits]
        connections = 1
        connections_per_address = 2
        sessions = 7
        sessions_per_address = 4
        sessions_per_connection = 3
        failures_per_address = 9
        requests_per_second = 11
        publish_bit_rate = 12_000
        streams = 13
        media = 14
        header_bytes = "16 KiB"
        header_count = 17
        url = 2000
        unauthenticated_timeout = 18
        ban = "90s"
        limit_loopback = true
        bandwidth = 8_000_000
        body = "64 KiB"
        body_retry_after = "2m"
        ring = 1_048_576
        session_timeout = 30
        session_grace = 0
        inactive_timeouts = 20
        first_request_timeout = "3s"
        message_timeout = "4s"
        continue_after = "2s"
        answer_timeout = "15s"
        idle_timeout = "5m"
        "#,
    );
    let limits = settings.config.limits;
    let counts = [
        limits.connections,
        limits.connections_per_address,
        limits.sessions_per_connection,
        limits.sessions_per_address,
        limits.sessions,
    ];
    assert_eq!(counts, [1, 2, 3, 4, 7]);
    assert!(limits.limit_loopback);
    assert_eq!(limits.failures_per_address, 9);
    assert_eq!(
        (limits.requests_per_second, limits.publish_bit_rate),
        (11, 12_000)
    );
    let counts = [limits.streams, limits.media, limits.header_count];
    assert_eq!(counts, [13, 14, 17]);
    assert_eq!((limits.header_bytes, limits.url), (16_384, 2000));
    assert_eq!(limits.unauthenticated_timeout, Duration::from_secs(18));
    assert_eq!(limits.ban, Duration::from_secs(90));
    assert_eq!(limits.bandwidth, 8_000_000);
    assert_eq!(limits.body_retry_after, Some(Duration::from_secs(120)));
    assert_eq!((limits.body, limits.ring), (65_536, 1_048_576));
    assert_eq!(limits.inactive_timeouts, 20);
    let seconds = [
        limits.session_timeout,
        limits.session_grace,
        limits.first_request_timeout,
        limits.message_timeout,
        limits.continue_after,
        limits.answer_timeout,
        limits.idle_timeout,
    ]
    .map(|time| time.as_secs());
    assert_eq!(seconds, [30, 0, 3, 4, 2, 15, 300]);
}

#[test]
fn every_key_reaches_the_configuration() {
    let settings = read(
        r#"
        listen = ":9000"
        threads = 3
        io_uring = false
        udp_ports = [50000, 50099]
        files = "films"
        demo = false
        start = "live"
        slow_readers = "disconnect"
        redirect_to = "rtsp://other.example"
        log = "rtsp_server=debug"
        publish = "users"
        read = "closed"
        realm = "Home"
        users = { ann = "secret", "bob c" = "other" }
        [[path]]
        path = "/cam"
        source = "rtsp://ann:x@192.0.2.1/stream"
        on_demand = false
        release_after = "1500ms"
        transport = "auto"
        [[path]]
        path = "/hall/2"
        source = "rtsp://192.0.2.1/stream?channel=2"
        slow_readers = "key-frame"
        [[path]]
        path = "/live/*"
        slow_readers = 2
        "#,
    );
    let config = settings.config;
    assert_eq!(config.listen.len(), 2);
    assert_eq!(config.threads, 3);
    assert!(!config.io_uring);
    assert_eq!(config.udp_ports, UdpPorts::Range(50000, 50099));
    assert_eq!(config.files.as_deref(), Some(Path::new("films")));
    assert!(!config.demo);
    assert_eq!(config.start, Start::Live);
    assert_eq!(settings.log, "rtsp_server=debug");
    assert_eq!(
        (config.publish, config.read),
        (Access::Users, Access::Closed)
    );
    assert_eq!(config.realm, "Home");
    assert_eq!(
        settings.redirect_to.as_deref(),
        Some("rtsp://other.example")
    );
    let names: Vec<&str> = config
        .users
        .iter()
        .map(|user| user.username.as_str())
        .collect();
    assert_eq!(names, ["ann", "bob c"]);
    let mut cam = Pull::new("/cam", "rtsp://ann:x@192.0.2.1/stream");
    cam.on_demand = false;
    cam.release_after = Duration::from_millis(1500);
    cam.transport = PullTransport::Auto;
    assert_eq!(config.pulls[0], cam);
    assert_eq!(config.pulls[1].path, "/hall/2");
    assert_eq!(config.pulls.len(), 2);
    assert_eq!(config.slow_readers, SlowReaders::Disconnect);
    assert_eq!(
        config.paths,
        [
            PathRule::new("/hall/2", SlowReaders::SkipToKeyFrame),
            PathRule::new("/live/*", SlowReaders::LatencyCap(Duration::from_secs(2))),
        ]
    );
    assert!(settings.has_secrets);
}

#[test]
fn permissions_reach_the_configuration_and_decide_what_is_not_said() {
    let text = r#"
        read = "open"
        cleartext_passwords = true
        websocket_origins = ["https://nvr.example"]
        [users]
        ann = "x"
        [[permission]]
        user = "ann"
        actions = ["publish", "control"]
        paths = ["/cams/*", "/door"]
        from = ["192.0.2.0/24", "::1"]
        [[permission]]
        user = "*"
        actions = ["publish"]
        [[permission]]
        everybody = true
        actions = ["read"]
    "#;
    let config = read(text).config;
    assert!(config.cleartext_passwords);
    assert_eq!(config.websocket_origins, ["https://nvr.example"]);
    assert_eq!(
        (config.read, config.publish, config.control),
        (Access::Open, Access::Permitted, Access::Permitted)
    );
    let mut ann = Permission::new(Who::User("ann".into()));
    ann.actions = vec![Action::Publish, Action::Control];
    ann.paths = vec!["/cams/*".into(), "/door".into()];
    ann.from = vec!["192.0.2.0/24".parse().unwrap(), "::1".parse().unwrap()];
    let mut users = Permission::new(Who::Users);
    users.actions = vec![Action::Publish];
    let mut all = Permission::new(Who::Everybody);
    all.actions = vec![Action::Read];
    assert_eq!(config.permissions, [ann, users, all]);
}

#[test]
fn passwords_are_not_shown() {
    for text in [
        "[users]\nann = ['hunter2']",
        "[users]\nann = { password = 'hunter2' }",
        "[users]\nann = \"hunter2",
        "[users]\nann = hunter2",
        "[users]\nann = 'hunter2' 'hunter2'",
        "[users]\nann = 'hunter2'\nann = 'hunter2'",
        "[[path]]\npath = '/a'\nsource = 'http://ann:hunter2@b/'",
        "[[path]]\npath = '/a'\nsource = 'rtsp://ann:hunter2@b:port/'",
        "[[path]]\npath = '/a'\nsource = ['rtsp://ann:hunter2@b/']",
    ] {
        for line in problems(text) {
            assert!(!line.contains("hunter2"), "{text}: {line}");
        }
    }
    let settings = read(
        "users = { ann = 'hunter2' }\n[[path]]\npath = '/a'\nsource = 'rtsp://ann:hunter2@b/'",
    );
    assert!(!format!("{settings:?}").contains("hunter2"));
}

fn arguments(text: &[&str]) -> Arguments {
    clap::Parser::try_parse_from([&["rtsp-server"][..], text].concat()).unwrap()
}

#[test]
fn the_command_line_comes_before_the_file() {
    let mut settings = read("listen = ':1'\nthreads = 7\npublish = 'closed'\nlog = 'off'");
    let given = [
        "--listen",
        ":2",
        "--listen",
        "127.0.0.1:2",
        "--publish",
        "open",
    ];
    settings.apply(&arguments(&given)).unwrap();
    let config = &settings.config;
    let listen: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:2", "[::1]:2"], "each once");
    assert_eq!(config.publish, Access::Open);
    assert_eq!(config.threads, 7, "what it does not say stays");
    assert_eq!(settings.log, "off");
}

#[test]
fn the_demo_is_there_unless_it_is_refused() {
    assert!(read("files = '.'").config.demo);
    let mut settings = Settings::default();
    settings.apply(&arguments(&["--files", "."])).unwrap();
    assert!(settings.config.demo);
    settings.apply(&arguments(&["--no-demo"])).unwrap();
    assert!(!settings.config.demo);
}

#[test]
fn io_uring_is_used_unless_it_is_refused() {
    assert!(read("").config.io_uring);
    let mut settings = read("io_uring = true");
    settings.apply(&arguments(&["--no-io-uring"])).unwrap();
    assert!(!settings.config.io_uring);
    let mut settings = read("io_uring = false");
    settings.apply(&arguments(&[])).unwrap();
    assert!(!settings.config.io_uring);
}

#[test]
fn what_contradicts_itself_is_told_with_its_place() {
    for (text, expected) in [
        (
            "\npublish = 'users'",
            "server.toml:2: publish: \"users\" lets nobody in",
        ),
        (
            "files = '/no/such/folder'",
            "server.toml:1: files: expected a directory",
        ),
        (
            "[[path]]\npath = '/demo'\nsource = 'rtsp://a/'",
            "server.toml:2: path: \"/demo\" is the built-in clip",
        ),
        (
            "files = '/'\n[[path]]\npath = '/files/a'\nsource = 'rtsp://a/'",
            "server.toml:3: path: \"/files/\" is where",
        ),
    ] {
        let found = read(text).contradictions();
        assert!(found[0].starts_with(expected), "{text}: {found:?}");
    }
    let mut settings = Settings::default();
    settings.apply(&arguments(&["--read", "users"])).unwrap();
    assert!(settings.contradictions()[0].starts_with("--read: read: \"users\""));
    assert_eq!(
        read("publish = 'users'\nusers = { a = 'b' }").contradictions(),
        [""; 0]
    );
}

#[test]
fn who_is_pulled_from_by_tls_is_believed_by_file_or_fingerprint() {
    let trust = |line: &str| {
        let text = format!("[[path]]\npath = '/c'\nsource = 'rtsps://a/'\n{line}");
        let settings = read(&text);
        let problems = settings.contradictions();
        (settings.config.pulls[0].trust.clone(), problems)
    };
    assert_eq!(trust(""), (PullTrust::System, Vec::new()));
    let digits = "AB:".repeat(32);
    let digits = digits.trim_end_matches(':');
    let pinned = PullTrust::Pinned(digits.parse().unwrap());
    assert_eq!(trust(&format!("trust = '{digits}'")), (pinned, Vec::new()));
    let (file, problems) = trust("trust = 'none/such.pem'");
    assert_eq!(file, PullTrust::Authorities("none/such.pem".into()));
    assert!(
        problems[0].contains("trust: cannot read certificates from none/such.pem"),
        "{problems:?}"
    );
}

#[test]
fn a_certificate_is_given_made_or_made_once() {
    let identity = |lines: &str| {
        read(&format!("[tls]\n{lines}"))
            .config
            .tls
            .unwrap()
            .identity
    };
    assert!(matches!(
        identity("self_signed = true"),
        Identity::SelfSigned { .. }
    ));
    let files = "certificate = 'c.pem'\nkey = 'k.pem'\n";
    assert!(matches!(identity(files), Identity::Files { .. }));
    let Identity::Kept {
        certificate, key, ..
    } = identity(&format!("{files}self_signed = true"))
    else {
        panic!("not kept");
    };
    assert_eq!((certificate, key), ("c.pem".into(), "k.pem".into()));
    assert!(problems("[tls]\nkey = 'k.pem'\nself_signed = true")[0].contains("or all of them"));
}
