//! `/users/add`

use super::said::Said;
use super::{Added, body::Body};
use crate::compat::caller::offered;
use crate::compat::{Front, Refused};
use crate::domain::users::{Circle, fold};
use crate::gate::Bounds;
use crate::service::accounts::{Registration, Through};
use axum::extract::State;
use http::HeaderMap;

/// `POST /users/add`: registers who shows a name and a password; where callers are trusted, also a user without one.
pub(super) async fn add(
    State(front): State<Front>,
    bounds: Bounds,
    headers: HeaderMap,
    body: Body,
) -> Result<Added, Said> {
    let offered = offered(&front, &headers)?;
    if offered.is_none() && !front.trusts_callers() {
        return Err(Refused::NoCredentials.into());
    }
    let mut given = body.check();
    let username = given.text("username");
    given.finish()?;
    if offered.is_some() {
        // Where callers are trusted, nobody's password is hashed either.
        bounds.registration()?;
    }
    let through = Some(Through { system: front.name(), inbox: Circle::Everyone });
    let user = match offered {
        None => front.services.add_open_user(&username, through).await?,
        Some((name, _)) if fold(&name) != fold(&username) => {
            return Err(Said::forbidden("Register with the name that is to be yours, and its password."));
        }
        Some((_, password)) => {
            let registration = Registration { username, password, email: None, bio: None, invitation: None, through };
            front.services.register_only(registration).await?
        }
    };
    Ok(Added(user.id.0))
}
