//! What a client is told of its connection when the body that it sends was not read.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, header};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// So much of it is thrown away to keep the connection, if it is here already.
const WORTH: usize = 64 * 1024;

/// Looks after the body of a request, if it has one.
pub(super) fn watch(request: Request) -> (Request, Option<Watch>) {
    if request.body().is_end_stream() {
        return (request, None);
    }
    // Who waits to be asked for his body is not asked for it now: what he announces has to do.
    let asks = request.headers().contains_key(header::EXPECT);
    let left = Left::default();
    let watched = Left::clone(&left);
    (request.map(|body| Body::new(Watched { body: Some(body), left: watched })), Some(Watch { left, asks }))
}

/// What is known of a body when its request is answered.
pub(super) struct Watch {
    left: Left,
    /// Whether the client waits to be asked for it.
    asks: bool,
}

impl Watch {
    /// Says so when the connection ends with an answer because what the client still sends is not wanted (RFC 9112, section
    /// 9.6): who goes on using it would find out by an error.
    pub(super) async fn tell(self, response: &mut Response) {
        let unread = self.left.lock().take();
        if let Some(body) = unread
            && !response.headers().contains_key(header::CONNECTION)
            && (if self.asks { body.size_hint().lower() > WORTH as u64 } else { !ends_here(body).await })
        {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// A body that nobody wanted to the end.
type Left = Arc<Mutex<Option<Body>>>;

/// A body that is left behind when it is not read to its end.
#[derive(Debug)]
struct Watched {
    /// None once it came to its end.
    body: Option<Body>,
    left: Left,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        // After an error the connection is over anyway.
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        *self.left.lock() = self.body.take().filter(|body| !body.is_end_stream());
    }
}

/// Whether the rest of a body came with the request, or right behind it.
async fn ends_here(mut body: Body) -> bool {
    let mut bytes = 0;
    loop {
        let mut frame = body.frame().now_or_never();
        if frame.is_none() {
            // The connection takes what lies at the socket when it is asked for more.
            tokio::task::yield_now().await;
            frame = body.frame().now_or_never();
        }
        match frame {
            Some(None) => return true,
            Some(Some(Ok(frame))) => bytes += frame.data_ref().map_or(0, Bytes::len),
            Some(Some(Err(_))) | None => return false,
        }
        if bytes > WORTH {
            return false;
        }
    }
}
