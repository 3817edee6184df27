//! What is said when nothing can be done: a status, and a JSON object with a `message`.

use crate::compat::Refused;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// What may stand in `Authorization`, as browsers and clients are asked for it (RFC 9110, section 11.6.1).
const CHALLENGES: [&str; 2] = ["Basic realm=\"Babbel\", charset=\"UTF-8\"", "Bearer realm=\"Babbel\""];

/// A request that was not done. Clients go by the status; the text is for people.
#[derive(Debug)]
pub(super) struct Failed {
    status: StatusCode,
    message: Value,
    /// Seconds until it is worth another try.
    retry_after: Option<u32>,
}

impl Failed {
    pub(super) fn new(status: StatusCode, message: impl Into<Value>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    pub(super) fn malformed(message: impl Into<Value>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// A parameter that is not there. This is the one message that is no text there.
    pub(super) fn missing(name: &str) -> Self {
        let reason = "Missing required parameter in the JSON body or the post body or the query string";
        Self::malformed(json!({name: reason}))
    }

    /// A refusal of whatever stands before the handlers, or of a service.
    pub(super) fn of(refused: &Refused) -> Self {
        let status = refused.status();
        // Of its own failures it says no more there.
        let message = match status {
            StatusCode::INTERNAL_SERVER_ERROR => "Internal Server Error".to_owned(),
            _ => refused.to_string(),
        };
        Self { retry_after: refused.retry_after(), ..Self::new(status, message) }
    }
}

impl<R: Into<Refused>> From<R> for Failed {
    fn from(refused: R) -> Self {
        Self::of(&refused.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({"message": self.message}))).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            for challenge in CHALLENGES {
                headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        }
        response
    }
}
