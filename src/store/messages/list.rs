//! Which messages somebody may read, in parts, by what they are about: each way of asking has its index.
//!
//! All of a user's messages are read conversation by conversation, those with the newest first, and no further than the
//! part that was asked for reaches: by number alone a quiet user's messages would be looked for among everybody's.

mod counting;
#[cfg(test)]
mod tests;

use super::directs::Directs;
use super::visible::{during, during_any_stay, not_hidden, not_withheld};
use super::{Column, Entity, Kept, by_ids, complete};
use crate::domain::access::Stay;
use crate::domain::search::Sought;
use crate::domain::{ConversationId, MessageId, Seq, Timestamp, UserId};
use crate::store::entity::{conversations, reads, stays};
use crate::store::sizes::{ROWS, rounded};
use crate::store::{receipts, words};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
};
use std::collections::HashMap;

pub(in crate::store) use counting::count;

/// Conversations that are read with one statement: few at first, since they are mostly enough.
const FIRST: usize = 8;
const MOST: usize = 100;

/// Which messages a list is about. All conditions hold together.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a condition that holds or not, whatever the others do")]
pub struct MessageFilter {
    /// Only what this user may read, and has not hidden from himself.
    pub viewer: UserId,
    /// Only this conversation; `true` if it is public, so that stays do not matter.
    pub conversation: Option<(ConversationId, bool)>,
    /// Only messages by this author.
    pub author: Option<UserId>,
    /// Only messages not by this author.
    pub not_author: Option<UserId>,
    /// No message at all: the conditions contradict each other.
    pub nobody: bool,
    /// Only what was said to this person directly: in direct conversations that he is in, by others, or by himself
    /// where he is alone.
    pub recipient: Option<UserId>,
    /// Only these direct conversations.
    pub directs: Option<Directs>,
    /// Only what others said after the viewer's place of reading, and did not delete.
    pub unread: bool,
    /// Only from this moment on.
    pub since: Option<Timestamp>,
    /// Only before this moment.
    pub until: Option<Timestamp>,
    /// Only replies to this message.
    pub thread: Option<MessageId>,
    /// Only messages that are no replies.
    pub roots: bool,
    /// Only what was not deleted for all: no tombstones.
    pub undeleted: bool,
    /// Only what somebody said and did not delete: nothing of the system's own, and no tombstones.
    pub said: bool,
    /// Nothing that the system told in these words.
    pub not_told: Vec<String>,
    /// Only messages with these words in them.
    pub sought: Option<Sought>,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessagePage {
    /// Only messages older than this one.
    pub before: Option<MessageId>,
    /// Only messages newer than this one, the oldest of them first.
    pub after: Option<MessageId>,
    /// So many of them are left out first.
    pub skip: u64,
    /// At most so many.
    pub limit: u64,
}

/// Numbers between two others, neither of which is meant.
#[derive(Debug, Clone, Copy)]
struct Span {
    above: i64,
    below: i64,
    oldest_first: bool,
}

/// Messages that the viewer may read: those that came during a stay of his, or in a public channel.
pub(in crate::store) async fn list(
    db: &impl ConnectionTrait,
    filter: &MessageFilter,
    page: MessagePage,
) -> Result<Vec<Kept>, DbErr> {
    let Some(span) = span(db, filter, page).await? else { return Ok(Vec::new()) };
    let order = if span.oldest_first { Order::Asc } else { Order::Desc };
    if let Some(query) = of_one_index(db, filter).await? {
        let query = within(query, span).order_by(Column::Id, order);
        return complete(db, query.offset(page.skip).limit(page.limit).all(db).await?).await;
    }
    let places = places(db, filter).await?;
    let (span, skip) = counting::nearer(db, filter, &places, span, page.skip).await?;
    let wanted = usize::try_from(skip.saturating_add(page.limit)).unwrap_or(usize::MAX);
    let mut ids = of_many_places(db, filter, places, span, wanted).await?;
    ids.drain(..ids.len().min(usize::try_from(skip).unwrap_or(usize::MAX)));
    let ids: Vec<MessageId> = ids.into_iter().map(MessageId).collect();
    let mut found = by_ids(db, &ids).await?;
    found.sort_unstable_by_key(|kept| if span.oldest_first { kept.message.id.0 } else { -kept.message.id.0 });
    Ok(found)
}

/// The numbers that the page and the dates leave. Moments rise with the numbers, so that dates are looked up once.
async fn span(db: &impl ConnectionTrait, filter: &MessageFilter, page: MessagePage) -> Result<Option<Span>, DbErr> {
    if filter.nobody {
        return Ok(None);
    }
    let mut span = Span {
        above: page.after.map_or(0, |id| id.0),
        below: page.before.map_or(i64::MAX, |id| id.0),
        oldest_first: page.after.is_some(),
    };
    if let Some(since) = filter.since {
        let Some(first) = first_since(db, since).await? else { return Ok(None) };
        span.above = Ord::max(span.above, first - 1);
    }
    if let Some(until) = filter.until
        && let Some(first) = first_since(db, until).await?
    {
        span.below = Ord::min(span.below, first);
    }
    Ok(Some(span))
}

async fn first_since(db: &impl ConnectionTrait, moment: Timestamp) -> Result<Option<i64>, DbErr> {
    from_moment(moment).into_tuple().one(db).await
}

fn from_moment(moment: Timestamp) -> Select<Entity> {
    let first = Entity::find().select_only().column(Column::Id).filter(Column::CreatedAt.gte(moment.0));
    first.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(1)
}

/// The query of a list that one index serves: a conversation's, a thread's or an author's.
async fn of_one_index(db: &impl ConnectionTrait, filter: &MessageFilter) -> Result<Option<Select<Entity>>, DbErr> {
    let mut query = conditions(Entity::find(), filter, db.get_database_backend());
    if let Some(author) = filter.author {
        query = query.filter(Column::AuthorId.eq(author.0));
    }
    let of_directs = filter.recipient.is_some() || filter.directs.is_some();
    if let Some((conversation, public)) = filter.conversation.filter(|_| !of_directs) {
        // A thread is in one conversation, and shorter.
        if filter.thread.is_none() {
            query = query.filter(Column::ConversationId.eq(conversation.0));
        }
        // Of what is public, that is unread which came while one was there.
        if !public || filter.unread {
            let stays = super::super::stays::in_conversation(db, filter.viewer, conversation).await?;
            query = query.filter(during(filter.viewer, &stays));
        }
        if filter.unread {
            let read = receipts::among(db, &[(filter.viewer, conversation)]).await?.pop();
            query = query.filter(Column::Id.gt(read.map_or(0, |position| position.message.0)));
        }
        return Ok(Some(query));
    }
    let has_index = filter.author.is_some() || filter.sought.is_some();
    Ok((has_index && !of_directs && !filter.unread).then(|| query.filter(during_any_stay(filter.viewer))))
}

fn within(query: Select<Entity>, span: Span) -> Select<Entity> {
    let query = if span.above > 0 { query.filter(Column::Id.gt(span.above)) } else { query };
    if span.below < i64::MAX { query.filter(Column::Id.lt(span.below)) } else { query }
}

/// What holds wherever the messages are, but for their author.
fn conditions(mut query: Select<Entity>, filter: &MessageFilter, backend: DbBackend) -> Select<Entity> {
    if let Some(sought) = &filter.sought {
        query = query.filter(words::found(backend, sought)).filter(not_withheld(filter.viewer));
    }
    let mut others = [filter.not_author, filter.unread.then_some(filter.viewer)];
    others.sort_unstable();
    for author in others.into_iter().flatten() {
        query = query.filter(Column::AuthorId.ne(author.0).or(Column::AuthorId.is_null()));
    }
    if filter.unread || filter.undeleted || filter.said {
        query = query.filter(Column::DeletedAt.is_null());
    }
    if filter.said {
        query = query.filter(Column::AuthorId.is_not_null());
    }
    if !filter.not_told.is_empty() {
        query = query.filter(
            Column::AuthorId.is_not_null().or(Column::Text.is_not_in(filter.not_told.iter().map(String::as_str))),
        );
    }
    if let Some(root) = filter.thread {
        query = query.filter(Column::ThreadId.eq(root.0));
    }
    if filter.roots {
        query = query.filter(Column::ThreadId.is_null());
    }
    query.filter(not_hidden(filter.viewer))
}

/// A conversation of the viewer, and what of it he may see.
struct Place {
    conversation: i64,
    stays: Vec<Stay>,
    above: i64,
    not_author: Option<UserId>,
    backend: DbBackend,
}

impl Place {
    fn query(&self, filter: &MessageFilter, span: Span) -> Select<Entity> {
        let span = Span { above: Ord::max(span.above, self.above), ..span };
        let query = Entity::find().select_only().filter(Column::ConversationId.eq(self.conversation));
        let mut query =
            within(conditions(query, filter, self.backend), span).filter(during(filter.viewer, &self.stays));
        if let Some(author) = filter.author {
            // Nothing is added so that no index knows the column: by the author's own, each of many conversations would be
            // looked for among all that he ever said.
            query = query.filter(Expr::col((Entity, Column::AuthorId)).add(0).eq(author.0));
        }
        if let Some(author) = self.not_author {
            query = query.filter(Column::AuthorId.ne(author.0).or(Column::AuthorId.is_null()));
        }
        query
    }
}

/// The viewer's conversations that the list is about.
async fn places(db: &impl ConnectionTrait, filter: &MessageFilter) -> Result<Vec<Place>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        conversation_id: i64,
        joined_seq: i64,
        left_seq: Option<i64>,
        direct_key: Option<String>,
    }
    let mut rows = stays::Entity::find()
        .select_only()
        .columns([stays::Column::ConversationId, stays::Column::JoinedSeq, stays::Column::LeftSeq])
        .column(conversations::Column::DirectKey)
        .join(
            sea_orm::JoinType::InnerJoin,
            stays::Entity::belongs_to(conversations::Entity)
                .from(stays::Column::ConversationId)
                .to(conversations::Column::Id)
                .into(),
        )
        .filter(stays::Column::UserId.eq(filter.viewer.0));
    if let Some((only, _)) = filter.conversation {
        rows = rows.filter(stays::Column::ConversationId.eq(only.0));
    }
    let rows: Vec<Row> = rows.into_model().all(db).await?;
    let read = if filter.unread { read_until(db, filter.viewer).await? } else { HashMap::new() };
    let mut places: HashMap<i64, Place> = HashMap::new();
    for row in rows {
        let people: Vec<&str> = row.direct_key.as_deref().map(|key| key.split(',').collect()).unwrap_or_default();
        let fits = filter.directs.is_none_or(|directs| directs.includes(people.len()));
        let reached = filter.recipient.is_none_or(|person| people.contains(&person.to_string().as_str()));
        if fits && reached {
            let place = places.entry(row.conversation_id).or_insert_with(|| Place {
                conversation: row.conversation_id,
                stays: Vec::new(),
                above: read.get(&row.conversation_id).copied().unwrap_or(0),
                // What somebody says is said to the others, or to himself where there are none.
                not_author: filter.recipient.filter(|_| people.len() > 1),
                backend: db.get_database_backend(),
            });
            place.stays.push(Stay { joined: Seq(row.joined_seq), left: row.left_seq.map(Seq) });
        }
    }
    Ok(places.into_values().collect())
}

/// How far a user has read, by conversation.
async fn read_until(db: &impl ConnectionTrait, user: UserId) -> Result<HashMap<i64, i64>, DbErr> {
    let read: Vec<(i64, i64)> = reads::Entity::find()
        .select_only()
        .columns([reads::Column::ConversationId, reads::Column::MessageId])
        .filter(reads::Column::UserId.eq(user.0))
        .into_tuple()
        .all(db)
        .await?;
    Ok(read.into_iter().collect())
}

/// The first numbers of a list over many conversations. They are gone through by the message with which each begins;
/// once there are enough, one that begins behind the last of them has nothing to add, nor has any after it.
async fn of_many_places(
    db: &impl ConnectionTrait,
    filter: &MessageFilter,
    places: Vec<Place>,
    span: Span,
    wanted: usize,
) -> Result<Vec<i64>, DbErr> {
    let rank = |id: i64| if span.oldest_first { id } else { -id };
    let mut places: HashMap<i64, Place> = places.into_iter().map(|place| (place.conversation, place)).collect();
    let mut begins = begins(db, places.keys().copied().collect(), span).await?;
    begins.sort_unstable_by_key(|(_, first)| rank(*first));
    let mut ids: Vec<i64> = Vec::new();
    let mut begins = begins.as_slice();
    let mut some = FIRST;
    while let Some((_, first)) = begins.first() {
        if ids.len() >= wanted && ids.last().is_none_or(|last| rank(*last) < rank(*first)) {
            break;
        }
        let (now, later) = begins.split_at(some.min(begins.len()));
        let order = if span.oldest_first { Order::Asc } else { Order::Desc };
        let part = |place: Place| {
            let query = place.query(filter, span).column(Column::Id);
            query.order_by(Column::Id, order.clone()).limit(wanted as u64).into_query()
        };
        let parts = now.iter().filter_map(|(conversation, _)| places.remove(conversation)).map(part);
        ids.extend(run(db, parts).await?);
        ids.sort_unstable_by_key(|id| rank(*id));
        ids.truncate(wanted);
        begins = later;
        some = (some * 2).min(MOST);
    }
    Ok(ids)
}

/// The first message of each of these conversations, from the end at which the list begins; those without any are left out.
async fn begins(db: &impl ConnectionTrait, places: Vec<i64>, span: Span) -> Result<Vec<(i64, i64)>, DbErr> {
    let mut found = Vec::new();
    for some in places.chunks(ROWS) {
        let rows: Vec<(i64, Option<i64>)> = beginnings(some, span).into_tuple().all(db).await?;
        found.extend(rows.into_iter().filter_map(|(place, first)| Some((place, first?))));
    }
    Ok(found)
}

fn beginnings(places: &[i64], span: Span) -> Select<conversations::Entity> {
    let id = Expr::col((Entity, Column::Id));
    let here = Expr::col((Entity, Column::ConversationId));
    let mut first = Query::select();
    first
        .expr(if span.oldest_first { id.clone().min() } else { id.clone().max() })
        .from(Entity)
        .and_where(here.equals((conversations::Entity, conversations::Column::Id)))
        .and_where(id.clone().gt(span.above))
        .and_where(id.lt(span.below));
    conversations::Entity::find()
        .select_only()
        .column(conversations::Column::Id)
        .column_as(SimpleExpr::SubQuery(None, Box::new(first.into())), "first")
        .filter(conversations::Column::Id.is_in(rounded(places.iter().copied())))
}

/// Runs queries that give numbers under the name `id` as one statement.
async fn run(db: &impl ConnectionTrait, parts: impl Iterator<Item = SelectStatement>) -> Result<Vec<i64>, DbErr> {
    // A part with an order and a limit of its own has to stand in another query.
    let mut parts = parts.enumerate().map(|(number, part)| {
        let name = Alias::new(format!("part{number}"));
        Query::select().column((name.clone(), Alias::new("id"))).from_subquery(part, name).to_owned()
    });
    let Some(mut all) = parts.next() else { return Ok(Vec::new()) };
    for part in parts {
        all.union(UnionType::All, part);
    }
    let rows = db.query_all(&all).await?;
    rows.into_iter().map(|row| row.try_get_by_index(0)).collect()
}
