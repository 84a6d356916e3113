//! HTTP: requests in, answers out, or whatever a fault makes of them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::gate::{Gate, Given};
use super::{Shared, arrival};
use crate::wire::{Delivery, Response};

/// How long a connection is silent: no client is as patient, and its socket is not kept for ever.
const SILENCE: Duration = Duration::from_secs(600);

/// How long a client may take to say what it wants: the TLS handshake, and the head of a request, for which an open
/// connection waits. Clients of Rust close one that is idle after 90 seconds, and are not to find it closed before.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long nothing is accepted after that has failed.
const BREATH: Duration = Duration::from_millis(100);

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
        let Some(stream) = taken(accepted, BREATH).await else { continue };
        let _ = stream.set_nodelay(true);
        let (acceptor, shared, mut stopped) = (acceptor.clone(), Arc::clone(&shared), stopped.clone());
        tokio::spawn(async move {
            let connection = async {
                match acceptor {
                    Some(acceptor) => match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => converse(stream, shared, PATIENCE).await,
                        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                        Err(_) => tracing::debug!("TLS handshake took too long"),
                    },
                    None => converse(stream, shared, PATIENCE).await,
                }
            };
            tokio::select! {
                () = connection => {}
                _ = stopped.changed() => {}
            }
        });
    }
}

/// The stream of a connection; none, after a while, when it cannot be accepted: what is short, as file descriptors, is short
/// for a while, and asking again at once would only spin.
async fn taken<S, A>(accepted: std::io::Result<(S, A)>, breath: Duration) -> Option<S> {
    match accepted {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be accepted");
            tokio::time::sleep(breath).await;
            None
        }
    }
}

/// Answers the requests of a connection until either side has had enough, or no head of one has come for so long.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>, patience: Duration) {
    let (gate, given) = Gate::new(stream);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (shared, given, method) = (Arc::clone(&shared), given.clone(), request.method().clone());
        let asked = request.body().size_hint().exact().and_then(|length| usize::try_from(length).ok());
        async move {
            let answer = answer(shared, request).await?;
            let _ = given.send(Given { asked, answered: length_on_wire(&method, &answer) });
            Ok::<_, Dropped>(answer)
        }
    });
    // Operation URLs are long, and come back as request lines.
    let mut connection = hyper::server::conn::http1::Builder::new()
        .max_buf_size(256 << 10)
        // Who hangs up, or has no more to say, has still asked.
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .serve_connection(TokioIo::new(gate), service);
    let served = (&mut connection).await;
    let parts = connection.into_parts();
    let mut gate = parts.io.into_inner();
    let refused = match &served {
        Ok(()) => gate.owes_an_answer(),
        Err(error) => error.is_parse() || error.is_incomplete_message() && !parts.read_buf.is_empty(),
    };
    if refused {
        let (status, bytes) = gate.refused(&parts.read_buf);
        let refusal = shared.present().refuse_bytes(status, bytes);
        let refusal = shared.dated(refusal);
        if gate.refuse(&refusal).await.is_ok() {
            gate.close().await;
        }
    } else if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    } else {
        gate.close().await;
    }
}

/// How many bytes of an answer's body are written.
fn length_on_wire(method: &http::Method, answer: &hyper::Response<Sent>) -> u64 {
    let bare = [http::StatusCode::NO_CONTENT, http::StatusCode::NOT_MODIFIED].contains(&answer.status());
    if bare || method == http::Method::HEAD { 0 } else { answer.body().length }
}

async fn answer(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Sent>, Dropped> {
    let response = arrival::answer(&shared, request).await;
    match response.delivery {
        Delivery::After(delay) => tokio::time::sleep(delay).await,
        Delivery::Dropped => return Err(Dropped),
        Delivery::Cut(_) if response.body.is_empty() => return Err(Dropped),
        Delivery::Now | Delivery::Cut(_) => {}
        Delivery::Never => {
            tokio::time::sleep(SILENCE).await;
            return Err(Dropped);
        }
    }
    Ok(wired(response))
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;
    use std::time::Instant;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::config::{Config, Time};
    use crate::core::Core;
    use crate::shell::clock::Clock;
    use crate::shell::issuers::Issuers;

    #[tokio::test]
    async fn a_head_that_does_not_end_is_not_waited_for_without_end() {
        let clock = Clock::new(Time::Manual).unwrap();
        let core = Core::new(Config::default(), clock.now());
        let shared = Shared { core: Mutex::new(core), clock: Mutex::new(clock), issuers: Issuers::default() };
        let shared = Arc::new(shared);
        for said in ["", "GET /metadata/endpoints HTTP/1.1\r\nHost: a"] {
            let (mut client, server) = tokio::io::duplex(1 << 16);
            client.write_all(said.as_bytes()).await.unwrap();
            let served = converse(server, Arc::clone(&shared), Duration::from_millis(50));
            tokio::time::timeout(Duration::from_secs(20), served).await.expect(said);
        }
        let (mut client, server) = tokio::io::duplex(1 << 16);
        client.write_all(b"GET /metadata/endpoints HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        converse(server, shared, Duration::from_millis(50)).await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }

    #[tokio::test]
    async fn what_cannot_be_accepted_is_not_asked_for_at_once() {
        let (breath, begun) = (Duration::from_millis(30), Instant::now());
        assert_eq!(taken(Ok(("stream", ())), breath).await, Some("stream"));
        assert!(begun.elapsed() < breath);
        let short_of_files = std::io::Error::from_raw_os_error(24);
        assert_eq!(taken::<&str, ()>(Err(short_of_files), breath).await, None);
        assert!(begun.elapsed() >= breath);
    }
}
