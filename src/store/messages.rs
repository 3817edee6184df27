//! Messages in the database.

mod directs;
mod expired;
mod list;
mod visible;

use super::entity::messages::{ActiveModel, Column, Entity, Model};
use super::sizes::{ROWS, rounded};
use super::{conversations, mentions, stays, users};
use crate::domain::access::Stays;
use crate::domain::conversations::Kind;
use crate::domain::messages::Message;
use crate::domain::users::UserRef;
use crate::domain::{ConversationId, MessageId, Seq, Timestamp, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use std::collections::{HashMap, HashSet};

pub use directs::Directs;
pub(super) use expired::{delete, oldest, replied_to_after};
pub use list::{MessageFilter, MessagePage};
pub(super) use list::{count, list};
use visible::during_the_stay;
pub(super) use visible::{
    during_any_stay, during_the_stay_after, last_of_the_stay, not_hidden, visible_during_stays, visible_to,
};

/// A message with what only the server needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The message as people see it.
    pub message: Message,
    /// The place of the event by which it came.
    pub seq: Seq,
    /// The place of the event by which its text last changed.
    pub edited_seq: Option<Seq>,
    /// What tells a retry from another message under the same `client_id`; nothing once it is deleted, since a short
    /// text can be guessed from it.
    pub body_hash: i64,
}

impl Kept {
    /// Leaves a tombstone.
    pub(super) fn erase(&mut self, at: Timestamp) {
        self.message.erase(at);
        self.body_hash = 0;
    }
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
        deleted_at: Set(message.deleted_at.map(|at| at.0)),
        edited_seq: Set(kept.edited_seq.map(|seq| seq.0)),
    }
}

/// Rows with the people in them, who are read in one statement.
pub(super) async fn complete(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Kept>, DbErr> {
    // Only a text with an `@` in it mentions anybody.
    let naming: Vec<i64> = rows.iter().filter(|row| row.text.contains('@')).map(|row| row.id).collect();
    let mentioned = mentions::in_messages(db, &naming).await?;
    let mut ids: Vec<UserId> = rows.iter().filter_map(|row| row.author_id.map(UserId)).collect();
    ids.extend(mentioned.iter().map(|(_, user)| *user));
    ids.sort_unstable();
    ids.dedup();
    let people: HashMap<UserId, UserRef> = if ids.is_empty() {
        HashMap::new()
    } else {
        users::by_ids(db, &ids).await?.into_iter().map(|user| (user.id, user.reference())).collect()
    };
    let mut mentions: HashMap<MessageId, Vec<UserRef>> = HashMap::new();
    for (message, user) in mentioned {
        mentions.entry(message).or_default().extend(people.get(&user).cloned());
    }
    let kept = |row: Model| Kept {
        seq: Seq(row.seq),
        edited_seq: row.edited_seq.map(Seq),
        body_hash: row.body_hash,
        message: Message {
            id: MessageId(row.id),
            conversation_id: ConversationId(row.conversation_id),
            author: row.author_id.and_then(|id| people.get(&UserId(id)).cloned()),
            text: row.text,
            mentions: mentions.remove(&MessageId(row.id)).unwrap_or_default(),
            thread_id: row.thread_id.map(MessageId),
            created_at: Timestamp(row.created_at),
            edited_at: row.edited_at.map(Timestamp),
            deleted_at: row.deleted_at.map(Timestamp),
            client_id: row.client_id,
        },
    };
    Ok(rows.into_iter().map(kept).collect())
}

pub(super) async fn by_ids(db: &impl ConnectionTrait, ids: &[MessageId]) -> Result<Vec<Kept>, DbErr> {
    let mut rows = Vec::new();
    for some in ids.chunks(ROWS) {
        rows.extend(Entity::find().filter(Column::Id.is_in(rounded(some.iter().map(|id| id.0)))).all(db).await?);
    }
    complete(db, rows).await
}

/// Where these messages stand, those that there are.
pub(super) async fn places(
    db: &impl ConnectionTrait,
    ids: &[MessageId],
) -> Result<HashMap<MessageId, (ConversationId, Seq)>, DbErr> {
    let rows: Vec<(i64, i64, i64)> = Entity::find()
        .select_only()
        .column(Column::Id)
        .column(Column::ConversationId)
        .column(Column::Seq)
        .filter(Column::Id.is_in(rounded(ids.iter().map(|id| id.0))))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, place, seq)| (MessageId(id), (ConversationId(place), Seq(seq)))).collect())
}

/// What these authors sent under these names of their own, and perhaps some more under the same names.
pub(super) async fn by_client_ids(db: &impl ConnectionTrait, ids: &[(UserId, String)]) -> Result<Vec<Kept>, DbErr> {
    let rows = Entity::find()
        .filter(Column::ClientId.is_in(rounded(ids.iter().map(|(_, id)| id.as_str()))))
        .filter(Column::AuthorId.is_in(rounded(ids.iter().map(|(author, _)| author.0))))
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
) -> Result<Vec<Kept>, DbErr> {
    let rows = Entity::find()
        .filter(Column::AuthorId.eq(author.0))
        .filter(Column::Id.gt(after.0))
        .filter(Column::DeletedAt.is_null())
        .order_by_asc(Column::Id)
        .limit(most)
        .all(db)
        .await?;
    complete(db, rows).await
}

/// Messages that a user may see, as he sees them: what was said anew when he was not there any more is withheld, as no
/// event told him, except where everybody may read.
pub(super) async fn as_seen_by(
    db: &impl ConnectionTrait,
    viewer: UserId,
    mut found: Vec<Kept>,
) -> Result<Vec<Kept>, DbErr> {
    let edited = homes(found.iter().filter(|kept| kept.edited_seq.is_some()));
    let mut there = Stays::default();
    for (conversation, stay) in stays::in_conversations(db, viewer, &edited).await? {
        there.insert(conversation, stay);
    }
    let gone = |kept: &Kept| kept.edited_seq.is_some_and(|seq| !there.cover(kept.message.conversation_id, seq));
    let mut public = HashSet::new();
    for some in homes(found.iter().filter(|kept| gone(kept))).chunks(ROWS) {
        let known = conversations::by_ids(db, some).await?.into_iter();
        public.extend(known.filter(|place| place.kind == Kind::Channel).map(|place| place.id));
    }
    for kept in &mut found {
        if gone(kept) && !public.contains(&kept.message.conversation_id) {
            kept.message.withhold();
        }
    }
    Ok(found)
}

/// The conversations that these messages are in, each once.
fn homes<'a>(messages: impl Iterator<Item = &'a Kept>) -> Vec<ConversationId> {
    let mut homes: Vec<ConversationId> = messages.map(|kept| kept.message.conversation_id).collect();
    homes.sort_unstable();
    homes.dedup();
    homes
}

/// Writes the texts of messages anew that are there, each once, and when.
pub(super) async fn update_texts(db: &impl ConnectionTrait, all: &[Kept]) -> Result<(), DbErr> {
    let anew =
        OnConflict::column(Column::Id).update_columns([Column::Text, Column::EditedAt, Column::EditedSeq]).to_owned();
    Entity::insert_many(all.iter().map(row)).on_conflict(anew).exec_without_returning(db).await.map(drop)
}

/// Empties these messages' rows, those that were not empty before.
pub(super) async fn erase(db: &impl ConnectionTrait, ids: &[MessageId], at: Timestamp) -> Result<(), DbErr> {
    let tombstone =
        ActiveModel { text: Set(String::new()), body_hash: Set(0), deleted_at: Set(Some(at.0)), ..Default::default() };
    let these = Column::Id.is_in(rounded(ids.iter().map(|id| id.0)));
    Entity::update_many().set(tombstone).filter(these).filter(Column::DeletedAt.is_null()).exec(db).await.map(drop)
}

/// The newest message in a place that passes, among those not hidden from this user.
fn newest_of(place: SimpleExpr, passes: Condition, viewer: UserId) -> SimpleExpr {
    let id = Expr::col((Entity, Column::Id));
    let newest = Query::select()
        .expr(id.clone())
        .from(Entity)
        .and_where(Expr::col((Entity, Column::ConversationId)).eq(place))
        .cond_where(passes)
        .and_where(not_hidden(viewer))
        .order_by_expr(id, sea_orm::Order::Desc)
        .limit(1)
        .to_owned();
    SimpleExpr::SubQuery(None, Box::new(newest.into()))
}

/// The newest message that a user sees of each of these conversations: of a channel whatever is said there, elsewhere
/// what came during his stays. A message's number grows with its place on the line, so a stay bounds what is looked at.
pub(super) async fn newest(
    db: &impl ConnectionTrait,
    viewer: UserId,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, Kept>, DbErr> {
    use super::entity::conversations::{Column as Place, Entity as Places};
    use super::entity::stays::{Column as Stay, Entity as Stays};
    let public = newest_of(Expr::col((Places, Place::Id)), Condition::all(), viewer);
    let mut ids: Vec<Option<i64>> = Places::find()
        .select_only()
        .column_as(public, "newest")
        .filter(Place::Id.is_in(rounded(conversations.iter().map(|id| id.0))))
        .filter(Place::Kind.eq("channel"))
        .into_tuple()
        .all(db)
        .await?;
    let during = newest_of(Expr::col((Stays, Stay::ConversationId)), during_the_stay(), viewer);
    ids.extend(
        Stays::find()
            .select_only()
            .column_as(during, "newest")
            .filter(Stay::ConversationId.is_in(rounded(conversations.iter().map(|id| id.0))))
            .filter(Stay::UserId.eq(viewer.0))
            .into_tuple::<Option<i64>>()
            .all(db)
            .await?,
    );
    let mut ids: Vec<MessageId> = ids.into_iter().flatten().map(MessageId).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut newest: HashMap<ConversationId, Kept> = HashMap::new();
    for kept in by_ids(db, &ids).await? {
        let known = newest.entry(kept.message.conversation_id).or_insert_with(|| kept.clone());
        if known.message.id < kept.message.id {
            *known = kept;
        }
    }
    Ok(newest)
}

/// How many replies a user sees to each of these messages.
pub(super) async fn reply_counts(
    db: &impl ConnectionTrait,
    viewer: UserId,
    roots: &[MessageId],
) -> Result<HashMap<MessageId, u64>, DbErr> {
    if roots.is_empty() {
        return Ok(HashMap::new());
    }
    let counts: Vec<(Option<i64>, i64)> = Entity::find()
        .select_only()
        .column(Column::ThreadId)
        .column_as(Column::Id.count(), "replies")
        .filter(Column::ThreadId.is_in(rounded(roots.iter().map(|id| id.0))))
        .filter(visible_to(viewer))
        .group_by(Column::ThreadId)
        .into_tuple()
        .all(db)
        .await?;
    let count = |(root, count): (Option<i64>, i64)| Some((MessageId(root?), u64::try_from(count).ok()?));
    Ok(counts.into_iter().filter_map(count).collect())
}
