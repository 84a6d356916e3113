//! A Prometheus that speaks TLS, wants a bearer token, and answers every query about a deployment with one number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Error;

/// What it knows and has heard.
#[derive(Default)]
struct Book {
    token: String,
    numbers: BTreeMap<String, f64>,
    asked: Vec<String>,
}

/// The server. Clones are the same one.
#[derive(Clone)]
pub struct Prometheus {
    /// Its base URL.
    pub address: String,
    /// The certificate that vouches for it, in PEM form.
    pub certificate: String,
    book: Arc<Mutex<Book>>,
}

impl Prometheus {
    /// Begins to answer whoever shows this token.
    pub async fn start(token: &str) -> Result<Self, Error> {
        let key = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])?.self_signed(&key)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], private)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let book = Arc::new(Mutex::new(Book { token: token.into(), ..Book::default() }));
        let address = format!("https://{}", listener.local_addr()?);
        let served = book.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, book) = (acceptor.clone(), served.clone());
                tokio::spawn(async move { serve(&acceptor, client, &book).await });
            }
        });
        Ok(Self { address, certificate: certificate.pem(), book })
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it lets in whoever shows this token, and nobody else.
    pub fn wants(&self, token: &str) {
        self.book().token = token.into();
    }

    /// What it answers about a deployment, by the beginning of its name; without a number there is no series.
    pub fn record(&self, deployment: &str, number: f64) {
        self.book().numbers.insert(deployment.into(), number);
    }

    /// The queries of those whom it has let in, with signs of URLs as they came.
    pub fn asked(&self) -> Vec<String> {
        self.book().asked.clone()
    }
}

async fn serve(acceptor: &TlsAcceptor, client: TcpStream, book: &Mutex<Book>) -> std::io::Result<()> {
    let mut client = acceptor.accept(client).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let header =
        |name: &str| head.lines().find_map(|line| line.to_lowercase().strip_prefix(name).map(str::to_owned));
    let length = header("content-length: ").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    client.read_exact(&mut body).await?;
    let (status, answer) = {
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&mut book, &head, &String::from_utf8_lossy(&body))
    };
    let length = answer.len();
    let answer =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}");
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}

fn answer(book: &mut Book, head: &str, form: &str) -> (&'static str, String) {
    let shown = format!("authorization: bearer {}", book.token);
    if !head.lines().any(|line| line.eq_ignore_ascii_case(&shown)) {
        return ("401 Unauthorized", String::new());
    }
    book.asked.push(form.to_owned());
    let number = if form.contains("vector%281%29") {
        Some(1.0)
    } else {
        book.numbers.iter().find(|(name, _)| form.contains(name.as_str())).map(|(_, number)| *number)
    };
    let series = number.map(|number| format!(r#"{{"metric":{{}},"value":[1.5,"{number}"]}}"#));
    let result = series.unwrap_or_default();
    let data = format!(r#"{{"resultType":"vector","result":[{result}]}}"#);
    ("200 OK", format!(r#"{{"status":"success","data":{data}}}"#))
}
