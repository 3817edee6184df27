//! Refusals as OMS words them: what is wrong with each field, or one `detail`.

use super::super::Refused;
use crate::domain::Refusal;
use crate::service::Failure;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};

/// What came of a call.
pub(super) type Answer<T> = Result<T, Complaint>;

/// A refusal in the words of the Django REST framework, on which OMS stood.
#[derive(Debug)]
pub(super) enum Complaint {
    /// These fields are wrong, for these reasons.
    Fields(Map<String, Value>),
    /// One reason for all.
    Detail(StatusCode, String),
    /// What all adapters know.
    Refused(Refused),
}

impl Complaint {
    /// One field is wrong. What is wrong with no single one goes under `non_field_errors`.
    pub(super) fn field(name: &str, reason: impl Into<String>) -> Self {
        Self::Fields(Map::from_iter([(name.to_owned(), json!([reason.into()]))]))
    }

    /// A 400 with one reason.
    pub(super) fn detail(reason: impl Into<String>) -> Self {
        Self::Detail(StatusCode::BAD_REQUEST, reason.into())
    }

    /// The route does not know this method.
    pub(super) fn no_method(method: &Method) -> Self {
        Self::Detail(StatusCode::METHOD_NOT_ALLOWED, format!("Method \"{method}\" not allowed."))
    }

    /// What a rule of the domain says, if it was one.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refused) => refused.refusal(),
            Self::Fields(_) | Self::Detail(..) => None,
        }
    }

    /// The same, or this one instead if the named person is nobody's name here.
    #[must_use]
    pub(super) fn or_nobody(self, reason: &str) -> Self {
        match self.refusal() {
            Some(Refusal::NotFound("user") | Refusal::UnknownNames { .. } | Refusal::Invalid { .. }) => {
                Self::detail(reason)
            }
            _ => self,
        }
    }
}

impl<E: Into<Refused>> From<E> for Complaint {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl IntoResponse for Complaint {
    fn into_response(self) -> Response {
        match self {
            Self::Fields(fields) => (StatusCode::BAD_REQUEST, Json(fields)).into_response(),
            Self::Detail(status, reason) => (status, Json(json!({ "detail": reason }))).into_response(),
            Self::Refused(refused) => refuse(&refused),
        }
    }
}

/// A refusal that all adapters know, in OMS's words where it had some.
pub(super) fn refuse(refused: &Refused) -> Response {
    let (status, detail) = worded(refused);
    let mut response = Complaint::Detail(status, detail).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
    }
    if let Some(seconds) = refused.retry_after() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn worded(refused: &Refused) -> (StatusCode, String) {
    let detail = match refused {
        Refused::NoRoute => "The endpoint does not exist.".to_owned(),
        Refused::NoCredentials => "Authentication credentials were not provided.".to_owned(),
        Refused::Service(Failure::Refused(Refusal::Unauthorized)) => "Invalid token.".to_owned(),
        Refused::Service(Failure::Refused(Refusal::NotFound("page"))) => "Invalid page.".to_owned(),
        Refused::Service(Failure::Refused(Refusal::Blocked(by))) => {
            format!("You are blocked by {}", by.username.as_str())
        }
        Refused::TooMany(too_many) => {
            let seconds = too_many.seconds;
            let unit = if seconds == 1 { "second" } else { "seconds" };
            format!("Request was throttled. Expected available in {seconds} {unit}.")
        }
        // Nothing more is told of what fails within, and always with this status, as its README has it.
        Refused::Panicked
        | Refused::Service(Failure::Overloaded | Failure::Unavailable | Failure::OutcomeUnknown | Failure::Broken) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong".to_owned());
        }
        other => other.to_string(),
    };
    (refused.status(), detail)
}
