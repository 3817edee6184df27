//! Messages that people deleted for themselves alone, in the database.

use super::entity::hidden::{ActiveModel, Column, Entity};
use crate::domain::{MessageId, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

pub(super) fn row(user: UserId, message: MessageId) -> ActiveModel {
    ActiveModel { user_id: Set(user.0), message_id: Set(message.0) }
}

/// What these people have hidden of these messages, each of which one of them was asked about.
pub(super) async fn of(
    db: &impl ConnectionTrait,
    pairs: &[(UserId, MessageId)],
) -> Result<Vec<(UserId, MessageId)>, DbErr> {
    let rows: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .columns([Column::UserId, Column::MessageId])
        .filter(Column::UserId.is_in(pairs.iter().map(|(user, _)| user.0)))
        .filter(Column::MessageId.is_in(pairs.iter().map(|(_, message)| message.0)))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(user, message)| (UserId(user), MessageId(message))).collect())
}

/// Forgets who has hidden these messages.
pub(super) async fn forget(db: &impl ConnectionTrait, ids: &[MessageId]) -> Result<(), DbErr> {
    let these = Column::MessageId.is_in(ids.iter().map(|id| id.0));
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
