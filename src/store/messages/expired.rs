//! The oldest messages, which are kept no longer, in the database.

use super::{Column, Entity};
use crate::domain::{ConversationId, MessageId, Timestamp};
use crate::store::sizes::{ROWS, rounded};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashSet;

/// A message as far as it matters for what goes with it.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Old {
    pub(in crate::store) id: MessageId,
    pub(in crate::store) conversation: ConversationId,
    /// The root of the thread that it replies in.
    pub(in crate::store) thread: Option<MessageId>,
}

/// The first messages from a number on, at most so many, as far as they are older than a moment: moments rise with the
/// numbers.
pub(in crate::store) async fn oldest(
    db: &impl ConnectionTrait,
    from: MessageId,
    before: Timestamp,
    most: u64,
) -> Result<Vec<Old>, DbErr> {
    let rows: Vec<(i64, i64, Option<i64>, i64)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::ConversationId, Column::ThreadId, Column::CreatedAt])
        .filter(Column::Id.gte(from.0))
        .order_by_asc(Column::Id)
        .limit(most)
        .into_tuple()
        .all(db)
        .await?;
    let old = rows.into_iter().take_while(|(.., at)| *at < before.0);
    Ok(old
        .map(|(id, conversation, thread, _)| Old {
            id: MessageId(id),
            conversation: ConversationId(conversation),
            thread: thread.map(MessageId),
        })
        .collect())
}

/// Those of these messages to which there are replies behind a number.
pub(in crate::store) async fn replied_to_after(
    db: &impl ConnectionTrait,
    roots: &[MessageId],
    after: MessageId,
) -> Result<HashSet<MessageId>, DbErr> {
    let mut found = HashSet::new();
    for some in roots.chunks(ROWS) {
        let rows: Vec<Option<i64>> = Entity::find()
            .select_only()
            .distinct()
            .column(Column::ThreadId)
            .filter(Column::ThreadId.is_in(rounded(some.iter().map(|id| id.0))))
            .filter(Column::Id.gt(after.0))
            .into_tuple()
            .all(db)
            .await?;
        found.extend(rows.into_iter().flatten().map(MessageId));
    }
    Ok(found)
}

/// Deletes these messages' rows.
pub(in crate::store) async fn delete(db: &impl ConnectionTrait, ids: &[MessageId]) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::Id.is_in(rounded(ids.iter().map(|id| id.0)))).exec(db).await.map(drop)
}
