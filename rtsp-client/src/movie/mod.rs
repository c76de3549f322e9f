//! Between MP4 files and RTP: a file as packets to send, and received frames as a file.
//!
//! What a track is in RTP and SDP is known here and nowhere else: [`RtpFormat`], [`describe`], and [`to_track`] for the way back.
//! A [`MediaSender`] makes packets of samples; when they are due is for others to say: [`MoviePlayer`] plays a whole file.
//!
//! ```
//! use rtsp_client::movie::{MediaSender, MediaStart, RtpFormat};
//! use rtsp_client::mp4::TrackConfig;
//!
//! let track = TrackConfig::Pcmu { sample_rate: 8_000, channels: 1 };
//! let format = RtpFormat::of(&track, 0).unwrap();
//! assert_eq!((format.payload_type, format.clock_rate), (0, 8_000));
//!
//! let start = MediaStart { ssrc: 7, sequence: 1, timestamp: 1_000 };
//! let mut sender = MediaSender::new(format, start)?;
//! let mut packets = Vec::new();
//! sender.send(&[0xff; 160], 320, |packet| packets.push(packet))?;
//! assert_eq!((packets.len(), packets[0].len()), (1, 12 + 160));
//! assert_eq!((sender.timestamp(320), sender.counts()), (1_320, (1, 160)));
//! # Ok::<(), rtp_core::Error>(())
//! ```

mod format;
mod player;
mod recorder;
mod sender;

pub use format::RtpFormat;
pub use format::describe;
pub use format::in_band_parameters;
pub use format::npt_range;
pub use format::playable_tracks;
pub use format::samples_together;
pub use format::to_track;
pub use player::DuePacket;
pub use player::MoviePlayer;
pub use player::PlayerError;
pub use recorder::MovieRecorder;
pub use recorder::RecorderError;
pub use sender::MediaSender;
pub use sender::MediaStart;
