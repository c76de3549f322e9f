//! Writing a description: CRLF, in the order of RFC 8866 §5.

use crate::Attribute;
use crate::Bandwidth;
use crate::Connection;
use crate::Description;
use crate::Direction;
use crate::Media;

impl Description {
    /// The description as text with CRLF line ends, in the order of RFC 8866 §5.
    ///
    /// Line ends and NUL inside values are left out, so that no value can add a line.
    pub fn encode(&self) -> String {
        let mut origin = sdp_types::Origin::new(
            word(&self.origin.session_id, "0"),
            self.origin.session_version,
            word(&self.origin.network, "IN").as_str().into(),
            word(&self.origin.address_type, "IP4").as_str().into(),
            word(&self.origin.address, "0.0.0.0"),
        );
        origin.username = self.origin.username.as_deref().map(|name| word(name, "-"));
        let mut session = sdp_types::Session::new(origin, text(&self.session_name));
        session.session_description = self.information.clone();
        session.uri = self.uri.clone();
        session.emails = self.emails.clone();
        session.phones = self.phones.clone();
        session.connection = self.connection.as_ref().map(connection);
        session.bandwidths = self.bandwidth.iter().map(bandwidth).collect();
        session.times = self
            .times
            .iter()
            .map(|time| sdp_types::Time {
                start_time: time.start,
                stop_time: time.stop,
                repeats: Vec::new(),
            })
            .collect();

        session.attributes = self.attributes.iter().filter_map(attribute).collect();
        if let Some(direction) = self.direction {
            session.attributes.push(property(direction.as_str()));
        }
        push_value(&mut session.attributes, "range", self.range.as_deref());
        push_value(&mut session.attributes, "control", self.control.as_deref());

        let inherited = self.direction.unwrap_or_default();
        session.medias = self
            .media
            .iter()
            .map(|media| encode_media(media, inherited))
            .collect();
        session.to_string()
    }
}

fn encode_media(media: &Media, inherited: Direction) -> sdp_types::Media {
    let mut attributes = Vec::new();
    for format in media
        .formats
        .iter()
        .filter(|format| !format.encoding.is_empty())
    {
        attributes.push(value("rtpmap", format.to_string()));
    }
    for format in &media.formats {
        if let Some(fmtp) = &format.fmtp {
            attributes.push(value("fmtp", format!("{} {fmtp}", format.payload_type)));
        }
    }
    if let Some(framerate) = media.framerate {
        attributes.push(value("framerate", framerate.to_string()));
    }
    if media.direction != inherited {
        attributes.push(property(media.direction.as_str()));
    }
    attributes.extend(media.attributes.iter().filter_map(attribute));
    push_value(&mut attributes, "range", media.range.as_deref());
    push_value(&mut attributes, "control", media.control.as_deref());

    let numbers = media
        .formats
        .iter()
        .map(|format| format.payload_type.to_string());
    let words = media.other_formats.iter().map(|format| word(format, "*"));
    let formats: Vec<String> = numbers.chain(words).collect();
    sdp_types::Media {
        media: word(media.kind.as_str(), "application"),
        port: media.port,
        num_ports: None,
        proto: word(&media.protocol, "RTP/AVP"),
        // At least one format has to stand there (RFC 8866 §9); this one says nothing.
        fmt: if formats.is_empty() {
            "*".to_owned()
        } else {
            formats.join(" ")
        },
        media_title: media.title.clone(),
        connections: media.connections.iter().map(connection).collect(),
        bandwidths: media.bandwidth.iter().map(bandwidth).collect(),
        key: None,
        attributes,
    }
}

/// A field between blanks: without any inside, and never empty.
pub(crate) fn word(field: &str, otherwise: &str) -> String {
    let field: String = field
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '\0')
        .collect();
    if field.is_empty() {
        otherwise.to_owned()
    } else {
        field
    }
}

/// Text that fills a line and must not be empty.
fn text(field: &str) -> &str {
    if field.trim().is_empty() { "-" } else { field }
}

fn attribute(attribute: &Attribute) -> Option<sdp_types::Attribute> {
    if attribute.name.trim().is_empty() {
        return None;
    }
    Some(sdp_types::Attribute {
        attribute: attribute.name.clone(),
        value: attribute.value.clone(),
    })
}

fn property(name: &str) -> sdp_types::Attribute {
    sdp_types::Attribute {
        attribute: name.to_owned(),
        value: None,
    }
}

fn value(name: &str, value: String) -> sdp_types::Attribute {
    sdp_types::Attribute {
        attribute: name.to_owned(),
        value: Some(value),
    }
}

fn push_value(attributes: &mut Vec<sdp_types::Attribute>, name: &str, field: Option<&str>) {
    if let Some(field) = field {
        attributes.push(value(name, field.to_owned()));
    }
}

fn connection(connection: &Connection) -> sdp_types::Connection {
    sdp_types::Connection {
        nettype: word(&connection.network, "IN").as_str().into(),
        addrtype: word(&connection.address_type, "IP4").as_str().into(),
        connection_address: word(&connection.address, "0.0.0.0"),
    }
}

fn bandwidth(bandwidth: &Bandwidth) -> sdp_types::Bandwidth {
    sdp_types::Bandwidth {
        bwtype: word(&bandwidth.kind, "AS"),
        bandwidth: bandwidth.value,
    }
}
