//! HTTP: requests in, answers out, or whatever a fault makes of them.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::Shared;
use crate::wire::{Delivery, Request, Response};

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was dropped on purpose")]
struct Dropped;

/// A body of which all arrives, or only the beginning.
struct Sent {
    bytes: Option<Bytes>,
    /// Of all of it, whatever arrives.
    length: u64,
    cut: Cut,
}

/// What becomes of a body after its bytes.
enum Cut {
    /// It ends.
    No,
    /// Its bytes are on their way, and then it breaks off.
    Soon,
    /// It breaks off.
    Now,
}

impl Sent {
    fn whole(bytes: Vec<u8>) -> Self {
        Self { length: bytes.len() as u64, bytes: Some(bytes.into()), cut: Cut::No }
    }

    fn beginning(mut bytes: Vec<u8>, of_it: usize) -> Self {
        let length = bytes.len();
        bytes.truncate(of_it.min(length.saturating_sub(1)));
        Self { length: length as u64, cut: Cut::Soon, ..Self::whole(bytes) }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        if let Some(bytes) = self.bytes.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.cut {
            Cut::No => Poll::Ready(None),
            Cut::Soon => {
                // What is waited for is flushed; an error at once would take the bytes before it along.
                self.cut = Cut::Now;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Cut::Now => Poll::Ready(Some(Err(Dropped))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// Bodies larger than this are refused.
const LARGEST_BODY: usize = 16 << 20;
/// The same for storage accounts: the largest blob that azure-storage-blob sends at once.
const LARGEST_BLOB: usize = 64 << 20;

/// Accepts connections until the emulator is dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<()>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        let (acceptor, shared, mut stopped) = (acceptor.clone(), Arc::clone(&shared), stopped.clone());
        tokio::spawn(async move {
            let connection = async {
                match acceptor {
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => converse(stream, shared).await,
                        Err(error) => tracing::debug!(%error, "TLS handshake failed"),
                    },
                    None => converse(stream, shared).await,
                }
            };
            tokio::select! {
                () = connection => {}
                _ = stopped.changed() => {}
            }
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
    // Operation URLs are long, and come back as request lines.
    let served = hyper::server::conn::http1::Builder::new()
        .max_buf_size(256 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Sent>, Dropped> {
    let request = match plain(request).await {
        Ok(request) => request,
        Err(request) => {
            let now = shared.now();
            let mut core = shared.present();
            let principal = core.principal(now, &request);
            return Ok(wired(core.refuse_body(&principal, &request)));
        }
    };
    let response = if request.path.trim_end_matches('/') == "/_emulator/time" {
        time(&shared, &request)
    } else {
        shared.know_issuer(&request).await;
        let now = shared.now();
        let mut core = shared.present();
        let principal = core.principal(now, &request);
        core.handle(now, &principal, &request)
    };
    tracing::info!(method = %request.method, path = %request.path, status = response.status, "answered");
    match response.delivery {
        Delivery::After(delay) => tokio::time::sleep(delay).await,
        Delivery::Dropped => return Err(Dropped),
        Delivery::Cut(_) if response.body.is_empty() => return Err(Dropped),
        Delivery::Now | Delivery::Cut(_) => {}
        Delivery::Never => pending::<()>().await,
    }
    Ok(wired(response))
}

/// The request in plain; without its body, when that is too large or was cut off.
async fn plain(request: hyper::Request<Incoming>) -> Result<Request, Box<Request>> {
    let (parts, body) = request.into_parts();
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let largest = if host.contains(".blob.") { LARGEST_BLOB } else { LARGEST_BODY };
    let body = http_body_util::Limited::new(body, largest).collect().await;
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let mut request = Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    match body {
        Ok(body) => {
            request.body = body.to_bytes().to_vec();
            Ok(request)
        }
        Err(_) => Err(Box::new(request)),
    }
}

fn wired(response: Response) -> hyper::Response<Sent> {
    let mut wired = hyper::Response::new(match response.delivery {
        Delivery::Cut(after) => Sent::beginning(response.body, after),
        _ => Sent::whole(response.body),
    });
    *wired.status_mut() =
        hyper::StatusCode::from_u16(response.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &response.headers {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value))
        {
            wired.headers_mut().insert(name, value);
        }
    }
    wired
}

/// `/_emulator/time`: `{seconds}` moves it, `{scale}` changes its pace.
fn time(shared: &Shared, request: &Request) -> Response {
    let refused =
        |message: &str| Response::json(400, &json!({"error": {"code": "Emulator", "message": message}}));
    if request.method == http::Method::POST {
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return refused("The body must be {\"seconds\": …} or {\"scale\": …}.");
        };
        if let Some(scale) = body["scale"].as_f64() {
            let mut core = shared.present();
            if let Err(error) = shared.clock().set_scale(scale) {
                return refused(&error.to_string());
            }
            core.config.time = crate::config::Time::Real { scale };
        }
        if let Some(seconds) = body["seconds"].as_f64() {
            shared.clock().advance(seconds);
        }
    }
    let core = shared.present();
    let scale = shared.clock().scale();
    Response::json(200, &json!({"now": crate::core::ids::iso(core.now()), "scale": scale}))
}
