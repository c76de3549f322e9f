//! MP4 and QuickTime files: [`MovieFile`] indexes one and reads its samples, [`MovieWriter`] makes one.
//!
//! Samples are copied as the encoder made them: nothing is decoded. Boxes are read with bounds on what they may claim, and a
//! file of any length costs no more memory than its index.

mod boxes;
mod entry;
mod error;
mod file;
mod source;
mod table;
mod track;
mod writer;

pub use boxes::FourCc;
pub use entry::TrackConfig;
pub use error::Error;
pub use file::MovieFile;
pub use source::FileIdentity;
pub use track::Sample;
pub use track::SkippedTrack;
pub use track::Track;
pub use track::duration_to_ticks;
pub use track::ticks_to_duration;
pub use writer::MovieWriter;
pub use writer::NewSample;

#[cfg(test)]
mod tests;
