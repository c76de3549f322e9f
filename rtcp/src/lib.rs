//! RTCP compound packets: reports, descriptions, feedback.
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;
