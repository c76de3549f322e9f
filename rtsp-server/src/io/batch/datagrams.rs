//! What the kernel is handed for one content to many peers.

use std::{
    net::{IpAddr, SocketAddr},
    ptr,
};

use nix::libc;
use rtsp_client::io::udp::Shared;
use socket2::SockAddr;

/// Room for the control messages of a datagram: how it is cut, and where it comes from.
const CONTROL: usize = 64;
/// What control messages are padded to (`CMSG_ALIGN`).
const WORD: usize = size_of::<usize>();

/// Headers of messages, and what they point to: it stays as it is until the next are prepared.
#[derive(Debug, Default)]
pub(super) struct Messages {
    names: Vec<SockAddr>,
    headers: Vec<libc::msghdr>,
    /// What all of them have.
    alike: Box<Alike>,
}

#[derive(Debug)]
struct Alike {
    contents: libc::iovec,
    control: Control,
}

impl Default for Alike {
    fn default() -> Self {
        Self {
            contents: libc::iovec {
                iov_base: ptr::null_mut(),
                iov_len: 0,
            },
            control: Control::default(),
        }
    }
}

/// Control messages, as cmsg(3) has them.
#[derive(Debug)]
#[repr(C, align(8))]
struct Control {
    octets: [u8; CONTROL],
    len: usize,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            octets: [0; CONTROL],
            len: 0,
        }
    }
}

impl Control {
    fn push(&mut self, level: libc::c_int, kind: libc::c_int, data: &[&[u8]]) {
        let start = self.len;
        let header = (WORD + 2 * size_of::<libc::c_int>()).next_multiple_of(WORD);
        let len = header + data.iter().map(|part| part.len()).sum::<usize>();
        self.put(start, &len.to_ne_bytes());
        self.put(start + WORD, &level.to_ne_bytes());
        self.put(start + WORD + size_of_val(&level), &kind.to_ne_bytes());
        let mut at = start + header;
        for part in data {
            self.put(at, part);
            at += part.len();
        }
        self.len = at.next_multiple_of(WORD).min(CONTROL);
    }

    fn put(&mut self, at: usize, octets: &[u8]) {
        let free = self.octets.iter_mut().skip(at);
        for (place, octet) in free.zip(octets) {
            *place = *octet;
        }
    }
}

impl Messages {
    /// The headers of messages with the same contents to each of `to`.
    pub(super) fn prepare(&mut self, shared: &Shared<'_>, to: &[SocketAddr]) -> &[libc::msghdr] {
        let alike = &mut *self.alike;
        alike.contents = libc::iovec {
            // Nobody writes to what is sent.
            iov_base: shared.contents.as_ptr().cast_mut().cast(),
            iov_len: shared.contents.len(),
        };
        alike.control = Control::default();
        let segment = shared.segment_size.map(u16::try_from);
        if let Some(Ok(segment)) = segment {
            let segment = segment.to_ne_bytes();
            alike
                .control
                .push(libc::SOL_UDP, libc::UDP_SEGMENT, &[&segment]);
        }
        match shared.source {
            // struct in_pktinfo: no interface, where from, nothing.
            Some(IpAddr::V4(source)) => alike.control.push(
                libc::IPPROTO_IP,
                libc::IP_PKTINFO,
                &[&[0; 4], &source.octets(), &[0; 4]],
            ),
            // struct in6_pktinfo: where from, no interface.
            Some(IpAddr::V6(source)) => alike.control.push(
                libc::IPPROTO_IPV6,
                libc::IPV6_PKTINFO,
                &[&source.octets(), &[0; 4]],
            ),
            None => {}
        }
        self.names.clear();
        self.names.extend(to.iter().copied().map(SockAddr::from));
        self.headers.clear();
        let (contents, control) = (&raw mut alike.contents, &raw mut alike.control.octets);
        let control_len = alike.control.len;
        self.headers.extend(self.names.iter().map(|name| {
            let mut header = super::no_header();
            header.msg_name = name.as_ptr().cast_mut().cast();
            header.msg_namelen = name.len();
            header.msg_iov = contents;
            header.msg_iovlen = 1;
            if control_len > 0 {
                header.msg_control = control.cast();
                header.msg_controllen = control_len as _;
            }
            header
        }));
        &self.headers
    }
}
