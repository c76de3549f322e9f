//! The answering half: connections, sessions, and the rules that bind them.

pub mod condition;
mod connection;
mod date;
mod id;
mod nature;
pub mod notify;
mod overload;
pub mod parameters;
pub mod plan;
pub mod respond;
pub mod rules;
mod session;
pub mod state;

pub use connection::{
    Addresses, Authentication, CloseReason, ConnectionConfig, Incoming, Input, Output, RequestId,
    ServerConnection,
};
pub use id::SessionId;
pub use nature::Nature;
pub use overload::Overload;
pub use session::{
    AfterClose, Direction, Object, Peer, ServerSession, SessionConfig, SessionMedia,
};
pub use state::State;
