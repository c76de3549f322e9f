//! Who may: permissions, passwords that take time to check, and what becomes of those who guess.

pub(crate) mod check;
pub(crate) mod failures;
pub(crate) mod http;
mod keys;
pub(crate) mod passwords;
pub(crate) mod permission;
mod signature;
mod token;
pub(crate) mod turns;
pub(crate) mod verify;

use std::sync::Arc;

use rtsp_session::auth::Offered;

use permission::Permission;

/// What is known of who asks, besides the peer and its proved user.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bearer {
    /// Nobody on the way can read the connection.
    pub(crate) encrypted: bool,
    /// Credentials that others have to be asked about.
    pub(crate) offered: Option<Arc<Offered>>,
    /// What the user's token allows, where it says so, or what others have said yes to; nothing else, then.
    pub(crate) rights: Option<Arc<[Permission]>>,
}
