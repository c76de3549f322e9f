//! A small HTTP server, for what the server asks others.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// What it is asked: the first line, and the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) body: String,
}

/// It answers with whatever octets its function makes, and closes.
pub(crate) struct Http {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Connections that it has taken.
    begun: Arc<AtomicUsize>,
    /// As many answers go out as it has permits.
    pub(crate) gate: Arc<Semaphore>,
    task: tokio::task::JoinHandle<()>,
}

impl Http {
    pub(crate) async fn new(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!(
            "http://{}/auth",
            listener.local_addr().expect("its address")
        );
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let begun = Arc::<AtomicUsize>::default();
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let (answer, all, count, opens) = (
            Arc::new(answer),
            Arc::clone(&asked),
            Arc::clone(&begun),
            Arc::clone(&gate),
        );
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (answer, all, opens) = (answer.clone(), all.clone(), opens.clone());
                tokio::spawn(async move {
                    let _ = serve(stream, &*answer, &all, &opens).await;
                });
            }
        });
        Self {
            url,
            asked,
            begun,
            gate,
            task,
        }
    }

    /// It says this to everybody.
    pub(crate) async fn saying(answer: String) -> Self {
        Self::new(move |_| answer.clone().into_bytes()).await
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    /// The bodies as JSON.
    pub(crate) fn questions(&self) -> Vec<serde_json::Value> {
        let asked = self.asked();
        let read = |it: &Asked| serde_json::from_str(&it.body).expect("JSON");
        asked.iter().map(read).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// No answer goes out until there are permits again.
    pub(crate) fn hold(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&Asked) -> Vec<u8> + Send + Sync),
    all: &Mutex<Vec<Asked>>,
    gate: &Semaphore,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let asked = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        if let Some(asked) = complete(&bytes) {
            break asked;
        }
    };
    all.lock().expect("no panic").push(asked.clone());
    let Ok(permit) = gate.acquire().await else {
        return Ok(());
    };
    permit.forget();
    stream.write_all(&answer(&asked)).await?;
    stream.shutdown().await
}

fn complete(bytes: &[u8]) -> Option<Asked> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).expect("text");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().expect("a length"))
    });
    let body = bytes.get(end + 4..end + 4 + length.unwrap_or(0))?;
    Some(Asked {
        line: head.lines().next().unwrap_or_default().to_owned(),
        body: String::from_utf8(body.to_vec()).expect("text"),
    })
}

/// A whole answer.
pub(crate) fn answer(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Some words\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
