use super::super::tests::Folder;
use super::super::tests::write_movie;
use super::*;

fn files(folder: &Folder) -> MediaFiles {
    MediaFiles::new(&folder.0).unwrap()
}

#[test]
fn a_hundred_sessions_share_one_open_file() {
    let folder = Folder::new("share");
    write_movie(&folder.file("a.mp4"));
    let files = files(&folder);
    let movies: Vec<_> = std::thread::scope(|scope| {
        let opening: Vec<_> = (0..100)
            .map(|_| scope.spawn(|| files.open("/a.mp4").unwrap()))
            .collect();
        opening
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(movies.iter().all(|movie| Arc::ptr_eq(movie, &movies[0])));
    assert_eq!(Arc::strong_count(&movies[0]), 100);
    let gone = Arc::downgrade(&movies[0]);
    drop(movies);
    assert!(gone.upgrade().is_none(), "the last session closes the file");
    assert!(files.open("a.mp4").is_ok());
}

#[test]
fn a_changed_file_is_another_file() {
    let folder = Folder::new("changed");
    let path = folder.file("a.mp4");
    write_movie(&path);
    let files = files(&folder);
    let old = files.open("a.mp4").unwrap();
    write_movie(&folder.file("b.mp4"));
    std::fs::rename(folder.file("b.mp4"), &path).unwrap();
    let new = files.open("a.mp4").unwrap();
    assert!(!Arc::ptr_eq(&old, &new));
    assert!(old.check().is_err());
    new.check().unwrap();
    drop((old, new));
    let _ = files.open("a.mp4");
    assert_eq!(
        lock(&files.open).len(),
        1,
        "what nobody has open is forgotten"
    );
}

#[test]
fn what_is_no_file_is_not_found() {
    let folder = Folder::new("missing");
    std::fs::create_dir(folder.file("folder.mp4")).unwrap();
    std::fs::write(folder.file("text.mp4"), "not a movie").unwrap();
    let files = files(&folder);
    for path in ["none.mp4", "folder.mp4", "text.mp4/a.mp4", "none/a.mp4"] {
        assert!(
            matches!(files.open(path), Err(OpenError::NotFound)),
            "{path}"
        );
    }
    assert!(matches!(files.open("../a.mp4"), Err(OpenError::Name(_))));
    assert!(matches!(files.open("text.mp4"), Err(OpenError::Movie(_))));
    let long = "a".repeat(300) + ".mp4";
    assert!(matches!(files.open(&long), Err(OpenError::NotFound)));
    assert!(MediaFiles::new(&folder.file("none")).is_err());
    assert!(MediaFiles::new(&folder.file("text.mp4")).is_err());
}

#[cfg(unix)]
#[test]
fn no_link_leads_out() {
    use std::os::unix::fs::symlink;

    let outside = Folder::new("outside");
    write_movie(&outside.file("secret.mp4"));
    let folder = Folder::new("links");
    std::fs::create_dir(folder.file("inner")).unwrap();
    write_movie(&folder.file("inner/a.mp4"));
    symlink(outside.file("secret.mp4"), folder.file("file.mp4")).unwrap();
    symlink(&outside.0, folder.file("folder")).unwrap();
    let name = outside.0.file_name().unwrap().to_str().unwrap();
    symlink(format!("../{name}/secret.mp4"), folder.file("relative.mp4")).unwrap();
    symlink("loop.mp4", folder.file("loop.mp4")).unwrap();
    symlink("inner/a.mp4", folder.file("within.mp4")).unwrap();
    symlink("../../links-of-nobody", folder.file("inner/up.mp4")).unwrap();

    let files = files(&folder);
    for path in [
        "file.mp4",
        "folder/secret.mp4",
        "relative.mp4",
        "loop.mp4",
        "inner/up.mp4",
    ] {
        assert!(
            matches!(files.open(path), Err(OpenError::NotFound)),
            "{path}"
        );
        let checked = files
            .root
            .open_checked(Path::new(path))
            .map_err(OpenError::from);
        assert!(
            matches!(checked, Err(OpenError::NotFound | OpenError::Io(_))),
            "{path}, older kernel"
        );
    }
    assert!(files.open("within.mp4").is_ok());
    assert!(files.root.open_checked(Path::new("within.mp4")).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_is_not_waited_for() {
    let folder = Folder::new("pipe");
    let path = folder.file("pipe.mp4");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let files = files(&folder);
    assert!(matches!(files.open("pipe.mp4"), Err(OpenError::NotFound)));
    assert!(files.root.open_checked(Path::new("pipe.mp4")).is_err());
}
