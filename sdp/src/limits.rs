/// Bounds on what a description may hold, checked before its parts take memory.
///
/// The defaults are an order of magnitude above what cameras and encoders send, and small enough that a
/// description costs at most a few hundred kilobytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Size of the whole description, in bytes.
    pub bytes: usize,
    /// Length of one line without its line end, in bytes. Vorbis and Theora put their code books in one.
    pub line_bytes: usize,
    /// Number of lines.
    pub lines: usize,
    /// Number of `m=` lines.
    pub media: usize,
    /// Number of formats in one `m=` line.
    pub formats: usize,
    /// Number of `a=` lines, all levels together.
    pub attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 256 * 1024,
            line_bytes: 64 * 1024,
            lines: 4096,
            media: 64,
            formats: 128,
            attributes: 2048,
        }
    }
}
