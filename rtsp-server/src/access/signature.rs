//! Signatures of tokens, checked by *ring*, which TLS brings along: no second stack of cryptography. Nothing is signed here.

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
    signature::{self, Verifier},
};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory,
    // For keys that are written, or named by their hash.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes *ring* check signatures, unless the process has somebody who does.
pub(crate) fn install() {
    if RING.install_default().is_err() {
        tracing::debug!("signatures of tokens are checked by what the process has installed");
    }
}

fn verifier_factory(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if algorithm.family() != key.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let how = match algorithm {
        Algorithm::ES256 => How::Point(&ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => How::Point(&ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => How::Point(&ED25519),
        Algorithm::RS256 => How::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => How::Rsa(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => How::Rsa(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => How::Rsa(&RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => How::Rsa(&RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => How::Rsa(&RSA_PSS_2048_8192_SHA512),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(Box::new(Check {
        algorithm: *algorithm,
        how,
        key: key.clone(),
    }))
}

enum How {
    Point(&'static dyn VerificationAlgorithm),
    Rsa(&'static RsaParameters),
}

struct Check {
    algorithm: Algorithm,
    how: How,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for Check {
    fn verify(
        &self,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> std::result::Result<(), signature::Error> {
        let right = match (&self.how, self.key.kind()) {
            (How::Point(algorithm), DecodingKeyKind::SecretOrDer(key)) => {
                UnparsedPublicKey::new(*algorithm, key).verify(message, signature)
            }
            (How::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let (n, e) = (without_zeros(n), without_zeros(e));
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            _ => Err(ring::error::Unspecified),
        };
        right.map_err(|_| signature::Error::new())
    }
}

/// Some write numbers as if they had a sign, which RFC 7518 §6.3.1.1 forbids.
fn without_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|octet| *octet != 0);
    first.and_then(|at| number.get(at..)).unwrap_or_default()
}

impl JwtVerifier for Check {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::crypto::verify;

    use super::*;

    /// By OpenSSL, of this text.
    const TEXT: &[u8] = b"signed by another program";
    const MODULUS: &str = "u0HE2IAev6JIIl-3f4z6QDsBV1lQ3hdBtYxUrBuetGFa_nAE89QYcZA3dlDzTmJOtQHOKvVHG1R90pxPs7XQTV1lwx_x4_ryfcTB\
            3dEXaiDm8j7cZdxE8xM-Wxrg_t3D7dyYyAxJJZgFcC9MBFKYzQ7b8NuGUzkH4YAun6Nnjb4ytCXGevfST3wXMibaE9gmpzRtr6Jj\
            NCgWVBHe0hKEMKACfZcsQkrwxf6Re2XR_qU9qAiBMtoxBovDtIb4cjR1bY_Cm6x3UKfrOQoy6OL8n_dnuKSq-eBC-xRzvSNdEEby\
            9JicIr6O5yt--ZiSUqM-ie_06eNgS0sJKXNz5Ch56Q";
    const POINT: (&str, &str) = (
        "ps8q-VjkjG1RN_49YJ47rPP34MYJQ7jaYB5SZfR7mbl0clDjuOaAVdcpJnPK3J8P",
        "ITl9AQUWGJjaoycJ_n-j7Oct6EEFCCQ16UvP1NKKblalWZEVDs9mweuuer2hY_UO",
    );
    const SIGNATURES: [(Algorithm, &str); 5] = [
        (
            Algorithm::RS256,
            "PHfmskHShpAiccq4u2BVi5-IWH-8nQ6yfofFJaTB9p9stT_UdM_8EMvUKvCuCtebVyeAABCjT6DnWWCSFV-w88-Ki3kS2q0fP-Ib\
            fy91hrvactrg5ZQUqJvTBMR9b9F2eR6lgvbwNOAF_IENZvI_6t_uid57CzCJMHdaiFjhE_ai0ChJXLQ_lU62_Y18GX466HNuWxnA\
            mi_2uioXMABN8PCst-fbVp15sW3RZoCgfuVGCSWhTy1fkuN-TUplbUNre7V3SNcQE7DhiR9lWJuHelcb3rBwWNjCPbhY5-mxQ9bt\
            oASj1WYlYOYnsFZAEGTABBPHAi6SCuc5nKAZ7fZlqg",
        ),
        (
            Algorithm::RS512,
            "AhtCuSjZsenfH1qk2pIjCXnrhkDuiZYC_WI90YROyDXGaGHERr0gm4nshk5lYEgehtozfjN-4VNG_7E_ybNAYagDWpSTUiL1q2At\
            Hs8vuK1kuTgEXpvvQXmG4pdDVWQIuVdvry6hQNo1pjWYcqNM2kyI7xL8aHX1bGRW0fihzJyxBTxGhyJpbKXxYqY0WpYUd9YN_R80\
            p5q1M5pI4aBif_FRxUB6bVbv0L5g2UCC3ZuxDEDIboJ7vdLqAvTWvQjrVRV8KxcHc04Pi6sjvIGdtpxRKtf0COf7amHHrKBWPTYD\
            -mzWzHHLXPCDZ_a83hax0x7yStbxJg9Ss6G9TWBrvw",
        ),
        (
            Algorithm::PS256,
            "EwLX0QTgD-RhD5P2Q-H-Vpz45q4s1sn9qj5MSG4ZSp61cqHlVqkOyCgGvgMuzzOS3j1EiPYbcbVxfk-mTWPiQaIR-OrpQ1MPKxKU\
            fgqpMU2J8jN-cAonXgXrKqQ6XbN-KQDS19yhAISnzQFeN7mzGWrOJok-CKLl8dExvfGvbGy4M2AXY8S1HOyeNA2zrUZOP5vZhG3m\
            ZexxtlnNTetK6LegeLpiprJrFIzIpYj9kI1D6bXZZSTZ070wcUmaqpKEUFGIRfAmfHCLed_6F2cwtAxLFxOa-uH4kkHZy7k5PotN\
            _9eSubbCmQVM1kWgWLLgGYg1Ro7mYckuslP6NRodrA",
        ),
        (
            Algorithm::PS384,
            "p4OGYv_iOKoaJLvuMrpKrvGg1bGzWin0peC2I2c1XcYXC4tzqR0Z7a2VTL3ksgA_rYGUXqg77z66oc5Gir_Py6ThQsQKrjrqH6yJ\
            Xhhv7roYn6bu8LEX_Hmxee5tpfGVBfZyHRHxSJZHdoXfpHzsrf4mdwIwYeC9cY5AkFihCNdbggsmzXlOTxUBYrR3GkoPgnQdSSHW\
            H8y5yEQhxlhmo5aPzx88uCLBoNzWyPYmiRZdgM1OpwECiX0zXXQQ00EwvcM-Y7V4eMGrfZl8pPuVe802_pyne50OB0C1i9ZnCGq3\
            TuumW1ZCg8igbIAw-ISJK6q5V3DpqWrINYqbTZQumA",
        ),
        (
            Algorithm::ES384,
            "Y4SJgTl07OAunCXPClR_lxNUCxc1OZhB9Odqc29UkF-cu2JJiGufQUB5R8yVrNnXTOXdeSQwtpZUhxKera6UUMdTXsq_2GOt5Qwv\
            m5sJAsDvtHPgrGe4BMbnaa65tmht",
        ),
    ];

    fn key(algorithm: Algorithm) -> DecodingKey {
        match algorithm {
            Algorithm::ES384 => DecodingKey::from_ec_components(POINT.0, POINT.1),
            _ => DecodingKey::from_rsa_components(MODULUS, "AQAB"),
        }
        .unwrap()
    }

    #[test]
    fn signatures_of_another_program_are_right_for_their_text_and_their_algorithm() {
        install();
        for (algorithm, signature) in SIGNATURES {
            let right = |text: &[u8], as_algorithm| {
                verify(signature, text, &key(algorithm), as_algorithm).unwrap_or(false)
            };
            assert!(right(TEXT, algorithm), "{algorithm:?}");
            assert!(!right(b"signed by nobody", algorithm), "{algorithm:?}");
            for (other, _) in SIGNATURES.iter().filter(|(other, _)| *other != algorithm) {
                assert!(!right(TEXT, *other), "{algorithm:?} as {other:?}");
            }
            for other in [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA] {
                assert!(!right(TEXT, other), "{algorithm:?} as {other:?}");
            }
        }
    }

    #[test]
    fn numbers_that_are_written_as_if_they_had_a_sign_are_read() {
        install();
        let (algorithm, signature) = SIGNATURES[0];
        let key = key(algorithm);
        let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else {
            panic!("a key of RSA");
        };
        let (n, e) = ([&[0], &n[..]].concat(), [&[0, 0], &e[..]].concat());
        let key = DecodingKey::from_rsa_raw_components(&n, &e);
        assert_eq!(verify(signature, TEXT, &key, algorithm).ok(), Some(true));
        for (n, e) in [(&[][..], &[][..]), (&[0], &[0]), (&[1], &[3])] {
            let key = DecodingKey::from_rsa_raw_components(n, e);
            assert_eq!(verify(signature, TEXT, &key, algorithm).ok(), Some(false));
        }
    }
}
