//! `/users` and `/me`: registering, looking somebody up, one's own account.

use super::app::App;
use super::extract::{Caller, ClientAddress, Json, Named, Owner};
use super::problem::Problem;
use super::sessions::{LoggedIn, Private};
use crate::domain::Timestamp;
use crate::domain::UserId;
use crate::domain::users::{Circle, User, Username};
use crate::service::accounts::Registration;
use crate::service::sessions::Device;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// A user as others see him.
#[derive(Debug, Serialize)]
pub(super) struct Public {
    id: UserId,
    username: Username,
    bio: String,
    created_at: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    username: String,
    password: String,
    email: Option<String>,
    bio: Option<String>,
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
    let Register { username, password, email, bio, name, cookie } = body;
    let device = Device { name: name.unwrap_or_default(), cookie };
    let login = app.services.register(Registration { username, password, email, bio }, device).await?;
    Ok(LoggedIn { app: &app, login }.into_response())
}

/// `GET /users/NAME`
pub(super) async fn get(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(name): Named<String>,
) -> Result<axum::Json<Public>, Problem> {
    principal.require_read(None)?;
    let User { id, username, bio, created_at, .. } = app.services.user(&name).await?;
    Ok(axum::Json(Public { id, username, bio, created_at }))
}

/// `GET /users/by-id/ID`
pub(super) async fn get_by_id(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(id): Named<UserId>,
) -> Result<axum::Json<Public>, Problem> {
    principal.require_read(None)?;
    let User { id, username, bio, created_at, .. } = app.services.user_by_id(id).await?;
    Ok(axum::Json(Public { id, username, bio, created_at }))
}

/// `GET /me`
pub(super) async fn me(State(app): State<App>, Owner(principal): Owner) -> Result<axum::Json<Private>, Problem> {
    Ok(axum::Json(app.services.me(&principal).await?.into()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    bio: Option<String>,
    inbox: Option<Circle>,
}

/// `PATCH /me`
pub(super) async fn update(
    State(app): State<App>,
    Owner(principal): Owner,
    Json(body): Json<Update>,
) -> Result<axum::Json<Private>, Problem> {
    Ok(axum::Json(app.services.update_me(&principal, body.bio, body.inbox).await?.into()))
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
