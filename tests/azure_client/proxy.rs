//! A proxy between the client and Azure: what goes through it, and what is said when it does not let us through.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bindery::azure::client::{Cloud, Config, Proxies};
use bindery::azure::model::Class;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::stand::{Stand, look};

/// What a proxy answers to whoever asks for a connection.
#[derive(Clone, Copy)]
enum Manner {
    Connects,
    /// Only with this in `Proxy-Authorization`.
    Asks(&'static str),
    Refuses,
    /// Closes the connection without a word.
    HangsUp,
}

/// A proxy that makes connections (`CONNECT`) and does nothing else.
struct Proxy {
    address: SocketAddr,
    /// The first line of each request.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, manner, Arc::clone(&log)));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().expect("not poisoned").clone();
        asked.sort();
        asked
    }
}

async fn serve(mut client: TcpStream, manner: Manner, log: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let line = head.lines().next().unwrap_or_default().to_owned();
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    log.lock().expect("not poisoned").push(line);
    let refusal = match manner {
        Manner::Connects => None,
        Manner::Asks(for_this) if authorization(&head) == Some(for_this) => None,
        Manner::Asks(_) => Some("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
        Manner::Refuses => Some("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
        Manner::HangsUp => return Ok(()),
    };
    if let Some(refusal) = refusal {
        return client.write_all(refusal.as_bytes()).await;
    }
    let mut server = TcpStream::connect(target).await?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

fn authorization(head: &str) -> Option<&str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    headers.find(|(name, _)| name.eq_ignore_ascii_case("Proxy-Authorization")).map(|(_, value)| value)
}

/// A stand whose Entra ID has another name than its Resource Manager.
async fn stand() -> (Stand, String) {
    let mut stand = Stand::new().await;
    let arm = stand.emulator.url();
    let port = arm.rsplit_once(':').expect("a port").1.to_owned();
    stand.config.cloud = Cloud::custom(&format!("https://localhost:{port}"), &arm).expect("a cloud");
    (stand, port)
}

fn proxies(address: SocketAddr, user: &str, no: &str) -> Proxies {
    Proxies::new(&format!("http://{user}{address}"), no).expect("a proxy")
}

#[tokio::test]
async fn azure_and_entra_are_asked_through_the_proxy_but_for_who_is_excepted() {
    let (mut stand, port) = stand().await;
    let (arm, entra) =
        (format!("CONNECT 127.0.0.1:{port} HTTP/1.1"), format!("CONNECT localhost:{port} HTTP/1.1"));
    for (no, expected) in [
        ("", vec![arm.clone(), entra.clone()]),
        ("localhost", vec![arm]),
        ("127.0.0.0/8", vec![entra]),
        ("*", vec![]),
    ] {
        let proxy = Proxy::start(Manner::Connects).await;
        stand.config.proxies = proxies(proxy.address, "", no);
        assert!(look(&stand.azure()).await.expect("an answer").is_some(), "{no}");
        assert_eq!(proxy.asked(), expected, "{no}");
    }

    // `me:s3cret`, as Basic has it. What the URL has encoded arrives decoded.
    let proxy = Proxy::start(Manner::Asks("Basic bWU6czNjcmV0")).await;
    stand.config.proxies = proxies(proxy.address, "me:s3%63ret@", "");
    assert!(look(&stand.azure()).await.expect("an answer").is_some());
}

#[tokio::test]
async fn a_proxy_that_lets_nobody_through_is_named_without_its_password() {
    let (mut stand, _) = stand().await;
    let asks = Proxy::start(Manner::Asks("the right password")).await.address;
    let refuses = Proxy::start(Manner::Refuses).await.address;
    let hangs_up = Proxy::start(Manner::HangsUp).await.address;
    let down = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    for (address, why) in [
        (asks, "the proxy asks for another user name and password"),
        (refuses, "the proxy refuses to connect to this host"),
        (hangs_up, "tunnel error: unexpected end of file"),
        (down, "Connection refused (os error 111)"),
    ] {
        stand.config.proxies = proxies(address, "me:s3cret@", "");
        let error = look(&stand.azure()).await.expect_err(why);
        let expected = format!("No connection to localhost through the proxy http://{address}: {why}.");
        assert_eq!((error.class, error.message, error.unsent), (Class::Transient, expected, true));
        assert!(!format!("{:?}", stand.config).contains("s3cret"), "{:?}", stand.config);

        // And before any token, where the cloud has to be learned.
        let choice = format!("{}/metadata/endpoints?api-version=2022-09-01", stand.emulator.url());
        let mut config = Config::new(stand.config.credential.clone());
        config.proxies = stand.config.proxies.clone();
        let error = config.in_cloud(Some(choice.parse().expect("a choice")), None).await.expect_err(why);
        let expected = format!(
            "the cloud could not be learned from {choice}: No connection to 127.0.0.1 through the proxy http://{address}: {why}."
        );
        assert_eq!(error.to_string(), expected);
    }
}
