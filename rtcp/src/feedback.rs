//! Feedback packets (RFC 4585 §6.1).

mod payload;
mod transport;
mod twcc;

pub use payload::FullIntraRequest;
pub use payload::FullIntraRequests;
pub use payload::PayloadFeedback;
pub use payload::PayloadMessage;
pub use payload::ReceiverBitrate;
pub use transport::Nack;
pub use transport::NackEntry;
pub use transport::TransportFeedback;
pub use transport::TransportMessage;
pub use twcc::ReceivedPacket;
pub use twcc::TransportWideFeedback;

pub(crate) use twcc::Symbol;
