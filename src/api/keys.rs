//! `/keys`: API keys for scripts and bots.

use super::app::App;
use super::extract::{Caller, Json, Named};
use super::problem::Problem;
use crate::domain::events::KeyView;
use crate::domain::sessions::Scope;
use crate::domain::{ConversationId, SessionId};
use crate::service::Page;
use crate::service::keys::NewKey;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    scopes: Vec<Scope>,
    conversation_id: Option<ConversationId>,
}

/// `POST /keys`
pub(super) async fn create(
    State(app): State<App>,
    Caller(principal): Caller,
    Json(body): Json<Create>,
) -> Result<(StatusCode, axum::Json<NewKey>), Problem> {
    let key = app.services.create_key(&principal, body.name, &body.scopes, body.conversation_id).await?;
    Ok((StatusCode::CREATED, axum::Json(key)))
}

/// `GET /keys`
pub(super) async fn list(
    State(app): State<App>,
    Caller(principal): Caller,
) -> Result<axum::Json<Page<KeyView>>, Problem> {
    Ok(axum::Json(app.services.keys(&principal).await?))
}

/// `DELETE /keys/ID`
pub(super) async fn revoke(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(id): Named<SessionId>,
) -> Result<StatusCode, Problem> {
    app.services.revoke_key(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
