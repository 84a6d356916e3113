//! Queries of a Prometheus: what arrives there, and what is made of its answers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use bindery::measure::Client;
use bindery::measure::model::{Answer, Entry, Prometheus, Provider, ProviderAuth, Query, Question, Texts};
use jiff::Timestamp;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::measure::errand;
use crate::stand::Stand;

const ONE: &str =
    r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1.5,"0.25"]}]}}"#;

/// A server that answers each request with the next of its answers, and remembers what it was asked.
struct Server {
    address: SocketAddr,
    /// Of a server that speaks TLS: the certificate that vouches for it.
    certificate: Option<String>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers: the first lines without their ends, and a body. The last one is for all that come later.
    async fn start(tls: bool, answers: &[(&'static str, String)]) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (acceptor, certificate) = if tls {
            let key = rcgen::KeyPair::generate().expect("a key");
            let names = vec!["127.0.0.1".to_owned()];
            let certificate = rcgen::CertificateParams::new(names)
                .expect("names")
                .self_signed(&key)
                .expect("a certificate");
            let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
            let config = rustls::ServerConfig::builder().with_no_client_auth();
            let config = config.with_single_cert(vec![certificate.der().clone()], private).expect("a pair");
            (Some(TlsAcceptor::from(Arc::new(config))), Some(certificate.pem()))
        } else {
            (None, None)
        };
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (log, answers) = (Arc::clone(&asked), answers.to_vec());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (log, answers, acceptor) = (Arc::clone(&log), answers.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        Some(acceptor) => match acceptor.accept(client).await {
                            Ok(client) => serve(client, &log, &answers).await,
                            Err(_) => Ok(()),
                        },
                        None => serve(client, &log, &answers).await,
                    }
                });
            }
        });
        Self { address, certificate, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("not poisoned").clone()
    }

    fn provider(&self, path: &str) -> Provider {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        Provider {
            address: format!("{scheme}://{}{path}", self.address),
            headers: [].into(),
            auth: ProviderAuth::None,
            ca_bundle: self.certificate.clone(),
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut client: S,
    log: &Mutex<Vec<String>>,
    answers: &[(&'static str, String)],
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let mut request = String::from_utf8_lossy(&head).into_owned();
    let length = request
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body).await?;
    request.push_str(&String::from_utf8_lossy(&body));
    let number = {
        let mut log = log.lock().expect("not poisoned");
        log.push(request);
        log.len().min(answers.len()) - 1
    };
    let (head, body) = &answers[number];
    if *head == "silence" {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let answer =
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}

fn token() -> ProviderAuth {
    ProviderAuth::Token(Entry {
        namespace: "monitoring".into(),
        name: "prometheus".into(),
        key: "token".into(),
    })
}

async fn ask(client: &Client, provider: Provider, secret: Option<&str>) -> Answer {
    let at = Timestamp::from_second(1_700_000_000).expect("a time");
    let query = Prometheus { provider, query: "sum(rate(errors[5m]))".into(), at };
    let query = Query { errand: errand(), what: Question::Prometheus(query) };
    client.ask(&query, &Texts { entry: secret.map(str::to_owned) }).await
}

async fn client() -> (Stand, Client) {
    let stand = Stand::new().await;
    let client = Client::new(stand.azure());
    (stand, client)
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = request.lines().filter_map(|line| line.split_once(": "));
    headers.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[tokio::test]
async fn a_query_arrives_with_headers_and_token_over_tls() {
    let (_stand, client) = client().await;
    let server = Server::start(true, &[("200 OK", ONE.into())]).await;
    let headers = [("X-Scope-OrgID".to_owned(), "team-a".to_owned())].into();
    let provider = Provider { headers, auth: token(), ..server.provider("/tenant/") };
    // A Secret's value often ends with a line's end.
    assert_eq!(ask(&client, provider.clone(), Some("s3cret\n")).await, Answer::Number(0.25));
    let asked = server.asked();
    assert!(asked[0].starts_with("POST /tenant/api/v1/query HTTP/1.1\r\n"), "{}", asked[0]);
    assert!(
        asked[0].ends_with("\r\n\r\nquery=sum%28rate%28errors%5B5m%5D%29%29&time=1700000000.000&timeout=9s"),
        "{}",
        asked[0]
    );
    assert_eq!(header(&asked[0], "authorization"), Some("Bearer s3cret"));
    assert_eq!(header(&asked[0], "x-scope-orgid"), Some("team-a"));

    // Nobody else's certificate is taken, and no CA bundle is no reason to trust.
    for ca_bundle in [None, Some(Server::start(true, &[]).await.certificate.expect("a certificate"))] {
        let answer = ask(&client, Provider { ca_bundle, ..provider.clone() }, Some("s3cret")).await;
        assert!(
            matches!(&answer, Answer::Error(why) if why.starts_with("No connection to 127.0.0.1: invalid peer certificate: ")),
            "{answer:?}"
        );
    }
    let answer =
        ask(&client, Provider { ca_bundle: Some("none".into()), ..provider.clone() }, Some("s3cret")).await;
    assert_eq!(
        answer,
        Answer::Error(
            "The caBundle of the MetricProvider is of no use: there is no PEM certificate in it.".into()
        )
    );
    for secret in [None, Some(" \n")] {
        let answer = ask(&client, provider.clone(), secret).await;
        assert_eq!(
            answer,
            Answer::Error(
                "There is no key token in the Secret monitoring/prometheus, or it is no text: write one."
                    .into()
            )
        );
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn without_tls_there_is_no_token() {
    let (_stand, client) = client().await;
    let server = Server::start(false, &[("200 OK", ONE.into())]).await;
    assert_eq!(ask(&client, server.provider(""), None).await, Answer::Number(0.25));
    assert_eq!(header(&server.asked()[0], "authorization"), None);
    for auth in [token(), ProviderAuth::Azure] {
        let answer = ask(&client, Provider { auth, ..server.provider("") }, Some("s3cret")).await;
        assert!(
            matches!(&answer, Answer::Error(why) if why.contains("it was not sent") || why.contains("it is not https")),
            "{answer:?}"
        );
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn what_a_prometheus_may_do_to_us() {
    let (_stand, client) = client().await;
    let other = Server::start(false, &[("200 OK", ONE.into())]).await;
    let location: &'static str = format!("302 Found\r\nLocation: http://{}/", other.address).leak();
    let host = "127.0.0.1";
    for (answers, expected) in [
        (
            vec![(location, String::new())],
            Answer::Error(format!(
                "{host} answered 302 and leads somewhere else, and a redirect is not followed: write the address of the Prometheus itself."
            )),
        ),
        (vec![("405 Method Not Allowed", String::new()), ("200 OK", ONE.into())], Answer::Number(0.25)),
        (
            vec![("200 OK", format!("\"{}\"", "x".repeat(1024 * 1024)))],
            Answer::Error(format!("Prometheus at {host} answered with more than 1 MiB, which is no number.")),
        ),
        (
            vec![("403 Forbidden", "a page".into())],
            Answer::Error(format!(
                "Prometheus at {host} answered 403: check the token and the headers of the MetricProvider."
            )),
        ),
        (
            vec![("200 OK", "<html>a page</html>".into())],
            Answer::Error(format!(
                "Prometheus at {host} answered 200, but not as Prometheus does: check the address."
            )),
        ),
        (
            vec![(
                "422 Unprocessable",
                r#"{"status":"error","errorType":"execution","error":"query timed out"}"#.into(),
            )],
            Answer::Error(format!("Prometheus at {host} refuses the query (execution): query timed out.")),
        ),
    ] {
        let server = Server::start(false, &answers).await;
        assert_eq!(ask(&client, server.provider(""), None).await, expected);
        assert_eq!(server.asked().len(), answers.len());
        if answers.len() == 2 {
            assert!(server.asked()[1].starts_with("GET /api/v1/query?query=sum"), "{}", server.asked()[1]);
        }
    }
    assert!(other.asked().is_empty());

    let silent = Server::start(false, &[("silence", String::new())]).await;
    let since = Instant::now();
    let answer = ask(&client, silent.provider(""), None).await;
    assert!(matches!(&answer, Answer::Error(why) if why.contains("within 10 s")), "{answer:?}");
    assert!(since.elapsed() < Duration::from_secs(13), "{:?}", since.elapsed());
}

#[tokio::test]
async fn azures_token_goes_to_azures_prometheus_alone() {
    let mut stand = Stand::new().await;
    let server = Server::start(true, &[("200 OK", ONE.into())]).await;
    let provider = Provider { auth: ProviderAuth::Azure, ..server.provider("") };
    let answer = ask(&Client::new(stand.azure()), provider.clone(), None).await;
    let why = format!(
        "Prometheus was not asked. Refused to follow a query to {}: the host is neither a host of Azure Monitor's managed Prometheus of this cloud nor a trusted host of ours. No token was sent there.",
        server.address
    );
    assert_eq!(answer, Answer::Error(why));
    assert!(server.asked().is_empty());

    stand.config.cloud =
        stand.config.cloud.clone().trusting(vec![server.address.to_string()]).expect("a host");
    assert_eq!(ask(&Client::new(stand.azure()), provider, None).await, Answer::Number(0.25));
    let asked = server.asked();
    let token =
        header(&asked[0], "authorization").and_then(|value| value.strip_prefix("Bearer ")).expect("a token");
    let claims = BASE64URL.decode(token.split('.').nth(1).expect("claims")).expect("base64");
    let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims["aud"], "https://prometheus.monitor.azure.com");
}
