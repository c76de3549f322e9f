//! What is wrong with a file is told with its line.

use super::*;

/// Settings, and how the line that tells what is wrong with them begins.
const MISTAKES: &[(&str, &str)] = &[
    (
        "\n\nlisen = ':1'",
        "server.toml:3: unknown key \"lisen\"; did you mean \"listen\"?",
    ),
    (
        "[limits]\n\nring = 'lots'",
        "server.toml:3: limits.ring: expected a size such as 33554432 or \"32 MiB\", found \"lots\"",
    ),
    (
        "[limits]\nrings = 1",
        "server.toml:2: unknown key \"limits.rings\"; did you mean \"limits.ring\"?",
    ),
    (
        "limits = 1",
        "server.toml:1: limits: expected a table: [limits], found 1",
    ),
    (
        "websocket_origins = ['*', 'nvr.example']",
        "server.toml:1: websocket_origins[1]: expected a site as browsers name it",
    ),
    (
        "listen = 8554",
        "server.toml:1: listen: expected an address such as",
    ),
    (
        "listen = []",
        "server.toml:1: listen: expected at least one address",
    ),
    (
        "listen = [\n':1',\n'1.2.3:x']",
        "server.toml:3: listen[1]: expected HOST, HOST:PORT or :PORT",
    ),
    (
        "listen = 'no.such.host.invalid:1'",
        "server.toml:1: listen: the host \"no.such.host.invalid\" is not known",
    ),
    (
        "threads = -1",
        "server.toml:1: threads: expected a whole number from 0 to 255, found -1",
    ),
    (
        "threads = 1000",
        "server.toml:1: threads: expected a whole number from 0 to 255, found 1000",
    ),
    (
        "threads = '2'",
        "server.toml:1: threads: expected a whole number from 0 to 255, found \"2\"",
    ),
    ("threads = 99999999999999999999", "server.toml:1: "),
    (
        "udp_ports = 'any'",
        "server.toml:1: udp_ports: expected \"auto\"",
    ),
    (
        "udp_ports = [1, 2, 3]",
        "server.toml:1: udp_ports: expected \"auto\" or the first and the last port",
    ),
    (
        "udp_ports = [5000, 5000]",
        "server.toml:1: udp_ports: expected \"auto\" or the first and the last port",
    ),
    (
        "udp_ports = [5000,\n70000]",
        "server.toml:2: udp_ports[1]: expected a whole number from 1024 to 65535",
    ),
    (
        "files = 1",
        "server.toml:1: files: expected a directory, found 1",
    ),
    (
        "demo = 'yes'",
        "server.toml:1: demo: expected true or false, found \"yes\"",
    ),
    (
        "start = 'begin'",
        "server.toml:1: start: expected \"key-frame\" or \"live\", found \"begin\"",
    ),
    (
        "publish = true",
        "server.toml:1: publish: expected \"open\" or \"users\" or \"closed\" or \"guarded\"",
    ),
    ("log = 'loud'", "server.toml:1: log: expected \"error\", "),
    (
        "realm = \"a\\\"b\"",
        "server.toml:1: realm: expected a text without quotes",
    ),
    (
        "users = ['ann']",
        "server.toml:1: users: expected a table of names and passwords",
    ),
    (
        "[users]\n'ann:b' = 'x'",
        "server.toml:2: users.ann:b: a user's name has no colon",
    ),
    (
        "[users]\nann = '$argon2id$v=19$secret'",
        "server.toml:2: users.ann: it is no Argon2id hash",
    ),
    (
        "[[permission]]\nactions = ['read']",
        "server.toml:1: permission[0]: expected either `user` or `everybody = true`",
    ),
    (
        "[[permission]]\nuser = '*'",
        "server.toml:1: permission[0]: \"actions\" is missing",
    ),
    (
        "[[permission]]\nuser = '*'\nactions = ['write']",
        "server.toml:3: permission[0].actions[0]: expected \"read\" or \"publish\"",
    ),
    (
        "[[permission]]\nuser = '*'\nactions = ['read']\nfrom = ['10.0.0.0/40']",
        "server.toml:4: permission[0].from[0]: expected an address",
    ),
    (
        "[[permission]]\nuser = '*'\nactions = ['read']\npaths = ['cam']",
        "server.toml:4: permission[0].paths[0]: expected a path such as",
    ),
    (
        "users_file = '/no/such/file'",
        "server.toml:1: users_file: /no/such/file: cannot be read",
    ),
    (
        "[limits]\nconnections_per_address = 0",
        "server.toml:2: limits.connections_per_address: expected a whole number from 1",
    ),
    (
        "[limits]\nbody = 10",
        "server.toml:2: limits.body: expected 4096 bytes or more, found 10",
    ),
    (
        "[limits]\nidle_timeout = '0s'",
        "server.toml:2: limits.idle_timeout: expected 1s or more",
    ),
    (
        "[limits]\nidle_timeout = 1.5",
        "server.toml:2: limits.idle_timeout: expected a duration such as",
    ),
    (
        "path = '/cam'",
        "server.toml:1: path: expected tables: [[path]], found \"/cam\"",
    ),
    (
        "[[path]]\npath = '/cam'",
        "server.toml:1: path[0]: \"source\" is missing",
    ),
    (
        "[[path]]\nsource = 'rtsp://a/'",
        "server.toml:1: path[0]: \"path\" is missing",
    ),
    (
        "[[path]]\npath = 'cam'\nsource = 'rtsp://a/'",
        "server.toml:2: path[0].path: expected a path such as \"/cam\", found \"cam\"",
    ),
    (
        "[[path]]\npath = '/c m'\nsource = 'rtsp://a/'",
        "server.toml:2: path[0].path: expected a path",
    ),
    (
        "[[path]]\npath = '/c'\nsource = 'http://a/'",
        "server.toml:3: path[0].source: expected a URL such as",
    ),
    (
        "[[path]]\npath = '/c'\nsource = 'rtsps://a/'\ntrust = 5",
        "server.toml:4: path[0].trust: expected a fingerprint of SHA-256, or a file of certificates in PEM",
    ),
    (
        "[[path]]\npath = '/c'\nsource = 'rtsp://a/'\ntransport = 'sctp'",
        "server.toml:4: path[0].transport: expected \"auto\" or \"udp\" or \"tcp\"",
    ),
    (
        "[[path]]\npath = '/c'\nsource = 'rtsp://a/'\n[[path]]\npath = '/c'\nsource = 'rtsp://b/'",
        "server.toml:5: path[1].path: \"/c\" has a source already",
    ),
    (
        "slow_readers = 'wait'",
        "server.toml:1: slow_readers: expected \"key-frame\", \"disconnect\" or a duration such as \"2s\", found",
    ),
    (
        "slow_readers = '1ms'",
        "server.toml:1: slow_readers: expected 100ms or more",
    ),
    (
        "slow_readers = true",
        "server.toml:1: slow_readers: expected a duration",
    ),
    (
        "[[path]]\npath = 'live'\nslow_readers = '2s'",
        "server.toml:2: path[0].path: expected a path such as \"/cam\", or the beginning",
    ),
    (
        "[[path]]\npath = '/live/'\nslow_readers = '2s'",
        "server.toml:2: path[0].path: expected a path such as \"/cam\", or the beginning",
    ),
    (
        "[[path]]\npath = '/li*'\nsource = 'rtsp://a/'\nslow_readers = '2s'",
        "server.toml:2: path[0].path: expected a path such as \"/cam\", found",
    ),
    (
        "[[path]]\npath = '/live'\nslow_readers = '2s'\non_demand = true",
        "server.toml:4: unknown key \"path[0].on_demand\"",
    ),
    (
        "demo = true\ndemo = true",
        "server.toml:2: not TOML: duplicate key",
    ),
    ("demo = \n", "server.toml:1: not TOML: "),
];

#[test]
fn mistakes_have_file_line_and_what_was_expected() {
    for (text, expected) in MISTAKES {
        let found = problems(text);
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "{text}\nexpected: {expected}\nfound: {found:#?}"
        );
    }
}

#[test]
fn all_mistakes_are_told_at_once_by_line() {
    let found = problems("demo = 1\n[limits]\nring = 'x'\nbodi = 1\n[users]\nann = 3\n");
    let lines: Vec<&str> = found.iter().map(|line| &line[..13]).collect();
    assert_eq!(
        lines,
        [
            "server.toml:1",
            "server.toml:3",
            "server.toml:4",
            "server.toml:6"
        ]
    );
}
