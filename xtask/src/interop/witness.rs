//! Somebody between a client and a server who notes what they say to each other.

use super::peer::Version;
use crate::failure::{Failure, Result};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What was said, in the order in which it went by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// The client asked: the method and the version.
    Asked(String, String),
    /// The server answered: the status, and the transport that it granted, where it did.
    Answered(u16, Option<String>),
}

/// A relay for RTSP on loopback. It lives as long as the program; its connections end with their ends.
pub(crate) struct Witness {
    /// The server's URL, by way of the relay.
    pub(crate) url: String,
    said: Arc<Mutex<Vec<Said>>>,
}

impl Witness {
    /// Stands in front of the server of `url`.
    pub(crate) fn of(url: &str) -> Result<Self> {
        let rest = url.strip_prefix("rtsp://").unwrap_or_default();
        let (server, path) = rest
            .split_once('/')
            .ok_or_else(|| Failure::new(format!("not a URL with a path: {url}")))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("rtsp://{}/{path}", listener.local_addr()?);
        let said = Arc::default();
        let (server, notes) = (server.to_owned(), Arc::clone(&said));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is gone closes the client's connection too.
                if let Ok(server) = TcpStream::connect(&server) {
                    let _ = relay(client, server, &notes);
                }
            }
        });
        Ok(Self { url, said })
    }

    /// Whether all requests were made in `version`; what went by otherwise.
    pub(crate) fn spoke(&self, version: Version) -> Result<()> {
        let said = self.said();
        let wanted = format!("RTSP/{}", version.name());
        let mut versions = said.iter().filter_map(|said| match said {
            Said::Asked(_, version) => Some(version),
            Said::Answered(..) => None,
        });
        match versions.clone().count() {
            0 => Err(Failure::new("the client asked for nothing")),
            _ if versions.all(|version| *version == wanted) => Ok(()),
            _ => Err(Failure::new(format!("not all in {wanted}: {said:?}"))),
        }
    }

    /// Whether PLAY went out before the first SETUP was answered.
    pub(crate) fn pipelined(&self) -> Result<()> {
        let said = self.said();
        let asked = |wanted: &str| {
            let mut said = said.iter();
            said.position(|said| matches!(said, Said::Asked(method, _) if method == wanted))
        };
        let (Some(setup), Some(play)) = (asked("SETUP"), asked("PLAY")) else {
            return Err(Failure::new(format!("no SETUP and PLAY: {said:?}")));
        };
        let mut between = said.get(setup..play).unwrap_or_default().iter();
        if between.any(|said| matches!(said, Said::Answered(..))) {
            return Err(Failure::new(format!("not pipelined: {said:?}")));
        }
        Ok(())
    }

    /// Whether each transport that was granted is one of SRTP, and there are as many as the clip has media.
    pub(crate) fn sealed(&self) -> Result<()> {
        let said = self.said();
        let granted = said.iter().filter_map(|said| match said {
            Said::Answered(200, granted) => granted.as_deref(),
            _ => None,
        });
        let (sealed, plain): (Vec<_>, Vec<_>) = granted.partition(|it| it.starts_with("RTP/SAVP"));
        match (sealed.len(), plain.len()) {
            (2.., 0) => Ok(()),
            _ => Err(Failure::new(format!("not all by SRTP: {said:?}"))),
        }
    }

    fn said(&self) -> Vec<Said> {
        let said = self.said.lock();
        said.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn relay(client: TcpStream, server: TcpStream, said: &Arc<Mutex<Vec<Said>>>) -> Result<()> {
    for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        let said = Arc::clone(said);
        thread::spawn(move || pass_on(from, to, &said));
    }
    Ok(())
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, said: &Mutex<Vec<Said>>) {
    let mut heard = Vec::new();
    let mut piece = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let Some(read) = piece.get(..count) else {
            break;
        };
        heard.extend_from_slice(read);
        while let Some((length, head)) = message(&heard) {
            heard.drain(..length);
            if let Some(line) = head.as_deref().and_then(understood) {
                let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                said.push(line);
            }
        }
        if to.write_all(read).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// The length of the whole message at the front, and its head; a frame has none.
fn message(heard: &[u8]) -> Option<(usize, Option<String>)> {
    if let [b'$', _, high, low, rest @ ..] = heard {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        return (rest.len() >= length).then_some((length + 4, None));
    }
    let end = heard.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(heard.get(..end)?).into_owned();
    let body = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let named = name.eq_ignore_ascii_case("Content-Length");
        named.then(|| value.trim().parse::<usize>().ok())?
    });
    let length = end + body.unwrap_or(0);
    (heard.len() >= length).then_some((length, Some(head)))
}

/// A head, which begins with `PLAY rtsp://… RTSP/2.0` or `RTSP/2.0 200 OK`.
fn understood(head: &str) -> Option<Said> {
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (first, second, third) = (words.next()?, words.next()?, words.next());
    if first.starts_with("RTSP/") {
        let granted = lines.find_map(|line| line.strip_prefix("Transport: "));
        let status = second.parse().ok()?;
        return Some(Said::Answered(status, granted.map(str::to_owned)));
    }
    Some(Said::Asked(first.to_owned(), third?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(said: &[Said]) -> Witness {
        Witness {
            url: String::new(),
            said: Arc::new(Mutex::new(said.to_vec())),
        }
    }

    fn asked(method: &str, version: &str) -> Said {
        Said::Asked(method.to_owned(), format!("RTSP/{version}"))
    }

    #[test]
    fn one_request_in_another_version_is_seen() {
        let fallen_back = [
            asked("OPTIONS", "2.0"),
            Said::Answered(505, None),
            asked("OPTIONS", "1.0"),
        ];
        assert!(witness(&fallen_back).spoke(Version::V2).is_err());
        assert!(witness(&fallen_back[..1]).spoke(Version::V2).is_ok());
        assert!(witness(&[]).spoke(Version::V1).is_err());
    }

    #[test]
    fn an_answer_before_play_is_seen() {
        let (setup, play) = (asked("SETUP", "2.0"), asked("PLAY", "2.0"));
        let ok = Said::Answered(200, None);
        let at_once = [
            ok.clone(),
            setup.clone(),
            setup.clone(),
            play.clone(),
            ok.clone(),
        ];
        assert!(witness(&at_once).pipelined().is_ok());
        assert!(witness(&[setup.clone(), ok, play]).pipelined().is_err());
        assert!(witness(&[setup]).pipelined().is_err());
    }

    #[test]
    fn what_is_granted_in_clear_is_seen() {
        let granted = |text: &str| {
            let head = format!("RTSP/1.0 200 OK\r\nTransport: {text}\r\n\r\n");
            understood(&head).unwrap()
        };
        let (sealed, plain) = (granted("RTP/SAVP;unicast"), granted("RTP/AVP;unicast"));
        assert!(witness(&[sealed.clone(), sealed.clone()]).sealed().is_ok());
        assert!(
            witness(&[sealed.clone(), sealed.clone(), plain])
                .sealed()
                .is_err()
        );
        assert!(witness(&[sealed]).sealed().is_err());
    }

    #[test]
    fn messages_are_told_from_frames_and_bodies() {
        let heard =
            b"$\x01\0\x02RTRTSP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nabPLAY u RTSP/2.0\r\n\r\n";
        let (frame, none) = message(heard).unwrap();
        assert_eq!((frame, none), (6, None));
        let (answer, line) = message(&heard[frame..]).unwrap();
        assert_eq!(understood(&line.unwrap()), Some(Said::Answered(200, None)));
        let (_, line) = message(&heard[frame + answer..]).unwrap();
        assert_eq!(understood(&line.unwrap()), Some(asked("PLAY", "2.0")));
        assert_eq!(message(&heard[..5]), None);
        assert_eq!(message(&heard[frame..frame + answer - 1]), None);
    }

    #[test]
    fn it_passes_on_and_notes() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("rtsp://{}/a", server.local_addr().unwrap());
        let witness = Witness::of(&url).unwrap();
        let (address, path) = witness.url["rtsp://".len()..].split_once('/').unwrap();
        assert_eq!(path, "a");
        let mut client = TcpStream::connect(address).unwrap();
        client
            .write_all(b"OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n")
            .unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (mut served, _) = server.accept().unwrap();
        let mut text = String::new();
        served.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("OPTIONS * RTSP/2.0"));
        assert!(witness.spoke(Version::V2).is_ok());
    }
}
