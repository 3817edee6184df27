//! `/blocks`: whom somebody does not want to be reached by.

use super::app::App;
use super::extract::{Named, Owner, Params};
use super::messages::limit;
use super::problem::Problem;
use crate::domain::blocks::BlockView;
use crate::service::Page;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;

/// `PUT /blocks/NAME`
pub(super) async fn create(
    State(app): State<App>,
    Owner(principal): Owner,
    Named(name): Named<String>,
) -> Result<StatusCode, Problem> {
    app.within_limits(|limits| limits.send(principal.user))?;
    app.services.block(&principal, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /blocks/NAME`
pub(super) async fn delete(
    State(app): State<App>,
    Owner(principal): Owner,
    Named(name): Named<String>,
) -> Result<StatusCode, Problem> {
    app.within_limits(|limits| limits.send(principal.user))?;
    app.services.unblock(&principal, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    cursor: Option<String>,
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
