//! `/sessions` and `/stream-tickets`: logging in, refreshing, logging out, opening streams in URLs.

use super::app::App;
use super::cookie;
use super::extract::{Caller, ClientAddress, Json, Named, Owner};
use super::problem::Problem;
use crate::domain::sessions::TICKET_FIRST_USE;
use crate::domain::users::{Circle, Status, User, Username};
use crate::domain::{Refusal, SessionId, Timestamp, UserId};
use crate::service::Page;
use crate::service::sessions::{Credentials, Device, Login, SessionItem, TokenPair, Who};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// An account as its owner sees it.
#[derive(Debug, Serialize)]
pub(super) struct Private {
    id: UserId,
    username: Username,
    status: Status,
    email: Option<String>,
    email_confirmed: bool,
    bio: String,
    bio_visible: Circle,
    inbox: Circle,
    admin: bool,
    created_at: Timestamp,
}

impl From<User> for Private {
    fn from(user: User) -> Self {
        let User { id, username, email, email_confirmed, bio, bio_visible, inbox, status, admin, created_at, .. } =
            user;
        Self { id, username, status, email, email_confirmed, bio, bio_visible, inbox, admin, created_at }
    }
}

/// The answer to a login.
#[derive(Debug, Serialize)]
struct LoginAnswer {
    user: Private,
    session_id: SessionId,
    #[serde(flatten)]
    tokens: Option<TokenPair>,
}

/// A login on its way out: tokens in the body, or a cookie.
pub(super) struct LoggedIn<'a> {
    pub(super) app: &'a App,
    pub(super) login: Login,
}

impl LoggedIn<'_> {
    pub(super) fn into_response(self) -> Response {
        let Login { user, session, credentials } = self.login;
        let (tokens, cookie) = match credentials {
            Credentials::Tokens(pair) => (Some(pair), None),
            Credentials::Cookie { value, lasts } => (None, Some(cookie::of_session(self.app, value, lasts))),
        };
        let answer = LoginAnswer { user: user.into(), session_id: session, tokens };
        let mut response = (StatusCode::CREATED, axum::Json(answer)).into_response();
        if let Some(cookie) = cookie {
            cookie::set(&mut response, &cookie);
        }
        response
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogIn {
    username: Option<String>,
    email: Option<String>,
    password: String,
    name: Option<String>,
    #[serde(default)]
    cookie: bool,
}

/// `POST /sessions`
pub(super) async fn log_in(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Json(body): Json<LogIn>,
) -> Result<Response, Problem> {
    let who = match (body.username, body.email) {
        (Some(name), None) => Who::Username(name),
        (None, Some(email)) => Who::Email(email),
        _ => return Err(Refusal::invalid("username", "Give either a username or an e-mail address.").into()),
    };
    let (Who::Username(name) | Who::Email(name)) = &who;
    app.within_limits(|limits| limits.login(address, name))?;
    let device = Device { name: body.name.unwrap_or_default(), cookie: body.cookie, address: Some(address) };
    let login = app.services.log_in(who, body.password, device).await?;
    Ok(LoggedIn { app: &app, login }.into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refresh {
    refresh_token: String,
}

/// `POST /sessions/refresh`
pub(super) async fn refresh(
    State(app): State<App>,
    Json(body): Json<Refresh>,
) -> Result<axum::Json<TokenPair>, Problem> {
    Ok(axum::Json(app.services.refresh(&body.refresh_token).await?))
}

/// `GET /sessions`
pub(super) async fn list(
    State(app): State<App>,
    Owner(principal): Owner,
) -> Result<axum::Json<Page<SessionItem>>, Problem> {
    Ok(axum::Json(app.services.sessions(&principal).await?))
}

/// `DELETE /sessions/ID`
pub(super) async fn revoke(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(id): Named<SessionId>,
) -> Result<StatusCode, Problem> {
    app.services.revoke_session(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /sessions/current`
pub(super) async fn log_out(State(app): State<App>, Caller(principal): Caller) -> Result<Response, Problem> {
    app.services.revoke_session(&principal, principal.session).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookie::take_back(&mut response, &app);
    Ok(response)
}

#[derive(Debug, Serialize)]
pub(super) struct TicketAnswer {
    ticket: String,
    /// Seconds until it must have been used for the first time.
    expires_in: u64,
}

/// `POST /stream-tickets`
pub(super) async fn ticket(
    State(app): State<App>,
    Caller(principal): Caller,
) -> Result<(StatusCode, axum::Json<TicketAnswer>), Problem> {
    let ticket = app.services.stream_ticket(&principal)?;
    let answer = TicketAnswer { ticket, expires_in: TICKET_FIRST_USE.as_secs() };
    Ok((StatusCode::CREATED, axum::Json(answer)))
}
