//! Conversations in the database.

mod named;

use super::entity::conversations::{ActiveModel, Column, Entity, Model};
use super::entity::{messages, stays};
use super::sizes::rounded;
use super::{to_word, word};
use crate::domain::conversations::{Conversation, Kind, people_of};
use crate::domain::{ConversationId, MessageId, Timestamp, UserId};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, Order, QueryFilter, QueryOrder, QuerySelect, Select,
};

pub use named::Activity;
pub(super) use named::named_of_user;

pub(super) fn conversation(row: Model) -> Result<Conversation, DbErr> {
    Ok(Conversation {
        id: ConversationId(row.id),
        kind: word("conversations.kind", &row.kind)?,
        name: row.name,
        post: word("conversations.post", &row.post)?,
        namespace: row.namespace,
        created_at: Timestamp(row.created_at),
        people: row.direct_key.as_deref().map(people_of).unwrap_or_default(),
    })
}

pub(super) fn row(conversation: &Conversation, direct_key: Option<String>) -> ActiveModel {
    ActiveModel {
        id: Set(conversation.id.0),
        kind: Set(to_word(conversation.kind)),
        name: Set(conversation.name.clone()),
        name_key: Set(conversation.unique_name()),
        direct_key: Set(direct_key),
        post: Set(to_word(conversation.post)),
        created_at: Set(conversation.created_at.0),
        namespace: Set(conversation.namespace.clone()),
    }
}

pub(super) async fn by_ids(db: &impl ConnectionTrait, ids: &[ConversationId]) -> Result<Vec<Conversation>, DbErr> {
    let ids = ids.iter().map(|id| id.0);
    Entity::find().filter(Column::Id.is_in(rounded(ids))).all(db).await?.into_iter().map(conversation).collect()
}

/// The direct conversations among these sets of people, with the key of each.
pub(super) async fn by_people(
    db: &impl ConnectionTrait,
    keys: &[String],
) -> Result<Vec<(String, Conversation)>, DbErr> {
    let rows = Entity::find().filter(Column::DirectKey.is_in(rounded(keys))).all(db).await?;
    rows.into_iter().map(|row| Ok((row.direct_key.clone().unwrap_or_default(), conversation(row)?))).collect()
}

/// The one conversation with this name, where names are unique.
pub(super) async fn by_unique_name(db: &impl ConnectionTrait, key: &str) -> Result<Option<Conversation>, DbErr> {
    Entity::find().filter(Column::NameKey.eq(key)).one(db).await?.map(conversation).transpose()
}

/// The channels whose name sorts after this key, in the order of their names.
pub(super) async fn channels(
    db: &impl ConnectionTrait,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Conversation>, DbErr> {
    // Groups have such a key too where their names are unique, and are nobody's business.
    let mut query =
        Entity::find().filter(Column::Kind.eq(to_word(Kind::Channel))).filter(Column::NameKey.is_not_null());
    if let Some(after) = after {
        query = query.filter(Column::NameKey.gt(after));
    }
    query.order_by_asc(Column::NameKey).limit(limit).all(db).await?.into_iter().map(conversation).collect()
}

pub(super) async fn update(db: &impl ConnectionTrait, conversation: &Conversation) -> Result<(), DbErr> {
    let mut row = row(conversation, None);
    row.direct_key = NotSet;
    row.created_at = NotSet;
    Entity::update(row).exec(db).await.map(drop)
}

/// The last activity of a conversation: its newest message, or nothing said yet.
fn last_message() -> SimpleExpr {
    let newest = Query::select()
        .expr(Expr::col((messages::Entity, messages::Column::Id)).max())
        .from(messages::Entity)
        .and_where(
            Expr::col((messages::Entity, messages::Column::ConversationId))
                .equals((stays::Entity, stays::Column::ConversationId)),
        )
        .to_owned();
    Expr::expr(SimpleExpr::SubQuery(None, Box::new(newest.into()))).if_null(0i64)
}

/// The conversations that a user is in, those with the newest message first, from below a place in that order.
pub(super) async fn of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    below: Option<(MessageId, ConversationId)>,
    limit: u64,
) -> Result<Vec<(MessageId, ConversationId)>, DbErr> {
    let below = below.map(|(message, conversation)| (message.0, conversation));
    let found = by_activity(db, stays_of(user), &last_message(), below, limit).await?;
    Ok(found.into_iter().map(|(last, conversation)| (MessageId(last), conversation)).collect())
}

/// Where a user is, with the conversations beside.
fn stays_of(user: UserId) -> Select<stays::Entity> {
    let places = stays::Entity::belongs_to(Entity).from(stays::Column::ConversationId).to(Column::Id).into();
    let stays = stays::Entity::find().select_only().column(stays::Column::ConversationId);
    stays
        .join(JoinType::InnerJoin, places)
        .filter(stays::Column::UserId.eq(user.0))
        .filter(stays::Column::LeftSeq.is_null())
}

/// Conversations by a number that tells when something happened there, the last first, from below a place in that order;
/// each with its number.
async fn by_activity(
    db: &impl ConnectionTrait,
    stays: Select<stays::Entity>,
    last: &SimpleExpr,
    below: Option<(i64, ConversationId)>,
    limit: u64,
) -> Result<Vec<(i64, ConversationId)>, DbErr> {
    let mut query = stays.column_as(last.clone(), "last");
    if let Some((place, conversation)) = below {
        let same = last.clone().eq(place).and(stays::Column::ConversationId.lt(conversation.0));
        query = query.filter(last.clone().lt(place).or(same));
    }
    let rows: Vec<(i64, i64)> = query
        .order_by(Expr::col(Alias::new("last")), Order::Desc)
        .order_by_desc(stays::Column::ConversationId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(conversation, last)| (last, ConversationId(conversation))).collect())
}
