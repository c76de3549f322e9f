use std::io::Cursor;
use std::io::Seek;
use std::io::Write;

use bytes::Bytes;

use super::*;
use crate::mp4::MovieWriter;
use crate::mp4::NewSample;
use crate::mp4::TrackConfig;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("trackside-mp4-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn aac() -> TrackConfig {
    TrackConfig::Aac {
        config: Bytes::from_static(&[0x11, 0x90]),
        sample_rate: 48_000,
        channels: 2,
    }
}

/// `count` access units of 100 bytes, each filled with its number.
fn write_audio<W: Write + Seek>(writer: &mut MovieWriter<W>, count: i64) {
    let track = writer.add_track(aac(), 48_000).unwrap();
    for number in 0..count {
        let sample = NewSample {
            payload: &[number as u8; 100],
            presentation_time: number * 1024,
            random_access: true,
        };
        writer.write(track, sample).unwrap();
    }
}

fn small() -> Vec<u8> {
    let mut writer = MovieWriter::new(Cursor::new(Vec::new())).unwrap();
    write_audio(&mut writer, 20);
    writer.finish().unwrap().into_inner()
}

fn open(bytes: &[u8]) -> Result<MovieFile, Error> {
    MovieFile::from_static(bytes.to_vec().leak())
}

fn read(movie: &MovieFile, sample: u32) -> Result<BytesMut, Error> {
    let mut out = BytesMut::new();
    movie.read_sample(0, sample, &mut out).map(|()| out)
}

#[test]
fn what_is_no_movie_is_named() {
    assert!(matches!(open(b""), Err(Error::NoMovieBox)));
    assert!(matches!(open(b"RIFF\0\0\0\0WAVE"), Err(Error::NotMovie)));
    assert!(matches!(open(&small()[..1000]), Err(Error::NoMovieBox)));
    let fragmented = b"\0\0\0\x08styp\0\0\0\x08moof\0\0\0\x08mdat";
    assert!(matches!(open(fragmented), Err(Error::Fragmented)));
    assert!(matches!(
        open(b"\0\0\0\x18moov\0\0\0\x08mvex\0\0\0\x08free"),
        Err(Error::Fragmented)
    ));
    assert!(matches!(
        open(b"\0\0\0\x10moov\0\0\0\x08cmov"),
        Err(Error::Compressed)
    ));
    let large = b"\0\0\0\x08ftyp\0\0\0\x01moov\0\0\x01\0\0\0\0\0";
    assert!(matches!(open(large), Err(Error::TooLarge { .. })));
}

#[test]
fn a_sample_beyond_the_file_is_an_error_and_nothing_else() {
    let movie = open(&small()).unwrap();
    assert_eq!(read(&movie, 19).unwrap(), [19; 100][..]);
    assert!(matches!(
        read(&movie, 20),
        Err(Error::NoSample {
            track: 0,
            sample: 20
        })
    ));
    let mut out = BytesMut::from(&b"kept"[..]);
    assert!(movie.read_samples(0, 0, 21, &mut out).is_err());
    assert!(movie.read_sample(1, 0, &mut out).is_err());
    assert_eq!(out, b"kept"[..]);
}

#[test]
fn every_wrong_byte_is_survived() {
    let good = small();
    let index = good
        .windows(4)
        .position(|window| window == b"moov")
        .unwrap();
    for at in index..good.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            let Ok(movie) = open(&bad) else { continue };
            assert!(movie.memory() < 10_000);
            for track in movie.tracks() {
                for sample in [0, 1, track.sample_count().saturating_sub(1)] {
                    let _ = (
                        track.sample(sample),
                        track.adjacent(sample),
                        read(&movie, sample),
                    );
                }
                for seconds in [0, 1, 1 << 40] {
                    let time = Duration::from_secs(seconds);
                    let _ = (
                        track.find_random_access(time),
                        track.count_before(time),
                        track.duration(),
                    );
                }
            }
        }
    }
}

#[test]
fn every_cut_is_survived() {
    let good = small();
    for len in 0..good.len() {
        assert!(open(&good[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn more_than_four_gigabytes() {
    let folder = Folder::new("large");
    let path = folder.file("large.mp4");
    let mut writer = MovieWriter::create(&path).unwrap();
    write_audio(&mut writer, 10);
    // A hole: nothing is stored there.
    writer.skip(5 << 30).unwrap();
    write_audio(&mut writer, 10);
    writer.finish().unwrap();

    let movie = MovieFile::open(&path).unwrap();
    assert!(movie.len() > 5 << 30);
    assert_eq!(movie.tracks().len(), 2);
    let mut out = BytesMut::new();
    movie.read_sample(0, 7, &mut out).unwrap();
    movie.read_sample(1, 9, &mut out).unwrap();
    assert_eq!(out, [[7; 100], [9; 100]].concat()[..]);
    movie.check().unwrap();
}

#[test]
fn a_file_that_is_cut_while_open() {
    let folder = Folder::new("cut");
    let path = folder.file("cut.mp4");
    std::fs::write(&path, small()).unwrap();
    let movie = MovieFile::open(&path).unwrap();
    movie.check().unwrap();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(300)
        .unwrap();
    assert!(matches!(
        movie.check(),
        Err(Error::Truncated { offset: 300, .. })
    ));
    assert!(matches!(read(&movie, 19), Err(Error::Truncated { .. })));
    assert!(movie.check().unwrap_err().is_file_changed());
}

#[test]
fn a_file_that_is_written_to_while_open() {
    let folder = Folder::new("written");
    let path = folder.file("written.mp4");
    std::fs::write(&path, small()).unwrap();
    let movie = MovieFile::open(&path).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert!(matches!(movie.check(), Err(Error::Changed)));
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_while_open() {
    let folder = Folder::new("replaced");
    let path = folder.file("replaced.mp4");
    std::fs::write(&path, small()).unwrap();
    let movie = MovieFile::open(&path).unwrap();
    std::fs::write(folder.file("other.mp4"), small()).unwrap();
    std::fs::rename(folder.file("other.mp4"), &path).unwrap();
    assert!(matches!(movie.check(), Err(Error::Replaced)));
    // The old one is still open, and whole.
    movie.check_open().unwrap();
    assert_eq!(read(&movie, 3).unwrap(), [3; 100][..]);
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(movie.check(), Err(Error::Replaced)));
}

#[test]
fn old_length_sizes_are_widened() {
    let mut out = BytesMut::from(&b"kept\0\x02ab\0\x01c"[..]);
    widen_nal_lengths(&mut out, 4, 2).unwrap();
    assert_eq!(out, b"kept\0\0\0\x02ab\0\0\0\x01c"[..]);
    let mut out = BytesMut::from(&b"\0\x09ab"[..]);
    assert!(widen_nal_lengths(&mut out, 0, 2).is_err());
}

#[test]
fn edit_lists_move_tracks() {
    let mut writer = MovieWriter::new(Cursor::new(Vec::new())).unwrap();
    write_audio(&mut writer, 20);
    let track = writer.add_track(aac(), 48_000).unwrap();
    let late = NewSample {
        payload: &[1],
        presentation_time: 96_000,
        random_access: true,
    };
    writer.write(track, late).unwrap();
    let movie = open(&writer.finish().unwrap().into_inner()).unwrap();
    let [first, second] = movie.tracks() else {
        panic!()
    };
    assert_eq!(first.sample(0).unwrap().presentation_time, 0);
    assert_eq!(second.sample(0).unwrap().presentation_time, 96_000);
    assert_eq!(first.find(Duration::from_millis(100)), 4);
    assert_eq!(first.count_before(Duration::from_millis(100)), 5);
    assert_eq!(second.count_before(Duration::from_secs(2)), 0);
    assert_eq!(second.count_before(Duration::from_secs(3)), 1);
}
