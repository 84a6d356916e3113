//! A Prometheus that answers every query about a deployment with one number: over TLS and only to whoever shows a bearer
//! token, or over plain http to everybody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::Error;

/// What it knows and has heard.
#[derive(Default)]
struct Book {
    /// What a caller has to show; none where everybody may ask.
    token: Option<String>,
    numbers: BTreeMap<String, f64>,
    asked: Vec<String>,
}

/// The server. Clones are the same one.
#[derive(Clone)]
pub struct Prometheus {
    /// Its base URL.
    pub address: String,
    /// The certificate that vouches for it, in PEM form; empty where it speaks plain http.
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
        let book = Arc::new(Mutex::new(Book { token: Some(token.into()), ..Book::default() }));
        let address = format!("https://{}", listener.local_addr()?);
        let served = book.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, book) = (acceptor.clone(), served.clone());
                tokio::spawn(async move { serve(acceptor.accept(client).await?, &book).await });
            }
        });
        Ok(Self { address, certificate: certificate.pem(), book })
    }

    /// Begins to answer everybody, over plain http, as a Prometheus inside a cluster often does.
    pub async fn open() -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let book = Arc::new(Mutex::new(Book::default()));
        let address = format!("http://{}", listener.local_addr()?);
        let served = book.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let book = served.clone();
                tokio::spawn(async move { serve(client, &book).await });
            }
        });
        Ok(Self { address, certificate: String::new(), book })
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it lets in whoever shows this token, and nobody else.
    pub fn wants(&self, token: &str) {
        self.book().token = Some(token.into());
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

async fn serve(client: impl AsyncRead + AsyncWrite + Unpin, book: &Mutex<Book>) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
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
    let shown = |token: &String| {
        let header = format!("authorization: bearer {token}");
        head.lines().any(|line| line.eq_ignore_ascii_case(&header))
    };
    if !book.token.as_ref().is_none_or(shown) {
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
