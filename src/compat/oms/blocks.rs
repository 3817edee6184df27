//! `/api/block`: shutting somebody out, letting him in again, and whom one has shut out.

use super::super::{Front, Refused};
use super::complaint::{Answer, Complaint};
use super::form::Form;
use super::known::Known;
use super::pages::{Asked, Page, SIZE};
use crate::domain::Refusal;
use crate::domain::blocks::BlockView;
use crate::gate::Bounds;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use http::StatusCode;
use serde::Serialize;

/// A block as OMS shows it.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    blocking_user: String,
    blocked_user: String,
}

/// `POST /api/block`
pub(super) async fn block(
    State(front): State<Front>,
    Known(principal): Known,
    bounds: Bounds,
    request: Request,
) -> Answer<(StatusCode, Json<Shown>)> {
    bounds.send(principal.user)?;
    let form = Form::read(&front, request).await?;
    let named = form.somebody("blocked")?;
    let nobody = |failure| Complaint::from(failure).or_nobody("User to be blocked does not exist.");
    let blocked = front.services.user(&named).await.map_err(nobody)?;
    let blocked_user = blocked.username.as_str().to_owned();
    // The original kept such a block, and then nobody could write to himself any more.
    if blocked.id == principal.user {
        return Err(Complaint::detail("You cannot block yourself."));
    }
    if !front.services.block_known(&principal, blocked.id).await.map_err(nobody)? {
        return Err(Complaint::detail(format!("User {blocked_user} has already been blocked.")));
    }
    let me = front.services.me(&principal).await?;
    Ok((StatusCode::CREATED, Json(Shown { blocking_user: me.username.as_str().to_owned(), blocked_user })))
}

/// `GET /api/block`
pub(super) async fn list(
    State(front): State<Front>,
    Known(principal): Known,
    asked: Asked,
) -> Answer<Json<Page<Shown>>> {
    let found = front.services.numbered_blocks(&principal, asked.leaf(), SIZE).await?;
    let me = front.services.me(&principal).await?;
    let show = |block: BlockView| Shown {
        blocking_user: me.username.as_str().to_owned(),
        blocked_user: block.user.username.as_str().to_owned(),
    };
    Ok(asked.answer("/api/block", found, show))
}

/// `DELETE /api/block/USERNAME`. The original had a number there that it told nobody.
pub(super) async fn unblock(
    State(front): State<Front>,
    Known(principal): Known,
    bounds: Bounds,
    named: Result<Path<String>, PathRejection>,
) -> Answer<StatusCode> {
    bounds.send(principal.user)?;
    let not_found = || Complaint::Detail(StatusCode::NOT_FOUND, "Not found.".to_owned());
    let Ok(Path(username)) = named else { return Err(not_found()) };
    match front.services.unblock(&principal, &username).await.map_err(Refused::from) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(refused) if matches!(refused.refusal(), Some(Refusal::NotFound(_))) => Err(not_found()),
        Err(refused) => Err(refused.into()),
    }
}
