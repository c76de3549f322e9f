//! Typed headers, one file a header or small family.
//!
//! Each reads both versions' grammar where they differ, tolerates what [`Leniency`](crate::Leniency) names, and writes
//! strictly.

mod cseq;
mod lex;

pub use cseq::CSeq;
