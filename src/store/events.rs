//! The event log in the database.

use super::clock::Clock;
use super::entity::events::{ActiveModel, Column, Entity, Model};
use super::{Store, StoreError};
use crate::domain::events::{Record, Topic};
use crate::domain::{Seq, Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

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
    }
}

impl Store {
    /// Reads the log after a place through another, of some topics or of all, at most `limit` events.
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
        let mut query = Entity::find().filter(Column::Seq.gt(after.0)).filter(Column::Seq.lte(through.0));
        if let Some(topics) = topics {
            query = query.filter(Column::Topic.is_in(topics.iter().map(|topic| topic.number())));
        }
        let rows = query.order_by_asc(Column::Seq).limit(limit).all(&self.read).await?;
        let full = rows.len() as u64 == limit;
        let records: Vec<Record> = rows.into_iter().map(record).collect();
        let passed = match records.last() {
            Some(last) if full => last.seq,
            _ => through,
        };
        let beginning = Clock::read(&self.read).await?.beginning;
        Ok(Page { records, passed, beginning })
    }

    /// What the clock shows now, without locking it.
    pub async fn clock(&self) -> Result<Clock, StoreError> {
        Ok(Clock::read(&self.read).await?)
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
