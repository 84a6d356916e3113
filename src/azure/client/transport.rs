//! HTTPS: one client for Azure and for Entra ID, and what it means when no answer comes.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Method, Request};
use serde::de::IgnoredAny;

use super::config::{Config, ConfigError};
use super::entra;
use super::error_body::{self, Head};
use super::proxies::Proxies;
use crate::azure::model::{Class, Error, presentable};
use crate::outage::{Reach, root_cause};

/// How long a connection may take to Azure and to Entra ID.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// No answer of Azure is longer; a page of a list has some 100 KiB.
pub(crate) const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Nor one of Entra ID.
const MOST_BYTES_OF_A_TOKEN: usize = 1024 * 1024;

/// Who asks, in Azure's logs.
const USER_AGENT: &str = concat!("bindery/", env!("CARGO_PKG_VERSION"));

/// The client that everything here goes through, and the proxies that it uses. It follows no redirect, because that would
/// carry a token to a host that nobody has looked at.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    proxies: Proxies,
    /// How long a request may take.
    timeout: Duration,
}

/// The client for Azure and for Entra ID.
pub(crate) fn https(config: &Config) -> Result<Http, ConfigError> {
    Ways::new(config)?.http(CONNECT_TIMEOUT, &[])
}

/// What all clients have in common: the ways out, and whom they trust.
pub(crate) struct Ways {
    proxies: Proxies,
    /// Those of the CA bundle.
    certificates: Vec<reqwest::Certificate>,
    timeout: Duration,
}

impl Ways {
    /// Reads the CA bundle, and installs aws-lc-rs as the process's TLS provider where none is installed yet: `reqwest` and
    /// `kube` are built without one of their own, and rustls panics when it has to guess.
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        // An error only says that there is one already, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut certificates = vec![];
        if let Some(path) = &config.ca_bundle {
            let bad = |why: String| ConfigError::CaBundle { path: path.clone(), why };
            let pem = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
            certificates = pem_bundle(&pem).map_err(bad)?;
        }
        Ok(Self { proxies: config.proxies.clone(), certificates, timeout: config.request_timeout })
    }

    /// A client that gives up a connection after `connect`, and trusts these certificates besides.
    pub(crate) fn http(
        &self,
        connect: Duration,
        trusted: &[reqwest::Certificate],
    ) -> Result<Http, ConfigError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(connect)
            .dns_resolver(Arc::new(Resolver))
            .timeout(self.timeout);
        builder = self.proxies.applied(builder).map_err(|e| ConfigError::Http(why(&e)))?;
        let certificates: Vec<_> = self.certificates.iter().chain(trusted).cloned().collect();
        if !certificates.is_empty() {
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|e| ConfigError::Http(why(&e)))?;
        Ok(Http { client, proxies: self.proxies.clone(), timeout: self.timeout })
    }
}

/// The certificates of PEM, at least one; else what is wrong.
pub(crate) fn pem_bundle(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, String> {
    let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|e| why(&e))?;
    if certificates.is_empty() { Err("there is no PEM certificate in it".into()) } else { Ok(certificates) }
}

/// What the system's resolver says; but a name below `localhost` is this machine (RFC 6761, 6.3), which not every resolver
/// knows. The storage accounts of an emulator have such names.
struct Resolver;

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async move {
            if name.as_str().ends_with(".localhost") {
                let here = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                let here: reqwest::dns::Addrs = Box::new(here.map(|at| SocketAddr::new(at, 0)).into_iter());
                return Ok(here);
            }
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: reqwest::dns::Addrs = Box::new(found.collect::<Vec<_>>().into_iter());
            Ok(found)
        })
    }
}

impl Http {
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(crate) fn request(&self, method: reqwest::Method, url: reqwest::Url) -> reqwest::RequestBuilder {
        self.client.request(method, url)
    }

    pub(crate) fn get(&self, url: reqwest::Url) -> reqwest::RequestBuilder {
        self.client.get(url)
    }

    /// The same client, whose requests may take no longer than this.
    pub(crate) fn within(&self, most: Duration) -> Self {
        Self { timeout: self.timeout.min(most), ..self.clone() }
    }

    /// The error for a request that got no answer, or not all of it. Whether a change was made is then
    /// unknown: only a GET can tell. Says the host and never the URL, which may be signed.
    pub(crate) fn no_answer(&self, error: &reqwest::Error, host: &str) -> Error {
        let by_http = error.url().is_some_and(|url| url.scheme() == "http");
        let proxy = self.proxies.of(host).filter(|_| !by_http);
        let through = proxy.map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
        let message = if error.is_connect() {
            format!("No connection to {host}{through}: {}.", why(error))
        } else if error.is_timeout() {
            format!("{host} did not answer within {} s{through}.", self.timeout.as_secs())
        } else {
            format!("The connection to {host}{through} ended before the answer was complete: {}.", why(error))
        };
        let said = Error::new(Class::Transient, presentable(&message));
        if error.is_connect() { said.before_sending() } else { said }
    }
}

/// The body of an answer; none where it is longer than that, and the rest is not read.
pub(crate) async fn body(mut answer: reqwest::Response, most: usize) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > most {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn why(error: &reqwest::Error) -> String {
    let cause = root_cause(error);
    if cause.is::<reqwest::Error>() {
        // A reqwest error prints its URL; this one has no source, so there is nothing better.
        return "the request could not be sent".into();
    }
    match cause.to_string().as_str() {
        // hyper-util's words for what a proxy answers.
        "tunnel error: unsuccessful" => "the proxy refuses to connect to this host".into(),
        "tunnel error: proxy authorization required" => {
            "the proxy asks for another user name and password".into()
        }
        other => other.to_owned(),
    }
}

/// `azure_identity`'s way out. It has none of its own: `azure_core` is built without its transport.
#[derive(Debug)]
pub(crate) struct IdentityTransport {
    pub(crate) http: Http,
    pub(crate) reach: Arc<Reach>,
}

impl IdentityTransport {
    async fn execute(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let url = request.url().clone();
        let (host, server) = (url.host_str().unwrap_or_default().to_owned(), url.authority().to_owned());
        let method = match request.method() {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            other => {
                let message = format!("no credential sends {other}");
                return Err(azure_core::Error::with_message(ErrorKind::Other, message));
            }
        };
        let mut outgoing = self.http.request(method, url).timeout(self.http.timeout);
        for (name, value) in request.headers().iter() {
            outgoing = outgoing.header(name.as_str(), value.as_str());
        }
        if let Body::Bytes(bytes) = request.body() {
            outgoing = outgoing.body(bytes.clone());
        }
        let asked = Instant::now();
        let lost = |e: reqwest::Error| {
            let error = self.http.no_answer(&e, &host);
            self.reach.unanswered(&server, asked, &error);
            entra::wrapped(error)
        };
        let answer = outgoing.send().await.map_err(lost)?;
        let status = answer.status();
        let headers = headers(answer.headers());
        let body = body(answer, MOST_BYTES_OF_A_TOKEN).await.map_err(lost)?;
        self.reach.answered(&server, asked, status.as_u16());
        let Some(body) = body else {
            let head = Head { host, status: status.as_u16(), ..Head::default() };
            return Err(entra::wrapped(head.too_long(MOST_BYTES_OF_A_TOKEN)));
        };
        if serde_json::from_slice::<IgnoredAny>(&body).is_err() {
            let head = Head { host, status: status.as_u16(), ..Head::default() };
            return Err(entra::wrapped(error_body::not_json(&head, &body)));
        }
        // A POST asks Entra ID. azure_identity 1.0 wants to borrow its description from the JSON, which
        // fails at the first escaped character, and what was said is lost: so it is read here. A GET asks
        // a managed identity's endpoint; azure_identity has to see those refusals, to try again.
        if request.method() == Method::Post && !status.is_success() {
            return Err(entra::wrapped(entra::refusal(status.as_u16(), &headers, &body)));
        }
        Ok(AsyncRawResponse::from_bytes(status.as_u16().into(), headers, body))
    }
}

fn headers(from: &reqwest::header::HeaderMap) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in from {
        if let Ok(value) = value.to_str() {
            headers.insert(HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value.to_owned()));
        }
    }
    headers
}

impl HttpClient for IdentityTransport {
    // What `#[async_trait]` makes of `async fn execute_request(&self, request: &Request)`.
    fn execute_request<'a, 'b, 'c>(
        &'a self,
        request: &'b Request,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<AsyncRawResponse>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(self.execute(request))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::azure::client::CredentialConfig;

    /// As the machine's own endpoint for managed identities is: `http://169.254.169.254`.
    #[tokio::test]
    async fn what_is_asked_by_http_is_asked_without_a_proxy() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = listener.local_addr().expect("an address");
        let down = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
        let mut config = Config::new(CredentialConfig::ManagedIdentity { client: None });
        config.proxies = Proxies::new(&format!("http://{down}"), "").expect("a proxy");
        let http = https(&config).expect("a client");
        let served = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.expect("a client");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.expect("a request"));
            }
            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await
        });
        let ask =
            |scheme: &str| http.get(format!("{scheme}://{here}/metadata").parse().expect("a URL")).send();
        assert_eq!(ask("http").await.expect("an answer").status().as_u16(), 200);
        served.await.expect("it ran").expect("written");
        let refused = ask("http").await.expect_err("nobody listens any more");
        let expected = "No connection to 127.0.0.1: Connection refused (os error 111).";
        assert_eq!(http.no_answer(&refused, "127.0.0.1").message, expected);
        let refused = ask("https").await.expect_err("the proxy is down");
        let expected = format!(
            "No connection to 127.0.0.1 through the proxy http://{down}: Connection refused (os error 111)."
        );
        assert_eq!(http.no_answer(&refused, "127.0.0.1").message, expected);
    }
}
