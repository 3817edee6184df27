//! What is known of the line of numbers before a batch is written, and whether the database's line still is that one.

use crate::domain::Seq;
use crate::store::clock::Clock;
use crate::store::replaced::batch_at;
use sea_orm::{ConnectionTrait, DbErr};

/// Tells the last event that anybody was told of here, whichever node wrote it, and in which batch that was, if it is known.
pub type LastTold = Box<dyn Fn() -> (Seq, Option<i64>) + Send + Sync>;

/// What the writing task knows of the line, from its last batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub(super) batch: i64,
    /// The head after it.
    pub(super) head: Seq,
    /// The last event that this task wrote, and in which batch.
    pub(super) event: Option<(Seq, i64)>,
}

/// What the clock shows, compared with what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Nobody else committed since: what was read then is still true.
    Untouched,
    /// The line that is known, gone on with by others.
    GoneOn,
    /// Another line: numbers that were given out are free there, or stand for something else.
    Another,
}

/// Compares the line with what was written here, and with what anybody was told here before the clock was locked. An event
/// that stands there has all those before it with it, so only the newest is looked for, and only where others have written.
pub(super) async fn compare(
    db: &impl ConnectionTrait,
    clock: &Clock,
    last: Option<Last>,
    told: (Seq, Option<i64>),
) -> Result<Line, DbErr> {
    let known = last.map_or(told.0, |last| last.head.max(told.0));
    if clock.head < known {
        return Ok(Line::Another);
    }
    // Nothing was told that lies beyond it, either.
    if last.is_some_and(|last| clock.batch == last.batch && clock.head == last.head) {
        return Ok(Line::Untouched);
    }
    let told = told.1.map(|batch| (told.0, batch));
    let Some((seq, batch)) = last.and_then(|last| last.event).max(told) else { return Ok(Line::GoneOn) };
    let stands = batch_at(db, seq.0).await?.map_or(seq < clock.beginning, |found| found == batch);
    Ok(if stands { Line::GoneOn } else { Line::Another })
}
