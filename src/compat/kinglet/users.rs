//! `/users`: registering, activating, logging in and out, passwords, profiles.

use super::answer::{Created, Done, Wrong};
use super::said::{Part, Said};
use super::{BASE, DEBUG, dates, text};
use crate::compat::Front;
use crate::domain::Refusal;
use crate::domain::users::{Circle, EMAIL_LIMIT, User, check_bio, check_email, fold, is_part_of_word};
use crate::gate::Bounds;
use crate::service::Failure;
use crate::service::accounts::{Delivery, Newcomer, Profile, Secrets, Through};
use crate::service::sessions::{Credentials, Device, Keeps, Login, Who};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

/// How long a login lasts: the original's lasted until the logout, which is too long for what stands in addresses.
const SESSION: Duration = Duration::from_hours(30 * 24);
/// Names here are shorter than elsewhere, as in the original.
const NAME_LIMIT: usize = 30;

fn delivery(front: &Front) -> Delivery {
    if front.is(DEBUG) { Delivery::Answer } else { Delivery::Mail }
}

#[derive(Serialize)]
pub(super) struct Registered {
    user_id: String,
    user_name: String,
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation_link: Option<String>,
}

/// `POST /users`
pub(super) async fn register(
    State(front): State<Front>,
    bounds: Bounds,
    headers: HeaderMap,
    said: Said,
) -> Result<Created<Registered>, Wrong> {
    let (name, email) = (said.word("user_name").unwrap_or_default(), said.word("email").unwrap_or_default());
    check_wish(&name, &email)?;
    bounds.registration()?;
    let through = Through { system: front.name(), inbox: Circle::Contacts };
    let newcomer = Newcomer { username: name.clone(), email: email.clone(), through };
    let made = front.services.register_newcomer(newcomer, delivery(&front)).await;
    let (user, secrets) = made.map_err(|failure| not_registered(failure, &name, &email))?;
    let link = |token: &str| format!("{}{BASE}/users/activate/{token}", front.base(&headers));
    let (password, user_digest) = secrets.map(|Secrets { password, token }| (password, token)).unzip();
    Ok(Created(Registered {
        user_id: user.id.to_string(),
        user_name: user.username.as_str().to_owned(),
        email,
        password,
        activation_link: user_digest.as_deref().map(link),
        user_digest,
    }))
}

/// The rules of the original, and its lines; but that the last part of a domain has three letters at most was none.
fn check_wish(name: &str, email: &str) -> Result<(), Wrong> {
    const NAME: &str =
        "Username must contain fewer than 31 characters, and only letters, numbers, and underscores are allowed. ";
    let mut lines = Vec::new();
    if name.is_empty() {
        lines.push("Missing username.");
    } else if name.chars().count() > NAME_LIMIT || !name.chars().all(|c| is_part_of_word(c) || c == '_') {
        lines.push(NAME);
    }
    if email.is_empty() {
        lines.push("Missing e-mail.");
    } else if email.len() > EMAIL_LIMIT || check_email(email).is_err() {
        lines.push("E-mail has incorrect syntax.");
    }
    if lines.is_empty() { Ok(()) } else { Err(invalid_input(&lines)) }
}

fn invalid_input(lines: &[&str]) -> Wrong {
    Wrong::bad("Invalid Input", lines.join("<br />\n") + "<br />\n")
}

fn not_registered(failure: Failure, name: &str, email: &str) -> Wrong {
    const ERROR: &str = "CreateUser - Error creating account.";
    match failure {
        // The spaces are the original's.
        Failure::Refused(Refusal::UsernameTaken) => Wrong::bad(ERROR, format!(" '{name}'  already exists.")),
        Failure::Refused(Refusal::EmailTaken) => Wrong::bad(ERROR, format!(" '{email}'  already exists.")),
        Failure::Refused(Refusal::Invalid { field: "email", .. }) => invalid_input(&["E-mail has incorrect syntax."]),
        Failure::Refused(Refusal::Invalid { reason, .. }) => invalid_input(&[&reason]),
        failure => failure.into(),
    }
}

#[derive(Serialize)]
pub(super) struct Activated {
    activate_account: &'static str,
}

/// `GET /users/activate/DIGEST`: as often as one likes.
pub(super) async fn activate(
    State(front): State<Front>,
    bounds: Bounds,
    Part(digest): Part,
) -> Result<Done<Activated>, Wrong> {
    bounds.mailed_link()?;
    let unknown = |failure| match failure {
        Failure::Refused(Refusal::LinkInvalid | Refusal::EmailTaken) => {
            let system = "Invalid data given or account does not exist.";
            Wrong::bad("ActivateAccount - Error activating account", system)
        }
        failure => failure.into(),
    };
    front.services.activate(&digest).await.map_err(unknown)?;
    Ok(Done(Activated { activate_account: "true" }))
}

/// `GET /users/activate`
pub(super) async fn activate_nothing() -> Wrong {
    Wrong::bad("Missing data.", "No digest given.")
}

#[derive(Serialize)]
pub(super) struct LoggedIn {
    user_id: String,
    user_name: String,
    session_id: String,
}

impl From<Login> for LoggedIn {
    fn from(login: Login) -> Self {
        let session_id = match login.credentials {
            Credentials::Secret { value, .. } => value,
            Credentials::Tokens(_) => String::new(),
        };
        Self { user_id: login.user.id.to_string(), user_name: login.user.username.as_str().to_owned(), session_id }
    }
}

async fn open_session(front: &Front, bounds: &Bounds, who: Who, password: String) -> Result<LoggedIn, Failure> {
    let keeps = Keeps::Secret { audience: front.name(), lasts: front.session_lifetime(SESSION) };
    let device = Device { name: "Kinglet".to_owned(), keeps, address: Some(bounds.address()) };
    Ok(front.services.log_in(who, password, device).await?.into())
}

/// `POST /users/login`: whatever is wrong gets the same answer.
pub(super) async fn log_in(State(front): State<Front>, bounds: Bounds, said: Said) -> Result<Done<LoggedIn>, Wrong> {
    let email = said.word("email").unwrap_or_default();
    bounds.login(&email)?;
    let password = said.text("password").unwrap_or_default();
    match open_session(&front, &bounds, Who::Email(email), password).await {
        Ok(login) => Ok(Done(login)),
        Err(Failure::Refused(_)) => {
            Err(Wrong::not_found("Invalid login.", "Username or password was not found in database."))
        }
        Err(failure) => Err(failure.into()),
    }
}

#[derive(Serialize)]
pub(super) struct LoggedOut {
    logged_out: &'static str,
}

/// `GET /users/NAME/logout`
pub(super) async fn log_out(
    State(front): State<Front>,
    Part(name): Part,
    said: Said,
) -> Result<Done<LoggedOut>, Wrong> {
    let caller = said.logged_in(&front).await?;
    if fold(&name) != caller.user.username.key() {
        return Err(Wrong::bad("Logout - Error (3) logging out account", "Only your own account can be logged out."));
    }
    front.services.revoke_session(&caller.principal, caller.principal.session).await?;
    Ok(Done(LoggedOut { logged_out: "true" }))
}

#[derive(Serialize)]
pub(super) struct NewPassword {
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_password: Option<String>,
}

/// `POST /users/password`: for who lost his own. That there is nobody of this name with this address is told, as the
/// protocol has it.
pub(super) async fn replace_password(
    State(front): State<Front>,
    bounds: Bounds,
    said: Said,
) -> Result<Done<NewPassword>, Wrong> {
    let (name, email) = (said.word("user_name").unwrap_or_default(), said.word("email").unwrap_or_default());
    bounds.mail()?;
    let unknown = |failure| match failure {
        Failure::Refused(Refusal::NotFound(_)) => {
            Wrong::not_found("Invalid input.", "Username and/or e-mail does not exist.")
        }
        failure => failure.into(),
    };
    let made = front.services.replace_lost_password(&name, &email, delivery(&front)).await;
    let (_, secrets) = made.map_err(unknown)?;
    Ok(Done(NewPassword { email, new_password: secrets.map(|secrets| secrets.password) }))
}

/// `PUT /users/password`: answers with a session, and, alone of all, without a description. The session that asked goes
/// on, as it did; all others end.
pub(super) async fn change_password(State(front): State<Front>, bounds: Bounds, said: Said) -> Result<Response, Wrong> {
    let caller = said.logged_in_to_change(&front).await?;
    let [old, new, again] =
        ["old_password", "new_password", "verify_password"].map(|name| said.text(name).unwrap_or_default());
    let missing =
        [(&old, "Missing old password. "), (&new, "Missing new password. "), (&again, "Missing verify password. ")];
    let mut sentences: String = missing.iter().filter(|(given, _)| given.is_empty()).map(|(_, says)| *says).collect();
    if new != again {
        sentences.push_str("New password and verify password do not match. ");
    }
    if !sentences.is_empty() {
        return Err(Wrong::bad("Invalid data.", sentences));
    }
    let name = caller.user.username.as_str();
    bounds.password(caller.principal.user)?;
    let not_changed = |failure| match failure {
        Failure::Refused(Refusal::InvalidCredentials) => Wrong::bad("Invalid data.", "Old password is incorrect."),
        Failure::Refused(Refusal::Invalid { reason, .. }) => Wrong::bad("Invalid data.", format!("{reason} ")),
        failure => failure.into(),
    };
    front.services.change_password(&caller.principal, old, new.clone()).await.map_err(not_changed)?;
    let LoggedIn { user_id, user_name, session_id } =
        open_session(&front, &bounds, Who::Username(name.to_owned()), new).await?;
    let answer = json!({"status": 200, "user_id": user_id, "user_name": user_name, "session_id": session_id});
    Ok(axum::Json(answer).into_response())
}

/// What somebody sees of himself.
#[derive(Serialize)]
struct OwnProfile {
    user_id: String,
    user_name: String,
    email: String,
    user_status: &'static str,
    digest: String,
    desc_markup: Option<String>,
    desc_format: Option<String>,
    created_date: String,
}

impl From<User> for OwnProfile {
    fn from(user: User) -> Self {
        let bio = Some(user.bio).filter(|bio| !bio.is_empty());
        Self {
            digest: text::digest(&["user", &user.id.to_string(), &user.created_at.to_string()]),
            user_id: user.id.to_string(),
            user_name: user.username.as_str().to_owned(),
            email: user.email.unwrap_or_default(),
            user_status: "o",
            desc_format: bio.as_deref().map(text::profile),
            desc_markup: bio,
            created_date: dates::day(user.created_at),
        }
    }
}

/// What somebody sees of one who approved him.
#[derive(Serialize)]
struct OthersProfile {
    user_name: String,
    desc_format: Option<String>,
}

/// `GET /users/NAME`: one's own, or that of somebody who approved oneself.
pub(super) async fn profile(State(front): State<Front>, Part(name): Part, said: Said) -> Result<Response, Wrong> {
    let caller = said.logged_in(&front).await?;
    let hidden = |failure| match failure {
        Failure::Refused(Refusal::NotFound(_) | Refusal::NotAContact { .. }) => {
            let system = format!("You are not on {name}'s approved list of users.");
            Wrong::not_found("Could not retrieve user information.", system)
        }
        failure => failure.into(),
    };
    let user = front.services.profile_to_contacts(&caller.principal, &name).await.map_err(hidden)?;
    if user.id == caller.user.id {
        return Ok(Done(OwnProfile::from(user)).into_response());
    }
    let desc_format = Some(text::profile(&user.bio)).filter(|shown| !shown.is_empty());
    Ok(Done(OthersProfile { user_name: user.username.as_str().to_owned(), desc_format }).into_response())
}

#[derive(Serialize)]
pub(super) struct Updated {
    profile_updated: &'static str,
}

/// `PUT /users`: the address, which has to be given, and what one says of oneself, which stays if it is not.
pub(super) async fn update_profile(
    State(front): State<Front>,
    bounds: Bounds,
    said: Said,
) -> Result<Done<Updated>, Wrong> {
    let caller = said.logged_in_to_change(&front).await?;
    let email = said.word("email").ok_or_else(|| Wrong::bad("Invalid data.", "Missing e-mail. "))?;
    let bio = said.text("desc_markup");
    let not_updated = |failure| match failure {
        Failure::Refused(Refusal::EmailTaken) => {
            Wrong::bad("Duplicate entry", format!("E-mail address {email} already exists."))
        }
        Failure::Refused(Refusal::Invalid { reason, .. }) => Wrong::bad("Invalid data.", format!("{reason} ")),
        failure => failure.into(),
    };
    bio.as_deref().map_or(Ok(()), check_bio).map_err(|refusal| not_updated(refusal.into()))?;
    if caller.user.email.as_deref().map(fold) != Some(fold(&email)) {
        bounds.mail()?;
        let change = front.services.change_email_unproven(&caller.principal, email.clone(), delivery(&front));
        change.await.map_err(not_updated)?;
    }
    if bio.is_some() {
        let profile = Profile { bio, ..Profile::default() };
        front.services.update_me(&caller.principal, profile).await.map_err(not_updated)?;
    }
    Ok(Done(Updated { profile_updated: "true" }))
}
