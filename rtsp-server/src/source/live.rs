//! Sources of this process that feed a path like any publisher.

use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use rtcp::{CompoundWriter, NtpTime, SenderInfo};
use rtsp_client::movie::MediaStart;
use rtsp_session::random::Random;

use super::{Closed, SenderReport, Sink, demo};
use crate::{publisher::Publisher, server::Publishing, stream::clocks::CNAME};

/// Where the built-in clip plays.
pub(crate) const DEMO_PATH: &str = "/demo";

/// Publishes the built-in clip, and plays it for ever. It is there when this returns; `None` where it cannot be.
pub(crate) fn demo(
    publishing: &Publishing,
    mut random: Random,
) -> Option<impl Future<Output = ()> + use<>> {
    let description = demo::description()
        .inspect_err(|error| tracing::error!(%error, "the built-in clip cannot be described"))
        .ok()?;
    let publisher = publishing
        .publish(DEMO_PATH, description)
        .inspect_err(
            |error| tracing::error!(%error, path = DEMO_PATH, "the built-in clip cannot be served"),
        )
        .ok()?;
    let starts = std::array::from_fn(|_| MediaStart::random(&mut random));
    Some(async move {
        if let Err(error) = demo::run(publisher, starts).await {
            tracing::error!(%error, "the built-in clip cannot be played");
        }
    })
}

impl Sink for Publisher {
    fn push(&mut self, media: usize, packet: Bytes) {
        Self::push(self, media, packet);
    }

    fn report(&mut self, media: usize, report: SenderReport) {
        self.push_rtcp(media, compound(&report));
    }

    fn flush(&mut self) -> Result<(), Closed> {
        self.try_flush().map_err(|_| Closed)
    }
}

/// A sender report with our name (RFC 3550 §6.1).
pub(crate) fn compound(report: &SenderReport) -> Bytes {
    let mut out = BytesMut::new();
    let mut writer = CompoundWriter::new(&mut out);
    writer.sender_report(
        &SenderInfo {
            ssrc: report.ssrc,
            ntp: NtpTime::from_unix(
                report
                    .wall
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap_or_default(),
            ),
            rtp_timestamp: report.rtp_timestamp,
            packet_count: report.packet_count,
            octet_count: report.octet_count,
        },
        &[],
    );
    writer.cname(report.ssrc, CNAME);
    out.freeze()
}
