//! On whose behalf something is done: the caller's own, or, where callers are trusted, that of whomever a request names.

use super::said::Said;
use crate::compat::caller::Caller;
use crate::compat::{Front, Refused};
use crate::domain::sessions::Principal;
use crate::domain::{Refusal, UserId};
use crate::service::Failure;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

/// What an actor without credentials hears who would act for somebody with a password.
const PASSWORD: &str = "This user has a password: show it, or a token.";

/// Who stands behind a request. Without credentials there is only one where callers are trusted.
#[derive(Debug)]
pub(super) struct Actor {
    front: Front,
    caller: Option<Principal>,
}

impl FromRequestParts<Front> for Actor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, front: &Front) -> Result<Self, Response> {
        let Caller(caller) = Caller::from_request_parts(parts, front).await?;
        if caller.is_none() && !front.trusts_callers() {
            return Err(Said::from(Refused::NoCredentials).into_response());
        }
        Ok(Self { front: front.clone(), caller })
    }
}

impl Actor {
    /// Who has shown credentials of his own.
    pub(super) fn caller(&self) -> Option<&Principal> {
        self.caller.as_ref()
    }

    /// Somebody whom the request names: the caller himself, or one on whose behalf trusted callers act.
    pub(super) async fn acts_as(self, id: UserId) -> Result<Principal, Said> {
        if let Some(caller) = self.caller.filter(|caller| caller.user == id) {
            return Ok(caller);
        }
        let user = self.front.services.user_by_id(id).await?;
        if !self.front.trusts_callers() {
            return Err(Said::forbidden("You may act only as yourself."));
        }
        self.front.services.trust(&user).map_err(|failure| untrusted(failure.into()))
    }

    /// One of these people: the caller himself, or the first on whose behalf trusted callers act, if there is one.
    pub(super) async fn acts_as_one_of(self, people: &[UserId]) -> Result<Option<Principal>, Said> {
        if let Some(caller) = self.caller.filter(|caller| people.contains(&caller.user)) {
            return Ok(Some(caller));
        }
        if !self.front.trusts_callers() {
            return Err(Said::forbidden("You must be one of the users of a chat."));
        }
        Ok(self.front.services.first_trusted(people).await?)
    }
}

/// A refusal where nobody is there on whose behalf a trusted caller could act.
pub(super) fn untrusted(refused: Refused) -> Said {
    match refused {
        Refused::Service(Failure::Refused(Refusal::Unauthorized)) => nobody(),
        refused => refused.into(),
    }
}

/// Nobody is there on whose behalf a trusted caller could act.
pub(super) fn nobody() -> Said {
    Said::new(StatusCode::UNAUTHORIZED, PASSWORD)
}
