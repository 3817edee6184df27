//! `/me/email`: changing one's private address, and taking it away.

use super::answer::{Accepted, NoContent};
use super::app::App;
use super::extract::{Json, Owner};
use super::fields::{Email, Secret};
use super::problem::Problem;
use crate::gate::Bounds;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// The new address.
    #[schemars(with = "Email")]
    email: String,
    #[schemars(with = "Secret")]
    password: String,
}

/// `PUT /me/email`
pub(super) async fn change(
    State(app): State<App>,
    Owner(principal): Owner,
    bounds: Bounds,
    Json(body): Json<Change>,
) -> Result<Accepted, Problem> {
    bounds.password(principal.user)?;
    bounds.mail()?;
    app.services.change_email(&principal, body.email, body.password).await?;
    Ok(Accepted)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Remove {
    #[schemars(with = "Secret")]
    password: String,
}

/// `DELETE /me/email`
pub(super) async fn remove(
    State(app): State<App>,
    Owner(principal): Owner,
    bounds: Bounds,
    Json(body): Json<Remove>,
) -> Result<NoContent, Problem> {
    bounds.password(principal.user)?;
    app.services.remove_email(&principal, body.password).await?;
    Ok(NoContent)
}
