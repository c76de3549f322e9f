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

/// Plays the built-in clip for ever.
pub(crate) async fn demo(publishing: Publishing, mut random: Random) {
    let description = match demo::description() {
        Ok(description) => description,
        Err(error) => return tracing::error!(%error, "the built-in clip cannot be described"),
    };
    let publisher = match publishing.publish(DEMO_PATH, description) {
        Ok(publisher) => publisher,
        Err(error) => {
            return tracing::error!(%error, path = DEMO_PATH, "the built-in clip cannot be served");
        }
    };
    let starts = std::array::from_fn(|_| MediaStart::random(&mut random));
    if let Err(error) = demo::run(publisher, starts).await {
        tracing::error!(%error, "the built-in clip cannot be played");
    }
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
