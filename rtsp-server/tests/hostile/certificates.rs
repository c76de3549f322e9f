//! New certificates, and files that are none, while handshakes come without a pause.

use std::sync::atomic::AtomicUsize;

use rtsp_client::io::tls::{Fingerprint, Trust};

use super::*;
use crate::bridge;

/// New certificates, one after the other.
const RENEWALS: usize = 4;

/// A folder with a certificate, gone when the test is.
pub(crate) struct Folder(std::path::PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("hostile-{name}-tls-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    pub(crate) fn renew(&self) -> Fingerprint {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        fs::write(self.0.join("k.pem"), made.signing_key.serialize_pem()).expect("written");
        fs::write(self.0.join("c.pem"), made.cert.pem()).expect("written");
        Fingerprint::of(made.cert.der())
    }

    /// What a configuration says of it.
    pub(crate) fn settings(&self) -> String {
        let path = self.0.display();
        format!(
            "[tls]\ncertificate = \"{path}/c.pem\"\nkey = \"{path}/k.pem\"\nlisten = \"127.0.0.1:0\"\n"
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Shakes hands and shows who was there; the certificate has to be one of these.
async fn shown(at: SocketAddr, known: &[Fingerprint]) -> Fingerprint {
    let trust = Trust::pinned(known.iter().copied())
        .config()
        .expect("a trust");
    let (_, channel) = bridge::sealed(at, trust, None).await;
    Fingerprint::of(channel.peer_certificate().expect("a certificate"))
}

#[tokio::test]
async fn threat_tls_certificates_are_renewed_under_load() {
    let folder = Folder::new("certificates");
    let first = folder.renew();
    let program = Program::with("certificates", &folder.settings());
    let secure = program.secure.expect("TLS");
    let witnesses = Witnesses::new(&program).await;
    let trust = Trust::pinned([first]).config().expect("a trust");
    let sealed = Witnesses::of(bridge::bridged(trust, secure, None).await).await;
    let (descriptors, memory) = (program.descriptors(), program.memory());
    // All that there will be; so each handshake meets one of them.
    let known = Arc::new(std::sync::Mutex::new(vec![first]));
    let (stop, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut load = Vec::new();
    for _ in 0..4 {
        let (stop, count, known) = (stop.clone(), count.clone(), known.clone());
        load.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let before = known.lock().expect("no panic").clone();
                let trust = Trust::pinned(before).config().expect("a trust");
                let stream = TcpStream::connect(secure).await.expect("a connection");
                let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
                let mut channel =
                    rtsp_client::io::tls::Channel::client(trust, name).expect("a channel");
                // One that was renewed meanwhile is not known to this one; whatever else goes wrong is a fault.
                if let Err(error) = within("a handshake", channel.handshake(&stream)).await {
                    assert!(error.to_string().contains("certificate"), "{error}");
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for _ in 0..RENEWALS {
        // Files that are none, and a key that is another's, change nothing.
        fs::write(folder.0.join("k.pem"), "no key").expect("written");
        fs::write(folder.0.join("c.pem"), "-----BEGIN CERTIFICATE-----\n").expect("written");
        let seen = count.load(Ordering::Relaxed);
        let handshakes = async {
            while count.load(Ordering::Relaxed) < seen + 20 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within("handshakes", handshakes).await;
        let new = folder.renew();
        known.lock().expect("no panic").push(new);
        let all = known.lock().expect("no panic").clone();
        let renewed = async {
            while shown(secure, &all).await != new {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        within("the new certificate", renewed).await;
    }
    stop.store(true, Ordering::Relaxed);
    for task in load {
        within("the last handshake", task).await.expect("no fault");
    }
    program.is_as_before(descriptors, memory).await;
    sealed.got_everything().await;
    witnesses.got_everything().await;
}
