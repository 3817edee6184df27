//! `/keys`: API keys for scripts and bots.

use super::answer::{Created, NoContent};
use super::app::App;
use super::extract::{Json, Named, Owner};
use super::fields::Label;
use super::problem::Problem;
use crate::domain::events::KeyView;
use crate::domain::sessions::Scope;
use crate::domain::{ConversationId, SessionId};
use crate::service::Page;
use crate::service::keys::NewKey;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    /// What its owner calls it.
    #[schemars(with = "Label")]
    name: String,
    /// What it may do.
    #[schemars(length(min = 1))]
    scopes: Vec<Scope>,
    /// The one conversation that it is for. Without it, all of its owner's.
    conversation_id: Option<ConversationId>,
}

/// `POST /keys`
pub(super) async fn create(
    State(app): State<App>,
    Owner(principal): Owner,
    Json(body): Json<Create>,
) -> Result<Created<NewKey>, Problem> {
    let key = app.services.create_key(&principal, body.name, &body.scopes, body.conversation_id).await?;
    Ok(Created(key))
}

/// `GET /keys`
pub(super) async fn list(
    State(app): State<App>,
    Owner(principal): Owner,
) -> Result<axum::Json<Page<KeyView>>, Problem> {
    Ok(axum::Json(app.services.keys(&principal).await?))
}

/// `DELETE /keys/ID`
pub(super) async fn revoke(
    State(app): State<App>,
    Owner(principal): Owner,
    Named(id): Named<SessionId>,
) -> Result<NoContent, Problem> {
    app.services.revoke_key(&principal, id).await?;
    Ok(NoContent)
}
