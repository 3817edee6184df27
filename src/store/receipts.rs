//! How far people have read, and what they have not read, in the database.
//!
//! Unread is what somebody may see, behind his read position, by others or by the system, and neither deleted nor hidden
//! by himself. It costs what is unread, not what there is, and counting it has an end: a message's number grows with its
//! place on the line, so a stay and a position both bound the part of the index of messages that is looked at.

mod counting;
#[cfg(test)]
mod tests;

pub(super) use counting::unread;

use super::entity::reads::{ActiveModel, Column, Entity, Model};
use super::entity::{conversations, messages, stays};
use super::messages::{Directs, during_any_stay, during_the_stay_after, not_hidden};
use super::pairs;
use crate::domain::{ConversationId, MessageId, Timestamp, UserId};
use sea_orm::sea_query::{
    Alias, Condition, Expr, ExprTrait, OnConflict, Order, Query, SelectStatement, SimpleExpr, UnionType,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
};
use std::collections::HashMap;

/// Conversations whose oldest unread messages are read in one statement: each adds a part with a handful of values.
const PARTS: usize = 32;

/// How far one person has read one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Who.
    pub user: UserId,
    /// Where.
    pub conversation: ConversationId,
    /// Through which message.
    pub message: MessageId,
    /// When he said so.
    pub at: Timestamp,
    /// Whether the others there were told. If not, it stays his own, however few they become.
    pub shared: bool,
}

/// Which unread messages are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Unread {
    /// Whose.
    pub user: UserId,
    /// Only those of this conversation.
    pub conversation: Option<ConversationId>,
    /// Only those of these direct conversations.
    pub directs: Option<Directs>,
    /// The conversation in which one's own count too: notes to oneself, where they are fetched like others' messages.
    pub notes: Option<ConversationId>,
}

fn position(row: &Model) -> Position {
    Position {
        user: UserId(row.user_id),
        conversation: ConversationId(row.conversation_id),
        message: MessageId(row.message_id),
        at: Timestamp(row.at),
        shared: row.shared,
    }
}

/// How far people have read conversations, each of these pairs.
pub(super) async fn among(
    db: &impl ConnectionTrait,
    pairs: &[(UserId, ConversationId)],
) -> Result<Vec<Position>, DbErr> {
    let mut rows = Vec::with_capacity(pairs.len());
    let values = pairs.iter().map(|(user, conversation)| (user.0, conversation.0));
    for these in pairs::conditions(Column::UserId, Column::ConversationId, values) {
        rows.extend(Entity::find().filter(these).all(db).await?);
    }
    Ok(rows.iter().map(position).collect())
}

/// How far the viewer has read a conversation, and how far everybody else who has told so, by user.
pub(super) async fn in_conversation(
    db: &impl ConnectionTrait,
    conversation: ConversationId,
    viewer: UserId,
) -> Result<Vec<Position>, DbErr> {
    let rows = Entity::find()
        .filter(Column::ConversationId.eq(conversation.0))
        .filter(Column::Shared.eq(true).or(Column::UserId.eq(viewer.0)))
        .order_by_asc(Column::UserId)
        .all(db)
        .await?;
    Ok(rows.iter().map(position).collect())
}

/// Writes positions as they are now, each pair once.
pub(super) async fn put(db: &impl ConnectionTrait, positions: &[Position]) -> Result<(), DbErr> {
    let rows = positions.iter().map(|position| ActiveModel {
        user_id: Set(position.user.0),
        conversation_id: Set(position.conversation.0),
        message_id: Set(position.message.0),
        at: Set(position.at.0),
        shared: Set(position.shared),
    });
    let again = OnConflict::columns([Column::UserId, Column::ConversationId])
        .update_columns([Column::MessageId, Column::At, Column::Shared])
        .to_owned();
    Entity::insert_many(rows).on_conflict(again).exec_without_returning(db).await.map(drop)
}

/// Keeps how far somebody has read a conversation to himself from now on, until he says more.
pub(super) async fn keep_to_oneself(
    db: &impl ConnectionTrait,
    user: UserId,
    conversation: ConversationId,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Shared, Expr::value(false))
        .filter(Column::UserId.eq(user.0))
        .filter(Column::ConversationId.eq(conversation.0))
        .exec(db)
        .await
        .map(drop)
}

/// The oldest unread messages, at most so many, with the conversation of each.
pub(super) async fn oldest_unread(
    db: &impl ConnectionTrait,
    which: Unread,
    limit: u64,
) -> Result<Vec<(MessageId, ConversationId)>, DbErr> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    // Each of the conversations named here has an unread message, so no more of them can be among the oldest.
    let mut firsts = first_unread(db, which).await?;
    firsts.truncate(most);
    let mut found: Vec<(MessageId, ConversationId)> = Vec::new();
    let mut rest = &firsts[..];
    while let Some((first, _)) = rest.first() {
        // Whatever is still to come is newer than what there is.
        if found.len() == most && found.last().is_some_and(|(last, _)| last < first) {
            break;
        }
        let (some, others) = rest.split_at(rest.len().min(PARTS));
        rest = others;
        found.extend(unread_from(db, which, some, limit).await?);
        found.sort_unstable();
        found.truncate(most);
    }
    Ok(found)
}

/// The oldest unread messages of those that came after one, at most so many. It costs what came since.
pub(super) async fn arrived(
    db: &impl ConnectionTrait,
    which: Unread,
    after: MessageId,
    limit: u64,
) -> Result<Vec<MessageId>, DbErr> {
    let his = Condition::all()
        .add(read(Column::UserId).eq(which.user.0))
        .add(read(Column::ConversationId).equals((messages::Entity, messages::Column::ConversationId)));
    let mut query = Query::select();
    query
        .column((messages::Entity, messages::Column::Id))
        .from(messages::Entity)
        .left_join(Entity, his)
        .and_where(message(messages::Column::Id).gt(after.0))
        .and_where(message(messages::Column::Id).gt(read(Column::MessageId).if_null(0)))
        .cond_where(counts_for(which.user, which.notes))
        .and_where(during_any_stay(which.user))
        .order_by((messages::Entity, messages::Column::Id), Order::Asc)
        .limit(limit);
    if let Some(only) = which.conversation {
        query.and_where(message(messages::Column::ConversationId).eq(only.0));
    }
    if let Some(directs) = which.directs {
        query.and_where(is_among(directs, message(messages::Column::ConversationId)));
    }
    let rows = db.query_all(&query).await?;
    rows.iter().map(|row| row.try_get_by_index(0).map(MessageId)).collect()
}

/// The first unread message of each conversation that has one, the oldest first.
async fn first_unread(db: &impl ConnectionTrait, which: Unread) -> Result<Vec<(MessageId, ConversationId)>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        conversation_id: i64,
        first: Option<i64>,
    }
    let query = finding_the_first(which);
    let rows = Row::find_by_statement(db.get_database_backend().build(&query)).all(db).await?;
    let mut firsts: HashMap<ConversationId, MessageId> = HashMap::new();
    for row in rows {
        let Some(first) = row.first.map(MessageId) else { continue };
        let known = firsts.entry(ConversationId(row.conversation_id)).or_insert(first);
        *known = first.min(*known);
    }
    let mut firsts: Vec<_> = firsts.into_iter().map(|(conversation, first)| (first, conversation)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

fn finding_the_first(which: Unread) -> SelectStatement {
    let first = Query::select()
        .expr(message(messages::Column::Id))
        .from(messages::Entity)
        .cond_where(during_the_stay())
        .cond_where(counts_for(which.user, which.notes))
        .order_by((messages::Entity, messages::Column::Id), Order::Asc)
        .limit(1)
        .to_owned();
    let mut query = stays_with_positions(which.user);
    query.expr_as(SimpleExpr::SubQuery(None, Box::new(first.into())), Alias::new("first"));
    if let Some(only) = which.conversation {
        query.and_where(stay(stays::Column::ConversationId).eq(only.0));
    }
    if let Some(directs) = which.directs {
        query.and_where(is_among(directs, stay(stays::Column::ConversationId)));
    }
    query
}

/// The unread messages of some conversations from the first of each on, at most so many of each.
async fn unread_from(
    db: &impl ConnectionTrait,
    which: Unread,
    firsts: &[(MessageId, ConversationId)],
    limit: u64,
) -> Result<Vec<(MessageId, ConversationId)>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        id: i64,
        conversation_id: i64,
    }
    let mut parts = firsts.iter().map(|(first, conversation)| part(which, *first, *conversation, limit));
    let Some(mut query) = parts.next() else { return Ok(Vec::new()) };
    query.unions(parts.map(|part| (UnionType::All, part)));
    let rows = Row::find_by_statement(db.get_database_backend().build(&query)).all(db).await?;
    Ok(rows.into_iter().map(|row| (MessageId(row.id), ConversationId(row.conversation_id))).collect())
}

fn part(which: Unread, first: MessageId, conversation: ConversationId, limit: u64) -> SelectStatement {
    // Not every database takes an order and a limit in a part of a union, but all take it one level down.
    let here = Query::select()
        .column((messages::Entity, messages::Column::Id))
        .column((messages::Entity, messages::Column::ConversationId))
        .from(messages::Entity)
        .and_where(message(messages::Column::ConversationId).eq(conversation.0))
        .and_where(message(messages::Column::Id).gte(first.0))
        .cond_where(counts_for(which.user, which.notes))
        .and_where(during_any_stay(which.user))
        .order_by((messages::Entity, messages::Column::Id), Order::Asc)
        .limit(limit)
        .to_owned();
    Query::select()
        .column(messages::Column::Id)
        .column(messages::Column::ConversationId)
        .from_subquery(here, Alias::new("part"))
        .to_owned()
}

/// Whether a conversation is one of these direct ones.
fn is_among(directs: Directs, id: Expr) -> SimpleExpr {
    let place = |column| Expr::col((conversations::Entity, column));
    let such = Query::select()
        .expr(Expr::value(1))
        .from(conversations::Entity)
        .and_where(place(conversations::Column::Id).eq(id))
        .cond_where(directs.condition(&place(conversations::Column::DirectKey)))
        .to_owned();
    Expr::exists(such)
}

fn stay(column: stays::Column) -> Expr {
    Expr::col((stays::Entity, column))
}

fn read(column: Column) -> Expr {
    Expr::col((Entity, column))
}

fn message(column: messages::Column) -> Expr {
    Expr::col((messages::Entity, column))
}

/// Somebody's stays, each with how far he has read its conversation.
fn stays_with_positions(user: UserId) -> SelectStatement {
    let his = Condition::all()
        .add(read(Column::UserId).equals((stays::Entity, stays::Column::UserId)))
        .add(read(Column::ConversationId).equals((stays::Entity, stays::Column::ConversationId)));
    Query::select()
        .column((stays::Entity, stays::Column::ConversationId))
        .from(stays::Entity)
        .left_join(Entity, his)
        .and_where(stay(stays::Column::UserId).eq(user.0))
        .to_owned()
}

/// The position, or the message before the stay if that is later.
fn position_in_the_stay() -> SimpleExpr {
    Expr::case(read(Column::MessageId).gt(stay(stays::Column::JoinedMessage)), read(Column::MessageId))
        .finally(stay(stays::Column::JoinedMessage))
        .into()
}

/// The messages of a stay behind the position, where both stand beside them.
fn during_the_stay() -> Condition {
    Condition::all()
        .add(message(messages::Column::ConversationId).equals((stays::Entity, stays::Column::ConversationId)))
        .add(during_the_stay_after(position_in_the_stay()))
}

/// What makes a message count for somebody: it is not his own, not deleted, and he has not hidden it.
fn counts_for(user: UserId, notes: Option<ConversationId>) -> Condition {
    let author = message(messages::Column::AuthorId);
    let mut by_others = Condition::any().add(author.clone().is_null()).add(author.ne(user.0));
    if let Some(notes) = notes {
        by_others = by_others.add(message(messages::Column::ConversationId).eq(notes.0));
    }
    Condition::all().add(by_others).add(message(messages::Column::DeletedAt).is_null()).add(not_hidden(user))
}
