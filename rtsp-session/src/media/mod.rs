//! RTP and RTCP over time: receiving, sending, timelines.
//!
//! A [`Receiver`] puts the packets of one media in order, counts them and reports on them; a [`Sender`] counts what goes out
//! and tells which timestamp belongs to which time of day; a [`Timeline`] makes positions out of timestamps, for all media of
//! a presentation on one clock.

mod breaker;
pub mod feedback;
mod members;
mod receiver;
mod schedule;
mod sender;
mod timeline;

pub use breaker::Breaker;
pub use breaker::Sent;
pub use breaker::Tripped;
pub use feedback::Feedback;
pub use receiver::Arrived;
pub use receiver::ClockPair;
pub use receiver::Receiver;
pub use receiver::ReceiverConfig;
pub use receiver::ReceiverStatistics;
pub use receiver::Told;
pub use sender::Sender;
pub use timeline::Alignment;
pub use timeline::Place;
pub use timeline::Timeline;
