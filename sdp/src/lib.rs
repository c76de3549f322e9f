//! What a session description means to RTSP: media, formats, control URIs, ranges.
#![forbid(unsafe_code)]
