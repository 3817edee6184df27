//! The task behind the queue: takes what has come in as one batch, commits it, hands it over and answers.

use super::job::Job;
use super::known::{Last, LastTold, Line, compare};
use super::outcome::make_sure;
use super::{HandOver, SubmitError, Written};
use crate::domain::events::Record;
use crate::domain::{Seq, Timestamp};
use crate::meter::TRACED;
use crate::store::Store;
use crate::store::batch::{Batch, Wants, WorkingSet};
use crate::store::clock::Clock;
use crate::store::entity::commits;
use crate::store::patience::{Patient, is_passing};
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
    Done { records: Vec<Record>, through: Seq, wrote: bool },
    /// There is no database, or its clock is not ours to take; nothing was written.
    NoClock(DbErr),
    /// A statement failed or a change panicked; all was rolled back.
    RolledBack(DbErr),
    /// COMMIT was sent and failed: it may have happened, and this is then the last that is known.
    Unknown { after: Last, records: Vec<Record>, error: DbErr },
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
    pub(super) store: Store,
    hand_over: HandOver,
    last_told: LastTold,
    commit: Commit,
    set: WorkingSet,
    pub(super) last: Option<Last>,
    /// The batch of others that was last made sure of.
    pub(super) made_sure: Option<i64>,
    batches: u64,
    emptied: Emptied,
    written: Arc<Written>,
}

/// When the database's log was last emptied of what was deleted, and when it has to be again.
#[derive(Debug, Default)]
struct Emptied {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Writer {
    /// A task that has written nothing yet.
    pub(super) fn new(
        store: Store,
        hand_over: HandOver,
        last_told: LastTold,
        commit: Commit,
        written: Arc<Written>,
    ) -> Self {
        let (set, emptied) = (WorkingSet::default(), Emptied::default());
        Self { store, hand_over, last_told, commit, set, last: None, made_sure: None, batches: 0, emptied, written }
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
                Attempt::Done { records, through, .. } => {
                    (self.hand_over)(records, through).await;
                    break None;
                }
                Attempt::RolledBack(error) if jobs.len() > 1 => {
                    tracing::warn!(%error, changes = jobs.len(), "a batch was rolled back; its changes run one by one");
                    return self.write_one_by_one(jobs).await;
                }
                Attempt::RolledBack(error) if is_passing(&error) => {
                    tell(jobs, "cannot write: the database did not do it, and may do it later", &error);
                    break Some(SubmitError::Unavailable);
                }
                Attempt::RolledBack(error) => {
                    tell(jobs, "a change could not be written", &error);
                    break Some(SubmitError::Broken);
                }
                Attempt::NoClock(error) => {
                    tell(jobs, "cannot write: the database let nobody begin", &error);
                    there = false;
                    break Some(SubmitError::Unavailable);
                }
                Attempt::Diverged => break Some(SubmitError::Replaced),
                Attempt::Unknown { after, records, error } => {
                    tracing::warn!(%error, "the answer to a COMMIT was lost; looking whether it happened");
                    match self.find_out(after.batch).await {
                        Some(true) => {
                            self.last = Some(after);
                            (self.hand_over)(records, after.head).await;
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
        // Asked before the clock, which must not be older than what it is compared with.
        let told = (self.last_told)();
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
        let set = match compare(&db, &clock, self.last, told).await {
            Ok(Line::Untouched) => set,
            Ok(Line::GoneOn) => WorkingSet::default(),
            Ok(Line::Another) => {
                tracing::error!(
                    event.seq = clock.head.0,
                    known = self.last.map_or(told.0, |last| last.head.max(told.0)).0,
                    "the database was replaced under a running server. Writes are refused; restart it"
                );
                self.store.mark_replaced();
                return Attempt::Diverged;
            }
            Err(error) => return Attempt::NoClock(error),
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
                if self.is_safe(&clock) {
                    if db.rollback().await.is_ok() {
                        self.set = set;
                    }
                } else {
                    // A repetition acknowledges what another node has written, or nobody knew the outcome of.
                    if let Err(error) = make_sure(db, &clock).await {
                        return Attempt::NoClock(error);
                    }
                    self.made_sure = Some(clock.batch);
                    self.set = set;
                }
                return Attempt::Done { records: Vec::new(), through: clock.head, wrote: false };
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
        let event = records.last().map(|record| (record.seq, id)).or(self.last.and_then(|last| last.event));
        let after = Last { batch: id, head: clock.head, event };
        if let Err(error) = (self.commit)(db).instrument(traced).await {
            return Attempt::Unknown { after, records, error };
        }
        self.written.commit_time.took(committing.elapsed());
        self.written.batch_time.took(began.elapsed());
        self.written.batch_changes.count_all(jobs.len());
        self.written.batch_events.count_all(records.len());
        Span::current().record("events", records.len());
        self.set = set;
        self.last = Some(after);
        Attempt::Done { records, through: after.head, wrote: true }
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
