//! `/invitations`: administrators let people in where registration is not open to all.

use super::admin::Admin;
use super::answer::{Created, NoContent};
use super::app::App;
use super::extract::{Named, OptionalJson, Params};
use super::fields::Label;
use super::page::Part;
use super::problem::Problem;
use crate::domain::InvitationId;
use crate::domain::invitations::USES_LIMIT;
use crate::service::Page;
use crate::service::invitations::{InvitationItem, NewInvitation, Wanted};
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// How long an invitation is good unless said otherwise, in seconds: a week.
const USUAL: u64 = 7 * 24 * 60 * 60;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    /// What it is for.
    #[schemars(with = "Option<Label>")]
    name: Option<String>,
    /// How many people it lets in; 1 unless said.
    #[schemars(range(min = 1, max = USES_LIMIT))]
    uses: Option<i64>,
    /// How many seconds it is good; a week unless said.
    #[schemars(range(min = 60, max = 365 * 24 * 60 * 60))]
    expires_in: Option<u64>,
}

/// `POST /invitations`
pub(super) async fn create(
    State(app): State<App>,
    Admin(principal): Admin,
    OptionalJson(body): OptionalJson<Create>,
) -> Result<Created<NewInvitation>, Problem> {
    let wanted = Wanted {
        name: body.name.unwrap_or_default(),
        uses: body.uses.unwrap_or(1),
        lasts: Duration::from_secs(body.expires_in.unwrap_or(USUAL)),
    };
    Ok(Created(app.services.invite(&principal, wanted).await?))
}

/// `GET /invitations`
pub(super) async fn list(
    State(app): State<App>,
    Admin(principal): Admin,
    Params(part): Params<Part>,
) -> Result<axum::Json<Page<InvitationItem>>, Problem> {
    let limit = part.limit()?;
    Ok(axum::Json(app.services.invitations(&principal, part.cursor(), limit).await?))
}

/// `DELETE /invitations/ID`
pub(super) async fn withdraw(
    State(app): State<App>,
    Admin(principal): Admin,
    Named(id): Named<InvitationId>,
) -> Result<NoContent, Problem> {
    app.services.withdraw(&principal, id).await?;
    Ok(NoContent)
}
