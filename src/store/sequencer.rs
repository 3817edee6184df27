//! The one task that writes: while a batch commits, arriving changes queue up, and the next batch takes them all.

mod job;
mod known;
mod outcome;
#[cfg(test)]
mod tests;
mod writer;
mod written;

use super::batch::{Abort, Batch, Wants};
use super::{Store, StoreError};
use crate::domain::events::Record;
use crate::domain::{Refusal, Seq};
use crate::meter::TRACED;
use futures_util::future::BoxFuture;
use job::{Job, Pending};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};
use writer::{Commit, Writer};

pub use known::LastTold;
pub(super) use writer::immediate;
pub use written::Written;

/// Something to be decided and written under the clock.
///
/// `decide` may run more than once: if a statement fails, the whole batch is rolled back and its changes run again one
/// by one. So it borrows the change, and has no effect but through the batch. A refusal comes before the first write.
pub trait Change: Send + Sync + 'static {
    /// What the caller is told.
    type Output: Send + 'static;

    /// What `decide` will ask for, so that it is read for many changes at once.
    fn wants(&self, wants: &mut Wants) {
        let _ = wants;
    }

    /// Reads what the change depends on, decides, and writes.
    fn decide(&self, batch: &mut Batch) -> impl Future<Output = Result<Self::Output, Abort>> + Send;

    /// Called when what was decided is on disk, within the request that it came by, before its caller is answered, who may be
    /// gone by then: for the log, which misses nothing.
    fn done(&self, output: &Self::Output) {
        let _ = output;
    }
}

/// Why a change has no outcome, or none that is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// A rule says no; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too many changes wait already, or too many read; nothing changed.
    #[error("The server has more to do than it can. Try again in a moment.")]
    Overloaded,
    /// The database is another than the one that was opened; nothing changed.
    #[error("The server's database was replaced while it ran, so it writes nothing. Its operator has to restart it.")]
    Replaced,
    /// There is no database; nothing changed.
    #[error("The server has lost its database. Try again in a moment.")]
    Unavailable,
    /// The database went away during COMMIT, or the writing task broke off: the change happened or it did not.
    #[error("The server lost its database while it wrote this. Try again with the same client_id.")]
    OutcomeUnknown,
    /// The change itself cannot be written; it is in the log.
    #[error("The server could not do this. Its log says why.")]
    Broken,
}

/// Takes what was committed, in order, before the callers are answered, and the last event that an answer may rest on: also where
/// nothing was written, since what is repeated may have been written elsewhere.
pub type HandOver = Box<dyn Fn(Vec<Record>, Seq) -> BoxFuture<'static, ()> + Send + Sync>;

/// The way to the writing task. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sequencer {
    queue: mpsc::Sender<Box<dyn Job>>,
    written: Arc<Written>,
}

impl Sequencer {
    /// Makes the writing task; the caller spawns the future. It ends, with everything written that was taken, when
    /// `stop` is cancelled. `waiting` bounds the changes in the queue. No number that `last_told` knows is given again.
    pub fn new(
        store: Store,
        waiting: usize,
        hand_over: HandOver,
        last_told: LastTold,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        Self::committing_by(Box::new(|db| Box::pin(db.commit())), store, waiting, hand_over, last_told, stop)
    }

    fn committing_by(
        commit: Commit,
        store: Store,
        waiting: usize,
        hand_over: HandOver,
        last_told: LastTold,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (queue, receiver) = mpsc::channel(waiting.max(1));
        let written = Arc::<Written>::default();
        let writer = Writer::new(store, hand_over, last_told, commit, Arc::clone(&written));
        (Self { queue, written }, writer.run(receiver, stop))
    }

    /// Hands in a change and waits until it is on disk and with its hearers, or refused.
    pub async fn submit<C: Change>(&self, change: C) -> Result<C::Output, SubmitError> {
        self.submit_in_turn(change)?.await
    }

    /// Hands in a change at once, and gives back what waits for its outcome: changes of one caller are decided in the
    /// order in which they were handed in.
    pub fn submit_in_turn<C: Change>(
        &self,
        change: C,
    ) -> Result<impl Future<Output = Result<C::Output, SubmitError>> + use<C>, SubmitError> {
        let traced = tracing::info_span!(target: TRACED, "write");
        let answer = self.enqueue(change, traced.clone())?;
        // The task answers everything that it took; it drops an answer only if it is gone itself, and nobody knows how far it
        // came.
        Ok(async move { answer.await.unwrap_or(Err(SubmitError::OutcomeUnknown)) }.instrument(traced))
    }

    /// Hands in a change whose outcome nobody waits for. Says whether it was taken.
    pub fn submit_unwatched<C: Change>(&self, change: C) -> bool {
        let taken = self.enqueue(change, Span::none());
        if let Err(error) = &taken {
            tracing::debug!(%error, "a change that nobody waits for was not taken");
        }
        taken.is_ok()
    }

    /// What the writing task has done since it began.
    pub fn written(&self) -> &Arc<Written> {
        &self.written
    }

    /// How many changes wait, and how many may.
    pub fn waiting(&self) -> (usize, usize) {
        let most = self.queue.max_capacity();
        (most - self.queue.capacity(), most)
    }

    fn enqueue<C: Change>(
        &self,
        change: C,
        traced: Span,
    ) -> Result<oneshot::Receiver<Result<C::Output, SubmitError>>, SubmitError> {
        let (sender, receiver) = oneshot::channel();
        let pending = Pending::new(change, sender, traced, Arc::clone(&self.written));
        self.queue.try_send(Box::new(pending)).map_err(|error| {
            let refused = match error {
                mpsc::error::TrySendError::Full(_) => SubmitError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => SubmitError::Unavailable,
            };
            self.written.told::<()>(Err(&refused));
            refused
        })?;
        Ok(receiver)
    }
}

impl From<StoreError> for SubmitError {
    /// The one place where a reader's database error is told to the operator; the caller learns only that it failed.
    fn from(error: StoreError) -> Self {
        if error.is_busy() {
            tracing::warn!("all connections to the database are taken for longer than anybody is to wait");
            return Self::Overloaded;
        }
        tracing::error!(%error, "the database failed");
        Self::Unavailable
    }
}
