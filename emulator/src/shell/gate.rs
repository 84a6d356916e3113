//! Lets out of a connection what the service answers, and not what hyper answers by itself to bytes that are no HTTP:
//! an empty 400, 414 or 431. The service has a better answer to them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::wire::Response;

/// For so long, in real time, what a client goes on to send is read and forgotten after the last answer: a socket that is
/// closed with bytes unread takes the answer along.
const LINGER: Duration = Duration::from_secs(1);

/// A connection's stream. It is shut down by [`Self::close`] alone.
pub(super) struct Gate<S> {
    stream: S,
    /// The lengths on the wire of the bodies of answers that the service gave, and that are yet to be written.
    given: UnboundedReceiver<u64>,
    /// How much of the present answer is still to be written.
    left: u64,
    /// The beginning of what hyper answers by itself, once it does. It closes the connection after that.
    own: Option<Vec<u8>>,
}

impl<S> Gate<S> {
    /// The gate, and what must be told of each answer before hyper has it.
    pub(super) fn new(stream: S) -> (Self, UnboundedSender<u64>) {
        let (tell, given) = unbounded_channel();
        (Self { stream, given, left: 0, own: None }, tell)
    }

    /// The status of hyper's own answer. It has none for the beginning of HTTP/2.
    pub(super) fn own_status(&self) -> u16 {
        let own = self.own.as_deref().unwrap_or_default();
        let status = own.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
        status.and_then(|digits| digits.parse().ok()).unwrap_or(400)
    }

    /// How long an answer is that begins so; none when it is not the service's. hyper presents a head as a whole.
    fn length(&mut self, bytes: &[u8]) -> Option<u64> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let head = end.map_or(bytes.len(), |end| end + 4) as u64;
        if bytes.starts_with(b"HTTP/1.1 100 ") {
            return Some(head);
        }
        self.given.try_recv().ok().map(|body| head + body)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Gate<S> {
    /// Writes a last answer, past hyper.
    pub(super) async fn refuse(&mut self, response: &Response) -> io::Result<()> {
        let status = http::StatusCode::from_u16(response.status).unwrap_or(http::StatusCode::BAD_REQUEST);
        let mut head =
            format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n", response.body.len());
        for (name, value) in &response.headers {
            head.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
        }
        head += "\r\n";
        self.stream.write_all(&[head.as_bytes(), &response.body].concat()).await
    }

    /// Ends the connection, so that the last answer arrives.
    pub(super) async fn close(mut self) {
        if self.stream.shutdown().await.is_ok() {
            let mut nowhere = tokio::io::sink();
            let rest = tokio::io::copy(&mut self.stream, &mut nowhere);
            let _ = tokio::time::timeout(LINGER, rest).await;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.left == 0 {
            let Some(length) = self.length(bytes) else {
                self.own.get_or_insert_with(|| bytes.to_vec());
                return Poll::Ready(Ok(bytes.len()));
            };
            self.left = length;
        }
        let length = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..length]))?;
        self.left -= written as u64;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
