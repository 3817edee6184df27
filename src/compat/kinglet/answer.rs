//! What is answered: the envelope around every answer, and what is wrong in Kinglet's words.

use crate::compat::Refused;
use crate::domain::Refusal;
use crate::service::Failure;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// 200 with these fields.
pub(super) struct Done<T>(pub(super) T);

/// 201 with these fields.
pub(super) struct Created<T>(pub(super) T);

/// No field beside those of the envelope.
#[derive(Serialize)]
pub(super) struct Nothing {}

#[derive(Serialize)]
struct Envelope<T> {
    status: u16,
    description: &'static str,
    #[serde(flatten)]
    fields: T,
}

fn envelope<T: Serialize>(status: StatusCode, fields: T) -> Response {
    let description = description(status);
    (status, Json(Envelope { status: status.as_u16(), description, fields })).into_response()
}

impl<T: Serialize> IntoResponse for Done<T> {
    fn into_response(self) -> Response {
        envelope(StatusCode::OK, self.0)
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        envelope(StatusCode::CREATED, self.0)
    }
}

/// Kinglet's own words for a status.
fn description(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "Not Authorized",
        status => status.canonical_reason().unwrap_or("Error"),
    }
}

/// Why a call was not done.
#[derive(Debug)]
pub(super) struct Wrong {
    status: StatusCode,
    user_message: String,
    system_message: String,
    number: bool,
    retry_after: Option<u32>,
    beside: Vec<(&'static str, Value)>,
}

impl Wrong {
    /// With what it says to the user and what to the program.
    pub(super) fn new(status: StatusCode, user: impl Into<String>, system: impl Into<String>) -> Self {
        Self {
            status,
            user_message: user.into(),
            system_message: system.into(),
            // Which of the two it was in the original depended on who made the answer; clients were written after it.
            number: status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN,
            retry_after: None,
            beside: Vec::new(),
        }
    }

    /// 400
    pub(super) fn bad(user: impl Into<String>, system: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, user, system)
    }

    /// 404
    pub(super) fn not_found(user: impl Into<String>, system: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, user, system)
    }

    /// Nobody is logged in.
    pub(super) fn not_logged_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Invalid access.", "User not logged in.")
    }

    /// Somebody shows what is not his, or not good any more.
    pub(super) fn not_authenticated() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Invalid access.", "User could not authenticate.")
    }

    /// What the original said to a function that it had under another method, and to changes by who is not logged in.
    pub(super) fn invalid_request() -> Self {
        Self::bad("Not found", "Invalid request")
    }

    /// The same with its status as a number.
    pub(super) fn with_number(self) -> Self {
        Self { number: true, ..self }
    }

    /// The same with one field more.
    pub(super) fn beside(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.beside.push((name, value.into()));
        self
    }

    /// Whether it is for want of credentials that are good.
    pub(super) fn is_of_credentials(&self) -> bool {
        matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }

    /// A refusal for which Kinglet has no words of its own.
    pub(super) fn of(refused: &Refused) -> Self {
        let status = match refused {
            // What the original said of its database, whatever ailed it.
            Refused::Service(Failure::Unavailable | Failure::OutcomeUnknown) => StatusCode::INTERNAL_SERVER_ERROR,
            refused => refused.status(),
        };
        if let Some(Refusal::MailNotConfigured) = refused.refusal() {
            let system =
                "mail_not_configured: the operator of this server can give --smtp-url, --mail-from and --public-url.";
            return Self::new(status, "This server sends no mail, which this takes.", system);
        }
        let user = match status {
            StatusCode::INTERNAL_SERVER_ERROR => "Runtime Error:",
            StatusCode::SERVICE_UNAVAILABLE => "The server cannot do this now. Try again.",
            StatusCode::TOO_MANY_REQUESTS => "Too many requests.",
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "Invalid access.",
            StatusCode::METHOD_NOT_ALLOWED => "Not found",
            _ => "Invalid request.",
        };
        Self { retry_after: refused.retry_after(), ..Self::new(status, user, refused.to_string()) }
    }
}

impl<R: Into<Refused>> From<R> for Wrong {
    fn from(refused: R) -> Self {
        Self::of(&refused.into())
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let Self { status, user_message, system_message, number, retry_after, beside } = self;
        let shown = if number { json!(status.as_u16()) } else { json!(status.as_str()) };
        let mut fields = Map::from_iter([
            ("status".to_owned(), shown),
            ("description".to_owned(), description(status).into()),
            ("user_message".to_owned(), user_message.into()),
            ("system_message".to_owned(), system_message.into()),
        ]);
        fields.extend(beside.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let mut response = (status, Json(Value::Object(fields))).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
