//! `/blocks`: whom somebody does not want to be reached by.

use super::answer::NoContent;
use super::app::App;
use super::extract::{Named, Owner, Params};
use super::messages::{LIMITS, limit};
use super::problem::Problem;
use crate::domain::blocks::BlockView;
use crate::service::Page;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

/// `PUT /blocks/NAME`
pub(super) async fn create(
    State(app): State<App>,
    Owner(principal): Owner,
    Named(name): Named<String>,
) -> Result<NoContent, Problem> {
    app.gate.within(|limits| limits.send(principal.user))?;
    app.services.block(&principal, &name).await?;
    Ok(NoContent)
}

/// `DELETE /blocks/NAME`
pub(super) async fn delete(
    State(app): State<App>,
    Owner(principal): Owner,
    Named(name): Named<String>,
) -> Result<NoContent, Problem> {
    app.gate.within(|limits| limits.send(principal.user))?;
    app.services.unblock(&principal, &name).await?;
    Ok(NoContent)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// The `next` of the part before.
    cursor: Option<String>,
    /// How many at most; 50 unless said.
    #[schemars(range(min = 1, max = LIMITS.0))]
    limit: Option<u64>,
}

/// `GET /blocks`
pub(super) async fn list(
    State(app): State<App>,
    Owner(principal): Owner,
    Params(list): Params<List>,
) -> Result<axum::Json<Page<BlockView>>, Problem> {
    let limit = limit(list.limit)?;
    Ok(axum::Json(app.services.blocks(&principal, list.cursor.as_deref(), limit).await?))
}
