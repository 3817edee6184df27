//! `/blocks`: whom somebody does not want to be reached by.

use super::answer::NoContent;
use super::app::App;
use super::extract::{Named, Owner, Params};
use super::page::Part;
use super::problem::Problem;
use crate::domain::blocks::BlockView;
use crate::gate::Bounds;
use crate::service::Page;
use axum::extract::State;

/// `PUT /blocks/NAME`
pub(super) async fn create(
    State(app): State<App>,
    Owner(principal): Owner,
    bounds: Bounds,
    Named(name): Named<String>,
) -> Result<NoContent, Problem> {
    bounds.send(principal.user)?;
    app.services.block(&principal, &name).await?;
    Ok(NoContent)
}

/// `DELETE /blocks/NAME`
pub(super) async fn delete(
    State(app): State<App>,
    Owner(principal): Owner,
    bounds: Bounds,
    Named(name): Named<String>,
) -> Result<NoContent, Problem> {
    bounds.send(principal.user)?;
    app.services.unblock(&principal, &name).await?;
    Ok(NoContent)
}

/// `GET /blocks`
pub(super) async fn list(
    State(app): State<App>,
    Owner(principal): Owner,
    Params(part): Params<Part>,
) -> Result<axum::Json<Page<BlockView>>, Problem> {
    let limit = part.limit()?;
    Ok(axum::Json(app.services.blocks(&principal, part.cursor(), limit).await?))
}
