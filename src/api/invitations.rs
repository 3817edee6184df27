//! `/invitations`: administrators let people in where registration is not open to all.

use super::admin::Admin;
use super::app::App;
use super::extract::{Json, Named, Params};
use super::messages::limit;
use super::problem::Problem;
use crate::domain::InvitationId;
use crate::service::Page;
use crate::service::invitations::{InvitationItem, NewInvitation, Wanted};
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use std::time::Duration;

/// How long an invitation is good unless said otherwise, in seconds: a week.
const USUAL: u64 = 7 * 24 * 60 * 60;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    name: Option<String>,
    uses: Option<i64>,
    /// In seconds.
    expires_in: Option<u64>,
}

/// `POST /invitations`
pub(super) async fn create(
    State(app): State<App>,
    Admin(principal): Admin,
    Json(body): Json<Create>,
) -> Result<(StatusCode, axum::Json<NewInvitation>), Problem> {
    let wanted = Wanted {
        name: body.name.unwrap_or_default(),
        uses: body.uses.unwrap_or(1),
        lasts: Duration::from_secs(body.expires_in.unwrap_or(USUAL)),
    };
    Ok((StatusCode::CREATED, axum::Json(app.services.invite(&principal, wanted).await?)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    cursor: Option<String>,
    limit: Option<u64>,
}

/// `GET /invitations`
pub(super) async fn list(
    State(app): State<App>,
    Admin(principal): Admin,
    Params(list): Params<List>,
) -> Result<axum::Json<Page<InvitationItem>>, Problem> {
    let limit = limit(list.limit)?;
    Ok(axum::Json(app.services.invitations(&principal, list.cursor.as_deref(), limit).await?))
}

/// `DELETE /invitations/ID`
pub(super) async fn withdraw(
    State(app): State<App>,
    Admin(principal): Admin,
    Named(id): Named<InvitationId>,
) -> Result<StatusCode, Problem> {
    app.services.withdraw(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
