//! As whom a request acts: the user whom its path names, if it may.

use super::failed::Failed;
use crate::compat::caller::caller;
use crate::compat::{Front, Refused};
use crate::domain::sessions::Principal;
use crate::domain::users::User;
use crate::domain::{MessageId, Refusal};
use crate::service::Failure;
use axum::extract::{FromRequestParts, RawPathParams};
use http::StatusCode;
use http::request::Parts;

/// The user of the path, for whom the caller may act: himself, or, where callers are trusted, one who has no password.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) principal: Principal,
    pub(super) user: User,
}

impl FromRequestParts<Front> for Actor {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, front: &Front) -> Result<Self, Failed> {
        let name = parameter(parts, "user").await?;
        let shown = caller(front, parts).await?;
        if shown.is_none() && !front.trusts_callers() {
            return Err(Refused::NoCredentials.into());
        }
        let user = front.services.user(&name).await;
        match shown {
            None => trusted(front, user?),
            // Whether there is anybody else of that name is not told.
            Some(principal) => match user {
                Ok(user) if user.id == principal.user => Ok(Self { principal, user }),
                Ok(_) | Err(Failure::Refused(Refusal::NotFound(_))) => Err(Failed::new(
                    StatusCode::FORBIDDEN,
                    "These credentials are good for their own user's path alone.",
                )),
                Err(failure) => Err(failure.into()),
            },
        }
    }
}

fn trusted(front: &Front, user: User) -> Result<Actor, Failed> {
    let principal = front.services.trust(&user).map_err(|failure| match failure {
        Failure::Refused(Refusal::Unauthorized) => {
            let reason = "This user is not open to everybody: give the name and the password, or a token.";
            Failed::new(StatusCode::UNAUTHORIZED, reason)
        }
        failure => failure.into(),
    })?;
    Ok(Actor { principal, user })
}

/// The message of the path: digits alone, as there.
#[derive(Debug)]
pub(super) struct Numbered(pub(super) MessageId);

impl FromRequestParts<Front> for Numbered {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &Front) -> Result<Self, Failed> {
        number(&parameter(parts, "id").await?).map(Self).ok_or_else(|| Failed::malformed("A message has a number."))
    }
}

/// A message's number as somebody wrote it.
pub(super) fn number(text: &str) -> Option<MessageId> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?.map(MessageId)
}

async fn parameter(parts: &mut Parts, name: &str) -> Result<String, Refused> {
    let unreadable = || Refused::Malformed("The path is not UTF-8.".to_owned());
    let all = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| unreadable())?;
    let found = all.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned());
    found.ok_or(Refused::NoRoute)
}
