//! Messages that people deleted for themselves alone, in the database.

use super::entity::hidden::{ActiveModel, Column, Entity};
use super::pairs::conditions;
use super::sizes::rounded;
use crate::domain::{MessageId, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

pub(super) fn row(user: UserId, message: MessageId) -> ActiveModel {
    ActiveModel { user_id: Set(user.0), message_id: Set(message.0) }
}

/// Those of these pairs where the user has hidden the message.
pub(super) async fn of(
    db: &impl ConnectionTrait,
    pairs: &[(UserId, MessageId)],
) -> Result<Vec<(UserId, MessageId)>, DbErr> {
    let numbers = pairs.iter().map(|(user, message)| (user.0, message.0));
    let mut found = Vec::new();
    for these in conditions(Column::UserId, Column::MessageId, numbers) {
        let query = Entity::find().select_only().columns([Column::UserId, Column::MessageId]).filter(these);
        let rows: Vec<(i64, i64)> = query.into_tuple().all(db).await?;
        found.extend(rows.into_iter().map(|(user, message)| (UserId(user), MessageId(message))));
    }
    Ok(found)
}

/// Forgets who has hidden these messages.
pub(super) async fn forget(db: &impl ConnectionTrait, ids: &[MessageId]) -> Result<(), DbErr> {
    let these = Column::MessageId.is_in(rounded(ids.iter().map(|id| id.0)));
    Entity::delete_many().filter(these).exec(db).await.map(drop)
}

/// What a user has hidden from himself, by number, behind one.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    user: UserId,
    after: MessageId,
    limit: u64,
) -> Result<Vec<MessageId>, DbErr> {
    let rows: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::MessageId)
        .filter(Column::UserId.eq(user.0))
        .filter(Column::MessageId.gt(after.0))
        .order_by_asc(Column::MessageId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(MessageId).collect())
}
