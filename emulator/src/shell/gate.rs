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

/// So much of what a client says is kept until it is answered: more than the largest head, for the log.
const KEPT: usize = 512 << 10;

/// An answer that the service gave, and that is yet to be written.
pub(super) struct Given {
    /// The length on the wire of the body that was asked with; none when it came in chunks.
    pub(super) asked: Option<usize>,
    /// The length on the wire of the answer's body.
    pub(super) answered: u64,
}

/// A connection's stream. It is shut down by [`Self::close`] alone.
pub(super) struct Gate<S> {
    stream: S,
    given: UnboundedReceiver<Given>,
    /// What was said and is not answered yet, or its beginning.
    said: Vec<u8>,
    /// Whether anything was answered.
    answered: bool,
    /// How much of the present answer is still to be written.
    left: u64,
    /// The beginning of what hyper answers by itself, once it does. It closes the connection after that.
    own: Option<Vec<u8>>,
}

/// What may come before a head is left out.
fn without_empty_lines(bytes: &[u8]) -> &[u8] {
    let begin = bytes.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(bytes.len());
    &bytes[begin..]
}

/// Where the head ends with which these bytes begin, behind the empty line; none when it does not end.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut line = bytes.len() - without_empty_lines(bytes).len();
    while let Some(length) = bytes[line..].iter().position(|byte| *byte == b'\n') {
        let end = line + length + 1;
        if [&b"\n"[..], b"\r\n"].contains(&&bytes[line..end]) {
            return Some(end);
        }
        line = end;
    }
    None
}

impl<S> Gate<S> {
    /// The gate, and what must be told of each answer before hyper has it.
    pub(super) fn new(stream: S) -> (Self, UnboundedSender<Given>) {
        let (tell, given) = unbounded_channel();
        (Self { stream, given, said: Vec::new(), answered: false, left: 0, own: None }, tell)
    }

    /// Whether something was said, if only empty lines, and nothing answered.
    pub(super) fn owes_an_answer(&self) -> bool {
        !self.said.is_empty() && !self.answered
    }

    /// What hyper refused, and with what status. It has none for the beginning of HTTP/2, and for a head that breaks
    /// off. `unread` is what it has not read yet: it begins with the refused head, or comes behind it.
    pub(super) fn refused<'a>(&'a self, unread: &'a [u8]) -> (u16, &'a [u8]) {
        let own = self.own.as_deref().unwrap_or_default();
        let status = own.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
        let status = status.and_then(|digits| digits.parse().ok()).unwrap_or(400);
        let said = without_empty_lines(&self.said);
        match (status, said.len() > unread.len()) {
            // A head that was read is not too large: the body is that it promises.
            (431, true) => (413, said),
            (status, true) => (status, said),
            (status, false) => (status, unread),
        }
    }

    /// Forgets the request that is answered now.
    fn forget(&mut self, body: Option<usize>) {
        let end = body.and_then(|body| end_of_head(&self.said)?.checked_add(body));
        let end = end.map_or(self.said.len(), |end| end.min(self.said.len()));
        self.said.drain(..end);
    }

    /// How long an answer is that begins so; none when it is not the service's. hyper presents a head as a whole.
    fn length(&mut self, bytes: &[u8]) -> Option<u64> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let head = end.map_or(bytes.len(), |end| end + 4) as u64;
        if bytes.starts_with(b"HTTP/1.1 100 ") {
            return Some(head);
        }
        let given = self.given.try_recv().ok()?;
        self.answered = true;
        self.forget(given.asked);
        Some(head + given.answered)
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
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let said = &buffer.filled()[before..];
        let room = KEPT.saturating_sub(self.said.len()).min(said.len());
        self.said.extend_from_slice(&said[..room]);
        Poll::Ready(Ok(()))
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
