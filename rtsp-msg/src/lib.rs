//! RTSP 1.0 and 2.0 messages: requests, responses, interleaved frames and their headers.
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;
