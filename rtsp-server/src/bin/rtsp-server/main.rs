//! The rtsp-server program.

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt()
        .with_env_filter(std::env::var("LOG").unwrap_or("info".into()))
        .init();
    let mut config = rtsp_server::Config::default();
    config.demo = true;
    if let Some(listen) = std::env::args().nth(1) {
        config.listen = vec![listen.parse().unwrap()];
    }
    config.files = std::env::args().nth(2).map(Into::into);
    let server = rtsp_server::Server::start(config).await.unwrap();
    println!("{:?} {:?}", server.addresses(), server.capacity());
    tokio::signal::ctrl_c().await.unwrap();
    server.shutdown().await;
}
