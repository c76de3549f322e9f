//! The answering half: connections, sessions, and the rules that bind them.

mod connection;
mod date;
mod id;
pub mod respond;
pub mod rules;
mod session;
pub mod state;

pub use connection::{
    Addresses, Authentication, CloseReason, ConnectionConfig, Incoming, Input, Output, RequestId,
    ServerConnection,
};
pub use id::SessionId;
pub use session::{
    AfterClose, Direction, Object, Peer, ServerSession, SessionConfig, SessionMedia,
};
pub use state::State;
