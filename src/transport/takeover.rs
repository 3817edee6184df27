//! Taking a socket over from hyper: an answer carries a mark, and the front door hands the bare socket on.

use super::Traffic;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, Version, header};
use parking_lot::Mutex;
use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// What runs on the socket from the response head on.
pub(super) type Run = Box<dyn FnOnce(Taken) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A socket that was taken over, and what goes with it.
pub(super) struct Taken {
    pub(super) socket: TcpStream,
    /// The response head, ready to be written.
    pub(super) head: Bytes,
    /// What the client has sent already.
    pub(super) read_ahead: Bytes,
    /// Cancelled when the server begins to shut down.
    pub(super) closing: CancellationToken,
    /// What is counted of it.
    pub(super) traffic: Arc<Traffic>,
}

/// The mark, in the extensions of an answer that went through the whole router. Its body is never sent.
#[derive(Clone)]
pub struct TakeOver {
    run: Arc<Mutex<Option<Run>>>,
}

impl std::fmt::Debug for TakeOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TakeOver")
    }
}

impl TakeOver {
    /// A mark by which this runs on the socket.
    pub(super) fn new(run: Run) -> Self {
        Self { run: Arc::new(Mutex::new(Some(run))) }
    }

    pub(super) fn take(&self) -> Option<Run> {
        self.run.lock().take()
    }
}

/// The head of an answer as it goes over the wire (RFC 9112, section 4). Its body ends with the connection, so it needs
/// neither a length nor chunks (section 6.3); HTTP/1.0 proxies take it as it is.
pub(super) fn head(status: StatusCode, headers: &HeaderMap, date: &str) -> Bytes {
    let mut head = BytesMut::with_capacity(512);
    let version = Version::HTTP_11;
    // Writing to memory does not fail.
    let _ = write!(head, "{version:?} {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or(""));
    for (name, value) in headers {
        if name == header::CONTENT_LENGTH || name == header::TRANSFER_ENCODING {
            continue;
        }
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    if !headers.contains_key(header::DATE) {
        let _ = write!(head, "date: {date}\r\n");
    }
    if status != StatusCode::SWITCHING_PROTOCOLS {
        head.extend_from_slice(b"connection: close\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_plain_http() {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", http::HeaderValue::from_static("text/event-stream"));
        headers.insert("content-length", http::HeaderValue::from_static("0"));
        let date = "Sat, 21 Nov 2026 10:00:00 GMT";
        let expected =
            format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ndate: {date}\r\nconnection: close\r\n\r\n");
        assert_eq!(head(StatusCode::OK, &headers, date), expected.as_str());
        let upgrade = head(StatusCode::SWITCHING_PROTOCOLS, &HeaderMap::new(), date);
        assert!(!upgrade.ends_with(b"close\r\n\r\n"));
    }
}
