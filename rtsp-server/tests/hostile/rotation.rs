//! The keys of tokens change while the program runs, and then nobody publishes them any more.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use serde_json::{Value, json};

use super::*;
use crate::{
    http::{Http, answer},
    signer::{Signer, bearer, claims, header, with},
};

/// Keys that are replaced while they are published.
struct Published {
    http: Http,
    keys: Arc<Mutex<Vec<Value>>>,
}

impl Published {
    async fn new(keys: Vec<Value>) -> Self {
        let keys = Arc::new(Mutex::new(keys));
        let shown = Arc::clone(&keys);
        let http = Http::new(move |_| {
            let keys = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
            answer(200, &json!({ "keys": keys }).to_string()).into_bytes()
        });
        Self {
            http: http.await,
            keys,
        }
    }

    fn replace(&self, keys: Vec<Value>) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

/// Somebody signs with a key of this name.
fn token(signer: &Signer, key: &str) -> String {
    bearer(&signer.sign(&with(header(), "kid", json!(key)), &claims()))
}

/// Whether somebody new is let in with a token.
async fn status(program: &Program, token: &str) -> u16 {
    let mut peer = Peer::connect(program.address).await;
    let uri = peer.uri("/demo");
    peer.ask("DESCRIBE", &uri, token).await.status()
}

#[tokio::test]
async fn keys_of_tokens_rotate_and_outlive_their_publisher_for_a_while() {
    let (first, second, unknown) = (Signer::new(), Signer::new(), Signer::new());
    let begun = Instant::now();
    let published = Published::new(vec![first.public("first")]).await;
    let url = &published.http.url;
    let settings = format!(
        "read = \"users\"\ncleartext_passwords = true\n[tokens]\nkeys = \"{url}\"\naudience = \"cameras\"\n"
    );
    let program = Program::with("rotation", &settings);
    let (first, second) = (
        token(&first, "first"),
        (second.public("second"), token(&second, "second")),
    );
    assert_eq!(status(&program, &first).await, 200);
    assert_eq!(published.http.connections(), 1);
    // Whoever is let in by the old key stays.
    let mut there = Peer::connect(program.address).await;
    there.extra.clone_from(&first);
    there.play_tcp("/demo", 1).await;

    published.replace(vec![second.0]);
    let rotated = async {
        while status(&program, &second.1).await != 200 {
            // The old one is good until the new ones are here.
            let old = status(&program, &first).await;
            assert!(old == 200 || published.http.connections() == 2, "{old}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("the new key", rotated).await;
    assert_eq!(status(&program, &first).await, 401, "it is no key any more");
    there.frame_on(0).await;
    // However many were refused meanwhile, the keys were fetched once in ten seconds.
    let most = 1 + begun.elapsed().as_secs() / 10;
    let count = published.http.connections() as u64;
    assert!((2..=most).contains(&count), "{count} times, not {most}");

    // Nobody publishes any more: what is known stays, what is not is refused, and the log says why.
    drop(published);
    let unknown = token(&unknown, "unknown");
    let told = async {
        while program.has_told("the keys of tokens cannot be fetched") == 0 {
            assert_eq!(status(&program, &unknown).await, 401);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("the failure in the log", told).await;
    assert_eq!(status(&program, &second.1).await, 200);
}
