//! Who takes part in which thread, and the threads of a user by their last activity.

use super::entity::threads::{ActiveModel, Column, Entity};
use super::entity::{conversations, hidden, messages, stays};
use super::messages::{visible_during_stays, visible_to};
use super::sizes::rounded;
use crate::domain::{ConversationId, MessageId, UserId};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, Order, QueryFilter, QuerySelect,
};

pub(super) fn row(user: UserId, thread: MessageId) -> ActiveModel {
    ActiveModel { user_id: Set(user.0), thread_id: Set(thread.0) }
}

/// Who takes part already stays as he is.
pub(super) fn once() -> OnConflict {
    let key = [Column::UserId, Column::ThreadId];
    OnConflict::columns(key).do_nothing_on(key).to_owned()
}

/// Forgets who took part in the threads of these roots.
pub(super) async fn forget(db: &impl ConnectionTrait, roots: &[MessageId]) -> Result<(), DbErr> {
    let these = Column::ThreadId.is_in(rounded(roots.iter().map(|id| id.0)));
    Entity::delete_many().filter(these).exec(db).await.map(drop)
}

/// The newest reply that the viewer sees in the thread of a row.
fn last_reply(viewer: UserId) -> SimpleExpr {
    // The root has the table's own name in the query around this one.
    let id = Expr::col((messages::Entity, messages::Column::Id));
    let newest = Query::select()
        .expr(id.clone())
        .from(messages::Entity)
        .and_where(Expr::col((messages::Entity, messages::Column::ThreadId)).equals((Entity, Column::ThreadId)))
        .cond_where(visible_to(viewer))
        .order_by_expr(id, Order::Desc)
        .limit(1)
        .to_owned();
    SimpleExpr::SubQuery(None, Box::new(newest.into()))
}

/// The threads with replies in which a user takes part, each with its newest reply, by that, from below one.
pub(super) async fn of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    conversation: Option<ConversationId>,
    below: Option<MessageId>,
    limit: u64,
) -> Result<Vec<(MessageId, MessageId)>, DbErr> {
    let root = Entity::belongs_to(messages::Entity).from(Column::ThreadId).to(messages::Column::Id).into();
    let mut threads = Entity::find()
        .select_only()
        .column(Column::ThreadId)
        .column_as(last_reply(user), "last")
        .join(JoinType::InnerJoin, root)
        .filter(Column::UserId.eq(user.0))
        .filter(visible_to(user));
    if let Some(conversation) = conversation {
        threads = threads.filter(messages::Column::ConversationId.eq(conversation.0));
    }
    // What is computed has a name only in a query around it, on every database.
    let (threads, last) = (sea_orm::QueryTrait::into_query(threads), Expr::col(Alias::new("last")));
    let mut query = Query::select();
    query
        .columns([Alias::new("thread_id"), Alias::new("last")])
        .from_subquery(threads, Alias::new("mine"))
        .and_where(last.clone().is_not_null())
        .order_by_expr(last.clone(), Order::Desc)
        .limit(limit);
    if let Some(below) = below {
        query.and_where(last.lt(below.0));
    }
    let rows = db.query_all(&query).await?;
    rows.iter().map(|row| Ok((MessageId(row.try_get_by_index(0)?), MessageId(row.try_get_by_index(1)?)))).collect()
}

/// What somebody has hidden from himself.
fn hidden_from(user: UserId) -> SelectStatement {
    let row = |column| Expr::col((hidden::Entity, column));
    let mut messages = Query::select();
    messages
        .expr(row(hidden::Column::MessageId))
        .from(hidden::Entity)
        .and_where(row(hidden::Column::UserId).eq(user.0));
    messages
}

/// The threads in a user's direct conversations, also those without replies, by what was said last in each, which is
/// given with the root: the root itself where nobody replied. It looks at all that he may read there.
pub(super) async fn in_directs(
    db: &impl ConnectionTrait,
    user: UserId,
    skip: u64,
    limit: u64,
) -> Result<Vec<(MessageId, MessageId)>, DbErr> {
    let message = |column| Expr::col((messages::Entity, column));
    let root = || Expr::expr(message(messages::Column::ThreadId)).if_null(message(messages::Column::Id));
    let stay = |column| Expr::col((stays::Entity, column));
    let place = |column| Expr::col((conversations::Entity, column));
    let here = place(conversations::Column::Id).equals((stays::Entity, stays::Column::ConversationId));
    let directs = Query::select()
        .expr(stay(stays::Column::ConversationId))
        .from(stays::Entity)
        .inner_join(conversations::Entity, here)
        .and_where(stay(stays::Column::UserId).eq(user.0))
        .and_where(place(conversations::Column::DirectKey).is_not_null())
        .to_owned();
    let (first, last) = (Alias::new("root"), Alias::new("last"));
    let query = Query::select()
        .expr_as(root(), first)
        .expr_as(message(messages::Column::Id).max(), last.clone())
        .from(messages::Entity)
        .and_where(message(messages::Column::ConversationId).in_subquery(directs))
        .cond_where(visible_during_stays(user))
        // Who has hidden the message that a thread is about is not shown it by its replies.
        .and_where(root().not_in_subquery(hidden_from(user)))
        .add_group_by([root()])
        .order_by_expr(Expr::col(last), Order::Desc)
        .limit(limit)
        .offset(skip)
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter().map(|row| Ok((MessageId(row.try_get_by_index(0)?), MessageId(row.try_get_by_index(1)?)))).collect()
}
