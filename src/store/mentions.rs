//! Who is named in which message, in the database.

use super::entity::mentions::{ActiveModel, Column, Entity};
use super::entity::{messages, reads};
use super::messages::{Kept, MessagePage, complete, visible_during_stays};
use super::sizes::{ROWS, rounded};
use crate::domain::messages::Message;
use crate::domain::{ConversationId, MessageId, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder,
    QuerySelect,
};
use std::collections::HashMap;

pub(super) fn rows(message: &Message) -> impl Iterator<Item = ActiveModel> {
    message.mentions.iter().map(|user| ActiveModel {
        user_id: Set(user.id.0),
        message_id: Set(message.id.0),
        conversation_id: Set(message.conversation_id.0),
    })
}

/// Who is named in these messages, each one's people by number.
pub(super) async fn in_messages(db: &impl ConnectionTrait, ids: &[i64]) -> Result<Vec<(MessageId, UserId)>, DbErr> {
    let mut found: Vec<(i64, i64)> = Vec::new();
    for some in ids.chunks(ROWS) {
        let rows = Entity::find().select_only().columns([Column::MessageId, Column::UserId]);
        let rows = rows.filter(Column::MessageId.is_in(rounded(some.iter().copied())));
        found.extend(rows.into_tuple::<(i64, i64)>().all(db).await?);
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(message, user)| (MessageId(message), UserId(user))).collect())
}

/// Forgets who was named in these messages.
pub(super) async fn forget(db: &impl ConnectionTrait, ids: &[MessageId]) -> Result<(), DbErr> {
    let these = Column::MessageId.is_in(rounded(ids.iter().map(|id| id.0)));
    Entity::delete_many().filter(these).exec(db).await.map(drop)
}

/// The messages that name a user, newest first, or from `after` on oldest first.
pub(super) async fn list(db: &impl ConnectionTrait, user: UserId, page: MessagePage) -> Result<Vec<Kept>, DbErr> {
    let naming = messages::Entity::belongs_to(Entity).from(messages::Column::Id).to(Column::MessageId).into();
    let mut query = messages::Entity::find()
        .join(JoinType::InnerJoin, naming)
        .filter(Column::UserId.eq(user.0))
        .filter(visible_during_stays(user));
    if let Some(before) = page.before {
        query = query.filter(Column::MessageId.lt(before.0));
    }
    query = match page.after {
        Some(after) => query.filter(Column::MessageId.gt(after.0)).order_by_asc(Column::MessageId),
        None => query.order_by_desc(Column::MessageId),
    };
    complete(db, query.offset(page.skip).limit(page.limit).all(db).await?).await
}

/// How many messages after the place that he has read name a user, in each of these conversations. One's own do not
/// count.
pub(super) async fn unread(
    db: &impl ConnectionTrait,
    user: UserId,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, u64>, DbErr> {
    let naming = Entity::belongs_to(messages::Entity).from(Column::MessageId).to(messages::Column::Id).into();
    let read = Entity::belongs_to(reads::Entity).from(Column::ConversationId).to(reads::Column::ConversationId);
    let his = move |_, right| Condition::all().add(Expr::col((right, reads::Column::UserId)).eq(user.0));
    let read_until = Func::coalesce([Expr::col((reads::Entity, reads::Column::MessageId)), Expr::value(0i64)]);
    let by_others = messages::Column::AuthorId.ne(user.0).or(messages::Column::AuthorId.is_null());
    let counts: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .column(Column::ConversationId)
        .column_as(Column::MessageId.count(), "unread")
        .join(JoinType::InnerJoin, naming)
        .join(JoinType::LeftJoin, read.on_condition(his).into())
        .filter(Column::UserId.eq(user.0))
        .filter(Column::ConversationId.is_in(rounded(conversations.iter().map(|id| id.0))))
        .filter(Expr::col((Entity, Column::MessageId)).gt(read_until))
        .filter(by_others)
        .filter(visible_during_stays(user))
        .group_by(Column::ConversationId)
        .into_tuple()
        .all(db)
        .await?;
    let count = |(place, count): (i64, i64)| Some((ConversationId(place), u64::try_from(count).ok()?));
    Ok(counts.into_iter().filter_map(count).collect())
}
