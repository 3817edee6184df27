//! `/users` and `/me`: registering, looking somebody up, one's own account.

use super::answer::NoContent;
use super::app::App;
use super::extract::{Caller, Json, Named, Owner};
use super::fields::{Bio, Email, Label, Name, NewPassword, Secret};
use super::limits::Bounds;
use super::problem::Problem;
use super::sessions::{LoggedIn, Private};
use crate::domain::Timestamp;
use crate::domain::UserId;
use crate::domain::users::{Circle, User, Username};
use crate::service::accounts::Registration;
use crate::service::sessions::Device;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A user as others see him.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub(super) struct Public {
    /// His number.
    id: UserId,
    /// His name.
    username: Username,
    /// What he says of himself.
    bio: String,
    /// When he registered.
    created_at: Timestamp,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    #[schemars(with = "Name")]
    username: String,
    #[schemars(with = "NewPassword")]
    password: String,
    /// A private address.
    #[schemars(with = "Option<Email>")]
    email: Option<String>,
    /// What one says of oneself.
    #[schemars(with = "Option<Bio>")]
    bio: Option<String>,
    /// What the session is to be called: the device, for instance.
    #[schemars(with = "Option<Label>")]
    name: Option<String>,
    /// Answer with a cookie instead of tokens: for browsers.
    #[serde(default)]
    cookie: bool,
}

/// `POST /users`
pub(super) async fn register(
    State(app): State<App>,
    bounds: Bounds,
    Json(body): Json<Register>,
) -> Result<LoggedIn, Problem> {
    bounds.registration()?;
    let Register { username, password, email, bio, name, cookie } = body;
    let device = Device { name: name.unwrap_or_default(), cookie };
    let login = app.services.register(Registration { username, password, email, bio }, device).await?;
    Ok(LoggedIn { app, login })
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

/// `GET /me`
pub(super) async fn me(State(app): State<App>, Owner(principal): Owner) -> Result<axum::Json<Private>, Problem> {
    Ok(axum::Json(app.services.me(&principal).await?.into()))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    /// What one says of oneself.
    #[schemars(with = "Option<Bio>")]
    bio: Option<String>,
    /// Who may write to one directly.
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

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePassword {
    #[schemars(with = "Secret")]
    current_password: String,
    #[schemars(with = "NewPassword")]
    new_password: String,
}

/// `PUT /me/password`
pub(super) async fn change_password(
    State(app): State<App>,
    Owner(principal): Owner,
    bounds: Bounds,
    Json(body): Json<ChangePassword>,
) -> Result<NoContent, Problem> {
    bounds.login(&principal.user.to_string())?;
    app.services.change_password(&principal, body.current_password, body.new_password).await?;
    Ok(NoContent)
}
