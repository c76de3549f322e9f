//! Who asks for keys by RSA.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime},
};

use rtsp_session::{
    random::Random,
    srtp::mikey::reverse::{Identity, Inquiry, generate_key},
};

/// A key, and its certificate for this machine's own address, which it has signed itself.
pub(crate) fn pair(seed: u8) -> (rcgen::KeyPair, rcgen::Certificate) {
    let key = generate_key(&mut Random::from_seed([seed; 32])).expect("a key");
    let key =
        rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&key.to_vec().into(), &rcgen::PKCS_RSA_SHA256);
    let key = key.expect("a key of RSA");
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    (key, certificate)
}

static CLIENT: LazyLock<Arc<Identity>> = LazyLock::new(|| {
    let (key, certificate) = pair(1);
    let chain = vec![certificate.der().to_vec()];
    Arc::new(Identity::new(&key.serialize_der(), chain, "a peer").expect("its own"))
});

/// A question of somebody whose clock is so much behind, for what goes out from the source 77.
pub(crate) fn inquiry(behind: Duration, random: &mut Random) -> Inquiry {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let at = rtcp::NtpTime::from_unix(since.expect("a clock") - behind);
    Inquiry::new(&CLIENT, 77, "rtsp://127.0.0.1/", at, random).expect("a question")
}
