//! Text that several parts of a message share.

use alloc::string::String;
use alloc::sync::Arc;

/// The text behind headers: the head of a decoded message, which its URI shares, or text that grows.
#[derive(Clone)]
pub(crate) enum Text {
    Shared(Arc<str>),
    Owned(String),
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Shared(text) => text,
            Self::Owned(text) => text,
        }
    }

    /// The text, to be written to and put back; copied when it is shared.
    pub(crate) fn take(&mut self) -> String {
        match core::mem::take(self) {
            Self::Owned(text) => text,
            Self::Shared(text) => {
                let mut owned = String::with_capacity(text.len().saturating_mul(2));
                owned.push_str(&text);
                owned
            }
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Owned(String::new())
    }
}
