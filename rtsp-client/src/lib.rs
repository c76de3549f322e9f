//! An RTSP client library, and the rtsp-client program: probe, record, publish.
