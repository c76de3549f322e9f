//! The requesting half: connections and sessions as a reader or publisher sees them.
