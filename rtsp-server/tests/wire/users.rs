//! Ann and Bob, whose password is "secret", and what one may try with a session of the other.

use rtsp_server::{Access, Config};
use rtsp_session::auth::Credentials;

/// What Ann says.
pub(crate) const ANN: &str = "Authorization: Basic YW5uOnNlY3JldA==\r\n";
/// What Bob says.
pub(crate) const BOB: &str = "Authorization: Basic Ym9iOnNlY3JldA==\r\n";

/// What may be asked of a session.
pub(crate) const METHODS: [&str; 9] = [
    "OPTIONS",
    "DESCRIBE",
    "SETUP",
    "PLAY",
    "PAUSE",
    "RECORD",
    "GET_PARAMETER",
    "SET_PARAMETER",
    "TEARDOWN",
];

/// The server knows both, and serves nobody else.
pub(crate) fn users_only(config: &mut Config) {
    config.users = ann_and_bob();
    config.read = Access::Users;
    config.publish = Access::Users;
    config.control = Access::Users;
}

pub(crate) fn ann_and_bob() -> Vec<Credentials> {
    ["ann", "bob"]
        .map(|name| Credentials::new(name, "secret"))
        .into()
}
