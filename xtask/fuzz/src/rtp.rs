//! RTP packets, and what is counted of them in whatever order they come.

use super::memory;
use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use rtp_core::{
    Codec, Header, Packet, PacketView, Push, ReceiverStats, Reorder, ReorderConfig, Reordered,
    keyframe, patch,
};
use std::time::Duration;

/// Payload formats that key frames are looked for in, and some more.
const CODECS: [Codec; 8] = [
    Codec::H264,
    Codec::H265,
    Codec::Vp8,
    Codec::Vp9,
    Codec::Av1,
    Codec::Jpeg,
    Codec::Mpeg4Video,
    Codec::Other,
];

/// One packet.
pub fn rtp(input: &[u8]) {
    let owned = Bytes::copy_from_slice(input);
    let view = PacketView::parse(input);
    let packet = memory::bounded(4096, || Packet::parse(owned.clone()));
    assert_eq!(view.is_ok(), packet.is_ok());
    let (Ok(view), Ok(packet)) = (view, packet) else {
        return;
    };
    assert_eq!(view.header(), packet.header());
    assert_eq!(view.payload(), packet.payload());
    assert_eq!(
        view.csrcs().collect::<Vec<_>>(),
        packet.csrcs().collect::<Vec<_>>()
    );
    assert_eq!(view.extension(), packet.extension());
    assert_eq!(
        view.header_len() + view.payload().len() + view.padding_len(),
        input.len(),
        "every byte is header, payload or padding"
    );
    assert_eq!(packet.bytes(), &owned);
    for codec in CODECS {
        let _ = keyframe::random_access(codec, view.payload());
    }
    let made = Packet::new(&view.header(), view.payload());
    assert_eq!(
        (made.header(), made.payload()),
        (view.header(), view.payload())
    );
    let mut changed = input.to_vec();
    patch::set_sequence(&mut changed, 0x1234);
    patch::set_timestamp(&mut changed, 0x2345_6789);
    patch::set_ssrc(&mut changed, 0x3456_789a);
    patch::set_payload_type(&mut changed, 0x55);
    patch::set_marker(&mut changed, !view.marker());
    let after = PacketView::parse(&changed).expect("it keeps its shape");
    let wanted = Header {
        marker: !view.marker(),
        payload_type: 0x55,
        sequence: 0x1234,
        timestamp: 0x2345_6789,
        ssrc: 0x3456_789a,
    };
    assert_eq!((after.header(), after.payload()), (wanted, view.payload()));
}

/// One thing that happens to a receiver.
#[derive(Arbitrary, Debug)]
enum Event {
    /// A packet as far from the last one as this, so many ticks later.
    Near(i8, u16),
    /// A packet with any number.
    Any(u16, u32),
    /// Milliseconds pass.
    Pass(u16),
    Flush,
    Report,
}

/// Packets in any order, with any loss.
pub fn reorder(input: &[u8]) {
    let mut source = Unstructured::new(input);
    let Ok((most, delay)) = <(u8, u8)>::arbitrary(&mut source) else {
        return;
    };
    let config = ReorderConfig {
        max_packets: usize::from(most),
        max_delay: Duration::from_millis(delay.into()),
    };
    let events = source.arbitrary_iter::<Event>().expect("an iterator");
    memory::bounded(256 * 1024, || follow(config, events.flatten()));
}

fn follow(config: ReorderConfig, events: impl Iterator<Item = Event>) {
    let mut reorder = Reorder::new(config);
    let mut stats = ReceiverStats::new(90_000);
    let (mut now, mut last, mut ticks) = (Duration::from_secs(5), 65_000_u16, 0_u32);
    let (mut accepted, mut out) = (0_u64, 0_u64);
    for event in events {
        let step = match event {
            Event::Pass(millis) => {
                now += Duration::from_millis(millis.into());
                None
            }
            Event::Flush => {
                reorder.flush();
                None
            }
            Event::Report => {
                stats.report();
                None
            }
            Event::Near(step, later) => Some((
                last.wrapping_add_signed(step.into()),
                ticks.wrapping_add(later.into()),
            )),
            Event::Any(sequence, timestamp) => Some((sequence, timestamp)),
        };
        if let Some((sequence, timestamp)) = step {
            (last, ticks) = (sequence, timestamp);
            stats.on_packet(sequence, timestamp, now);
            accepted += u64::from(reorder.push(now, sequence, sequence) == Push::Accepted);
        }
        while let Some(next) = reorder.pop(now) {
            match next {
                Reordered::Item(_) => out += 1,
                Reordered::Lost { count, .. } => assert!(count > 0),
            }
        }
        assert!(
            reorder.len() <= config.max_packets,
            "{} wait",
            reorder.len()
        );
        assert!(reorder.next_deadline().is_none_or(|at| at > now));
        // A restart is told by two packets, of which the first was only suspected.
        let came = accepted + reorder.counters().restarts;
        assert_eq!(came, out + reorder.len() as u64, "each comes out once");
    }
}
