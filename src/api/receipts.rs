//! `/conversations/ID/read`, `/conversations/ID/receipts` and `/messages/take`: how far people have read.

use super::app::App;
use super::extract::{Caller, Json, Named, OptionalJson};
use super::page::{LIMITS, limit};
use super::problem::Problem;
use crate::domain::messages::Message;
use crate::domain::receipts::ReceiptView;
use crate::domain::{ConversationId, MessageId};
use crate::gate::Bounds;
use crate::service::Page;
use crate::service::receipts::{ReadState, Taking};
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    /// The last message that one has read.
    message_id: MessageId,
}

/// `PUT /conversations/ID/read`
pub(super) async fn mark(
    State(app): State<App>,
    Caller(principal): Caller,
    bounds: Bounds,
    Named(id): Named<ConversationId>,
    Json(body): Json<Read>,
) -> Result<axum::Json<ReadState>, Problem> {
    bounds.reading(principal.user)?;
    Ok(axum::Json(app.services.mark_read(&principal, id, body.message_id).await?))
}

/// `GET /conversations/ID/receipts`
pub(super) async fn list(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(id): Named<ConversationId>,
) -> Result<axum::Json<Page<ReceiptView>>, Problem> {
    Ok(axum::Json(app.services.receipts(&principal, id).await?))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Take {
    /// Only those of this conversation.
    conversation_id: Option<ConversationId>,
    /// How many at most; 50 unless said.
    #[schemars(range(min = 1, max = LIMITS.0))]
    limit: Option<u64>,
    /// Also those to oneself.
    #[serde(default)]
    own_notes: bool,
}

/// `POST /messages/take`
pub(super) async fn take(
    State(app): State<App>,
    Caller(principal): Caller,
    bounds: Bounds,
    OptionalJson(body): OptionalJson<Take>,
) -> Result<axum::Json<Page<Message>>, Problem> {
    bounds.reading(principal.user)?;
    let Take { conversation_id, limit: wanted, own_notes } = body;
    let taking =
        Taking { conversation: conversation_id, directs: None, limit: limit(wanted)?, include_own_notes: own_notes };
    Ok(axum::Json(app.services.take(&principal, taking).await?))
}
