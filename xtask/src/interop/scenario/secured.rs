//! TLS and SRTP. What is said over TLS no witness hears; where SRTP is forced over plain RTSP, one attests that media went by it.

use super::{GRACE, able, end, seen};
use crate::failure::{Failure, Result};
use crate::interop::fingerprint::{self, Expect};
use crate::interop::peer::{Peer, Protection, Publishing, Reading, Transport, Version};
use crate::interop::peers::trackside::{self, Secure};
use crate::interop::peers::{ffmpeg, gst_rtsp_server};
use crate::interop::process::Process;
use crate::interop::rtsp;
use crate::interop::stage::Stage;
use crate::interop::witness::Witness;
use std::time::Duration;

/// What of it a cell is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// `rtsps`, and media as they are: inside of it, or in the clear by UDP.
    Tls,
    /// `rtsps`, which carries the keys of media that are encrypted.
    SrtpOverTls,
    /// Encrypted media with keys in the clear.
    Srtp,
}

impl Secrecy {
    /// As the table and `--only` have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tls => "TLS",
            Self::SrtpOverTls => "SRTP over TLS",
            Self::Srtp => "SRTP",
        }
    }

    fn server(self, stage: &Stage<'_>) -> Result<Secure> {
        trackside::secure_server(
            stage,
            match self {
                Self::Tls => "off",
                Self::SrtpOverTls => "over-tls",
                Self::Srtp => "forced",
            },
        )
    }

    fn protection<'a>(self, server: &'a Secure) -> Protection<'a> {
        Protection {
            authority: (self != Self::Srtp).then_some(&*server.certificate),
            srtp: self != Self::Tls,
        }
    }
}

/// Whom our server is asked by, and who may listen.
fn way(secrecy: Secrecy, server: &Secure) -> Result<(String, Option<Witness>)> {
    if secrecy != Secrecy::Srtp {
        return Ok((format!("{}live", server.url), None));
    }
    let witness = Witness::of(&format!("{}live", server.served.url))?;
    Ok((witness.url.clone(), Some(witness)))
}

fn attested(witness: Option<Witness>) -> Result<&'static str> {
    match witness {
        Some(witness) => witness.sealed().map(|()| "; all transports RTP/SAVP"),
        None => Ok(""),
    }
}

fn published(
    stage: &Stage<'_>,
    publisher: &Peer,
    publishing: &Publishing<'_>,
    plain: &str,
) -> Result<Process> {
    let mut process = able(publisher.publish, publisher, "publish")?(stage, publishing)?;
    stage.until(
        "the path was published",
        Duration::from_secs(20),
        &mut process,
        || rtsp::describe(plain) == Some(200),
    )?;
    stage.pass(Duration::from_secs(1));
    Ok(process)
}

/// The peer publishes, FFmpeg reads in the clear.
pub(crate) fn publish(
    stage: &Stage<'_>,
    peer: &Peer,
    transport: Transport,
    secrecy: Secrecy,
) -> Result<String> {
    let clip = stage.clip("h264")?;
    let server = secrecy.server(stage)?;
    let plain = format!("{}live", server.served.url);
    let (url, witness) = way(secrecy, &server)?;
    let publishing = Publishing {
        protection: secrecy.protection(&server),
        ..Publishing::new(&url, transport, clip)
    };
    let mut publisher = published(stage, peer, &publishing, &plain)?;
    let reading = Reading {
        live: true,
        ..Reading::new(&plain, Transport::Tcp, clip)
    };
    let evidence = seen(stage, &ffmpeg::PEER, &reading, clip, &Expect::LIVE)?;
    if !publisher.running() {
        return Err(Failure::new("the publisher ended before its time"));
    }
    let attested = attested(witness)?;
    end(server.served)?;
    Ok(format!("{evidence}{attested}"))
}

/// FFmpeg publishes in the clear, the peer reads.
pub(crate) fn read(
    stage: &Stage<'_>,
    peer: &Peer,
    (transport, version): (Transport, Version),
    secrecy: Secrecy,
) -> Result<String> {
    let clip = stage.clip("h264")?;
    let server = secrecy.server(stage)?;
    let plain = format!("{}live", server.served.url);
    let publishing = Publishing::new(&plain, Transport::Tcp, clip);
    let _publisher = published(stage, &ffmpeg::PEER, &publishing, &plain)?;
    let (url, witness) = way(secrecy, &server)?;
    let reading = Reading {
        live: true,
        version,
        protection: secrecy.protection(&server),
        ..Reading::new(&url, transport, clip)
    };
    let evidence = seen(stage, peer, &reading, clip, &Expect::LIVE)?;
    let attested = attested(witness)?;
    end(server.served)?;
    Ok(format!("{evidence}{attested}"))
}

const IN_CLEAR: Protection<'_> = Protection {
    authority: None,
    srtp: true,
};

/// gst-rtsp-server serves encrypted media, our client records.
pub(crate) fn played(stage: &Stage<'_>, transport: Transport, expect: Expect) -> Result<String> {
    let clip = stage.clip("h264")?;
    let served = gst_rtsp_server::serve_sealed(stage, clip)?;
    let witness = Witness::of(&served.url)?;
    let reading = Reading {
        protection: IN_CLEAR,
        ..Reading::new(&witness.url, transport, clip)
    };
    let evidence = seen(stage, &trackside::CLIENT, &reading, clip, &expect)?;
    witness.sealed()?;
    Ok(format!("{evidence}; all transports RTP/SAVP"))
}

/// gst-rtsp-server serves by TLS, our client, which trusts nobody else, records.
pub(crate) fn played_by_tls(
    stage: &Stage<'_>,
    transport: Transport,
    expect: Expect,
) -> Result<String> {
    let clip = stage.clip("h264")?;
    let secure = Secrecy::Tls.server(stage)?;
    let served = gst_rtsp_server::serve_by_tls(stage, clip, &secure)?;
    let reading = Reading {
        protection: Secrecy::Tls.protection(&secure),
        ..Reading::new(&served.url, transport, clip)
    };
    let evidence = seen(stage, &trackside::CLIENT, &reading, clip, &expect)?;
    end(secure.served)?;
    Ok(evidence.to_string())
}

/// Our client publishes encrypted media to gst-rtsp-server.
pub(crate) fn taken(stage: &Stage<'_>, transport: Transport, expect: Expect) -> Result<String> {
    let clip = stage.clip("h264-plain")?;
    let mut sink = gst_rtsp_server::accept_sealed(stage)?;
    let witness = Witness::of(&sink.url)?;
    let publishing = Publishing {
        protection: IN_CLEAR,
        ..Publishing::new(&witness.url, transport, clip)
    };
    let publish = able(trackside::CLIENT.publish, &trackside::CLIENT, "publish")?;
    let mut process = publish(stage, &publishing)?;
    stage.pass(Duration::from_secs(6));
    if !process.running() {
        return Err(Failure::new("rtsp-client ended before its time"));
    }
    process.interrupt(GRACE);
    sink.process.interrupt(GRACE);
    let evidence = fingerprint::judge(stage, clip, &sink.capture, &expect)?;
    witness.sealed()?;
    Ok(format!("{evidence}; all transports RTP/SAVP"))
}
