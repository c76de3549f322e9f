//! Somebody between a client and a server who closes connections.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
};

use crate::peer::within;

pub(crate) struct Cutter {
    pub(crate) at: SocketAddr,
    /// Where the next connection leads.
    pub(crate) to: Arc<Mutex<SocketAddr>>,
    cut: Arc<Notify>,
    /// How many connections there were.
    count: watch::Receiver<usize>,
    /// How many of them are closed.
    closed: watch::Receiver<usize>,
}

impl Cutter {
    /// The first so many are never closed.
    pub(crate) async fn before(to: SocketAddr, spared: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        let (to, cut) = (Arc::new(Mutex::new(to)), Arc::<Notify>::default());
        let (counter, count) = watch::channel(0);
        let (closer, closed) = watch::channel(0);
        let closer = Arc::new(closer);
        let (way, scissors) = (Arc::clone(&to), Arc::clone(&cut));
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((mut near, _)) = listener.accept().await else {
                    return;
                };
                let (to, scissors) = (*way.lock().expect("no panic"), Arc::clone(&scissors));
                let closer = Arc::clone(&closer);
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(to).await.expect("the server");
                    let passed = copy_bidirectional(&mut near, &mut far);
                    tokio::select! {
                        _ = passed => {}
                        () = scissors.notified(), if number >= spared => {}
                    }
                    drop((near, far));
                    closer.send_modify(|count| *count += 1);
                });
                counter.send_replace(number + 1);
            }
        });
        Self {
            at,
            to,
            cut,
            count,
            closed,
        }
    }

    /// Closes one.
    pub(crate) async fn close_one(&mut self) {
        let all = *self.closed.borrow() + 1;
        self.cut.notify_one();
        let closed = self.closed.wait_for(|count| *count >= all);
        within("a closed connection", closed).await.expect("closed");
    }

    /// Closes one, and waits for the next, while something goes on that does not end.
    pub(crate) async fn cut<T>(&mut self, meanwhile: impl Future<Output = T>) {
        let next = *self.count.borrow() + 1;
        self.close_one().await;
        let next = self.count.wait_for(|count| *count >= next);
        tokio::select! {
            _ = within("the next connection", next) => {}
            _ = meanwhile => panic!("it ended"),
        }
    }
}
