//! From repaired lines to the types of this crate.

mod media;

use crate::Attribute;
use crate::Bandwidth;
use crate::Connection;
use crate::Description;
use crate::Direction;
use crate::Error;
use crate::Limits;
use crate::Origin;
use crate::Timing;
use crate::repair;
use sdp_types::ParserError;

pub(crate) fn description(input: &[u8], limits: &Limits) -> Result<Description, Error> {
    let normalized = repair::normalize(input, limits)?;
    let mut repairs = normalized.repairs;
    let session = sdp_types::Session::parse(normalized.text.as_bytes())
        .map_err(|error| refusal(&error, &normalized.numbers))?;

    let mut description = Description::new(origin(session.origin), session.session_name);
    description.information = session.session_description;
    description.uri = session.uri;
    description.emails = session.emails;
    description.phones = session.phones;
    description.connection = session.connection.map(connection);
    description.bandwidth = session.bandwidths.into_iter().map(bandwidth).collect();
    description.times = session
        .times
        .into_iter()
        .map(|time| Timing {
            start: time.start_time,
            stop: time.stop_time,
        })
        .collect();
    for attribute in session.attributes {
        session_attribute(&mut description, read_attribute(attribute));
    }
    let inherited = description.direction.unwrap_or_default();
    description.media = media::media(session.medias, inherited, &mut repairs);
    description.repairs = repairs;
    Ok(description)
}

fn session_attribute(description: &mut Description, attribute: Attribute) {
    if let Some(direction) = direction(&attribute) {
        description.direction.get_or_insert(direction);
        return;
    }
    let field = if attribute.is("control") {
        &mut description.control
    } else if attribute.is("range") {
        &mut description.range
    } else {
        description.attributes.push(attribute);
        return;
    };
    fill(field, attribute.value);
}

/// Keeps the first value that says something.
fn fill(field: &mut Option<String>, value: Option<String>) {
    if field.is_none() {
        *field = value.filter(|value| !value.is_empty());
    }
}

fn direction(attribute: &Attribute) -> Option<Direction> {
    match attribute.value {
        None => Direction::from_attribute(&attribute.name),
        Some(_) => None,
    }
}

/// Blanks around name and value mean nothing (RFC 7826 §20.3).
fn read_attribute(attribute: sdp_types::Attribute) -> Attribute {
    Attribute {
        name: attribute.attribute.trim().to_owned(),
        value: attribute.value.map(|value| value.trim().to_owned()),
    }
}

fn origin(origin: sdp_types::Origin) -> Origin {
    Origin {
        username: origin.username,
        session_id: origin.sess_id,
        session_version: origin.sess_version,
        network: origin.nettype.as_str().to_owned(),
        address_type: origin.addrtype.as_str().to_owned(),
        address: origin.unicast_address,
    }
}

fn connection(connection: sdp_types::Connection) -> Connection {
    Connection {
        network: connection.nettype.as_str().to_owned(),
        address_type: connection.addrtype.as_str().to_owned(),
        address: connection.connection_address,
    }
}

fn bandwidth(bandwidth: sdp_types::Bandwidth) -> Bandwidth {
    Bandwidth {
        kind: bandwidth.bwtype,
        value: bandwidth.bandwidth,
    }
}

/// Puts the number of the line as it came in place of that of the repaired text.
fn refusal(error: &ParserError, numbers: &[u32]) -> Error {
    use ParserError as E;
    let line = match *error {
        E::InvalidLineFormat(line, _)
        | E::InvalidFieldEncoding(line, _)
        | E::InvalidFieldFormat(line, _)
        | E::MissingField(line, _)
        | E::FieldTrailingData(line, _)
        | E::InvalidVersion(line, _)
        | E::MultipleVersions(line)
        | E::MultipleOrigins(line)
        | E::MultipleSessionNames(line)
        | E::MultipleSessionDescription(line)
        | E::MultipleUris(line)
        | E::MultipleConnections(line)
        | E::MultipleTimeZones(line)
        | E::MultipleMediaTitles(line)
        | E::MultipleKeys(line)
        | E::RepeatWithoutTime(line) => line,
        _ => 0,
    };
    let number = line.checked_sub(1).and_then(|index| numbers.get(index));
    Error::Syntax {
        line: number.copied().unwrap_or(0),
    }
}
