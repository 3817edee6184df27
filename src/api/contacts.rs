//! `/contacts`: asking to be in somebody's, and answering those who ask.

use super::answer::{Created, NoContent};
use super::app::App;
use super::extract::{Json, Named, Owner, Params};
use super::fields::Name;
use super::page::{LIMITS, limit};
use super::problem::Problem;
use crate::domain::contacts::{Answer, ContactView, Direction, State as Said};
use crate::gate::Bounds;
use crate::service::Page;
use crate::service::contacts::Wanted;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    /// Whom to ask.
    #[schemars(with = "Name")]
    username: String,
}

/// `POST /contacts`
pub(super) async fn ask(
    State(app): State<App>,
    Owner(principal): Owner,
    bounds: Bounds,
    Json(body): Json<Ask>,
) -> Result<Created<ContactView>, Problem> {
    // It reaches somebody else, like a message.
    bounds.send(principal.user)?;
    Ok(Created(app.services.ask_contact(&principal, &body.username).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    #[serde(default)]
    direction: Direction,
    /// Only those of which this is said.
    state: Option<Said>,
    /// The `next` of the part before.
    cursor: Option<String>,
    /// How many at most; 50 unless said.
    #[schemars(range(min = 1, max = LIMITS.0))]
    limit: Option<u64>,
}

/// `GET /contacts`
pub(super) async fn list(
    State(app): State<App>,
    Owner(principal): Owner,
    Params(list): Params<List>,
) -> Result<axum::Json<Page<ContactView>>, Problem> {
    let List { direction, state, cursor, limit: wanted } = list;
    let wanted = Wanted { direction, state, cursor: cursor.as_deref(), limit: limit(wanted)? };
    Ok(axum::Json(app.services.contacts(&principal, wanted).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Say {
    /// What one says to him.
    state: Answer,
}

/// `PUT /contacts/NAME`
pub(super) async fn answer(
    State(app): State<App>,
    Owner(principal): Owner,
    bounds: Bounds,
    Named(name): Named<String>,
    Json(body): Json<Say>,
) -> Result<axum::Json<ContactView>, Problem> {
    bounds.send(principal.user)?;
    Ok(axum::Json(app.services.answer_contact(&principal, &name, body.state).await?))
}

/// `DELETE /contacts/NAME`
pub(super) async fn forget(
    State(app): State<App>,
    Owner(principal): Owner,
    bounds: Bounds,
    Named(name): Named<String>,
) -> Result<NoContent, Problem> {
    bounds.send(principal.user)?;
    app.services.forget_contact(&principal, &name).await?;
    Ok(NoContent)
}
