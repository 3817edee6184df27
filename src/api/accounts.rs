//! `/users` and `/me`: registering, looking somebody up, one's own account.

use super::answer::NoContent;
use super::app::App;
use super::extract::{Caller, Json, Named, Owner, Params};
use super::fields::{Beginning, Bio, Email, Label, Name, NewPassword, Secret};
use super::openapi::{Answers, Operation};
use super::page::{LIMITS, limit};
use super::problem::Problem;
use super::sessions::keeps;
use super::sessions::{LoggedIn, LoggedOut, LoginAnswer, Private};
use crate::domain::Timestamp;
use crate::domain::UserId;
use crate::domain::departures::Legacy;
use crate::domain::events::KeyView;
use crate::domain::users::{Circle, User, UserRef, Username};
use crate::gate::Bounds;
use crate::service::Page;
use crate::service::accounts::{Profile, Registered, Registration};
use crate::service::sessions::Device;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
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
    /// None if he shows it to his contacts only, and the caller is none.
    bio: Option<String>,
    /// When he registered.
    created_at: Timestamp,
}

impl From<(User, bool)> for Public {
    fn from((User { id, username, bio, created_at, .. }, visible): (User, bool)) -> Self {
        Self { id, username, bio: visible.then_some(bio), created_at }
    }
}

/// The answer to a registration.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Registration")]
#[expect(dead_code, reason = "what is told is that it is one of these")]
enum RegistrationAnswer {
    Active(LoginAnswer),
    Pending(Waiting),
}

/// An account that waits until the link in the mail is used.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PendingAccount")]
struct Waiting {
    user: Private,
}

/// Who has registered: logged in, or told to wait for the mail.
pub(super) struct Welcome {
    app: App,
    registered: Registered,
}

impl IntoResponse for Welcome {
    fn into_response(self) -> Response {
        match self.registered {
            Registered::Active(login) => LoggedIn { app: self.app, login, remember: true }.into_response(),
            Registered::Pending(user) => {
                (StatusCode::CREATED, axum::Json(Waiting { user: user.into() })).into_response()
            }
        }
    }
}

impl Answers for Welcome {
    fn answers(operation: &mut Operation<'_>) {
        let says = "The account was made. A session was opened, with its tokens here or in a cookie; or the account is \
                    `pending`, and waits until the link in the mail is used.";
        operation.answers_json::<RegistrationAnswer>(201, says);
    }
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
    /// The token of an invitation, where it takes one.
    #[schemars(with = "Option<Secret>")]
    invitation: Option<String>,
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
) -> Result<Welcome, Problem> {
    bounds.registration()?;
    let Register { username, password, email, bio, invitation, name, cookie } = body;
    let device = Device { name: name.unwrap_or_default(), keeps: keeps(cookie), address: Some(bounds.address()) };
    let registration = Registration { username, password, email, bio, invitation, through: None };
    Ok(Welcome { registered: app.services.register(registration, device).await?, app })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// What the names begin with.
    #[schemars(with = "Beginning")]
    prefix: String,
    /// The `next` of the part before.
    cursor: Option<String>,
    /// How many at most; 50 unless said.
    #[schemars(range(min = 1, max = LIMITS.0))]
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

/// Whoever calls: all of his account, or, to an API key, whose it is and how far it reaches.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Me")]
pub(super) enum Me {
    Owner(Private),
    Key(ByKey),
}

/// An account as one of its API keys sees it: without what is private to its owner.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AccountByKey")]
pub(super) struct ByKey {
    /// Its number.
    id: UserId,
    username: Username,
    /// When it was made.
    created_at: Timestamp,
    /// The key that is used.
    key: KeyView,
}

/// `GET /me`
pub(super) async fn me(State(app): State<App>, Caller(principal): Caller) -> Result<axum::Json<Me>, Problem> {
    let user = app.services.me(&principal).await?;
    Ok(axum::Json(match app.services.key_at_hand(&principal).await? {
        None => Me::Owner(user.into()),
        Some(key) => Me::Key(ByKey { id: user.id, username: user.username, created_at: user.created_at, key }),
    }))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    /// What one says of oneself.
    #[schemars(with = "Option<Bio>")]
    bio: Option<String>,
    /// Who may read that.
    bio_visible: Option<Circle>,
    /// Who may write to one directly.
    inbox: Option<Circle>,
    /// Whether those who may see when one is there do.
    show_presence: Option<bool>,
}

/// `PATCH /me`
pub(super) async fn update(
    State(app): State<App>,
    Owner(principal): Owner,
    Json(body): Json<Update>,
) -> Result<axum::Json<Private>, Problem> {
    let Update { bio, bio_visible, inbox, show_presence } = body;
    let profile = Profile { bio, bio_visible, inbox, show_presence };
    Ok(axum::Json(app.services.update_me(&principal, profile).await?.into()))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    #[schemars(with = "Secret")]
    password: String,
    /// What becomes of one's messages.
    #[serde(default)]
    messages: Legacy,
}

/// `DELETE /me`
pub(super) async fn delete(
    State(app): State<App>,
    Owner(principal): Owner,
    bounds: Bounds,
    Json(body): Json<Delete>,
) -> Result<LoggedOut, Problem> {
    bounds.password(principal.user)?;
    app.services.delete_me(&principal, body.password, body.messages).await?;
    Ok(LoggedOut(app))
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
    bounds.password(principal.user)?;
    app.services.change_password(&principal, body.current_password, body.new_password).await?;
    Ok(NoContent)
}
