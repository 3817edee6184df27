//! What a call says, and who makes it.
//!
//! The original took forms whose field `json` holds the data and whose others say who calls; its document reads as if the
//! data were the body. Both are taken, and who calls may also stand in the query or in the data.

use super::answer::Wrong;
use crate::compat::fields::{Fields, Form, form};
use crate::compat::{Front, Refused};
use crate::domain::sessions::Principal;
use crate::domain::users::{User, fold};
use crate::service::Failure;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use http::request::Parts;

/// The names by which somebody shows that he is logged in.
const CREDENTIALS: [&str; 3] = ["user_name", "user_id", "session_id"];

/// What a call says in its query and its body.
#[derive(Default)]
pub(super) struct Said(Fields);

impl FromRequest<Front> for Said {
    type Rejection = Wrong;

    async fn from_request(request: Request, front: &Front) -> Result<Self, Wrong> {
        let mut query = Fields::of_form(request.uri().query().unwrap_or_default().as_bytes());
        // What is secret has no place in an address, but for the session, which always had one there.
        query.0.retain(|name, _| CREDENTIALS.contains(&name.as_str()));
        let body = read(front, request).await?;
        query.0.extend(body.0);
        Ok(Self(query))
    }
}

/// Reads a body. Clients that send JSON seldom say so.
async fn read(front: &Front, request: Request) -> Result<Fields, Refused> {
    let (parts, body) = request.into_parts();
    let bytes = front.gate.body(body).await?;
    let kind = form(&parts.headers);
    let looks_like_json = bytes.trim_ascii_start().starts_with(b"{");
    let mut fields = match kind {
        _ if bytes.is_empty() => return Ok(Fields::default()),
        Form::Multipart => Fields::read(front, Request::from_parts(parts, Body::from(bytes))).await?,
        Form::Json => return Fields::of_json(&bytes),
        _ if looks_like_json => return Fields::of_json(&bytes),
        Form::UrlEncoded | Form::Unnamed => Fields::of_form(&bytes),
        Form::Other => return Err(Refused::MediaType),
    };
    if let Some(data) = fields.0.remove("json") {
        let mut data = Fields::of_json(data.as_str().unwrap_or_default().as_bytes())?;
        // Who calls is said beside the data first of all.
        data.0.extend(fields.0);
        fields = data;
    }
    Ok(fields)
}

impl Said {
    /// A text; a number is its digits. What no database could keep counts as not said.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.text(name).filter(|text| !text.contains('\0'))
    }

    /// A text without white space around it; none if nothing is left.
    pub(super) fn word(&self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let word = text.trim();
        (!word.is_empty()).then(|| word.to_owned())
    }

    /// The text of a message as it was given, NUL included, which has a refusal of its own.
    pub(super) fn message_text(&self) -> String {
        self.0.text("message_text").unwrap_or_default()
    }

    /// Who calls. Name, number and session must be the same user's.
    pub(super) async fn logged_in(&self, front: &Front) -> Result<LoggedIn, Wrong> {
        let id: i64 = self.word("user_id").and_then(|id| id.parse().ok()).unwrap_or(0);
        if id < 1 {
            return Err(Wrong::not_logged_in());
        }
        let (Some(name), Some(session)) = (self.word("user_name"), self.word("session_id")) else {
            return Err(Wrong::not_authenticated());
        };
        let unknown = |failure: Failure| match failure {
            Failure::Refused(_) => Wrong::not_authenticated(),
            failure => failure.into(),
        };
        let principal = front.services.check_adapter_session(front.name(), &session).await.map_err(unknown)?;
        let user = front.services.me(&principal).await.map_err(unknown)?;
        if user.id.0 != id || user.username.key() != fold(&name) || user.check_active().is_err() {
            return Err(Wrong::not_authenticated());
        }
        Ok(LoggedIn { principal, user })
    }

    /// The same for changes by PUT, to which the original said in its own way that nobody is logged in.
    pub(super) async fn logged_in_to_change(&self, front: &Front) -> Result<LoggedIn, Wrong> {
        let logged_in = self.logged_in(front).await;
        logged_in.map_err(|wrong| if wrong.is_of_credentials() { Wrong::invalid_request() } else { wrong })
    }
}

/// Somebody who is logged in.
pub(super) struct LoggedIn {
    pub(super) principal: Principal,
    pub(super) user: User,
}

/// The one variable part of a path.
pub(super) struct Part(pub(super) String);

impl FromRequestParts<Front> for Part {
    type Rejection = Wrong;

    async fn from_request_parts(parts: &mut Parts, front: &Front) -> Result<Self, Wrong> {
        let Path(part) = Path::<String>::from_request_parts(parts, front)
            .await
            .map_err(|_| Refused::Malformed("The path cannot be read.".to_owned()))?;
        Ok(Self(part))
    }
}
