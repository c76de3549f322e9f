use std::collections::HashMap;
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;

use rtsp_client::mp4::FileIdentity;
use rtsp_client::mp4::MovieFile;

use super::NameError;
use super::name;

/// The files of one folder and those below it, open ones shared.
///
/// Everything here blocks: it is for a thread that may.
#[derive(Debug)]
pub(crate) struct MediaFiles {
    root: Root,
    open: Mutex<HashMap<FileKey, Arc<Slot>>>,
}

/// What makes an open file the same for another session: the name, and that it was not changed since.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct FileKey {
    path: PathBuf,
    identity: FileIdentity,
}

/// One file that is open, or being opened by whoever holds the lock. The others wait for it instead of reading
/// the same index once more.
#[derive(Debug, Default)]
struct Slot(Mutex<Weak<MovieFile>>);

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The URL names nothing that could be served.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no such file, or it is not a regular file, or a link to it leads out of the folder.
    #[error("no such file")]
    NotFound,
    /// The file is there, but it may not be read.
    #[error("not permitted to read the file")]
    Denied,
    /// It is no MP4 that could be played.
    #[error(transparent)]
    Movie(rtsp_client::mp4::Error),
    /// The operating system would not, for another reason.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Io(error),
        }
    }
}

impl MediaFiles {
    /// The files below `dir`.
    ///
    /// # Errors
    /// When there is no such folder.
    pub(crate) fn new(dir: &Path) -> io::Result<Self> {
        Ok(Self {
            root: Root::open(dir)?,
            open: Mutex::default(),
        })
    }

    /// Opens the file that a URL path names, relative to where the folder is mounted; percent-encoded, without query. As
    /// long as somebody has a file open, others get the same.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub(crate) fn open(&self, path: &str) -> Result<Arc<MovieFile>, OpenError> {
        let path = name::parse(path)?;
        let file = self.root.open_file(&path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(OpenError::NotFound);
        }
        let slot = self.slot(FileKey::of(path.clone(), &metadata));
        let mut shared = lock(&slot.0);
        if let Some(movie) = shared.upgrade() {
            return Ok(movie);
        }
        let movie = MovieFile::from_file(file, Some(self.root.path.join(path)))
            .map_err(OpenError::Movie)?;
        let movie = Arc::new(movie);
        *shared = Arc::downgrade(&movie);
        Ok(movie)
    }

    fn slot(&self, key: FileKey) -> Arc<Slot> {
        let mut open = lock(&self.open);
        // A slot that only the table holds is not being opened; without a movie it is of no more use.
        open.retain(|_, slot| Arc::strong_count(slot) > 1 || lock(&slot.0).strong_count() > 0);
        Arc::clone(open.entry(key).or_default())
    }
}

/// What these locks protect is replaced whole: a panic elsewhere leaves it sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FileKey {
    fn of(path: PathBuf, metadata: &Metadata) -> Self {
        Self {
            path,
            identity: FileIdentity::of(metadata),
        }
    }
}

/// The folder, and how files within it are opened so that no link leads out.
#[derive(Debug)]
struct Root {
    path: PathBuf,
    #[cfg(target_os = "linux")]
    folder: File,
}

impl Root {
    fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.canonicalize()?;
        if !path.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            #[cfg(target_os = "linux")]
            folder: File::open(&path)?,
            path,
        })
    }

    /// The kernel itself sees to it that no step of the way leaves the folder (`openat2`, Linux 5.6).
    #[cfg(target_os = "linux")]
    fn open_file(&self, path: &Path) -> io::Result<File> {
        use rustix::fs::Mode;
        use rustix::fs::OFlags;
        use rustix::fs::ResolveFlags;
        use rustix::io::Errno;

        // Without NONBLOCK, opening a pipe would wait for someone to write to it.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.folder, path, flags, Mode::empty(), resolve) {
            Ok(file) => Ok(file.into()),
            Err(Errno::XDEV | Errno::LOOP) => Err(io::ErrorKind::NotFound.into()),
            // An older kernel, or a sandbox that does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => self.open_checked(path),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open_file(&self, path: &Path) -> io::Result<File> {
        self.open_checked(path)
    }

    /// Follows the links first, then opens, then looks whether what was opened is what the links led to.
    fn open_checked(&self, path: &Path) -> io::Result<File> {
        let path = self.path.join(path).canonicalize()?;
        let expected = path.symlink_metadata()?;
        if !path.starts_with(&self.path) || !expected.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = File::open(&path)?;
        if !FileIdentity::of(&file.metadata()?).is_same_file(&FileIdentity::of(&expected)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests;
