//! What the operator serves over HTTP: `/metrics` for Prometheus, and `/healthz` and `/readyz` for probes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, info, warn};

/// As OpenMetrics text, which Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// So many may be connected at a time; whoever comes then waits.
const CONNECTIONS: usize = 64;
/// A client has to send the head of its request within this time.
const HEAD: Duration = Duration::from_secs(10);

/// One thing that has to be in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// A word for it.
    pub name: String,
    /// What is wrong, in a sentence; none where it is in order.
    pub wrong: Option<String>,
}

/// Whoever knows how the operator is.
pub trait Reports: Send + Sync + 'static {
    /// What has to be in order, or only a new process helps.
    fn healthy(&self) -> Vec<Check>;
    /// What has to be in order before the operator can do its work.
    fn ready(&self) -> Vec<Check>;
}

/// Listens at this address.
///
/// # Errors
///
/// The address cannot be used.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| format!("nothing can be served at {address}: {error}"))
}

/// Serves until the process ends.
pub async fn serve<R: Reports>(listener: TcpListener, registry: Registry, reports: Arc<R>) {
    if let Ok(address) = listener.local_addr() {
        info!(%address, "serving /metrics, /healthz and /readyz");
    }
    let (registry, places) = (Arc::new(registry), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (registry, reports) = (registry.clone(), reports.clone());
                tokio::spawn(async move {
                    converse(stream, &registry, &*reports).await;
                    drop(place);
                });
            }
            Err(error) => {
                warn!("a connection to /metrics and the probes was not taken: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse<R: Reports>(stream: TcpStream, registry: &Registry, reports: &R) {
    let answers = service_fn(async |request: Request<Incoming>| {
        Ok::<_, Infallible>(answer(&request, registry, reports))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), answers);
    if let Err(error) = connection.await {
        debug!("a connection to /metrics and the probes ended: {error}");
    }
}

fn answer<B, R: Reports>(request: &Request<B>, registry: &Registry, reports: &R) -> Response<String> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET is answered.\n".into());
    }
    let verbose = request.uri().query().is_some_and(|query| query.split('&').any(|it| it == "verbose"));
    match request.uri().path() {
        "/healthz" => told(&reports.healthy(), verbose),
        "/readyz" => told(&reports.ready(), verbose),
        "/metrics" => {
            let mut text = String::new();
            match prometheus_client::encoding::text::encode(&mut text, registry) {
                Ok(()) => with_type(StatusCode::OK, OPEN_METRICS, text),
                Err(error) => plain(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    format!("The metrics cannot be written: {error}.\n"),
                ),
            }
        }
        _ => plain(StatusCode::NOT_FOUND, "There are /metrics, /healthz and /readyz.\n".into()),
    }
}

/// As the probes of Kubernetes' own components answer: `ok`, or one line for each check.
fn told(checks: &[Check], verbose: bool) -> Response<String> {
    let right = checks.iter().all(|check| check.wrong.is_none());
    if right && !verbose {
        return plain(StatusCode::OK, "ok\n".into());
    }
    let line = |Check { name, wrong }: &Check| match wrong {
        None => format!("[+] {name}: ok\n"),
        Some(wrong) => format!("[-] {name}: {wrong}\n"),
    };
    let status = if right { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    plain(status, checks.iter().map(line).collect())
}

fn plain(status: StatusCode, text: String) -> Response<String> {
    with_type(status, "text/plain; charset=utf-8", text)
}

fn with_type(status: StatusCode, kind: &'static str, text: String) -> Response<String> {
    let mut answer = Response::new(text);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says(Option<&'static str>);

    impl Reports for Says {
        fn healthy(&self) -> Vec<Check> {
            vec![Check { name: "passes".into(), wrong: None }]
        }

        fn ready(&self) -> Vec<Check> {
            let watches = Check { name: "watches".into(), wrong: self.0.map(Into::into) };
            vec![Check { name: "passes".into(), wrong: None }, watches]
        }
    }

    fn asked(method: &str, path: &str, wrong: Option<&'static str>) -> (u16, String) {
        let mut registry = Registry::default();
        let counter = prometheus_client::metrics::counter::Counter::<u64>::default();
        registry.register("bindery_looks", "Looks", counter.clone());
        counter.inc();
        let request = Request::builder().method(method).uri(path).body(()).expect("a request");
        let answer = answer(&request, &registry, &Says(wrong));
        (answer.status().as_u16(), answer.into_body())
    }

    #[test]
    fn probes_say_what_is_missing() {
        assert_eq!(asked("GET", "/healthz", None), (200, "ok\n".into()));
        assert_eq!(asked("GET", "/readyz", None), (200, "ok\n".into()));
        assert_eq!(asked("GET", "/readyz?verbose", None), (200, "[+] passes: ok\n[+] watches: ok\n".into()));
        let missing = "[+] passes: ok\n[-] watches: Registry objects are not listed yet.\n";
        let said = Some("Registry objects are not listed yet.");
        assert_eq!(asked("GET", "/readyz", said), (503, missing.into()));
        assert_eq!(asked("GET", "/healthz", said), (200, "ok\n".into()));
    }

    #[test]
    fn metrics_are_open_metrics_text() {
        let (status, text) = asked("GET", "/metrics", None);
        assert_eq!(status, 200);
        assert!(text.contains("bindery_looks_total 1\n") && text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn nothing_else_is_served() {
        assert_eq!(asked("GET", "/", None).0, 404);
        assert_eq!(asked("POST", "/metrics", None).0, 405);
    }
}
