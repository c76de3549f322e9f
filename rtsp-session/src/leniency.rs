//! What the session layer reads over beyond the RFCs, each by name and with the peer that needs it. Deviations of the grammar
//! are [`rtsp_msg::Leniency`].

/// Deviations that are accepted from peers. All of them by default.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools)] // one name for each deviation is the point
pub struct Leniency {
    /// The `uri` of a Digest answer is the path and query only, as HTTP libraries write it.
    pub digest_path_only: bool,
    /// With SETUP, the `uri` of a Digest answer is that of the presentation (VLC, through live555).
    pub digest_presentation_uri: bool,
    /// A Digest answer without `qop` although it was offered (RFC 2069: live555, many cameras). It cannot be counted, so within
    /// the life of a nonce, on the same connection, it could be repeated.
    pub digest_without_qop: bool,
    /// GStreamer offers `client_port` in RTSP/2.0, and reads `server_port` in the answer. From others the parameter is unknown
    /// there (RFC 7826 §18.54).
    pub gstreamer_ports: bool,
    /// SETUP asks for `RTP/AVP` although the description said `RTP/SAVP` and had a key in `a=crypto`, with which what comes is opened
    /// (FFmpeg): it is sealed. Without this it is sent in the clear, as SETUP says.
    pub avp_after_crypto: bool,
    /// Pipelined-Requests of up to ten digits, where RFC 7826 §20.2.3 allows eight: GStreamer takes any number of 32 bits.
    pub long_pipeline_names: bool,
}

impl Default for Leniency {
    fn default() -> Self {
        Self {
            digest_path_only: true,
            digest_presentation_uri: true,
            digest_without_qop: true,
            gstreamer_ports: true,
            avp_after_crypto: true,
            long_pipeline_names: true,
        }
    }
}

impl Leniency {
    /// Nothing but the RFCs.
    #[must_use]
    pub const fn strict() -> Self {
        Self {
            digest_path_only: false,
            digest_presentation_uri: false,
            digest_without_qop: false,
            gstreamer_ports: false,
            avp_after_crypto: false,
            long_pipeline_names: false,
        }
    }
}
