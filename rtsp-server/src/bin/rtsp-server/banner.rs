//! What the program says as it starts: where it is, and lines to copy.

use std::{
    fs,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    path::Path,
};

use rtsp_server::{Access, Config, ServerHandle};

/// The path of the line that publishes.
const PUBLISHED: &str = "/live";
/// What a file has to end in to be served.
const EXTENSIONS: [&str; 4] = ["mp4", "m4v", "mov", "m4a"];
/// How deep and how long a file is looked for that can stand as an example.
const DEPTH: usize = 2;
const ENTRIES: usize = 1000;

/// Says where the server is and what to do with it.
pub(crate) fn print(
    out: &mut impl Write,
    server: &ServerHandle,
    config: &Config,
    colours: bool,
) -> io::Result<()> {
    let addresses = server.addresses();
    let listening: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let base = addresses.first().copied().map_or_else(String::new, base);
    writeln!(
        out,
        "rtsp-server {} listens on {}",
        env!("CARGO_PKG_VERSION"),
        listening.join(" and ")
    )?;
    if let Some(fingerprint) = server.fingerprint() {
        let listening: Vec<String> = server
            .tls_addresses()
            .iter()
            .map(ToString::to_string)
            .collect();
        writeln!(
            out,
            "TLS (rtsps) on {}, with the certificate\n  {fingerprint}",
            listening.join(" and ")
        )?;
    }
    for (address, error) in server.skipped() {
        writeln!(
            out,
            "Without {address}, which this system does not have: {error}"
        )?;
    }
    let mut page = Page { out, colours };
    let user = credentials(asks(config.read, config));
    let reader = format!("rtsp://{user}{base}");
    let file = config.files.as_deref().and_then(example_file);
    let path = example_path(config, file.as_deref());
    page.streams(config, &reader, file.as_deref())?;
    page.watch(&format!("{reader}{path}"), path == PUBLISHED)?;
    page.publish(config, &base)?;
    page.elsewhere(addresses, user, &path)?;
    let capacity = server.capacity();
    page.title("Capacity")?;
    page.line(format_args!(
        "up to {} connections, {} {}; {} {} or {} {} a call, {}",
        capacity.connections,
        capacity.shards,
        plural(capacity.shards, "thread"),
        capacity.datagrams_per_call,
        plural(capacity.datagrams_per_call, "datagram"),
        capacity.connections_per_call,
        plural(capacity.connections_per_call, "connection"),
        match (capacity.connections_per_call, config.io_uring) {
            (2.., _) => "by io_uring",
            (_, true) => "without io_uring, which this system does not let us have",
            (_, false) => "io_uring is off",
        },
    ))?;
    writeln!(page.out, "\nCtrl-C ends it.")?;
    page.out.flush()
}

struct Page<'a, W> {
    out: &'a mut W,
    colours: bool,
}

impl<W: Write> Page<'_, W> {
    fn title(&mut self, title: &str) -> io::Result<()> {
        let (bold, plain) = if self.colours {
            ("\x1b[1m", "\x1b[0m")
        } else {
            ("", "")
        };
        writeln!(self.out, "\n{bold}{title}{plain}")
    }

    fn line(&mut self, line: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.out, "  {line}")
    }

    /// What there is to read.
    fn streams(&mut self, config: &Config, reader: &str, file: Option<&str>) -> io::Result<()> {
        if !config.demo && config.files.is_none() && config.pulls.is_empty() {
            return Ok(());
        }
        self.title("Streams")?;
        if config.demo {
            self.line(format_args!("{reader}/demo  the built-in clip"))?;
        }
        for pull in &config.pulls {
            let when = if pull.on_demand {
                ", when somebody reads it"
            } else {
                ""
            };
            self.line(format_args!("{reader}{}  pulled{when}", pull.path))?;
        }
        if let Some(files) = &config.files {
            let name = file.unwrap_or("/files/NAME.mp4");
            let none = if file.is_none() {
                "; there is none yet"
            } else {
                ""
            };
            self.line(format_args!(
                "{reader}{name}  the MP4 files of {}{none}",
                files.display()
            ))?;
        }
        Ok(())
    }

    fn watch(&mut self, url: &str, published: bool) -> io::Result<()> {
        self.title(if published {
            "Watch, once it is published"
        } else {
            "Watch"
        })?;
        self.line(format_args!("ffplay -rtsp_transport tcp {url}"))?;
        self.line(format_args!("mpv {url}"))?;
        self.line(format_args!(
            "vlc {url}  (builds without RTSP, such as Debian's, cannot: take another)"
        ))?;
        self.line(format_args!("gst-launch-1.0 playbin uri={url}"))?;
        self.line(format_args!(
            "cargo run --release -p trackside-rtsp-client -- probe {url}"
        ))
    }

    fn publish(&mut self, config: &Config, base: &str) -> io::Result<()> {
        self.title("Publish")?;
        let asked = asks(config.publish, config);
        if asked != Asked::Refused {
            let user = credentials(asked);
            self.line(format_args!(
                "ffmpeg -re -i FILE.mp4 -c copy -f rtsp -rtsp_transport tcp rtsp://{user}{base}{PUBLISHED}"
            ))?;
        }
        self.line(match (config.publish, asked) {
            (Access::Guarded, Asked::Nothing) => "Every program of this machine may publish.".to_owned(),
            (_, Asked::Nothing) => "Everybody may publish (publish = \"open\").".to_owned(),
            (Access::Permitted, Asked::Password) => "Who may publish is told by the permissions.".to_owned(),
            (_, Asked::Password) if others(config) => "Users may publish, by name and password or by token.".to_owned(),
            (_, Asked::Password) => format!(
                "{} {} may publish, with name and password.",
                config.users.len(),
                plural(config.users.len(), "user")
            ),
            (Access::Closed, Asked::Refused) => "Nobody may publish (publish = \"closed\").".to_owned(),
            (_, Asked::Refused) => "Nobody may publish: it listens beyond this machine and has no users. Give it --users FILE, or \
                 --publish open."
                .to_owned(),
        })
    }

    /// What other machines use, where they can.
    fn elsewhere(&mut self, addresses: &[SocketAddr], user: &str, path: &str) -> io::Result<()> {
        let urls: Vec<String> = addresses
            .iter()
            .filter(|address| address.ip().is_unspecified())
            .filter_map(|address| outward(*address))
            .map(|address| format!("rtsp://{user}{address}{path}"))
            .collect();
        if !urls.is_empty() {
            self.title("From other machines")?;
        }
        urls.iter().try_for_each(|url| self.line(url))
    }
}

fn plural(count: usize, word: &str) -> String {
    format!("{word}{}", if count == 1 { "" } else { "s" })
}

/// What somebody of this machine is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Nothing,
    Password,
    Refused,
}

fn asks(access: Access, config: &Config) -> Asked {
    let local = config
        .listen
        .iter()
        .chain(config.tls.iter().flat_map(|tls| &tls.listen))
        .all(|address| address.ip().is_loopback());
    match access {
        Access::Open => Asked::Nothing,
        Access::Guarded if local => Asked::Nothing,
        Access::Permitted => Asked::Password,
        Access::Guarded | Access::Users if !config.users.is_empty() || others(config) => {
            Asked::Password
        }
        _ => Asked::Refused,
    }
}

/// Whether others prove users.
fn others(config: &Config) -> bool {
    config.check.is_some() || config.tokens.is_some()
}

fn credentials(asked: Asked) -> &'static str {
    if asked == Asked::Password {
        "NAME:PASSWORD@"
    } else {
        ""
    }
}

/// `HOST:PORT` for somebody on this machine.
fn base(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port()).to_string()
}

/// The address that this machine has towards the outside. Connecting a datagram socket sends nothing.
fn outward(address: SocketAddr) -> Option<SocketAddr> {
    // Addresses for documentation (RFC 5737, RFC 3849): they are routed like any.
    let far: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::new(192, 0, 2, 1), 9).into(),
        SocketAddr::V6(_) => (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into(),
    };
    let socket = UdpSocket::bind((address.ip(), 0)).ok()?;
    socket.connect(far).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then(|| SocketAddr::new(ip, address.port()))
}

/// What the lines to copy play.
fn example_path(config: &Config, file: Option<&str>) -> String {
    if config.demo {
        return "/demo".into();
    }
    let pulled = config.pulls.first().map(|pull| pull.path.as_str());
    file.or(pulled).unwrap_or(PUBLISHED).to_owned()
}

/// A file that can be played, as the path of its URL.
fn example_file(folder: &Path) -> Option<String> {
    find(folder, DEPTH).map(|path| format!("/files{path}"))
}

fn find(folder: &Path, depth: usize) -> Option<String> {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .ok()?
        .take(ENTRIES)
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    let film = entries.iter().find(|entry| {
        let path = entry.path();
        let extension = path
            .extension()
            .and_then(|it| it.to_str())
            .unwrap_or_default();
        let known = EXTENSIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(extension));
        known && entry.file_type().is_ok_and(|kind| kind.is_file())
    });
    if let Some(film) = film {
        return Some(format!("/{}", encode(film.file_name().as_encoded_bytes())));
    }
    if depth <= 1 {
        return None;
    }
    entries.iter().find_map(|entry| {
        let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let below = folder.then(|| find(&entry.path(), depth - 1)).flatten()?;
        Some(format!(
            "/{}{below}",
            encode(entry.file_name().as_encoded_bytes())
        ))
    })
}

/// A name as it stands in a URL, safe to paste into a shell (RFC 3986 §2.3).
fn encode(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for &byte in name {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use rtsp_session::auth::Credentials;

    use super::*;

    #[test]
    fn who_is_asked_for_what() {
        let mut config = Config::default();
        assert_eq!(asks(Access::Guarded, &config), Asked::Nothing);
        assert_eq!(asks(Access::Closed, &config), Asked::Refused);
        config.listen = vec!["0.0.0.0:0".parse().unwrap()];
        assert_eq!(asks(Access::Guarded, &config), Asked::Refused);
        assert_eq!(asks(Access::Open, &config), Asked::Nothing);
        config.users = vec![Credentials::new("ann", "x")];
        assert_eq!(asks(Access::Guarded, &config), Asked::Password);
        assert_eq!(asks(Access::Users, &config), Asked::Password);
    }

    #[test]
    fn an_address_of_all_interfaces_is_shown_as_one_that_can_be_used() {
        assert_eq!(base("0.0.0.0:8554".parse().unwrap()), "127.0.0.1:8554");
        assert_eq!(base("[::]:8554".parse().unwrap()), "[::1]:8554");
        assert_eq!(base("192.0.2.1:1".parse().unwrap()), "192.0.2.1:1");
    }

    #[test]
    fn names_can_be_pasted() {
        assert_eq!(
            encode("a b'$(x)ä.mp4".as_bytes()),
            "a%20b%27%24%28x%29%C3%A4.mp4"
        );
    }

    #[test]
    fn an_example_is_a_film_that_is_there() {
        let folder =
            std::env::temp_dir().join(format!("rtsp-server-example-{}", std::process::id()));
        fs::create_dir_all(folder.join("b c")).unwrap();
        fs::write(folder.join("b c/film.MP4"), "").unwrap();
        fs::write(folder.join(".hidden.mp4"), "").unwrap();
        fs::write(folder.join("notes.txt"), "").unwrap();
        assert_eq!(
            example_file(&folder).as_deref(),
            Some("/files/b%20c/film.MP4")
        );
        fs::write(folder.join("a.m4a"), "").unwrap();
        assert_eq!(example_file(&folder).as_deref(), Some("/files/a.m4a"));
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(example_file(&folder), None);
    }
}
