//! Stays in the database: who was in which conversation from which event to which.

use super::entity::stays::{ActiveModel, Column, Entity, Model};
use super::sizes::{ROWS, rounded};
use super::{pairs, to_word, word};
use crate::domain::access::Stay;
use crate::domain::conversations::Role;
use crate::domain::{ConversationId, MessageId, Seq, UserId};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use std::collections::HashMap;

/// A stay that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasting {
    /// In which conversation.
    pub conversation: ConversationId,
    /// Whose.
    pub user: UserId,
    /// Since which event.
    pub joined: Seq,
    /// As what.
    pub role: Role,
}

fn lasting(row: &Model) -> Result<Lasting, DbErr> {
    Ok(Lasting {
        conversation: ConversationId(row.conversation_id),
        user: UserId(row.user_id),
        joined: Seq(row.joined_seq),
        role: word("stays.role", &row.role)?,
    })
}

/// The row of a stay that begins behind this message.
pub(super) fn row(stay: &Lasting, behind: MessageId) -> ActiveModel {
    ActiveModel {
        conversation_id: Set(stay.conversation.0),
        user_id: Set(stay.user.0),
        joined_seq: Set(stay.joined.0),
        left_seq: Set(None),
        role: Set(to_word(stay.role)),
        joined_message: Set(behind.0),
        left_message: Set(None),
    }
}

/// The stays that last among these pairs.
pub(super) async fn lasting_among(
    db: &impl ConnectionTrait,
    pairs: &[(ConversationId, UserId)],
) -> Result<Vec<Lasting>, DbErr> {
    let mut rows = Vec::with_capacity(pairs.len());
    let values = pairs.iter().map(|(conversation, user)| (conversation.0, user.0));
    for these in pairs::conditions(Column::ConversationId, Column::UserId, values) {
        rows.extend(Entity::find().filter(these).filter(Column::LeftSeq.is_null()).all(db).await?);
    }
    rows.iter().map(lasting).collect()
}

/// Who is in these conversations, in the order in which they came.
pub(super) async fn members(
    db: &impl ConnectionTrait,
    conversations: &[ConversationId],
) -> Result<Vec<Lasting>, DbErr> {
    let rows = Entity::find()
        .filter(Column::ConversationId.is_in(rounded(conversations.iter().map(|id| id.0))))
        .filter(Column::LeftSeq.is_null())
        .order_by_asc(Column::JoinedSeq)
        .order_by_asc(Column::UserId)
        .all(db)
        .await?;
    rows.iter().map(lasting).collect()
}

/// How many are in each of these conversations; none is not told.
pub(super) async fn sizes(
    db: &impl ConnectionTrait,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, u64>, DbErr> {
    let rows: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .column(Column::ConversationId)
        .column_as(Column::UserId.count(), "members")
        .filter(Column::ConversationId.is_in(rounded(conversations.iter().map(|id| id.0))))
        .filter(Column::LeftSeq.is_null())
        .group_by(Column::ConversationId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, members)| (ConversationId(id), u64::try_from(members).unwrap_or(0))).collect())
}

/// All stays of a user that last or ended at or after a place.
pub(super) async fn of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    since: Seq,
) -> Result<Vec<(ConversationId, Stay)>, DbErr> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.0))
        .filter(Condition::any().add(Column::LeftSeq.is_null()).add(Column::LeftSeq.gte(since.0)))
        .all(db)
        .await?;
    Ok(rows.iter().map(|row| (ConversationId(row.conversation_id), stay(row))).collect())
}

/// All stays of a user in these conversations.
pub(super) async fn in_conversations(
    db: &impl ConnectionTrait,
    user: UserId,
    conversations: &[ConversationId],
) -> Result<Vec<(ConversationId, Stay)>, DbErr> {
    let mut rows = Vec::new();
    for some in conversations.chunks(ROWS) {
        let these = Column::ConversationId.is_in(rounded(some.iter().map(|id| id.0)));
        rows.extend(Entity::find().filter(these).filter(Column::UserId.eq(user.0)).all(db).await?);
    }
    Ok(rows.iter().map(|row| (ConversationId(row.conversation_id), stay(row))).collect())
}

/// The conversations in which a user ever was, by number, behind one.
pub(super) async fn conversations_of(
    db: &impl ConnectionTrait,
    user: UserId,
    after: ConversationId,
    limit: u64,
) -> Result<Vec<ConversationId>, DbErr> {
    let rows: Vec<i64> = Entity::find()
        .select_only()
        .distinct()
        .column(Column::ConversationId)
        .filter(Column::UserId.eq(user.0))
        .filter(Column::ConversationId.gt(after.0))
        .order_by_asc(Column::ConversationId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(ConversationId).collect())
}

/// All stays of a user in one conversation.
pub(super) async fn in_conversation(
    db: &impl ConnectionTrait,
    user: UserId,
    conversation: ConversationId,
) -> Result<Vec<Stay>, DbErr> {
    let rows = Entity::find()
        .filter(Column::ConversationId.eq(conversation.0))
        .filter(Column::UserId.eq(user.0))
        .all(db)
        .await?;
    Ok(rows.iter().map(stay).collect())
}

fn stay(row: &Model) -> Stay {
    Stay { joined: Seq(row.joined_seq), left: row.left_seq.map(Seq) }
}

/// Ends a stay, with this message as the last there was.
pub(super) async fn end(db: &impl ConnectionTrait, stay: &Lasting, left: Seq, last: MessageId) -> Result<(), DbErr> {
    let row = ActiveModel {
        conversation_id: Set(stay.conversation.0),
        user_id: Set(stay.user.0),
        joined_seq: Set(stay.joined.0),
        left_seq: Set(Some(left.0)),
        left_message: Set(Some(last.0)),
        ..Default::default()
    };
    Entity::update(row).exec(db).await.map(drop)
}

pub(super) async fn set_role(db: &impl ConnectionTrait, stay: &Lasting) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Role, Expr::value(to_word(stay.role)))
        .filter(Column::ConversationId.eq(stay.conversation.0))
        .filter(Column::UserId.eq(stay.user.0))
        .filter(Column::JoinedSeq.eq(stay.joined.0))
        .exec(db)
        .await
        .map(drop)
}
