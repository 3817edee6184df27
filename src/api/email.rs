//! `/me/email`: changing one's private address, and taking it away.

use super::app::App;
use super::extract::{ClientAddress, Json, Owner};
use super::problem::Problem;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    email: String,
    password: String,
}

/// `PUT /me/email`
pub(super) async fn change(
    State(app): State<App>,
    Owner(principal): Owner,
    ClientAddress(address): ClientAddress,
    Json(body): Json<Change>,
) -> Result<StatusCode, Problem> {
    app.within_limits(|limits| limits.login(address, &principal.user.to_string()))?;
    app.within_limits(|limits| limits.mail(address))?;
    app.services.change_email(&principal, body.email, body.password).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remove {
    password: String,
}

/// `DELETE /me/email`
pub(super) async fn remove(
    State(app): State<App>,
    Owner(principal): Owner,
    ClientAddress(address): ClientAddress,
    Json(body): Json<Remove>,
) -> Result<StatusCode, Problem> {
    app.within_limits(|limits| limits.login(address, &principal.user.to_string()))?;
    app.services.remove_email(&principal, body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
