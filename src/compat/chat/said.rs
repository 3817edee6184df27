//! How this protocol says no: `{"error": …, "message": …}`, where the first is the status in words and the second whatever
//! the original had to say of it: a text, a list of texts, or what is wrong with each field.

use crate::compat::Refused;
use crate::domain::Refusal;
use crate::service::Failure;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

/// A refusal in the words of this protocol.
#[derive(Debug)]
pub(super) struct Said {
    status: StatusCode,
    message: Option<Value>,
    retry_after: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Shown {
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Value>,
}

impl Said {
    pub(super) fn new(status: StatusCode, message: impl Into<Value>) -> Self {
        Self { status, message: Some(message.into()), retry_after: None }
    }

    /// What is asked for is wrong in this way.
    pub(super) fn malformed(message: impl Into<Value>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The caller may not do this.
    pub(super) fn forbidden(message: impl Into<Value>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// The same as the original has it where a message is added: what is wrong with fields stands in a list.
    #[must_use]
    pub(super) fn in_a_list(self) -> Self {
        let listed = |message: Value| if message.is_object() { json!([message]) } else { message };
        Self { message: self.message.map(listed), ..self }
    }

    /// A refusal of whatever stands before the handlers, or of a service.
    pub(super) fn of(refused: &Refused) -> Self {
        let retry_after = refused.retry_after();
        let inside = matches!(refused, Refused::Service(Failure::Unavailable | Failure::OutcomeUnknown));
        // Of what goes wrong inside, its database included, the original said nothing but that it did.
        match refused.status() {
            status if !inside && status != StatusCode::INTERNAL_SERVER_ERROR => {
                Self { status, message: Some(message(refused)), retry_after }
            }
            _ => Self { status: StatusCode::INTERNAL_SERVER_ERROR, message: None, retry_after },
        }
    }
}

fn message(refused: &Refused) -> Value {
    match refused.refusal() {
        Some(Refusal::Invalid { field, reason }) => json!({ *field: [reason] }),
        Some(Refusal::UsernameTaken) => json!(["Username must be an unique"]),
        Some(Refusal::GroupNameTaken) => json!(["Chat name must be an unique"]),
        Some(Refusal::NotFound("user")) => json!(["User not found"]),
        Some(Refusal::NotFound("conversation")) => json!(["Chat not found"]),
        Some(Refusal::NotMember) => json!(["author must be in a chat"]),
        _ => json!(refused.to_string()),
    }
}

impl<R: Into<Refused>> From<R> for Said {
    fn from(refused: R) -> Self {
        Self::of(&refused.into())
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        let error = self.status.canonical_reason().unwrap_or("Error");
        let mut response = (self.status, Json(Shown { error, message: self.message })).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"goldcrest\", charset=\"UTF-8\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
