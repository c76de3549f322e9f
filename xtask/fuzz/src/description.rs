//! Session descriptions: mended, read, written, read again.

use super::memory;
use sdp::{Description, Limits, Origin, Repair};
use std::net::Ipv4Addr;

/// A description as a peer sends it.
pub fn description(input: &[u8]) {
    // Bounds first: what exceeds them is refused before it takes memory.
    let most = 128 * input.len() + 64 * 1024;
    let Ok(read) = memory::bounded(most, || Description::parse(input)) else {
        return;
    };
    assert!(input.len() <= Limits::default().bytes);
    stable(&read);
    let origin = Origin::new(1, 2, Ipv4Addr::LOCALHOST.into());
    let answer = read.for_describe(origin, Some("npt=0-"));
    assert_eq!(answer.media.len(), read.media.len());
    stable(&answer);
    stable(&read.for_delivery("rtsp://192.0.2.1/cam"));
    for media in &read.media {
        for format in &media.formats {
            for (name, value) in format.parameters() {
                // An octet that is no UTF-8 is read as one of three.
                assert!(name.len() + value.len() <= 3 * input.len());
            }
        }
        let _ = read
            .connection_of(media)
            .and_then(sdp::Connection::ip_address);
    }
    for index in 0..=read.media.len() {
        let _ = read.is_back_channel(index);
    }
}

/// What is written needs no repair but where a payload type that is taken means something else, where nobody has said what it
/// means, where there is none at all, and where an attribute is left as it was, none of which can be written otherwise; and it says
/// the same for ever.
fn stable(description: &Description) {
    let text = description.encode();
    let again = Description::parse(text.as_bytes());
    let again = again.unwrap_or_else(|error| panic!("{error} in {text:?}"));
    let formless = |media: &sdp::Media| media.formats.is_empty();
    let inherent = |repair: &Repair| match repair {
        Repair::Framerate | Repair::MissingRtpmap | Repair::StaticPayloadType => true,
        Repair::FormatFromRtpmap => description.media.iter().any(formless),
        _ => false,
    };
    assert!(
        again.repairs().iter().all(inherent),
        "{:?} {text:?}",
        again.repairs()
    );
    assert_eq!(again.encode(), text, "written twice");
    assert_eq!(again.media.len(), description.media.len());
    assert!(sdp::same_formats(&again, description), "{text:?}");
}
