//! What lines there are, how often, in which order and with which fields.

use std::borrow::Cow;
use std::net::IpAddr;

use super::Line;
use super::Repair;
use super::Repairs;
use super::lines;
use crate::Error;
use crate::Limits;
use crate::error::Part;

/// A description whose lines a strict parser accepts.
#[derive(Debug)]
pub(crate) struct Normalized {
    /// The lines, joined by CRLF.
    pub(crate) text: String,
    /// For each line of `text` its number in the input, 0 for a line that was made up.
    pub(crate) numbers: Vec<u32>,
    /// What had to be mended.
    pub(crate) repairs: Repairs,
}

/// Mends the lines of a description.
pub(crate) fn normalize(input: &[u8], limits: &Limits) -> Result<Normalized, Error> {
    let mut repairs = Repairs::default();
    let text = lines::text(input, limits, &mut repairs)?;
    let lines = lines::split(&text, limits, &mut repairs)?;
    if !lines.iter().any(|line| matches!(line.key, 'v' | 'o' | 'm')) {
        return Err(Error::NotADescription);
    }
    count(&lines, limits)?;

    let mut output = Output::default();
    let first_media = lines
        .iter()
        .position(|line| line.key == 'm')
        .unwrap_or(lines.len());
    let (session, media) = lines.split_at(first_media);
    session_lines(session, &mut output, &mut repairs)?;
    for section in media.chunk_by(|_, next| next.key != 'm') {
        media_lines(section, &mut output, &mut repairs)?;
    }
    Ok(Normalized {
        text: output.text,
        numbers: output.numbers,
        repairs,
    })
}

#[derive(Debug, Default)]
struct Output {
    text: String,
    numbers: Vec<u32>,
}

impl Output {
    fn push(&mut self, number: u32, key: char, value: &str) {
        self.text.push(key);
        self.text.push('=');
        self.text.push_str(value);
        self.text.push_str("\r\n");
        self.numbers.push(number);
    }
}

/// Refuses too many media and attributes before anything is made of them.
fn count(lines: &[Line<'_>], limits: &Limits) -> Result<(), Error> {
    for (key, part, limit) in [
        ('m', Part::Media, limits.media),
        ('a', Part::Attributes, limits.attributes),
    ] {
        if let Some(line) = lines.iter().filter(|line| line.key == key).nth(limit) {
            let line = line.number;
            return Err(Error::TooMany { part, limit, line });
        }
    }
    for line in lines.iter().filter(|line| line.key == 'm') {
        if line
            .value
            .split_ascii_whitespace()
            .skip(3)
            .nth(limits.formats)
            .is_some()
        {
            return Err(Error::TooMany {
                part: Part::Formats,
                limit: limits.formats,
                line: line.number,
            });
        }
    }
    Ok(())
}

/// The lines in front of the first `m=`: `v o s` first, then the others as they came.
fn session_lines(
    lines: &[Line<'_>],
    output: &mut Output,
    repairs: &mut Repairs,
) -> Result<(), Error> {
    check_order(lines, "vosiuepcbtrzka", repairs);
    let first = |key| lines.iter().find(|line| line.key == key);

    match first('v') {
        Some(line) if line.value.trim() != "0" => return Err(Error::Version { line: line.number }),
        Some(line) => output.push(line.number, 'v', "0"),
        None => {
            repairs.add(Repair::MissingVersion);
            output.push(0, 'v', "0");
        }
    }
    match first('o') {
        Some(line) => output.push(line.number, 'o', &origin(&line.value, repairs)),
        None => {
            repairs.add(Repair::MissingOrigin);
            output.push(0, 'o', "- 0 0 IN IP4 0.0.0.0");
        }
    }
    match first('s') {
        Some(line) => output.push(line.number, 's', &line.value),
        None => {
            repairs.add(Repair::MissingSessionName);
            output.push(0, 's', "");
        }
    }

    for line in lines {
        let once = matches!(line.key, 'v' | 'o' | 's' | 'i' | 'u' | 'c');
        let repeated = once && first(line.key).is_some_and(|first| first.number != line.number);
        match line.key {
            's' if repeated => repairs.add(Repair::RepeatedSessionName),
            _ if repeated => repairs.add(Repair::RepeatedLine),
            'v' | 'o' | 's' => {}
            't' => output.push(line.number, 't', &time(&line.value, repairs)),
            _ => common_line(line, output, repairs),
        }
    }
    if first('t').is_none() {
        repairs.add(Repair::MissingTime);
        output.push(0, 't', "0 0");
    }
    Ok(())
}

/// One `m=` with the lines that belong to it.
fn media_lines(
    lines: &[Line<'_>],
    output: &mut Output,
    repairs: &mut Repairs,
) -> Result<(), Error> {
    check_order(lines, "micbka", repairs);
    let mut titled = false;
    for line in lines {
        match line.key {
            'm' => {
                let value =
                    media(&line.value, repairs).ok_or(Error::Media { line: line.number })?;
                output.push(line.number, 'm', &value);
            }
            'i' if titled => repairs.add(Repair::RepeatedLine),
            'i' => {
                titled = true;
                common_line(line, output, repairs);
            }
            'c' | 'b' | 'a' => common_line(line, output, repairs),
            'k' => {}
            // A line of the session behind a media has no reading there.
            _ => repairs.add(Repair::OutOfOrder),
        }
    }
    Ok(())
}

fn common_line(line: &Line<'_>, output: &mut Output, repairs: &mut Repairs) {
    match line.key {
        // Neither kept nor worth a refusal.
        'r' | 'z' | 'k' => {}
        'c' => match connection(&line.value, repairs) {
            Some(value) => output.push(line.number, 'c', &value),
            None => repairs.add(Repair::ConnectionFields),
        },
        'b' => match bandwidth(&line.value) {
            Some(value) => output.push(line.number, 'b', &value),
            None => repairs.add(Repair::BandwidthFields),
        },
        'a' => {
            let name = line.value.split(':').next().unwrap_or_default();
            if name.trim().is_empty() {
                repairs.add(Repair::EmptyAttribute);
            } else {
                output.push(line.number, 'a', &line.value);
            }
        }
        key => output.push(line.number, key, &line.value),
    }
}

/// Reports lines that stand in front of one which RFC 8866 §5 puts earlier. `order` ends with `a`.
fn check_order(lines: &[Line<'_>], order: &str, repairs: &mut Repairs) {
    let mut highest = 0;
    for line in lines {
        // `t=` and its `r=` come in groups.
        let key = if line.key == 'r' { 't' } else { line.key };
        let Some(rank) = order.find(key) else {
            continue;
        };
        if rank >= highest {
            highest = rank;
            continue;
        }
        let after_attributes = order.get(highest..) == Some("a");
        repairs.add(match key {
            't' if after_attributes => Repair::AttributesBeforeTime,
            'v' => Repair::MissingVersion,
            _ => Repair::OutOfOrder,
        });
    }
}

/// `<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>`
fn origin(value: &str, repairs: &mut Repairs) -> String {
    let fields: Vec<&str> = value.split_ascii_whitespace().take(8).collect();
    let valid = matches!(*fields, [_, _, version, network, kind, _]
        if version.parse::<u64>().is_ok() && is_token(network) && is_token(kind));
    if valid {
        return fields.join(" ");
    }
    repairs.add(Repair::OriginFields);
    let number = |index: usize| fields.get(index).filter(|field| is_digits(field)).copied();
    let address = fields
        .iter()
        .skip(1)
        .rev()
        .find(|field| field.parse::<IpAddr>().is_ok())
        .copied()
        .unwrap_or("0.0.0.0");
    let kind = if address.contains(':') { "IP6" } else { "IP4" };
    let id = number(1).unwrap_or("0");
    let version = number(2)
        .and_then(|field| field.parse::<u64>().ok())
        .unwrap_or(0);
    let username = fields.first().copied().unwrap_or("-");
    format!("{username} {id} {version} IN {kind} {address}")
}

/// `<start-time> <stop-time>`
fn time(value: &str, repairs: &mut Repairs) -> Cow<'static, str> {
    let mut fields = value.split_ascii_whitespace().map(str::parse::<u64>);
    if let (Some(Ok(start)), Some(Ok(stop)), None) = (fields.next(), fields.next(), fields.next()) {
        return Cow::Owned(format!("{start} {stop}"));
    }
    repairs.add(Repair::TimeFields);
    Cow::Borrowed("0 0")
}

/// `<nettype> <addrtype> <connection-address>`, where some leave out the address type or all but the address.
fn connection(value: &str, repairs: &mut Repairs) -> Option<String> {
    let fields: Vec<&str> = value.split_ascii_whitespace().take(4).collect();
    match *fields {
        [network, kind, address] if is_token(network) && is_token(kind) => {
            Some(format!("{network} {kind} {address}"))
        }
        [address] | ["IN", address] | [_, _, address, _] => {
            let ip: IpAddr = address.split('/').next()?.parse().ok()?;
            repairs.add(Repair::ConnectionFields);
            Some(format!(
                "IN {} {address}",
                crate::connection::address_type(ip)
            ))
        }
        _ => None,
    }
}

/// `<bwtype>:<bandwidth>`
fn bandwidth(value: &str) -> Option<String> {
    let (kind, figure) = value.split_once(':')?;
    let figure: u64 = figure.trim().parse().ok()?;
    let kind = kind.trim();
    is_token(kind).then(|| format!("{kind}:{figure}"))
}

/// `<media> <port>[/<count>] <proto> <fmt>…`, where some add a subtype to the media or have no format.
fn media(value: &str, repairs: &mut Repairs) -> Option<String> {
    let mut fields = value.split_ascii_whitespace();
    let (word, port, protocol) = (fields.next()?, fields.next()?, fields.next()?);
    let kind = match word.split_once('/') {
        Some((kind, _)) => {
            repairs.add(Repair::MediaSubtype);
            kind
        }
        None => word,
    };
    let (first_port, count) = match port.split_once('/') {
        Some((port, count)) => (port, Some(count)),
        None => (port, None),
    };
    first_port.parse::<u16>().ok()?;
    count.map_or(Ok(0), str::parse::<u16>).ok()?;
    if !is_token(kind) {
        return None;
    }
    let formats: Vec<&str> = fields.collect();
    // A media without formats is given one that is no payload type: `a=rtpmap` may tell more.
    let formats = if formats.is_empty() {
        "*".to_owned()
    } else {
        formats.join(" ")
    };
    Some(format!("{kind} {port} {protocol} {formats}"))
}

fn is_digits(field: &str) -> bool {
    !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit())
}

/// RFC 8866 §9, `token`.
fn is_token(field: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte);
    !field.is_empty() && field.bytes().all(allowed)
}
