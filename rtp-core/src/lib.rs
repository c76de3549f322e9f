//! RTP packets, sequence accounting, reordering and payload formats.
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;
