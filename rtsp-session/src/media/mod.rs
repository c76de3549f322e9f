//! RTP and RTCP over time: receiving, sending, timelines.
