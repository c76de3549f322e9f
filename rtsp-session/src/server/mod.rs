//! The answering half: connections, sessions, and the rules that bind them.

pub mod condition;
mod connection;
mod date;
mod guess;
mod id;
mod lifetime;
mod nature;
pub mod notify;
mod overload;
pub mod parameters;
pub mod plan;
pub mod respond;
pub mod rules;
mod session;
pub mod state;
pub mod unit;
mod update;

pub use connection::{
    Addresses, Authentication, CloseReason, ConnectionConfig, Incoming, Input, Output, RequestId,
    ServerConnection,
};
pub use guess::{Guess, Guesses};
pub use id::SessionId;
pub use lifetime::{Lapse, SessionConfig};
pub use nature::Nature;
pub use overload::Overload;
pub use session::{AfterClose, Direction, Object, Peer, ServerSession, SessionMedia, Way};
pub use state::State;
pub use unit::TimeUnit;
pub use update::MediaUpdates;
