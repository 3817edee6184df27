//! `/sessions` and `/stream-tickets`: logging in, refreshing, logging out, opening streams in URLs.

use super::answer::{Created, NoContent};
use super::app::App;
use super::cookie;
use super::extract::{Anybody, Caller, Json, Named, Owner};
use super::fields::{Label, Secret};
use super::openapi::{Answers, Operation};
use super::problem::Problem;
use crate::domain::sessions::TICKET_FIRST_USE;
use crate::domain::users::{Circle, Status, User, Username};
use crate::domain::{Refusal, SessionId, Timestamp, UserId};
use crate::gate::Bounds;
use crate::service::Page;
use crate::service::sessions::{Credentials, Device, Keeps, Login, SessionItem, TokenPair, Who};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An account as its owner sees it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Account")]
pub(super) struct Private {
    /// Its number.
    id: UserId,
    username: Username,
    /// Whether it is in use.
    status: Status,
    /// Its private address.
    email: Option<String>,
    /// Whether that counts: somebody who reads mail there said so.
    email_confirmed: bool,
    /// What it says of itself.
    bio: String,
    /// Who may read that.
    bio_visible: Circle,
    /// Who may write to it directly.
    inbox: Circle,
    /// Whether those who may see when it is there do.
    show_presence: bool,
    /// Whether the operator made it an administrator.
    admin: bool,
    /// When it was made.
    created_at: Timestamp,
}

impl From<User> for Private {
    fn from(user: User) -> Self {
        let User { id, username, email, email_confirmed, bio, bio_visible, inbox, show_presence, .. } = user;
        let User { status, admin, created_at, .. } = user;
        Self { id, username, status, email, email_confirmed, bio, bio_visible, inbox, show_presence, admin, created_at }
    }
}

/// The answer to a login.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Login")]
pub(super) struct LoginAnswer {
    user: Private,
    /// The session that was opened, to be revoked by this number.
    session_id: SessionId,
    #[serde(flatten)]
    tokens: Option<TokenPair>,
}

/// A login on its way out: tokens in the body, or a cookie.
pub(super) struct LoggedIn {
    pub(super) app: App,
    pub(super) login: Login,
    /// Whether a browser is to keep it for longer than it runs.
    pub(super) remember: bool,
}

impl Answers for LoggedIn {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers_json::<LoginAnswer>(201, "A session was opened: with its tokens here, or in a cookie.");
    }
}

impl IntoResponse for LoggedIn {
    fn into_response(self) -> Response {
        let Login { user, session, credentials } = self.login;
        let (tokens, cookie) = match credentials {
            Credentials::Tokens(pair) => (Some(pair), None),
            Credentials::Secret { value, lasts } if self.remember => {
                (None, Some(cookie::of_session(&self.app, value, lasts)))
            }
            Credentials::Secret { value, .. } => (None, Some(cookie::until_the_browser_ends(&self.app, &value))),
        };
        let answer = LoginAnswer { user: user.into(), session_id: session, tokens };
        let mut response = (StatusCode::CREATED, axum::Json(answer)).into_response();
        if let Some(cookie) = cookie {
            cookie::set(&mut response, &cookie);
        }
        response
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    { "required": ["username"], "properties": { "username": { "type": "string" }, "email": { "type": "null" } } },
    { "required": ["email"], "properties": { "email": { "type": "string" }, "username": { "type": "null" } } },
]))]
pub(super) struct LogIn {
    /// Who. Either this or `email`.
    username: Option<String>,
    /// Who, by a private address.
    email: Option<String>,
    #[schemars(with = "Secret")]
    password: String,
    /// What the session is to be called: the device, for instance.
    #[schemars(with = "Option<Label>")]
    name: Option<String>,
    /// Answer with a cookie instead of tokens: for browsers.
    #[serde(default)]
    cookie: bool,
    /// Whether the browser keeps that cookie when it ends. Unless it is told not to, it does.
    #[serde(default = "yes")]
    remember: bool,
}

fn yes() -> bool {
    true
}

/// What a client keeps, by its choice between tokens and a cookie.
pub(super) fn keeps(cookie: bool) -> Keeps {
    if cookie { Keeps::Cookie } else { Keeps::Tokens }
}

/// `POST /sessions`
pub(super) async fn log_in(
    State(app): State<App>,
    bounds: Bounds,
    Json(body): Json<LogIn>,
) -> Result<LoggedIn, Problem> {
    let who = match (body.username, body.email) {
        (Some(name), None) => Who::Username(name),
        (None, Some(email)) => Who::Email(email),
        _ => return Err(Refusal::invalid("username", "Give either a username or an e-mail address.").into()),
    };
    let (Who::Username(name) | Who::Email(name)) = &who;
    bounds.login(name)?;
    let device =
        Device { name: body.name.unwrap_or_default(), keeps: keeps(body.cookie), address: Some(bounds.address()) };
    let login = app.services.log_in(who, body.password, device).await?;
    Ok(LoggedIn { app, login, remember: body.remember })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Refresh {
    #[schemars(with = "Secret")]
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

/// Who is logged in.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CurrentSession")]
pub(super) struct Current {
    /// The account; null if nobody is logged in, or is no more.
    user: Option<Private>,
    /// The session.
    session_id: Option<SessionId>,
}

/// `GET /sessions/current`
pub(super) async fn current(
    State(app): State<App>,
    Anybody(principal): Anybody,
) -> Result<axum::Json<Current>, Problem> {
    let Some(principal) = principal else { return Ok(axum::Json(Current { user: None, session_id: None })) };
    principal.require_full()?;
    let user = app.services.me(&principal).await?;
    Ok(axum::Json(Current { user: Some(user.into()), session_id: Some(principal.session) }))
}

/// `DELETE /sessions/ID`
pub(super) async fn revoke(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(id): Named<SessionId>,
) -> Result<NoContent, Problem> {
    app.services.revoke_session(&principal, id).await?;
    Ok(NoContent)
}

/// `DELETE /sessions/current`
pub(super) async fn log_out(State(app): State<App>, Caller(principal): Caller) -> Result<LoggedOut, Problem> {
    app.services.revoke_session(&principal, principal.session).await?;
    Ok(LoggedOut(app))
}

/// The end of a session, which takes the cookie back.
pub(super) struct LoggedOut(pub(super) App);

impl Answers for LoggedOut {
    fn answers(operation: &mut Operation<'_>) {
        NoContent::answers(operation);
    }
}

impl IntoResponse for LoggedOut {
    fn into_response(self) -> Response {
        let mut response = NoContent.into_response();
        cookie::take_back(&mut response, &self.0);
        response
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StreamTicket")]
pub(super) struct TicketAnswer {
    /// To be used as `?ticket=` of `/stream` and `/ws`.
    ticket: String,
    /// Seconds until it must have been used for the first time.
    expires_in: u64,
}

/// `POST /stream-tickets`
pub(super) async fn ticket(
    State(app): State<App>,
    Caller(principal): Caller,
) -> Result<Created<TicketAnswer>, Problem> {
    let ticket = app.services.stream_ticket(&principal)?;
    let answer = TicketAnswer { ticket, expires_in: TICKET_FIRST_USE.as_secs() };
    Ok(Created(answer))
}
