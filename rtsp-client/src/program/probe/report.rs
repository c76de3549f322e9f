//! What a probe found out, for people and for machines.

use std::fmt;
use std::time::Duration;

use rtp_core::Codec;
use rtp_core::Depacketizer;
use rtp_core::Parameters;
use rtsp_client::Described;
use rtsp_client::TransportPolicy;
use rtsp_msg::Header;
use rtsp_msg::headers::Scale;
use rtsp_msg::headers::SeekStyle;
use rtsp_session::client::Deviation;
use rtsp_session::client::Seeking;
use sdp::Media;
use serde_json::Value;
use serde_json::json;

use super::measure::Measurement;
use super::measure::MediaMeasurement;
use crate::program::live;
use crate::program::playback;

/// What one transport did.
#[derive(Debug)]
pub(super) struct Attempt {
    transport: TransportPolicy,
    result: Result<Measurement, String>,
}

impl Attempt {
    pub(super) fn worked(transport: TransportPolicy, measurement: Measurement) -> Self {
        Self {
            transport,
            result: Ok(measurement),
        }
    }

    pub(super) fn failed(transport: TransportPolicy, why: &str) -> Self {
        Self {
            transport,
            result: Err(why.to_owned()),
        }
    }
}

/// One media as described.
#[derive(Debug)]
struct MediaLine {
    kind: String,
    encoding: String,
    payload_type: Option<u8>,
    clock_rate: u32,
    channels: Option<u8>,
    dimensions: Option<(u32, u32)>,
    frame_rate: Option<f64>,
    codec: Option<String>,
}

impl MediaLine {
    fn new(media: &Media) -> Self {
        let format = media.formats.first();
        let parameters = format.and_then(|format| {
            let codec = Codec::from_encoding_name(&format.encoding);
            let fmtp = format.fmtp.as_deref();
            let depacketizer = Depacketizer::new(codec, format.clock_rate, format.channels, fmtp);
            depacketizer.ok()?.parameters().cloned()
        });
        let known = parameters.as_ref();
        Self {
            kind: media.kind.to_string(),
            encoding: format.map_or_else(|| media.protocol.clone(), |f| f.encoding.clone()),
            payload_type: format.map(|format| format.payload_type),
            clock_rate: format.map_or(0, |format| format.clock_rate),
            channels: known
                .and_then(Parameters::channels)
                .or_else(|| format.and_then(|format| format.channels)),
            dimensions: known.and_then(Parameters::dimensions),
            frame_rate: media
                .framerate
                .or_else(|| known.and_then(Parameters::frame_rate)),
            codec: known.and_then(Parameters::codec_string),
        }
    }
}

/// Everything that a probe found out.
#[derive(Debug)]
pub(super) struct Report {
    url: String,
    version: String,
    server: Option<String>,
    methods: Vec<String>,
    challenged: bool,
    range: Option<String>,
    /// Up to the description: what there is to tell if nothing plays.
    deviations: Vec<(Deviation, u64)>,
    media: Vec<MediaLine>,
    pub(super) attempts: Vec<Attempt>,
}

impl Report {
    pub(super) fn new(described: &Described) -> Self {
        let description = described.description();
        Self {
            url: described.url(),
            version: described.version().to_string(),
            server: described.server().map(str::to_owned),
            methods: described
                .methods()
                .iter()
                .map(ToString::to_string)
                .collect(),
            challenged: described.was_challenged(),
            range: description.range.clone(),
            deviations: described.deviations().to_vec(),
            media: description.media.iter().map(MediaLine::new).collect(),
            attempts: Vec::new(),
        }
    }

    /// Whether one transport has been measured.
    pub(super) fn measured(&self) -> bool {
        self.measurement().is_some()
    }

    pub(super) fn plays(&self) -> bool {
        self.measured()
    }

    fn measurement(&self) -> Option<(TransportPolicy, &Measurement)> {
        let mut attempts = self.attempts.iter();
        attempts.find_map(|attempt| Some((attempt.transport, attempt.result.as_ref().ok()?)))
    }

    /// What the server does otherwise than the RFCs say: over the transport that was measured, or as far as it came.
    fn deviations(&self) -> &[(Deviation, u64)] {
        let measured = self.measurement().map(|(_, m)| &*m.deviations);
        measured.unwrap_or(&self.deviations)
    }

    pub(super) fn json(&self) -> Value {
        let measurement = self.measurement();
        json!({
            "url": self.url,
            "plays": self.plays(),
            "protocol": self.version,
            "server": self.server,
            "methods": self.methods,
            "authentication": self.challenged,
            "range": self.range,
            "deviations": self.deviations().iter().map(|(deviation, count)| json!({
                "name": deviation.name(),
                "about": deviation.about(),
                "count": count,
            })).collect::<Vec<_>>(),
            "media": self.media.iter().enumerate().map(|(at, media)| {
                let measured = measurement.and_then(|(_, m)| m.media.iter().find(|m| m.media == at));
                media_json(at, media, measured)
            }).collect::<Vec<_>>(),
            "transports": self.attempts.iter().map(|attempt| json!({
                "transport": attempt.transport.to_string(),
                "works": attempt.result.is_ok(),
                "error": attempt.result.as_ref().err(),
            })).collect::<Vec<_>>(),
            "measurement": measurement.map(|(transport, measurement)| json!({
                "transport": transport.to_string(),
                "seconds": seconds(measurement.over),
                "range": measurement.start.range.as_ref().map(playback::shown),
                "scale": measurement.start.scale.map(Scale::value),
                "speed": measurement.start.speed.map(|speed| [speed.lower(), speed.upper()]),
                "seek_style": measurement.start.seek_style.as_ref().map(style),
                "seeking": seeking(measurement.seeking),
                "unopened": measurement.unopened,
                "ended": measurement.end,
                "media": measurement.media.iter()
                    .map(|media| measured_json(media, measurement.over)).collect::<Vec<_>>(),
            })),
        })
    }
}

fn media_json(index: usize, media: &MediaLine, measured: Option<&MediaMeasurement>) -> Value {
    let dimensions = media.dimensions.or(measured.and_then(|m| m.dimensions));
    json!({
        "index": index,
        "kind": media.kind,
        "encoding": media.encoding,
        "codec": media.codec.as_deref().or(measured.and_then(|m| m.codec.as_deref())),
        "payload_type": media.payload_type,
        "clock_rate": media.clock_rate,
        "channels": media.channels,
        "width": dimensions.map(|(width, _)| width),
        "height": dimensions.map(|(_, height)| height),
        "frame_rate": media.frame_rate,
    })
}

fn measured_json(media: &MediaMeasurement, over: Duration) -> Value {
    let statistics = &media.statistics;
    json!({
        "index": media.media,
        "packets": statistics.packets,
        "packets_per_second": rounded(per_second(statistics.packets, over)),
        "kilobits_per_second": rounded(per_second(statistics.payload_octets, over) * 8.0 / 1000.0),
        "frames": media.frames,
        "lost": statistics.lost,
        "reordered": statistics.reordered,
        "duplicates": statistics.duplicates,
        "srtp": media.secured,
        "jitter_ms": rounded(statistics.jitter.as_secs_f64() * 1000.0),
        "first_packet_ms": media.first_packet.map(millis),
        "first_key_frame_ms": media.first_key_frame.map(millis),
    })
}

/// What machines get when the URL cannot be asked.
pub(super) fn trouble(url: &str, error: &str) -> Value {
    // A URL may carry a password.
    let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
    json!({ "url": shown, "plays": false, "error": error })
}

fn per_second(count: u64, over: Duration) -> f64 {
    count as f64 / over.as_secs_f64().max(0.001)
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn seconds(duration: Duration) -> f64 {
    rounded(duration.as_secs_f64())
}

fn millis(duration: Duration) -> f64 {
    rounded(duration.as_secs_f64() * 1000.0)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.url)?;
        writeln!(f, "  protocol  {}", self.version)?;
        writeln!(
            f,
            "  server    {}",
            self.server.as_deref().unwrap_or("(does not say)")
        )?;
        if !self.methods.is_empty() {
            writeln!(f, "  methods   {}", self.methods.join(" "))?;
        }
        if self.challenged {
            writeln!(f, "  access    with user name and password")?;
        }
        if let Some(range) = &self.range {
            writeln!(f, "  range     {range}")?;
        }
        let measurement = self.measurement();
        for (index, media) in self.media.iter().enumerate() {
            let measured = measurement
                .and_then(|(_, m)| m.media.iter().find(|measured| measured.media == index));
            write_media(f, index, media, measured)?;
        }
        for attempt in &self.attempts {
            match &attempt.result {
                Ok(_) => writeln!(f, "  {:<9} works", attempt.transport)?,
                Err(why) => writeln!(f, "  {:<9} does not work: {why}", attempt.transport)?,
            }
        }
        let Some((transport, measurement)) = measurement else {
            write_deviations(f, self.deviations())?;
            return writeln!(f, "It does not play.");
        };
        writeln!(
            f,
            "Over {transport}, {:.1} s:",
            measurement.over.as_secs_f64()
        )?;
        write_start(f, measurement)?;
        for media in &measurement.media {
            write_measured(f, media, measurement.over)?;
        }
        if measurement.unopened > 0 {
            let count = measurement.unopened;
            writeln!(
                f,
                "  unopened  {count} packets of SRTP: forged, changed on the way, or sealed by another key"
            )?;
        }
        if let Some(end) = &measurement.end {
            writeln!(f, "  ended     {end}")?;
        }
        write_deviations(f, self.deviations())?;
        writeln!(f, "It plays.")
    }
}

/// What was accepted although it is not as the RFCs say.
fn write_deviations(f: &mut fmt::Formatter<'_>, deviations: &[(Deviation, u64)]) -> fmt::Result {
    if deviations.is_empty() {
        return Ok(());
    }
    writeln!(f, "Not as the RFCs say, and accepted:")?;
    for (deviation, count) in deviations {
        write!(f, "  {deviation}")?;
        match count {
            1 => writeln!(f)?,
            count => writeln!(f, ", {count} times")?,
        }
    }
    Ok(())
}

/// What the server plays of what was asked for.
fn write_start(f: &mut fmt::Formatter<'_>, measurement: &Measurement) -> fmt::Result {
    let start = &measurement.start;
    let range = start.range.as_ref().map(playback::shown);
    write!(
        f,
        "  plays     {}",
        range.as_deref().unwrap_or("(does not say)")
    )?;
    if let Some(scale) = start.scale {
        write!(f, ", scale {}", scale.value())?;
    }
    if let Some(speed) = start.speed {
        write!(f, ", speed {}", speed.lower())?;
        if speed.upper() > speed.lower() {
            write!(f, " to {}", speed.upper())?;
        }
    }
    if let Some(policy) = &start.seek_style {
        write!(f, ", begun by {}", style(policy))?;
    }
    writeln!(f)?;
    match seeking(measurement.seeking) {
        Some(seeking) => writeln!(f, "  seeking   {seeking}"),
        None => Ok(()),
    }
}

fn seeking(seeking: Seeking) -> Option<&'static str> {
    match seeking {
        Seeking::Anywhere => Some("anywhere"),
        Seeking::BeginningOnly => Some("to the beginning only"),
        Seeking::Nowhere => Some("nowhere"),
        Seeking::Unknown => None,
    }
}

/// As the RFC spells it.
fn style(style: &SeekStyle) -> String {
    let mut text = String::new();
    style.encode(&mut text);
    text
}

fn write_media(
    f: &mut fmt::Formatter<'_>,
    index: usize,
    media: &MediaLine,
    measured: Option<&MediaMeasurement>,
) -> fmt::Result {
    write!(f, "  media {index}   {} {}", media.kind, media.encoding)?;
    let codec = media.codec.as_deref();
    if let Some(codec) = codec.or(measured.and_then(|m| m.codec.as_deref())) {
        write!(f, " ({codec})")?;
    }
    let dimensions = media.dimensions.or(measured.and_then(|m| m.dimensions));
    if let Some((width, height)) = dimensions {
        write!(f, ", {width}x{height}")?;
    }
    if let Some(rate) = media.frame_rate {
        write!(f, ", {} frames/s", rounded(rate))?;
    }
    if media.kind == "audio" {
        write!(f, ", {} Hz", media.clock_rate)?;
        if let Some(channels) = media.channels {
            write!(
                f,
                ", {channels} channel{}",
                if channels == 1 { "" } else { "s" }
            )?;
        }
    }
    writeln!(f)
}

fn write_measured(
    f: &mut fmt::Formatter<'_>,
    media: &MediaMeasurement,
    over: Duration,
) -> fmt::Result {
    let index = media.media;
    let Some(first) = media.first_packet else {
        return writeln!(f, "  media {index}   no packets");
    };
    let statistics = &media.statistics;
    let kilobits = per_second(statistics.payload_octets, over) * 8.0 / 1000.0;
    write!(
        f,
        "  media {index}   {} packets ({:.0}/s), {}, {} lost, jitter {:.1} ms, first packet after {:.0} ms",
        statistics.packets,
        per_second(statistics.packets, over),
        live::rate(kilobits),
        statistics.lost,
        statistics.jitter.as_secs_f64() * 1000.0,
        millis(first),
    )?;
    match media.first_key_frame {
        Some(first) => write!(f, ", first key frame after {:.0} ms", millis(first))?,
        None if media.has_key_frames => write!(f, ", no key frame")?,
        None => {}
    }
    if media.secured {
        write!(f, ", by SRTP")?;
    }
    writeln!(f)
}
