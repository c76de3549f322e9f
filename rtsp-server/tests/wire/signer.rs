//! Who signs tokens.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

/// Somebody who signs tokens.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let random = SystemRandom::new();
        let how = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(how, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(how, key.as_ref(), &random).expect("a key");
        Self { key, random }
    }

    pub(crate) fn point(&self) -> (&[u8], &[u8]) {
        self.key.public_key().as_ref()[1..].split_at(32)
    }

    pub(crate) fn public(&self, id: &str) -> Value {
        let (x, y) = self.point();
        let (x, y) = (BASE64URL.encode(x), BASE64URL.encode(y));
        json!({"kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": x, "y": y})
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        signed(header, claims, |text| {
            let signature = self.key.sign(&self.random, text).expect("a signature");
            signature.as_ref().to_vec()
        })
    }
}

pub(crate) fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| BASE64URL.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = BASE64URL.encode(sign(text.as_bytes()));
    format!("{text}.{signature}")
}

pub(crate) fn header() -> Value {
    json!({"alg": "ES256", "kid": "one", "typ": "JWT"})
}

pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock").as_secs()
}

/// Of eve, for an hour, for these cameras.
pub(crate) fn claims() -> Value {
    json!({"sub": "eve", "iss": "https://id.example", "aud": "cameras", "exp": now() + 3600})
}

/// The same with something else in it; `null` takes it out.
pub(crate) fn with(mut value: Value, name: &str, other: Value) -> Value {
    let object = value.as_object_mut().expect("an object");
    object.remove(name);
    if !other.is_null() {
        object.insert(name.to_owned(), other);
    }
    value
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}
