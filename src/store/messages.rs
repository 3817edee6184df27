//! Messages in the database, and which of them somebody may read.

use super::entity::messages::{ActiveModel, Column, Entity, Model};
use super::entity::stays;
use super::users;
use crate::domain::access::Stay;
use crate::domain::messages::Message;
use crate::domain::users::UserRef;
use crate::domain::{ConversationId, MessageId, Seq, Timestamp, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use std::collections::HashMap;

/// A message with what only the server needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The message as people see it.
    pub message: Message,
    /// The place of the event by which it came.
    pub seq: Seq,
    /// What tells a retry from another message under the same `client_id`.
    pub body_hash: i64,
}

/// Which messages a list is about. All conditions hold together.
#[derive(Debug, Clone)]
pub struct MessageFilter {
    /// Only what this user may read.
    pub viewer: UserId,
    /// Only this conversation; `true` if it is public, so that stays do not matter.
    pub conversation: Option<(ConversationId, bool)>,
    /// Only messages by this author.
    pub author: Option<UserId>,
    /// Only messages not by this author.
    pub not_author: Option<UserId>,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy)]
pub struct MessagePage {
    /// Only messages older than this one.
    pub before: Option<MessageId>,
    /// Only messages newer than this one, the oldest of them first.
    pub after: Option<MessageId>,
    /// At most so many.
    pub limit: u64,
}

pub(super) fn row(kept: &Kept) -> ActiveModel {
    let message = &kept.message;
    ActiveModel {
        id: Set(message.id.0),
        seq: Set(kept.seq.0),
        conversation_id: Set(message.conversation_id.0),
        author_id: Set(message.author.as_ref().map(|author| author.id.0)),
        text: Set(message.text.clone()),
        thread_id: Set(message.thread_id.map(|id| id.0)),
        client_id: Set(message.client_id.clone()),
        body_hash: Set(kept.body_hash),
        created_at: Set(message.created_at.0),
        edited_at: Set(message.edited_at.map(|at| at.0)),
        deleted_at: Set(None),
    }
}

/// Rows with their authors, who are read in one statement.
async fn complete(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Kept>, DbErr> {
    let mut ids: Vec<UserId> = rows.iter().filter_map(|row| row.author_id.map(UserId)).collect();
    ids.sort_unstable();
    ids.dedup();
    let authors: HashMap<UserId, UserRef> = if ids.is_empty() {
        HashMap::new()
    } else {
        users::by_ids(db, &ids).await?.into_iter().map(|user| (user.id, user.reference())).collect()
    };
    let kept = |row: Model| Kept {
        seq: Seq(row.seq),
        body_hash: row.body_hash,
        message: Message {
            id: MessageId(row.id),
            conversation_id: ConversationId(row.conversation_id),
            author: row.author_id.and_then(|id| authors.get(&UserId(id)).cloned()),
            text: row.text,
            thread_id: row.thread_id.map(MessageId),
            created_at: Timestamp(row.created_at),
            edited_at: row.edited_at.map(Timestamp),
            client_id: row.client_id,
        },
    };
    Ok(rows.into_iter().map(kept).collect())
}

pub(super) async fn by_ids(db: &impl ConnectionTrait, ids: &[MessageId]) -> Result<Vec<Kept>, DbErr> {
    let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(db).await?;
    complete(db, rows).await
}

/// What these authors sent under these names of their own, and perhaps some more under the same names.
pub(super) async fn by_client_ids(db: &impl ConnectionTrait, ids: &[(UserId, String)]) -> Result<Vec<Kept>, DbErr> {
    let rows = Entity::find()
        .filter(Column::ClientId.is_in(ids.iter().map(|(_, id)| id.as_str())))
        .filter(Column::AuthorId.is_in(ids.iter().map(|(author, _)| author.0)))
        .all(db)
        .await?;
    complete(db, rows).await
}

/// The messages of an author after one that are not deleted, oldest first.
pub(super) async fn of_author(
    db: &impl ConnectionTrait,
    author: UserId,
    after: MessageId,
    most: u64,
) -> Result<Vec<Message>, DbErr> {
    let rows = Entity::find()
        .filter(Column::AuthorId.eq(author.0))
        .filter(Column::Id.gt(after.0))
        .filter(Column::DeletedAt.is_null())
        .order_by_asc(Column::Id)
        .limit(most)
        .all(db)
        .await?;
    Ok(complete(db, rows).await?.into_iter().map(|kept| kept.message).collect())
}

/// Empties the texts of messages that are deleted for all.
pub(super) async fn erase(db: &impl ConnectionTrait, ids: &[MessageId], at: Timestamp) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Text, Expr::value(""))
        .col_expr(Column::DeletedAt, Expr::value(at.0))
        .filter(Column::Id.is_in(ids.iter().map(|id| id.0)))
        .exec(db)
        .await
        .map(drop)
}

/// The newest message of each of these conversations.
pub(super) async fn newest(
    db: &impl ConnectionTrait,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, Kept>, DbErr> {
    let ids: Vec<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Id.max(), "newest")
        .filter(Column::ConversationId.is_in(conversations.iter().map(|id| id.0)))
        .group_by(Column::ConversationId)
        .into_tuple()
        .all(db)
        .await?;
    let ids: Vec<MessageId> = ids.into_iter().flatten().map(MessageId).collect();
    Ok(by_ids(db, &ids).await?.into_iter().map(|kept| (kept.message.conversation_id, kept)).collect())
}

/// Messages that the viewer may read: those that came during a stay of his, or in a public channel.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    filter: &MessageFilter,
    stays_here: &[Stay],
    page: MessagePage,
) -> Result<Vec<Kept>, DbErr> {
    let mut query = Entity::find();
    query = match filter.conversation {
        Some((conversation, public)) => {
            let within = query.filter(Column::ConversationId.eq(conversation.0));
            if public { within } else { within.filter(during(stays_here)) }
        }
        None => query.filter(during_any_stay(filter.viewer)),
    };
    if let Some(author) = filter.author {
        query = query.filter(Column::AuthorId.eq(author.0));
    }
    if let Some(author) = filter.not_author {
        query = query.filter(Column::AuthorId.ne(author.0).or(Column::AuthorId.is_null()));
    }
    if let Some(before) = page.before {
        query = query.filter(Column::Id.lt(before.0));
    }
    query = match page.after {
        Some(after) => query.filter(Column::Id.gt(after.0)).order_by_asc(Column::Id),
        None => query.order_by_desc(Column::Id),
    };
    let rows = query.limit(page.limit).all(db).await?;
    complete(db, rows).await
}

fn during(stays: &[Stay]) -> Condition {
    stays.iter().fold(Condition::any().add(Expr::value(false)), |any, stay| {
        let from = Column::Seq.gte(stay.joined.0);
        any.add(match stay.left {
            Some(left) => from.and(Column::Seq.lte(left.0)),
            None => from,
        })
    })
}

fn during_any_stay(viewer: UserId) -> Condition {
    let stay = |column| Expr::col((stays::Entity, column));
    let message = |column| Expr::col((Entity, column));
    let covering = Query::select()
        .expr(Expr::value(1))
        .from(stays::Entity)
        .and_where(stay(stays::Column::UserId).eq(viewer.0))
        .and_where(stay(stays::Column::ConversationId).eq(message(Column::ConversationId)))
        .and_where(stay(stays::Column::JoinedSeq).lte(message(Column::Seq)))
        .and_where(stay(stays::Column::LeftSeq).is_null().or(stay(stays::Column::LeftSeq).gte(message(Column::Seq))))
        .to_owned();
    Condition::all().add(Expr::exists(covering))
}
