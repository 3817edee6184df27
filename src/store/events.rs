//! The event log in the database.

use super::clock::Clock;
use super::entity::events::{ActiveModel, Column, Entity, Model};
use super::replaced::batch_at;
use super::sizes::rounded;
use super::{Store, StoreError};
use crate::domain::events::{Record, Topic};
use crate::domain::messages::erased_payload;
use crate::domain::{MessageId, Seq, Timestamp};
use sea_orm::sea_query::{CaseStatement, Expr, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// Events in one page of the log, and so many rows may be read ahead of whoever takes them.
pub const PAGE_ROWS: usize = 256;
/// Payload bytes after which a page ends: whoever is sent it may be slow, and holds it for as long.
const PAGE_BYTES: usize = 512 * 1024;
/// Rows read first, by whose size it is judged how many more to read.
const FEW: u64 = 16;
/// Events that are emptied with one statement.
const ERASED: u64 = 200;

/// One page of the log.
#[derive(Debug)]
pub struct Page {
    /// Its events, in order.
    pub records: Vec<Record>,
    /// The place up to which reading has passed.
    pub passed: Seq,
    /// Where history began right after the page was read: what lies before is not told completely.
    pub beginning: Seq,
}

fn record(row: Model) -> Record {
    Record {
        seq: Seq(row.seq),
        topic: Topic::from_number(row.topic),
        kind: row.kind,
        at: Timestamp(row.at),
        data: row.data,
        batch: row.batch,
        message: row.message_id.map(MessageId),
    }
}

pub(super) fn row(record: &Record) -> ActiveModel {
    ActiveModel {
        seq: Set(record.seq.0),
        topic: Set(record.topic.number()),
        kind: Set(record.kind.clone()),
        at: Set(record.at.0),
        data: Set(record.data.clone()),
        batch: Set(record.batch),
        message_id: Set(record.message.map(|id| id.0)),
    }
}

impl Store {
    /// Reads the log after a place through another, of some topics or of all, at most `limit` events, and no further
    /// once it has half a mebibyte of payload.
    ///
    /// Retention may run meanwhile: it moves the beginning in the transaction that deletes, and the beginning is read
    /// after the events, so a page that misses anything always shows a beginning behind its own start.
    pub async fn log_page(
        &self,
        after: Seq,
        through: Seq,
        topics: Option<&[Topic]>,
        limit: u64,
    ) -> Result<Page, StoreError> {
        let mut query = Entity::find().filter(Column::Seq.lte(through.0)).order_by_asc(Column::Seq);
        if let Some(topics) = topics {
            query = query.filter(Column::Topic.is_in(rounded(topics.iter().map(|topic| topic.number()))));
        }
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        let mut wanted = limit.min(FEW);
        let mut passed = after;
        while wanted > 0 && bytes < PAGE_BYTES {
            let rows = query.clone().filter(Column::Seq.gt(passed.0)).limit(wanted).all(&self.read).await?;
            let all = (rows.len() as u64) < wanted;
            let mut rows = rows.into_iter();
            for row in rows.by_ref() {
                bytes += row.data.len();
                passed = Seq(row.seq);
                records.push(record(row));
                if bytes >= PAGE_BYTES {
                    break;
                }
            }
            if all && rows.next().is_none() {
                passed = through;
                break;
            }
            let usual = (bytes / records.len().max(1)).max(1);
            let more = PAGE_BYTES.saturating_sub(bytes) / usual;
            wanted = (more as u64).min(limit - records.len() as u64);
        }
        let beginning = Clock::read(&self.read).await?.beginning;
        Ok(Page { records, passed, beginning })
    }

    /// In which batch the event at a place was written, if it is still kept.
    pub async fn batch_at(&self, seq: Seq) -> Result<Option<i64>, StoreError> {
        Ok(batch_at(&self.read, seq.0).await?)
    }

    /// What the clock shows now, without locking it.
    pub async fn clock(&self) -> Result<Clock, StoreError> {
        Ok(Clock::read(&self.read).await?)
    }

    /// Whether an event is known to stand as it was written, in this batch if it is given, or is too old to be kept. It is
    /// asked where is written, which shows what is committed now whatever becomes of those who only read. One who reads may be
    /// shown the past for a moment; if that lasts, readers and writers are not at one database, and this is an error.
    pub async fn stands(&self, seq: Seq, batch: Option<i64>) -> Result<bool, StoreError> {
        let found = batch_at(&self.write, seq.0).await?;
        // Read after, so that what retention takes meanwhile is not missed.
        let clock = Clock::read(&self.write).await?;
        let is_as_it_was =
            found.map_or(batch.is_none() || seq < clock.beginning, |found| batch.is_none_or(|it| it == found));
        let stands = clock.head >= seq && is_as_it_was;
        if stands && self.opened.note_past() {
            let past = "what is read there is older than what was written, and has been for too long";
            return Err(DbErr::Custom(past.to_owned()).into());
        }
        Ok(stands)
    }
}

/// Replaces what the events of one kind under a topic say.
pub(super) async fn overwrite(db: &impl ConnectionTrait, topic: Topic, kind: &str, data: &str) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Data, Expr::value(data))
        .filter(Column::Topic.eq(topic.number()))
        .filter(Column::Kind.eq(kind))
        .exec(db)
        .await
        .map(drop)
}

/// How many events hold the text of each message from one to another; those without any are left out.
pub(super) async fn about(
    db: &impl ConnectionTrait,
    first: MessageId,
    last: MessageId,
) -> Result<Vec<(MessageId, u64)>, DbErr> {
    let rows: Vec<(Option<i64>, i64)> = Entity::find()
        .select_only()
        .column(Column::MessageId)
        .column_as(Column::Seq.count(), "events")
        .filter(Column::MessageId.between(first.0, last.0))
        .group_by(Column::MessageId)
        .order_by_asc(Column::MessageId)
        .into_tuple()
        .all(db)
        .await?;
    let count = |(id, count): (Option<i64>, i64)| Some((MessageId(id?), u64::try_from(count).ok()?));
    Ok(rows.into_iter().filter_map(count).collect())
}

/// Empties the payloads of all events that hold the text of these messages.
pub(super) async fn erase(db: &impl ConnectionTrait, ids: &[MessageId], at: Timestamp) -> Result<(), DbErr> {
    empty(db, Column::MessageId.is_in(rounded(ids.iter().map(|id| id.0))), at).await
}

/// The same for all messages from one to another.
pub(super) async fn erase_between(
    db: &impl ConnectionTrait,
    first: MessageId,
    last: MessageId,
    at: Timestamp,
) -> Result<(), DbErr> {
    empty(db, Column::MessageId.between(first.0, last.0), at).await
}

async fn empty(db: &impl ConnectionTrait, these: SimpleExpr, at: Timestamp) -> Result<(), DbErr> {
    let mut passed = 0;
    loop {
        // A message that was often edited has many.
        let events: Vec<(i64, String)> = Entity::find()
            .select_only()
            .columns([Column::Seq, Column::Data])
            .filter(these.clone())
            .filter(Column::Seq.gt(passed))
            .order_by_asc(Column::Seq)
            .limit(ERASED)
            .into_tuple()
            .all(db)
            .await?;
        let Some((last, _)) = events.last() else { return Ok(()) };
        passed = *last;
        let seqs: Vec<i64> = events.iter().map(|(seq, _)| *seq).collect();
        let emptied = events.iter().fold(CaseStatement::new(), |case, (seq, data)| {
            case.case(Column::Seq.eq(*seq), Expr::value(erased_payload(data, at)))
        });
        Entity::update_many()
            .col_expr(Column::Data, emptied.finally(Expr::col(Column::Data)).into())
            .filter(Column::Seq.is_in(rounded(seqs.iter().copied())))
            .exec(db)
            .await?;
        if (seqs.len() as u64) < ERASED {
            return Ok(());
        }
    }
}

/// Deletes events older than a moment, at most `most` of them, and returns where history begins then.
pub(super) async fn forget(
    db: &impl ConnectionTrait,
    beginning: Seq,
    before: Timestamp,
    most: i64,
) -> Result<Seq, DbErr> {
    let last: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Seq.max(), "last")
        .filter(Column::Seq.gte(beginning.0))
        .filter(Column::Seq.lt(beginning.0 + most))
        .filter(Column::At.lt(before.0))
        .into_tuple()
        .one(db)
        .await?;
    let Some(last) = last.flatten() else { return Ok(beginning) };
    Entity::delete_many().filter(Column::Seq.lte(last)).exec(db).await?;
    Ok(Seq(last).next())
}
