//! `/user`: making one, and finding one by number or name.

use super::BOARD;
use super::asked::Asked;
use super::shapes::UserShape;
use super::sorry::Sorry;
use crate::compat::{Front, Refused};
use crate::domain::users::Circle;
use crate::domain::{Refusal, UserId};
use crate::gate::Bounds;
use crate::service::Failure;
use crate::service::accounts::{Acquaintance, PublicUser, Registration, Through};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

/// `GET /user`
pub(super) async fn nobody() -> Sorry {
    Sorry::bad("Must specify user_id or username.")
}

/// `POST /user`
pub(super) async fn register(
    State(front): State<Front>,
    bounds: Bounds,
    asked: Asked,
) -> Result<Json<UserShape>, Sorry> {
    let (Some(username), Some(password)) = (asked.text("username")?, asked.text("password")?) else {
        return Err(Sorry::bad("Must specify username and password."));
    };
    bounds.registration()?;
    let taken = format!("A user already exists with username: {username}");
    let through = Some(Through { system: front.name(), inbox: Circle::Everyone });
    let bio = asked.text("bio")?;
    let registration = Registration { username, password, email: None, bio, invitation: None, through };
    let user =
        front.services.register_only(registration).await.map_err(|failure| {
            Sorry::or(failure, |refusal| *refusal == Refusal::UsernameTaken, || Sorry::bad(taken))
        })?;
    Ok(Json((&PublicUser::from(user)).into()))
}

/// `GET /user/WHO`
pub(super) async fn user(
    State(front): State<Front>,
    who: Result<Path<String>, PathRejection>,
) -> Result<Json<UserShape>, Sorry> {
    let Path(who) = who.map_err(|_| Refused::NoRoute)?;
    let digits = !who.is_empty() && who.bytes().all(|byte| byte.is_ascii_digit());
    let unknown = || {
        let what = if digits { "ID" } else { "username" };
        Sorry::not_found(format!("No user matching {what}: {who}"))
    };
    let user = find(&front, &who, digits).await;
    let user = user.map_err(|failure| Sorry::or(failure, is_not_found, unknown))?;
    Ok(Json((&user).into()))
}

/// Digits are a number first, and a name only if there is nobody of that number.
async fn find(front: &Front, who: &str, digits: bool) -> Result<PublicUser, Failure> {
    let channel = front.services.find_commons(BOARD).await?;
    let among = Acquaintance { system: front.name(), channel };
    if let Some(id) = who.parse().ok().filter(|_| digits) {
        match front.services.acquainted(among, UserId(id)).await {
            Err(Failure::Refused(refusal)) if is_not_found(&refusal) => {}
            found => return found,
        }
    }
    front.services.acquainted_by_name(among, who).await
}

fn is_not_found(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::NotFound(_))
}
