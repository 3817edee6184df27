//! `/api/auth`: registering, logging in, logging out.

use super::super::{Front, Refused};
use super::complaint::{Answer, Complaint};
use super::form::{Form, REQUIRED, too_long};
use super::known::Known;
use crate::domain::users::{Circle, USERNAME_LIMIT, User, Username, check_email};
use crate::domain::{Refusal, UserId};
use crate::gate::Bounds;
use crate::service::Failure;
use crate::service::accounts::{Registered, Registration, Through};
use crate::service::sessions::{Credentials, Device, Keeps, Login, Who};
use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;
use serde::Serialize;
use std::time::Duration;

/// How long a token is good unless the operator says otherwise: as long as in the original.
const TOKEN_LASTS: Duration = Duration::from_hours(10);

const NO_EMAIL: &str = "Enter a valid email address.";

/// An account, and the token that it is used with.
#[derive(Debug, Serialize)]
pub(super) struct Welcome {
    user: Account,
    /// None where the account first has to be confirmed by mail, which the original did not know.
    token: Option<String>,
}

#[derive(Debug, Serialize)]
struct Account {
    id: UserId,
    username: String,
    email: String,
}

impl Account {
    fn new(user: User) -> Self {
        Self { id: user.id, username: user.username.as_str().to_owned(), email: user.email.unwrap_or_default() }
    }
}

impl Welcome {
    fn new(login: Login) -> Answer<Self> {
        match login.credentials {
            Credentials::Secret { value, .. } => Ok(Self { user: Account::new(login.user), token: Some(value) }),
            // A session of this kind has nothing else.
            Credentials::Tokens(_) => Err(Failure::Broken.into()),
        }
    }
}

/// `POST /api/auth/register`
pub(super) async fn register(
    State(front): State<Front>,
    bounds: Bounds,
    request: Request,
) -> Answer<(StatusCode, Json<Welcome>)> {
    let mut form = Form::read(&front, request).await?;
    let username = form.required("username").trim().to_owned();
    let password = form.required("password");
    let email = form.optional("email");
    if let Some(reason) = bad_name(&username) {
        form.refuse("username", reason);
    }
    if email.as_deref().is_some_and(|email| check_email(email).is_err()) {
        form.refuse("email", NO_EMAIL);
    }
    form.done()?;
    bounds.registration()?;
    let bad_email = if email.is_some() { NO_EMAIL } else { REQUIRED };
    let through = Some(Through { system: front.name(), inbox: Circle::Everyone });
    let registration = Registration { username, password, email, bio: None, invitation: None, through };
    let registered = front.services.register(registration, device(&front, &bounds)).await;
    let welcome = match registered.map_err(|failure| unwelcome(failure, bad_email))? {
        Registered::Active(login) => Welcome::new(login)?,
        Registered::Pending(user) => Welcome { user: Account::new(user), token: None },
    };
    Ok((StatusCode::CREATED, Json(welcome)))
}

/// `POST /api/auth/login`
pub(super) async fn login(State(front): State<Front>, bounds: Bounds, request: Request) -> Answer<Json<Welcome>> {
    let mut form = Form::read(&front, request).await?;
    let username = form.required("username").trim().to_owned();
    let password = form.required("password");
    form.done()?;
    bounds.login(&username)?;
    let login = front.services.log_in(Who::Username(username), password, device(&front, &bounds)).await;
    Ok(Json(Welcome::new(login.map_err(shut_out)?)?))
}

/// `POST /api/auth/logout`: this token's session alone.
pub(super) async fn logout(State(front): State<Front>, Known(principal): Known) -> Answer<StatusCode> {
    front.services.revoke_session(&principal, principal.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn device(front: &Front, bounds: &Bounds) -> Device {
    let lasts = front.session_lifetime(TOKEN_LASTS);
    let keeps = Keeps::Secret { audience: front.name(), lasts };
    Device { name: "OMS".to_owned(), keeps, address: Some(bounds.address()) }
}

/// Why nobody was registered, at the field that it is about.
fn unwelcome(failure: Failure, bad_email: &str) -> Complaint {
    match &failure {
        Failure::Refused(Refusal::UsernameTaken) => {
            Complaint::field("username", "A user with that username already exists.")
        }
        Failure::Refused(Refusal::Invalid { field: "email", .. }) => Complaint::field("email", bad_email),
        Failure::Refused(Refusal::Invalid { field, reason }) => Complaint::field(field, reason.clone()),
        Failure::Refused(refusal @ Refusal::EmailTaken) => Complaint::field("email", refusal.to_string()),
        _ => Refused::from(failure).into(),
    }
}

/// What the original said of names that are none. It took 150 characters; here they are 64.
fn bad_name(name: &str) -> Option<String> {
    if name.chars().count() > USERNAME_LIMIT {
        return Some(too_long(USERNAME_LIMIT));
    }
    // What is missing is told already.
    if name.is_empty() {
        return None;
    }
    let only = "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.";
    Username::parse("username", name).is_err().then(|| only.to_owned())
}

/// Why nobody was logged in.
fn shut_out(failure: Failure) -> Complaint {
    match failure {
        Failure::Refused(Refusal::InvalidCredentials) => Complaint::field("non_field_errors", "Incorrect credentials"),
        Failure::Refused(refusal @ (Refusal::Suspended | Refusal::NotActivated)) => {
            Complaint::field("non_field_errors", refusal.to_string())
        }
        other => other.into(),
    }
}
