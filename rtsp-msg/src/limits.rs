//! How much a peer may make a decoder hold.

/// Bounds on what one message may take. All are checked before memory is taken for what exceeds them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the start line, without its line end.
    pub start_line: usize,
    /// Bytes of a request's URI.
    pub uri: usize,
    /// How many header lines.
    pub header_count: usize,
    /// Bytes of the whole head: start line, headers and line ends.
    pub header_bytes: usize,
    /// Bytes of the body. Cameras send SDP of more than 4 kB, 128 KiB were seen to be needed.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start_line: 8 * 1024,
            uri: 4096,
            header_count: 128,
            header_bytes: 64 * 1024,
            body: 1024 * 1024,
        }
    }
}
