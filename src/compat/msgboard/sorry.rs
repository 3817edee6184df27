//! Refusals in msgboard's words: `{"message": …}`.

use crate::compat::Refused;
use crate::domain::Refusal;
use crate::service::Failure;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// Why a request gets nothing else.
#[derive(Debug)]
pub(super) enum Sorry {
    /// In the words that all have in common.
    Refused(Refused),
    /// In msgboard's own.
    Said(StatusCode, String),
}

#[derive(Serialize)]
struct Body {
    message: String,
}

impl Sorry {
    /// What was asked for cannot be understood, or not be done so.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::Said(StatusCode::BAD_REQUEST, message.into())
    }

    /// There is no such thing, or none that is seen here.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::Said(StatusCode::NOT_FOUND, message.into())
    }

    /// It is somebody else's.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::Said(StatusCode::FORBIDDEN, message.into())
    }

    /// A failure, of which one kind is told in other words.
    pub(super) fn or(failure: Failure, kind: fn(&Refusal) -> bool, otherwise: impl FnOnce() -> Self) -> Self {
        match &failure {
            Failure::Refused(refusal) if kind(refusal) => otherwise(),
            _ => failure.into(),
        }
    }
}

impl<R: Into<Refused>> From<R> for Sorry {
    fn from(refused: R) -> Self {
        Self::Refused(refused.into())
    }
}

impl IntoResponse for Sorry {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refused) => refuse(&refused),
            Self::Said(status, message) => (status, Json(Body { message })).into_response(),
        }
    }
}

/// What the older system, and the framework that it was written with, said of this.
pub(super) fn refuse(refused: &Refused) -> Response {
    let status = refused.status();
    let message = match (status, refused) {
        (_, Refused::NoRoute) => "The requested URL was not found on the server.".to_owned(),
        (_, Refused::NoMethod) => "The method is not allowed for the requested URL.".to_owned(),
        (_, Refused::Malformed(_) | Refused::MediaType) => {
            "The browser (or proxy) sent a request that this server could not understand.".to_owned()
        }
        (StatusCode::UNAUTHORIZED, _) => "Unauthorized Access".to_owned(),
        (StatusCode::INTERNAL_SERVER_ERROR, _) => "Internal Server Error".to_owned(),
        _ => refused.to_string(),
    };
    // It knew one status for all that it could not read.
    let status = if status == StatusCode::UNSUPPORTED_MEDIA_TYPE { StatusCode::BAD_REQUEST } else { status };
    let mut response = (status, Json(Body { message })).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static(r#"Basic realm="Authentication Required""#);
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = refused.retry_after() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Whatever is not routed.
pub(super) async fn no_route() -> Sorry {
    Refused::NoRoute.into()
}

/// A method that its route does not know.
pub(super) async fn no_method() -> Sorry {
    Refused::NoMethod.into()
}
