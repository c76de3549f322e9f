//! Writing `Transport`.

use alloc::string::String;
use core::fmt::{Display, Write};

use super::lex;
use super::transport::{Address, Delivery, Lower, Mode, TransportSpec};

impl TransportSpec {
    /// Appends one alternative.
    ///
    /// RECORD, which only 1.0 has, is written `mode=record`: RFC 2326 §12.39 allows it without quotes, and FFmpeg's
    /// listening side understands nothing else.
    pub(super) fn encode(&self, out: &mut String) {
        out.push_str(self.profile.as_str());
        match &self.lower {
            Lower::Udp => {}
            Lower::Tcp => out.push_str("/TCP"),
            Lower::Other(text) => push(out, "/", text),
        }
        match self.delivery {
            Some(Delivery::Unicast) => out.push_str(";unicast"),
            Some(Delivery::Multicast) => out.push_str(";multicast"),
            None => {}
        }
        self.encode_addresses(out);
        if let Some(ttl) = self.ttl {
            push(out, ";ttl=", ttl);
        }
        if let Some(layers) = self.layers {
            push(out, ";layers=", layers);
        }
        for (index, ssrc) in self.ssrc.iter().enumerate() {
            push(
                out,
                if index == 0 { ";ssrc=" } else { "/" },
                format_args!("{ssrc:08X}"),
            );
        }
        match &self.mode {
            Some(Mode::Play) => out.push_str(";mode=\"PLAY\""),
            Some(Mode::Record) => out.push_str(";mode=record"),
            Some(Mode::PlayAndRecord) => out.push_str(";mode=\"PLAY,RECORD\""),
            Some(Mode::Other(list)) => {
                out.push_str(";mode=");
                lex::quote(list, out);
            }
            None => {}
        }
        if self.append {
            out.push_str(";append");
        }
        self.encode_rest(out);
    }

    fn encode_addresses(&self, out: &mut String) {
        if let Some(destination) = &self.destination {
            push(out, ";destination=", destination);
        }
        if let Some(source) = &self.source {
            push(out, ";source=", source);
        }
        push_pair(out, ";interleaved=", self.interleaved);
        push_pair(out, ";client_port=", self.client_port);
        push_pair(out, ";server_port=", self.server_port);
        push_pair(out, ";port=", self.port);
        push_addresses(out, ";dest_addr=", &self.dest_addr);
        push_addresses(out, ";src_addr=", &self.src_addr);
    }

    fn encode_rest(&self, out: &mut String) {
        if self.rtcp_mux {
            out.push_str(";RTCP-mux");
        }
        if let Some(setup) = self.setup {
            push(out, ";setup=", setup.as_str());
        }
        if let Some(connection) = self.connection {
            push(out, ";connection=", connection.as_str());
        }
        if let Some(mikey) = &self.mikey {
            push(out, ";MIKEY=", mikey);
        }
        for (name, value) in &self.extensions {
            push(out, ";", name);
            if let Some(value) = value {
                out.push('=');
                lex::push_value(value, out);
            }
        }
    }
}

fn push(out: &mut String, before: &str, value: impl Display) {
    out.push_str(before);
    let _ = write!(out, "{value}");
}

fn push_pair<T: Display>(out: &mut String, before: &str, pair: Option<(T, Option<T>)>) {
    let Some((first, second)) = pair else { return };
    push(out, before, first);
    if let Some(second) = second {
        push(out, "-", second);
    }
}

fn push_addresses(out: &mut String, before: &str, addresses: &[Address]) {
    for (index, Address { host, port }) in addresses.iter().enumerate() {
        out.push_str(if index == 0 { before } else { "/" });
        let _ = match host.as_deref().unwrap_or("") {
            ipv6 if ipv6.contains(':') => write!(out, "\"[{ipv6}]:{port}\""),
            host => write!(out, "\"{host}:{port}\""),
        };
    }
}
