//! RTSP within other protocols, where a network lets nothing else through: how that is asked for and framed, at both ends.
//!
//! Both ways begin with a request of HTTP ([`head`]). [`http`] is the pair of a GET and a POST that QuickTime began with: the server
//! speaks on one, the client on the other. [`websocket`] is one connection with frames (RFC 6455), as ONVIF has it. What is carried is
//! RTSP as it would go over TCP, interleaved frames included; where a frame of WebSocket or a group of base64 ends means nothing to it.

pub mod head;
pub mod http;
pub mod websocket;
