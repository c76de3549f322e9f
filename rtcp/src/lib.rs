//! RTCP compound packets (RFC 3550 §6, RFC 4585, RFC 3611): reports, descriptions, farewells, feedback.
//!
//! ```
//! use bytes::BytesMut;
//! use core::time::Duration;
//! use rtcp::{Compound, CompoundWriter, NtpTime, Packet, SenderInfo};
//!
//! // A sender's compound, straight into the buffer that goes out.
//! let mut buffer = BytesMut::with_capacity(128);
//! let report = SenderInfo {
//!     ssrc: 0x1122_3344,
//!     ntp: NtpTime::from_unix(Duration::from_millis(1_700_000_000_500)),
//!     rtp_timestamp: 90_000,
//!     packet_count: 25,
//!     octet_count: 30_000,
//! };
//! CompoundWriter::new(&mut buffer).sender_report(&report, &[]).cname(report.ssrc, "camera@192.0.2.7");
//!
//! // Reading validates the whole; after that nothing can fail.
//! let compound = Compound::parse(&buffer)?;
//! for packet in compound.iter() {
//!     match packet {
//!         Packet::SenderReport(sender) => assert_eq!(sender.sender_info(), report),
//!         Packet::SourceDescription(source) => assert_eq!(source.cname(report.ssrc), Some(&b"camera@192.0.2.7"[..])),
//!         other => unreachable!("{other:?}"),
//!     }
//! }
//! # Ok::<(), rtcp::Error>(())
//! ```
//!
//! Packets are views of the bytes that came: no allocation, no copy. [`patch`] changes compounds in place, as relays
//! need; [`interval`] tells when to send. All numbers on the wire are big-endian.
//!
//! The crate needs neither `std` (a default feature, which only adds `std::error::Error` to its dependencies), nor sockets, clocks
//! or randomness.
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

#[cfg(all(test, not(feature = "std")))]
extern crate std;

mod app;
mod bye;
mod compound;
mod description;
mod error;
mod extended;
mod feedback;
mod field;
pub mod interval;
mod ntp;
pub mod patch;
mod report;
mod report_block;
mod writer;

pub use app::App;
pub use bye::Bye;
pub use compound::Compound;
pub use compound::Packet;
pub use compound::Packets;
pub use compound::Unknown;
pub use description::Chunk;
pub use description::ItemKind;
pub use description::SourceDescription;
pub use error::Error;
pub use error::ErrorKind;
pub use extended::ExtendedBlock;
pub use extended::ExtendedReport;
pub use extended::ReferenceDelay;
pub use feedback::FullIntraRequest;
pub use feedback::FullIntraRequests;
pub use feedback::Nack;
pub use feedback::NackEntry;
pub use feedback::PayloadFeedback;
pub use feedback::PayloadMessage;
pub use feedback::ReceivedPacket;
pub use feedback::ReceiverBitrate;
pub use feedback::TransportFeedback;
pub use feedback::TransportMessage;
pub use feedback::TransportWideFeedback;
pub use ntp::NtpTime;
pub use ntp::from_compact;
pub use ntp::to_compact;
pub use report::ReceiverReport;
pub use report::SenderInfo;
pub use report::SenderReport;
pub use report_block::ReportBlock;
pub use writer::CompoundWriter;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
