//! A change on its way through the writing task, and its answer on the way back.

use super::super::batch::{Abort, Batch, Wants};
use super::{Change, SubmitError};
use crate::domain::Refusal;
use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use tokio::sync::oneshot;

/// A change of any type, with the way back to its caller.
pub(super) trait Job: Send {
    fn wants(&self, wants: &mut Wants);
    fn decide<'a>(&'a mut self, batch: &'a mut Batch) -> BoxFuture<'a, Result<(), DbErr>>;
    fn answer(&mut self, failure: Option<SubmitError>);
}

pub(super) struct Pending<C: Change> {
    change: C,
    decided: Option<Result<C::Output, Refusal>>,
    answer: Option<oneshot::Sender<Result<C::Output, SubmitError>>>,
}

impl<C: Change> Pending<C> {
    pub(super) fn new(change: C, answer: oneshot::Sender<Result<C::Output, SubmitError>>) -> Self {
        Self { change, decided: None, answer: Some(answer) }
    }
}

impl<C: Change> Job for Pending<C> {
    fn wants(&self, wants: &mut Wants) {
        self.change.wants(wants);
    }

    fn decide<'a>(&'a mut self, batch: &'a mut Batch) -> BoxFuture<'a, Result<(), DbErr>> {
        Box::pin(async {
            let before = batch.mark();
            match self.change.decide(batch).await {
                Ok(output) => self.decided = Some(Ok(output)),
                Err(Abort::Refused(refusal)) => {
                    self.decided = Some(Err(refusal));
                    if batch.mark() != before {
                        // Rolling back keeps the promise; alone, the change is then refused with nothing else lost.
                        return Err(DbErr::Custom("a change was refused after it had written".to_owned()));
                    }
                }
                Err(Abort::Database(error)) => return Err(error),
            }
            Ok(())
        })
    }

    fn answer(&mut self, failure: Option<SubmitError>) {
        let Some(answer) = self.answer.take() else { return };
        let outcome = match (failure, self.decided.take()) {
            // A refusal stands, whatever became of the others.
            (_, Some(Err(refusal))) => Err(SubmitError::Refused(refusal)),
            (None, Some(Ok(output))) => Ok(output),
            (Some(failure), _) => Err(failure),
            (None, None) => Err(SubmitError::Broken),
        };
        // A caller who is gone does not want to know.
        drop(answer.send(outcome));
    }
}
