//! Bodies of bounded size, read in bounded time.

use super::Gate;
use axum::body::{Body, to_bytes};
use bytes::Bytes;

/// The largest body, in bytes.
pub const BODY: usize = 256 * 1024;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Longer than [`BODY`].
    #[error("A request's body has at most {BODY} bytes.")]
    TooLarge,
    /// It did not come in time.
    #[error("The body came too slowly. Send it again, all at once.")]
    TooSlow,
    /// The peer did not send what it had announced.
    #[error("The body ended early or was not sent as announced.")]
    Broken,
}

impl Gate {
    /// Reads a body of bounded size, in bounded time: a byte now and then buys none.
    pub async fn body(&self, body: Body) -> Result<Bytes, BodyError> {
        let reading = tokio::time::timeout(self.inner.options.body_timeout, to_bytes(body, BODY));
        reading.await.map_err(|_| BodyError::TooSlow)?.map_err(|error| {
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = cause {
                if error.is::<http_body_util::LengthLimitError>() {
                    return BodyError::TooLarge;
                }
                cause = error.source();
            }
            BodyError::Broken
        })
    }
}
