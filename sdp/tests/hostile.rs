//! Input that is meant to hurt: bounds hold, and nothing panics.

use sdp::Description;
use sdp::Error;
use sdp::Limits;
use sdp::Part;

const HEAD: &str = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\n";

fn refusal(input: impl AsRef<[u8]>) -> Error {
    Description::parse(input.as_ref()).unwrap_err()
}

#[test]
fn not_a_description() {
    for input in [
        "",
        "xyz",
        "xyz\r\n",
        "\0\0\0",
        "{\"v\":0}",
        "s=x\r\n",
        "\r\n\r\n",
        "a=b\na=c",
    ] {
        assert_eq!(refusal(input), Error::NotADescription, "{input:?}");
    }
    assert_eq!(refusal("v=1\r\ns=x\r\n"), Error::Version { line: 1 });
    assert_eq!(refusal("\r\nv=0.5\r\n"), Error::Version { line: 2 });
}

#[test]
fn bad_media_lines() {
    for media in [
        "m=",
        "m=video",
        "m=video 0",
        "m=video 0 ",
        "m=video x RTP/AVP 96",
        "m=video -1 RTP/AVP 96",
        "m=video 65536 RTP/AVP 96",
        "m=video 0/x RTP/AVP 96",
        "m=vid(eo 0 RTP/AVP 96",
        "m=/live 0 RTP/AVP 96",
    ] {
        let input = format!("{HEAD}{media}\r\n");
        assert_eq!(refusal(&input), Error::Media { line: 5 }, "{media}");
    }
}

#[test]
fn too_much_of_anything_is_refused() {
    let limits = Limits::default();
    let many = |line: &str, count: usize| format!("{HEAD}{}", line.repeat(count));
    let refused = |part, limit, line: usize| Error::TooMany {
        part,
        limit,
        line: u32::try_from(line).unwrap(),
    };

    let media = "m=audio 0 RTP/AVP 0\r\n";
    assert!(Description::parse(many(media, limits.media).as_bytes()).is_ok());
    let error = refusal(many(media, limits.media + 1));
    assert_eq!(
        error,
        refused(Part::Media, limits.media, 4 + limits.media + 1)
    );

    let attribute = "a=x\r\n";
    assert!(Description::parse(many(attribute, limits.attributes).as_bytes()).is_ok());
    let error = refusal(many(attribute, limits.attributes + 1));
    assert_eq!(
        error,
        refused(
            Part::Attributes,
            limits.attributes,
            4 + limits.attributes + 1
        )
    );

    let error = refusal(many("e=x\r\n", limits.lines));
    assert_eq!(error, refused(Part::Lines, limits.lines, limits.lines + 1));

    let formats = format!(
        "{HEAD}m=audio 0 RTP/AVP{}\r\n",
        " 0".repeat(limits.formats + 1)
    );
    assert_eq!(refusal(formats), refused(Part::Formats, limits.formats, 5));

    let long = format!("{HEAD}a=x:{}\r\n", "y".repeat(limits.line_bytes));
    assert_eq!(
        refusal(long),
        Error::LineTooLong {
            line: 5,
            limit: limits.line_bytes,
            actual: limits.line_bytes + 4
        }
    );
    let large = vec![b'\n'; limits.bytes + 1];
    assert_eq!(
        refusal(large),
        Error::TooLarge {
            limit: limits.bytes,
            actual: limits.bytes + 1
        }
    );
}

#[test]
fn limits_can_be_set() {
    let mut limits = Limits::default();
    limits.media = 1;
    let input = format!("{HEAD}{}", "m=audio 0 RTP/AVP 0\r\n".repeat(2));
    assert!(Description::parse_with(input.as_bytes(), &limits).is_err());
    limits.media = 2;
    assert!(Description::parse_with(input.as_bytes(), &limits).is_ok());
}

/// The most that the limits let through, in the shapes that cost most.
#[test]
fn the_largest_descriptions_are_read_soon() {
    let limits = Limits::default();
    let formats: String = (0..128).map(|number| format!(" {number}")).collect();
    let mappings: String = (0..128)
        .map(|number| format!("a=rtpmap:{number} x/1\r\na=fmtp:{number} a=b\r\n"))
        .collect();
    let media = format!("m=audio 0 RTP/AVP{formats}\r\n{mappings}");
    let input = format!("{HEAD}{}", media.repeat(8));
    assert!(input.len() <= limits.bytes);
    let description = Description::parse(input.as_bytes()).unwrap();
    assert_eq!(description.media.len(), 8);
    assert!(
        description
            .media
            .iter()
            .all(|media| media.formats.len() == 128)
    );
    assert!(sdp::same_formats(&description, &description));

    let blank = vec![b'\n'; limits.bytes];
    assert_eq!(refusal(blank), Error::NotADescription);
    let parameters = format!(
        "{HEAD}m=video 0 RTP/AVP 96\r\na=fmtp:96 {}\r\n",
        ";".repeat(60_000)
    );
    assert_eq!(
        Description::parse(parameters.as_bytes()).unwrap().media[0].formats[0].fmtp,
        None
    );
}

/// A generator of numbers that are the same in each run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

const SEEDS: &[&[u8]] = &[
    include_bytes!("fixtures/ffmpeg.sdp"),
    include_bytes!("fixtures/rtspclientsink.sdp"),
    include_bytes!("fixtures/vlc.sdp"),
    include_bytes!("fixtures/cheap-camera.sdp"),
    include_bytes!("fixtures/tp-link.sdp"),
    include_bytes!("fixtures/hanwha.sdp"),
    include_bytes!("fixtures/flir.sdp"),
];

const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"=",
    b"a=",
    b"m=",
    b"v=0",
    b"t=",
    b"o=",
    b"/",
    b":",
    b" ",
    b";",
    b"\0",
    b"\xff",
    b"-1",
    b"4294967296",
    b"a=rtpmap:96 ",
    b"a=fmtp:96",
    b"m=video 0 RTP/AVP 96\r\n",
    b"a=control:",
    b"c=IN ",
    b"\xef\xbb\xbf",
];

/// Mutated real descriptions. Whatever is read can be written, and then needs no repair of its lines.
#[test]
fn garbage_by_the_thousand() {
    let mut numbers = Numbers(22);
    let mut accepted = 0;
    for _ in 0..6_000 {
        let mut input = SEEDS[numbers.below(SEEDS.len())].to_vec();
        for _ in 0..=numbers.below(6) {
            let at = numbers.below(input.len() + 1);
            let end = (at + numbers.below(12)).min(input.len());
            match numbers.below(4) {
                0 => drop(input.drain(at..end)),
                1 => {
                    let piece = PIECES[numbers.below(PIECES.len())];
                    drop(input.splice(at..at, piece.iter().copied()));
                }
                2 => {
                    let piece = PIECES[numbers.below(PIECES.len())];
                    drop(input.splice(at..end, piece.iter().copied()));
                }
                _ => {
                    if let Some(byte) = input.get_mut(at) {
                        *byte = (numbers.next() & 0xff) as u8;
                    }
                }
            }
        }
        let Ok(description) = Description::parse(&input) else {
            continue;
        };
        accepted += 1;
        let shown = String::from_utf8_lossy(&input);
        let written = description.encode();
        let again = Description::parse(written.as_bytes())
            .unwrap_or_else(|error| panic!("{error}\n{shown}\n=>\n{written}"));
        assert_eq!(
            again.media.len(),
            description.media.len(),
            "\n{shown}\n=>\n{written}"
        );
        assert!(
            sdp::same_formats(&again, &description),
            "\n{shown}\n=>\n{written}"
        );
        let answer = description
            .for_describe(sdp::Origin::default(), None)
            .encode();
        assert!(
            Description::parse(answer.as_bytes()).is_ok(),
            "\n{shown}\n=>\n{answer}"
        );
    }
    assert!(accepted > 2_000, "only {accepted} were read");
}

#[test]
fn values_cannot_add_lines() {
    let mut description = Description::new(sdp::Origin::default(), "x\r\nm=audio 0 RTP/AVP 0");
    description.origin.username = Some("a b\r\ns=y".to_owned());
    description
        .attributes
        .push(sdp::Attribute::new("tool\n", "x\r\nm=video 0 RTP/AVP 26"));
    let mut media = sdp::Media::new(
        sdp::MediaKind::Other("a b\r\n".to_owned()),
        "RTP/AVP\r\nm=x",
    );
    media.title = Some("\r\nm=text 0 RTP/AVP 0\0".to_owned());
    description.media.push(media);
    let written = description.encode();
    let again = Description::parse(written.as_bytes()).unwrap();
    assert_eq!(again.media.len(), 1, "{written}");
    assert_eq!(again.origin.address, "0.0.0.0", "{written}");
}
