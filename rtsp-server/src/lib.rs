//! An RTSP server library, and the rtsp-server program: publish, read, play files, pull.
