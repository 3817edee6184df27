//! `/users` and `/me`: registering, looking somebody up, one's own account.

use super::app::App;
use super::cookie;
use super::extract::{Caller, ClientAddress, Json, Named, Owner, Params};
use super::messages::limit;
use super::problem::Problem;
use super::sessions::{LoggedIn, Private};
use crate::domain::Timestamp;
use crate::domain::UserId;
use crate::domain::departures::Legacy;
use crate::domain::users::{Circle, User, UserRef, Username};
use crate::service::Page;
use crate::service::accounts::{Profile, Registered, Registration};
use crate::service::sessions::Device;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// A user as others see him.
#[derive(Debug, Serialize)]
pub(super) struct Public {
    id: UserId,
    username: Username,
    /// None if he shows it to his contacts only, and the caller is none.
    bio: Option<String>,
    created_at: Timestamp,
}

impl From<(User, bool)> for Public {
    fn from((User { id, username, bio, created_at, .. }, visible): (User, bool)) -> Self {
        Self { id, username, bio: visible.then_some(bio), created_at }
    }
}

#[derive(Debug, Serialize)]
struct Waiting {
    user: Private,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    username: String,
    password: String,
    email: Option<String>,
    bio: Option<String>,
    invitation: Option<String>,
    name: Option<String>,
    #[serde(default)]
    cookie: bool,
}

/// `POST /users`
pub(super) async fn register(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Json(body): Json<Register>,
) -> Result<Response, Problem> {
    app.within_limits(|limits| limits.registration(address))?;
    let Register { username, password, email, bio, invitation, name, cookie } = body;
    let device = Device { name: name.unwrap_or_default(), cookie, address: Some(address) };
    let registration = Registration { username, password, email, bio, invitation };
    Ok(match app.services.register(registration, device).await? {
        Registered::Active(login) => LoggedIn { app: &app, login }.into_response(),
        Registered::Pending(user) => (StatusCode::CREATED, axum::Json(Waiting { user: user.into() })).into_response(),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    prefix: String,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// `GET /users`
pub(super) async fn search(
    State(app): State<App>,
    Caller(principal): Caller,
    Params(search): Params<Search>,
) -> Result<axum::Json<Page<UserRef>>, Problem> {
    let limit = limit(search.limit)?;
    Ok(axum::Json(app.services.names(&principal, &search.prefix, search.cursor.as_deref(), limit).await?))
}

/// `GET /users/NAME`
pub(super) async fn get(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(name): Named<String>,
) -> Result<axum::Json<Public>, Problem> {
    Ok(axum::Json(app.services.profile(&principal, &name).await?.into()))
}

/// `GET /users/by-id/ID`
pub(super) async fn get_by_id(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(id): Named<UserId>,
) -> Result<axum::Json<Public>, Problem> {
    Ok(axum::Json(app.services.profile_by_id(&principal, id).await?.into()))
}

/// `GET /me`
pub(super) async fn me(State(app): State<App>, Owner(principal): Owner) -> Result<axum::Json<Private>, Problem> {
    Ok(axum::Json(app.services.me(&principal).await?.into()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    bio: Option<String>,
    bio_visible: Option<Circle>,
    inbox: Option<Circle>,
}

/// `PATCH /me`
pub(super) async fn update(
    State(app): State<App>,
    Owner(principal): Owner,
    Json(body): Json<Update>,
) -> Result<axum::Json<Private>, Problem> {
    let Update { bio, bio_visible, inbox } = body;
    Ok(axum::Json(app.services.update_me(&principal, Profile { bio, bio_visible, inbox }).await?.into()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    password: String,
    #[serde(default)]
    messages: Legacy,
}

/// `DELETE /me`
pub(super) async fn delete(
    State(app): State<App>,
    Owner(principal): Owner,
    ClientAddress(address): ClientAddress,
    Json(body): Json<Delete>,
) -> Result<Response, Problem> {
    app.within_limits(|limits| limits.login(address, &principal.user.to_string()))?;
    app.services.delete_me(&principal, body.password, body.messages).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookie::take_back(&mut response, &app);
    Ok(response)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePassword {
    current_password: String,
    new_password: String,
}

/// `PUT /me/password`
pub(super) async fn change_password(
    State(app): State<App>,
    Owner(principal): Owner,
    ClientAddress(address): ClientAddress,
    Json(body): Json<ChangePassword>,
) -> Result<StatusCode, Problem> {
    app.within_limits(|limits| limits.login(address, &principal.user.to_string()))?;
    app.services.change_password(&principal, body.current_password, body.new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}
