//! Media: their payload types with `a=rtpmap` and `a=fmtp`, and the repairs of those.

use crate::Attribute;
use crate::Direction;
use crate::Format;
use crate::Media;
use crate::MediaKind;
use crate::Repair;
use crate::encode::word;
use crate::repair::Repairs;
use crate::static_payload;

pub(super) fn media(
    sources: Vec<sdp_types::Media>,
    inherited: Direction,
    repairs: &mut Repairs,
) -> Vec<Media> {
    let mut all: Vec<Media> = sources
        .into_iter()
        .map(|source| one_media(source, inherited, repairs))
        .collect();
    move_parameters(&mut all, repairs);
    all
}

fn one_media(source: sdp_types::Media, inherited: Direction, repairs: &mut Repairs) -> Media {
    // Blanks of other kinds than those between fields are no part of one; so they are not written, either.
    let kind = MediaKind::from_word(&word(&source.media, "application"));
    let mut media = Media::new(kind, word(&source.proto, "RTP/AVP"));
    media.port = source.port;
    media.title = source.media_title;
    media.connections = source
        .connections
        .into_iter()
        .map(super::connection)
        .collect();
    media.bandwidth = source
        .bandwidths
        .into_iter()
        .map(super::bandwidth)
        .collect();

    let attributes: Vec<Attribute> = source
        .attributes
        .into_iter()
        .map(super::read_attribute)
        .collect();
    if media.is_rtp() {
        let rtpmaps: Vec<Rtpmap<'_>> = attributes.iter().filter_map(Rtpmap::read).collect();
        media.formats = formats(&source.fmt, &media.kind, &rtpmaps, repairs);
    } else {
        media.other_formats = source.fmt.split_whitespace().map(str::to_owned).collect();
    }

    let mut direction = None;
    let mut mapped = [false; 128];
    for attribute in attributes {
        if let Some(own) = super::direction(&attribute) {
            direction.get_or_insert(own);
        } else if attribute.is("control") {
            super::fill(&mut media.control, attribute.value);
        } else if attribute.is("range") {
            super::fill(&mut media.range, attribute.value);
        } else if attribute.is("framerate") && media.framerate.is_none() {
            set_framerate(&mut media, attribute, repairs);
        } else if attribute.is("rtpmap") && media.is_rtp() {
            keep_rtpmap(&mut media, attribute, &mut mapped, repairs);
        } else if !(attribute.is("fmtp") && set_parameters(&mut media, &attribute, repairs)) {
            media.attributes.push(attribute);
        }
    }
    media.direction = direction.unwrap_or(inherited);
    media
}

/// What an `a=rtpmap` says (RFC 8866 §6.6).
struct Rtpmap<'a> {
    payload_type: u8,
    encoding: &'a str,
    clock_rate: Option<u32>,
    channels: Option<u8>,
    blanks: bool,
}

impl<'a> Rtpmap<'a> {
    /// `<payload type> <encoding name>/<clock rate>[/<encoding parameters>]`, with blanks anywhere.
    fn read(attribute: &'a Attribute) -> Option<Self> {
        if !attribute.is("rtpmap") {
            return None;
        }
        let value = attribute.value.as_deref()?;
        let (payload_type, mapping) = value.split_once([' ', '\t'])?;
        let payload_type = payload_type
            .parse()
            .ok()
            .filter(|&payload_type| payload_type < 128)?;
        let mut parts = mapping.splitn(3, '/').map(str::trim);
        // A name is one word: what follows in front of the slash is text left over from something else.
        let encoding = parts.next()?.split_whitespace().next()?;
        let clock_rate = parts.next().and_then(|rate| rate.parse().ok());
        let channels = parts.next().and_then(|channels| channels.parse().ok());
        Some(Self {
            payload_type,
            encoding,
            clock_rate: clock_rate.filter(|&rate| rate != 0),
            channels: channels.filter(|&channels| channels != 0),
            blanks: mapping.contains([' ', '\t']),
        })
    }
}

/// The formats of an RTP media, each payload type once, in the order of the `m=` line.
fn formats(
    fmt: &str,
    kind: &MediaKind,
    rtpmaps: &[Rtpmap<'_>],
    repairs: &mut Repairs,
) -> Vec<Format> {
    let words = fmt.split_whitespace();
    let written = words.clone().filter_map(|word| word.parse().ok());
    let mut payload_types: Vec<u8> = written.filter(|&payload_type| payload_type < 128).collect();
    if payload_types.len() != words.count() {
        repairs.add(Repair::FormatFromRtpmap);
        if payload_types.is_empty() {
            payload_types.extend(rtpmaps.iter().map(|rtpmap| rtpmap.payload_type));
        }
    }
    let mut formats: Vec<Format> = Vec::with_capacity(payload_types.len().min(128));
    for payload_type in payload_types {
        if formats
            .iter()
            .any(|format| format.payload_type == payload_type)
        {
            repairs.add(Repair::RepeatedFormat);
            continue;
        }
        let rtpmap = rtpmaps
            .iter()
            .find(|rtpmap| rtpmap.payload_type == payload_type);
        formats.push(match rtpmap {
            Some(rtpmap) => mapped_format(rtpmap, kind, repairs),
            None => unmapped_format(payload_type, kind, repairs),
        });
    }
    formats
}

fn mapped_format(rtpmap: &Rtpmap<'_>, kind: &MediaKind, repairs: &mut Repairs) -> Format {
    let known = static_payload::lookup(rtpmap.payload_type);
    let same = known.filter(|(encoding, ..)| rtpmap.encoding.eq_ignore_ascii_case(encoding));
    if known.is_some() && same.is_none() {
        repairs.add(Repair::StaticPayloadType);
    }
    if rtpmap.blanks {
        repairs.add(Repair::RtpmapBlanks);
    }
    let clock_rate = rtpmap.clock_rate.unwrap_or_else(|| {
        repairs.add(Repair::ClockRate);
        match same {
            Some((_, clock_rate, _)) => clock_rate,
            None => static_payload::assumed_clock_rate(kind, rtpmap.encoding),
        }
    });
    let mut format = Format::new(rtpmap.payload_type, rtpmap.encoding, clock_rate);
    format.channels = rtpmap.channels;
    if format.is("opus") && (format.clock_rate, format.channels) != (48_000, Some(2)) {
        repairs.add(Repair::OpusRate);
        format.clock_rate = 48_000;
        format.channels = Some(2);
    }
    format
}

fn unmapped_format(payload_type: u8, kind: &MediaKind, repairs: &mut Repairs) -> Format {
    match static_payload::lookup(payload_type) {
        Some((encoding, clock_rate, channels)) => {
            let mut format = Format::new(payload_type, encoding, clock_rate);
            format.channels = channels;
            format
        }
        None => {
            repairs.add(Repair::MissingRtpmap);
            Format::new(
                payload_type,
                "",
                static_payload::assumed_clock_rate(kind, ""),
            )
        }
    }
}

/// Drops an `a=rtpmap` that went into a format, keeps one that belongs to none.
fn keep_rtpmap(
    media: &mut Media,
    attribute: Attribute,
    mapped: &mut [bool; 128],
    repairs: &mut Repairs,
) {
    let Some(rtpmap) = Rtpmap::read(&attribute) else {
        repairs.add(Repair::BadRtpmap);
        return;
    };
    let payload_type = rtpmap.payload_type;
    if media.format(payload_type).is_none() {
        media.attributes.push(attribute);
    } else if let Some(mapped) = mapped.get_mut(usize::from(payload_type))
        && std::mem::replace(mapped, true)
    {
        repairs.add(Repair::BadRtpmap);
    }
}

fn set_framerate(media: &mut Media, attribute: Attribute, repairs: &mut Repairs) {
    let rate = attribute
        .value
        .as_deref()
        .and_then(|value| value.parse().ok());
    media.framerate = rate.filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    if media.framerate.is_none() {
        repairs.add(Repair::Framerate);
        media.attributes.push(attribute);
    }
}

/// The payload type of an `a=fmtp` and its parameters, which may be empty.
fn read_fmtp(attribute: &Attribute) -> Option<(u8, &str)> {
    if !attribute.is("fmtp") {
        return None;
    }
    let value = attribute.value.as_deref()?;
    let (payload_type, parameters) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    Some((payload_type.parse().ok()?, parameters.trim_start()))
}

/// Gives the parameters to their format; `false` if the media has no such format.
fn set_parameters(media: &mut Media, attribute: &Attribute, repairs: &mut Repairs) -> bool {
    let Some((payload_type, parameters)) = read_fmtp(attribute) else {
        return false;
    };
    let mut formats = media.formats.iter_mut();
    let Some(format) = formats.find(|format| format.payload_type == payload_type) else {
        return false;
    };
    let trimmed = parameters.trim_end_matches([';', ' ', '\t']);
    if trimmed.is_empty() {
        repairs.add(Repair::EmptyFmtp);
        return true;
    }
    if trimmed.len() != parameters.len() {
        repairs.add(Repair::FmtpSemicolon);
    }
    match &mut format.fmtp {
        Some(fmtp) => {
            repairs.add(Repair::RepeatedFmtp);
            fmtp.push_str("; ");
            fmtp.push_str(trimmed);
        }
        fmtp => *fmtp = Some(trimmed.to_owned()),
    }
    true
}

/// Moves each `a=fmtp` whose payload type belongs to exactly one other media, which has no parameters.
fn move_parameters(all: &mut [Media], repairs: &mut Repairs) {
    let mut owners: [Option<usize>; 128] = [None; 128];
    let mut shared = [false; 128];
    for (index, media) in all.iter().enumerate() {
        for payload_type in media
            .formats
            .iter()
            .map(|format| usize::from(format.payload_type))
        {
            if let (Some(owner), Some(shared)) =
                (owners.get_mut(payload_type), shared.get_mut(payload_type))
            {
                *shared |= owner.is_some();
                *owner = Some(index);
            }
        }
    }
    let owner = |payload_type: u8| {
        let payload_type = usize::from(payload_type);
        let shared = shared.get(payload_type).copied().unwrap_or(true);
        if shared {
            None
        } else {
            owners.get(payload_type).copied().flatten()
        }
    };
    let mut moved = Vec::new();
    for media in all.iter_mut().filter(|media| media.is_rtp()) {
        media.attributes.retain(|attribute| {
            let Some(owner) =
                read_fmtp(attribute).and_then(|(payload_type, _)| owner(payload_type))
            else {
                return true;
            };
            moved.push((owner, attribute.clone()));
            false
        });
    }
    for (owner, attribute) in moved {
        repairs.add(Repair::FmtpElsewhere);
        if let Some(media) = all.get_mut(owner) {
            set_parameters(media, &attribute, repairs);
        }
    }
}
