use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use super::Error;

/// Where the bytes of a movie are. Reads name their position, so that any number of readers share one.
#[derive(Debug)]
pub(super) enum Source {
    File {
        file: File,
        path: Option<PathBuf>,
        identity: FileIdentity,
    },
    Static(&'static [u8]),
}

/// What tells one file, and one state of it, from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    len: u64,
    modified: Option<SystemTime>,
    node: (u64, u64),
}

impl FileIdentity {
    /// What these metadata say.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            node: node(metadata),
        }
    }

    /// Whether it is the same file, whatever has become of what is in it. Where the system does not number its files each is the same.
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

#[cfg(unix)]
fn node(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn node(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

impl Source {
    pub(super) fn from_file(file: File, path: Option<PathBuf>) -> Result<Self, Error> {
        let identity = FileIdentity::of(&file.metadata()?);
        Ok(Self::File {
            file,
            path,
            identity,
        })
    }

    /// The length when it was opened, in bytes.
    pub(super) const fn len(&self) -> u64 {
        match self {
            Self::File { identity, .. } => identity.len,
            Self::Static(bytes) => bytes.len() as u64,
        }
    }

    /// When it was changed last before it was opened.
    pub(super) const fn modified(&self) -> Option<SystemTime> {
        match self {
            Self::File { identity, .. } => identity.modified,
            Self::Static(_) => None,
        }
    }

    pub(super) fn read_exact_at(&self, out: &mut [u8], offset: u64) -> Result<(), Error> {
        let truncated = Error::Truncated {
            offset,
            needed: out.len() as u64,
        };
        match self {
            Self::File { file, .. } => {
                read_exact_at(file, out, offset).map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => truncated,
                    _ => Error::Io(error),
                })
            }
            Self::Static(bytes) => {
                let start =
                    usize::try_from(offset).map_err(|_| Error::Truncated { offset, needed: 0 })?;
                let from = bytes
                    .get(start..)
                    .and_then(|tail| tail.get(..out.len()))
                    .ok_or(truncated)?;
                out.copy_from_slice(from);
                Ok(())
            }
        }
    }

    /// Whether the open file is as it was when it was opened.
    pub(super) fn check_open(&self) -> Result<(), Error> {
        let Self::File { file, identity, .. } = self else {
            return Ok(());
        };
        let now = FileIdentity::of(&file.metadata()?);
        if now.len < identity.len {
            return Err(Error::Truncated {
                offset: now.len,
                needed: identity.len - now.len,
            });
        }
        if now == *identity {
            Ok(())
        } else {
            Err(Error::Changed)
        }
    }

    /// Whether the path, when there is one, still leads to the open file.
    pub(super) fn check_path(&self) -> Result<(), Error> {
        let Self::File {
            path: Some(path),
            identity,
            ..
        } = self
        else {
            return Ok(());
        };
        match std::fs::metadata(path) {
            Ok(metadata) if node(&metadata) == identity.node => Ok(()),
            Ok(_) => Err(Error::Replaced),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::Replaced),
            Err(error) => Err(Error::Io(error)),
        }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut out: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !out.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, out, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(len) => {
                out = &mut out[len..];
                offset += len as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
