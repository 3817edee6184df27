//! Refusals as problem documents (RFC 9457): one exhaustive mapping, with a stable `code` for each.

use crate::domain::users::Username;
use crate::domain::{Refusal, contacts};
use crate::gate::{BodyError, TooMany};
use crate::service::Failure;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

/// A refusal (RFC 9457). Nothing has been done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: the code says more.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    #[serde(serialize_with = "as_number")]
    #[schemars(with = "u16", range(min = 400, max = 599))]
    status: StatusCode,
    /// What it is, for programs. It never changes its meaning.
    code: &'static str,
    /// What it is, for people, and what would be right.
    detail: String,
    /// The field of the request that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Box<str>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    about: Option<Box<About>>,
    #[serde(skip)]
    retry_after: Option<u32>,
}

/// What some problems say besides. Apart from the rest, since most have none of it.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
struct About {
    /// The names in the field that nobody has.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unknown: Box<[String]>,
    /// Who does not want to be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<Username>,
    /// How it stands with a request to be his contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    /// The limit that is used up, by its name in `RateLimit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem with its code and what to do about it.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: title(status),
            status,
            code,
            detail: detail.into(),
            field: None,
            about: None,
            retry_after: None,
        }
    }

    /// The field that it is about.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into().into_boxed_str());
        self
    }

    fn about(self, about: About) -> Self {
        Self { about: Some(Box::new(about)), ..self }
    }

    /// Seconds until it is worth another try.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// There is no such route, or no such thing that the caller may see.
    pub fn not_found() -> Self {
        Self::nothing("There is nothing here.")
    }

    /// There is no such thing, for this reason.
    pub fn nothing(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Nothing says who calls.
    pub fn no_credentials() -> Self {
        let detail = "Say who you are: send `Authorization: Bearer …` with an access token from /api/v1/sessions, or \
                      with an API key.";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// A part of the request outside the body cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_request", detail)
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether it is about this field.
    pub fn names_field(&self, name: &str) -> bool {
        self.field.as_deref() == Some(name)
    }

    /// The problem's code.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

/// The name of a status in RFC 9110, which is newer than what some libraries know.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        _ => status.canonical_reason().unwrap_or("Error"),
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        use StatusCode as S;
        let (status, code) = match &refusal {
            Refusal::Invalid { .. } => (S::UNPROCESSABLE_ENTITY, "invalid"),
            Refusal::MalformedCursor => (S::BAD_REQUEST, "malformed_request"),
            Refusal::NotFound(_) | Refusal::UnknownNames { .. } => (S::NOT_FOUND, "not_found"),
            Refusal::InvalidCredentials => (S::UNAUTHORIZED, "invalid_credentials"),
            Refusal::Unauthorized => (S::UNAUTHORIZED, "unauthorized"),
            Refusal::TokenExpired => (S::UNAUTHORIZED, "token_expired"),
            Refusal::TicketTooOld => (S::UNAUTHORIZED, "ticket_too_old"),
            Refusal::Suspended => (S::FORBIDDEN, "suspended"),
            Refusal::NotActivated => (S::FORBIDDEN, "not_activated"),
            Refusal::LinkInvalid => (S::NOT_FOUND, "link_invalid"),
            Refusal::MailNotConfigured => (S::SERVICE_UNAVAILABLE, "mail_not_configured"),
            Refusal::EmailRequired => (S::CONFLICT, "email_required"),
            Refusal::NotAdmin => (S::FORBIDDEN, "not_admin"),
            Refusal::InvitationInvalid => (S::FORBIDDEN, "invitation_invalid"),
            Refusal::RegistrationClosed => (S::FORBIDDEN, "registration_closed"),
            Refusal::UsernameTaken => (S::CONFLICT, "username_taken"),
            Refusal::EmailTaken => (S::CONFLICT, "email_taken"),
            Refusal::ChannelNameTaken => (S::CONFLICT, "channel_name_taken"),
            Refusal::GroupNameTaken => (S::CONFLICT, "group_name_taken"),
            Refusal::NotMember => (S::FORBIDDEN, "not_member"),
            Refusal::NotOwner => (S::FORBIDDEN, "not_owner"),
            Refusal::NotAuthor => (S::FORBIDDEN, "not_author"),
            Refusal::MessageDeleted => (S::CONFLICT, "message_deleted"),
            Refusal::AlreadyMember => (S::CONFLICT, "already_member"),
            Refusal::FixedMembers => (S::FORBIDDEN, "fixed_members"),
            Refusal::NotAContact { .. } => (S::FORBIDDEN, "not_a_contact"),
            Refusal::Blocked(_) => (S::FORBIDDEN, "blocked"),
            Refusal::AlreadyRequested(_) => (S::CONFLICT, "already_requested"),
            Refusal::InsufficientScope(_) => (S::FORBIDDEN, "insufficient_scope"),
            Refusal::IdempotencyConflict => (S::CONFLICT, "idempotency_conflict"),
            Refusal::TooMany(_) => (S::CONFLICT, "too_many"),
        };
        let problem = Self::new(status, code, refusal.to_string());
        match refusal {
            Refusal::Invalid { field, .. } => problem.field(field),
            Refusal::UnknownNames { field, names } => {
                problem.field(field).about(About { unknown: names.into(), ..About::default() })
            }
            Refusal::MalformedCursor => problem.field("cursor"),
            Refusal::InvitationInvalid => problem.field("invitation"),
            Refusal::UsernameTaken => problem.field("username"),
            Refusal::ChannelNameTaken | Refusal::GroupNameTaken => problem.field("name"),
            Refusal::NotAContact { user, state } => {
                let state = Some(state.map_or("none", contacts::State::word));
                problem.about(About { username: Some(user.username), state, ..About::default() })
            }
            Refusal::Blocked(user) => problem.about(About { username: Some(user.username), ..About::default() }),
            Refusal::AlreadyRequested(state) => problem.about(About { state: Some(state.word()), ..About::default() }),
            _ => problem,
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let unavailable = |code| Self::new(StatusCode::SERVICE_UNAVAILABLE, code, failure.to_string());
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::Overloaded => unavailable("overloaded").retry_after(1),
            Failure::Unavailable => unavailable("unavailable").retry_after(5),
            // It takes a person to end that.
            Failure::Replaced => unavailable("unavailable").retry_after(30),
            Failure::OutcomeUnknown => unavailable("outcome_unknown").retry_after(5),
            Failure::Broken => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", failure.to_string()),
        }
    }
}

impl From<TooMany> for Problem {
    fn from(refused: TooMany) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", refused.to_string());
        problem.retry_after(refused.seconds).about(About { limit: Some(refused.limit), ..About::default() })
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let (status, code) = match error {
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            BodyError::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too_slow"),
            BodyError::Broken => return Self::malformed(error.to_string()),
        };
        Self::new(status, code, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 6750, section 3; `Bearer` never makes a browser open its password window.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"goldcrest\""));
        }
        response
    }
}
