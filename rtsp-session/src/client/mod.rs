//! The requesting half: connections and sessions as a reader or publisher sees them.
//!
//! [`ClientConnection`] puts requests on the wire and finds the responses to them; [`ClientSession`] makes the conversation
//! out of it: OPTIONS, DESCRIBE, SETUP for each media, PLAY, or ANNOUNCE, SETUP, RECORD. Neither has a socket or a clock.
//! Both are driven alike: [`handle`](ClientSession::handle) what was read, then [`poll`](ClientSession::poll) until there is
//! only waiting left.

mod asked;
mod channels;
mod config;
mod connection;
mod courtesy;
mod deviation;
mod error;
mod event;
mod exchange;
mod keepalive;
mod keying;
mod launch;
mod leaving;
mod outcome;
mod overload;
mod parameters;
mod play;
mod redirect;
mod request;
mod seeking;
mod session;
mod state;
mod step;
mod transport;
mod version;

pub use asked::OwnParameter;
pub use channels::PacketKind;
pub use config::ConnectionConfig;
pub use config::CseqPolicy;
pub use connection::ClientConnection;
pub use connection::Input;
pub use connection::Output as ConnectionOutput;
pub use connection::RequestId;
pub use courtesy::Courtesy;
pub use deviation::Conduct;
pub use deviation::Deviation;
pub use error::CloseReason;
pub use error::RequestFailure;
pub use error::SessionError;
pub use event::EndReason;
pub use event::Event;
pub use event::Notice;
pub use event::NoticeKind;
pub use event::Output as SessionOutput;
pub use exchange::Exchange;
pub use keepalive::DEFAULT_TIMEOUT;
pub use keepalive::KeepAlive;
pub use keying::KeysError;
pub use keying::SrtpPolicy;
pub use overload::Silence;
pub use play::PlayRequest;
pub use play::PlayStart;
pub use play::StartPoint;
pub use redirect::Redirect;
pub use redirect::RedirectError;
pub use redirect::judge as judge_redirect;
pub use seeking::Seeking;
pub use session::ClientSession;
pub use session::Extension;
pub use session::SessionConfig;
pub use session::SessionIdPolicy;
pub use state::State;
pub use transport::Flows;
pub use transport::MediaTransport;
pub use transport::TransportRequest;
pub use version::VersionPolicy;

#[cfg(test)]
mod tests;
