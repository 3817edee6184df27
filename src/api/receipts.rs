//! `/conversations/ID/read`, `/conversations/ID/receipts` and `/messages/take`: how far people have read.

use super::app::App;
use super::extract::{Caller, Json, Named};
use super::messages::limit;
use super::problem::Problem;
use crate::domain::messages::Message;
use crate::domain::receipts::ReceiptView;
use crate::domain::{ConversationId, MessageId};
use crate::service::Page;
use crate::service::receipts::{ReadState, Taking};
use axum::extract::State;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    message_id: MessageId,
}

/// `PUT /conversations/ID/read`
pub(super) async fn mark(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(id): Named<ConversationId>,
    Json(body): Json<Read>,
) -> Result<axum::Json<ReadState>, Problem> {
    app.within_limits(|limits| limits.reading(principal.user))?;
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Take {
    conversation_id: Option<ConversationId>,
    limit: Option<u64>,
    #[serde(default)]
    own_notes: bool,
}

/// `POST /messages/take`
pub(super) async fn take(
    State(app): State<App>,
    Caller(principal): Caller,
    Json(body): Json<Take>,
) -> Result<axum::Json<Page<Message>>, Problem> {
    app.within_limits(|limits| limits.reading(principal.user))?;
    let Take { conversation_id, limit: wanted, own_notes } = body;
    let taking = Taking { conversation: conversation_id, limit: limit(wanted)?, include_own_notes: own_notes };
    Ok(axum::Json(app.services.take(&principal, taking).await?))
}
