//! The task behind the queue: takes what has come in as one batch, commits it, hands it over and answers.

use super::job::Job;
use super::{HandOver, SubmitError, Written};
use crate::domain::events::Record;
use crate::domain::{Seq, Timestamp};
use crate::meter::TRACED;
use crate::store::Store;
use crate::store::batch::{Batch, Wants, WorkingSet};
use crate::store::clock::Clock;
use crate::store::entity::commits;
use crate::store::patience::{Patient, is_passing};
use crate::store::replaced::batch_at;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::{DatabaseTransaction, DbErr, EntityTrait, SqliteTransactionMode, TransactionOptions};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// The most changes in one transaction: beyond some hundreds a commit's cost is shared well enough, and the first of
/// them should not wait for more.
const BATCH: usize = 512;
/// How long the outcome of a COMMIT whose answer was lost is looked for.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(10);
/// How often old rows of `commits` are cleared away, in batches, and how old they get.
const COMMITS_KEPT: (u64, Duration) = (5_000, Duration::from_hours(1));

/// How often the database's log is emptied at most while much is deleted, and tried again while somebody reads it.
const EMPTIED_EVERY: Duration = Duration::from_secs(1);

/// How a transaction is ended: tests lose its answer here.
pub(super) type Commit =
    Box<dyn Fn(Patient<DatabaseTransaction>) -> BoxFuture<'static, Result<(), DbErr>> + Send + Sync>;

/// What became of one transaction.
enum Attempt {
    /// It is on disk, or there was nothing to write.
    Done { records: Vec<Record>, wrote: bool },
    /// There is no database, or its clock is not ours to take; nothing was written.
    NoClock(DbErr),
    /// A statement failed or a change panicked; all was rolled back.
    RolledBack(DbErr),
    /// COMMIT was sent and failed: it may have happened.
    Unknown { id: i64, records: Vec<Record>, error: DbErr },
    /// The line of numbers went back under us.
    Diverged,
}

impl Attempt {
    /// As it is counted.
    fn word(&self) -> &'static str {
        match self {
            Self::Done { wrote: true, .. } => "committed",
            Self::Done { wrote: false, .. } => "nothing_to_write",
            Self::NoClock(_) => "no_database",
            Self::RolledBack(_) => "rolled_back",
            Self::Unknown { .. } => "outcome_unknown",
            Self::Diverged => "replaced",
        }
    }
}

/// The writing task: what it writes with, and what it knows from the batch before.
pub(super) struct Writer {
    store: Store,
    hand_over: HandOver,
    commit: Commit,
    set: WorkingSet,
    last: Option<Last>,
    batches: u64,
    emptied: Emptied,
    written: Arc<Written>,
}

/// What this task knows of the line, from its last batch.
#[derive(Debug, Clone, Copy)]
struct Last {
    batch: i64,
    /// The head after it.
    head: Seq,
    /// The last event that this task wrote, and in which batch.
    event: Option<(Seq, i64)>,
}

/// When the database's log was last emptied of what was deleted, and when it has to be again.
#[derive(Debug, Default)]
struct Emptied {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Writer {
    /// A task that has written nothing yet.
    pub(super) fn new(store: Store, hand_over: HandOver, commit: Commit, written: Arc<Written>) -> Self {
        let (set, emptied) = (WorkingSet::default(), Emptied::default());
        Self { store, hand_over, commit, set, last: None, batches: 0, emptied, written }
    }

    /// Writes what comes in until told to stop, and then what had come in before.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Box<dyn Job>>, stop: CancellationToken) {
        let mut jobs = Vec::with_capacity(BATCH);
        loop {
            let due = self.emptied.due;
            let taken = tokio::select! {
                biased;
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.empty_log().await;
                    continue;
                }
                () = stop.cancelled(), if !queue.is_closed() => {
                    // Nothing new is taken; what was taken is still written and answered.
                    queue.close();
                    continue;
                }
                taken = queue.recv_many(&mut jobs, BATCH) => taken,
            };
            if taken == 0 {
                return;
            }
            self.write(&mut jobs).await;
            jobs.clear();
            self.clear_commits().await;
        }
    }

    /// Writes some changes together and answers their callers. Says whether there is a database at all.
    async fn write(&mut self, jobs: &mut [Box<dyn Job>]) -> bool {
        let mut again = false;
        let mut there = true;
        let failure = loop {
            let traced = traced(jobs);
            let attempt = self.attempt(jobs).instrument(traced.clone()).await;
            traced.record("outcome", attempt.word());
            drop(traced);
            self.written.batches.of(&attempt.word()).one();
            match attempt {
                Attempt::Done { records, .. } => {
                    (self.hand_over)(records).await;
                    break None;
                }
                Attempt::RolledBack(error) if jobs.len() > 1 => {
                    tracing::warn!(%error, changes = jobs.len(), "a batch was rolled back; its changes run one by one");
                    return self.write_one_by_one(jobs).await;
                }
                Attempt::RolledBack(error) if is_passing(&error) => {
                    tell(jobs, "cannot write: the database went away", &error);
                    break Some(SubmitError::Unavailable);
                }
                Attempt::RolledBack(error) => {
                    tell(jobs, "a change could not be written", &error);
                    break Some(SubmitError::Broken);
                }
                Attempt::NoClock(error) => {
                    tell(jobs, "cannot write: the database does not answer", &error);
                    there = false;
                    break Some(SubmitError::Unavailable);
                }
                Attempt::Diverged => break Some(SubmitError::Replaced),
                Attempt::Unknown { id, records, error } => {
                    tracing::warn!(%error, "the answer to a COMMIT was lost; looking whether it happened");
                    match self.find_out(id).await {
                        Some(true) => {
                            (self.hand_over)(records).await;
                            break None;
                        }
                        Some(false) if !again => again = true,
                        Some(false) => {
                            tell(jobs, "cannot write: the database refuses to commit", &error);
                            break Some(SubmitError::Unavailable);
                        }
                        None => {
                            tell(jobs, "it is not known whether a change was written", &error);
                            there = false;
                            break Some(SubmitError::OutcomeUnknown);
                        }
                    }
                }
            }
        };
        for job in jobs {
            job.answer(failure.clone());
        }
        there
    }

    /// Writes changes each by itself. A database that is gone is waited for once: together they would wait for minutes,
    /// and so would all that came after them. One whose connection breaks each time harms nobody but itself.
    async fn write_one_by_one(&mut self, jobs: &mut [Box<dyn Job>]) -> bool {
        let mut there = true;
        for job in jobs {
            if there {
                there = Box::pin(self.write(std::slice::from_mut(job))).await;
            } else {
                job.answer(Some(SubmitError::Unavailable));
            }
        }
        there
    }

    async fn attempt(&mut self, jobs: &mut [Box<dyn Job>]) -> Attempt {
        if self.store.is_replaced() {
            return Attempt::Diverged;
        }
        let began = Instant::now();
        let set = std::mem::take(&mut self.set);
        // The lock comes before anything else is read: what a change decides on must be true when it commits.
        let db = match self.store.write.begin(immediate()).await {
            Ok(db) => db,
            Err(error) => return Attempt::NoClock(error),
        };
        let clock = match Clock::lock(&db).await {
            Ok(clock) => clock,
            Err(error) => return Attempt::NoClock(error),
        };
        if self.store.is_of_another_line(&clock) {
            return Attempt::Diverged;
        }
        let set = match self.last {
            // Nobody else committed since: what was read then is still true.
            Some(last) if clock.batch == last.batch && clock.head == last.head => set,
            Some(last) => match is_behind(&db, &clock, last).await {
                Ok(true) => WorkingSet::default(),
                Ok(false) => {
                    tracing::error!(
                        event.seq = clock.head.0,
                        known = last.head.0,
                        "the database was replaced under a running server. Writes are refused; restart it"
                    );
                    self.store.mark_replaced();
                    return Attempt::Diverged;
                }
                Err(error) => return Attempt::NoClock(error),
            },
            None => WorkingSet::default(),
        };
        let mut batch = Batch::new(db, clock, rand::random::<i64>(), set, Timestamp::now());
        let decided = AssertUnwindSafe(decide(jobs, &mut batch)).catch_unwind().await;
        let finished = match decided {
            Ok(Ok(())) => batch.finish(clock).await,
            Ok(Err(error)) => Err(error),
            Err(_) => Err(DbErr::Custom("a change panicked".to_owned())),
        };
        match finished {
            Ok(true) => {}
            Ok(false) => {
                // Only refusals and repetitions: nothing to commit, and all that was read stays true.
                let Batch { db, set, .. } = batch;
                if db.rollback().await.is_ok() {
                    self.set = set;
                }
                return Attempt::Done { records: Vec::new(), wrote: false };
            }
            Err(error) => {
                // After an error the connection is not assumed to be inside a transaction: nothing more is run in it. Of a
                // server that went silent no rollback is awaited either: the pool does that, and gives the connection up.
                if is_passing(&error) {
                    drop(batch);
                } else if let Err(error) = batch.db.rollback().await {
                    tracing::debug!(%error, "the rollback failed too");
                }
                return Attempt::RolledBack(error);
            }
        }
        let Batch { db, clock, id, records, erased, set, .. } = batch;
        if erased {
            let soon = self.emptied.last.map_or_else(Instant::now, |last| last + EMPTIED_EVERY);
            self.emptied.due.get_or_insert(soon);
        }
        let committing = Instant::now();
        let traced = tracing::info_span!(target: TRACED, "commit");
        if let Err(error) = (self.commit)(db).instrument(traced).await {
            return Attempt::Unknown { id, records, error };
        }
        self.written.commit_time.took(committing.elapsed());
        self.written.batch_time.took(began.elapsed());
        self.written.batch_changes.count_all(jobs.len());
        self.written.batch_events.count_all(records.len());
        Span::current().record("events", records.len());
        self.set = set;
        let event = records.last().map(|record| (record.seq, id)).or(self.last.and_then(|last| last.event));
        self.last = Some(Last { batch: id, head: clock.head, event });
        Attempt::Done { records, wrote: true }
    }

    /// Whether a batch was committed whose COMMIT was not answered. Waiting for the clock waits for the old
    /// transaction to be over, so the answer is final.
    async fn find_out(&mut self, id: i64) -> Option<bool> {
        let give_up = Instant::now() + OUTCOME_TIMEOUT;
        while Instant::now() < give_up {
            let looking = tokio::time::timeout_at(give_up, self.look_for(id)).await;
            match looking.unwrap_or_else(|_| Err(DbErr::Custom("the database server says nothing".to_owned()))) {
                Ok((found, clock)) => {
                    let event = self.last.and_then(|last| last.event);
                    self.last = Some(Last { batch: clock.batch, head: clock.head, event });
                    return Some(found);
                }
                Err(error) => tracing::debug!(%error, "cannot look for the outcome yet"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        None
    }

    async fn look_for(&self, id: i64) -> Result<(bool, Clock), DbErr> {
        let db = self.store.write.begin(immediate()).await?;
        let clock = Clock::lock(&db).await?;
        let found = commits::Entity::find_by_id(id).one(&db).await?.is_some();
        db.rollback().await?;
        Ok((found, clock))
    }

    /// Lets the database's log forget what was deleted, after the callers were answered.
    async fn empty_log(&mut self) {
        let now = Instant::now();
        self.emptied.last = Some(now);
        self.emptied.due = match self.store.empty_log().await {
            Ok(true) => None,
            Ok(false) => Some(now + EMPTIED_EVERY),
            Err(error) => {
                tracing::warn!(%error, "the database's log was not emptied of what was deleted; it will be tried again");
                Some(now + EMPTIED_EVERY)
            }
        };
    }

    async fn clear_commits(&mut self) {
        use sea_orm::{ColumnTrait, QueryFilter};
        self.batches += 1;
        let (every, age) = COMMITS_KEPT;
        if !self.batches.is_multiple_of(every) {
            return;
        }
        let old = commits::Column::At.lt(Timestamp::now().minus(age).0);
        if let Err(error) = commits::Entity::delete_many().filter(old).exec(&self.store.write).await {
            tracing::warn!(%error, "old rows of the table commits were not cleared away");
        }
    }
}

/// A batch as it is traced, with the waits that it ends.
fn traced(jobs: &[Box<dyn Job>]) -> Span {
    let traced = tracing::info_span!(target: TRACED, parent: None, "batch", changes = jobs.len(), events = Empty, outcome = Empty);
    if !traced.is_disabled() {
        for job in jobs {
            traced.follows_from(job.traced());
        }
    }
    traced
}

async fn decide(jobs: &mut [Box<dyn Job>], batch: &mut Batch) -> Result<(), DbErr> {
    let mut wants = Wants::default();
    for job in jobs.iter() {
        job.wants(&mut wants);
    }
    batch.prefetch(wants).await?;
    for job in jobs {
        job.decide(batch).await?;
    }
    Ok(())
}

/// Whether the line is the one that was known, gone on with by others: its head did not go back, and the last event that
/// was written here stands there in its batch, unless history no longer keeps it.
async fn is_behind(db: &Patient<DatabaseTransaction>, clock: &Clock, last: Last) -> Result<bool, DbErr> {
    if clock.head < last.head {
        return Ok(false);
    }
    let Some((seq, batch)) = last.event else { return Ok(true) };
    Ok(batch_at(db, seq.0).await?.map_or(seq < clock.beginning, |found| found == batch))
}

/// Tells of each change why it was not written, so that a caller who names his request is found in the log.
fn tell(jobs: &[Box<dyn Job>], what: &str, error: &DbErr) {
    for job in jobs {
        job.tell(what, error);
    }
}

/// How a transaction that writes begins: on `SQLite` its beginning is the lock.
pub(in crate::store) fn immediate() -> TransactionOptions {
    TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() }
}
