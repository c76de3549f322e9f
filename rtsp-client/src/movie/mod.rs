//! Between MP4 files and RTP: a file as packets to send, and received frames as a file.

mod format;
mod player;
mod recorder;

pub use player::DuePacket;
pub use player::MoviePlayer;
pub use player::PlayerError;
pub use recorder::MovieRecorder;
pub use recorder::RecorderError;
