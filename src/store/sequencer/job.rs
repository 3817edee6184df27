//! A change on its way through the writing task, and its answer on the way back.

use super::super::batch::{Abort, Batch, Wants};
use super::{Change, SubmitError, Written};
use crate::domain::Refusal;
use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use std::sync::Arc;
use tokio::sync::oneshot;
use tracing::Span;

/// A change of any type, with the way back to its caller.
pub(super) trait Job: Send {
    fn wants(&self, wants: &mut Wants);
    fn decide<'a>(&'a mut self, batch: &'a mut Batch) -> BoxFuture<'a, Result<(), DbErr>>;
    fn answer(&mut self, failure: Option<SubmitError>);
    /// The wait for it, as it is traced.
    fn traced(&self) -> &Span;
    /// Tells the operator why it was not written, with what is known of whoever handed it in.
    fn tell(&self, what: &str, error: &DbErr);
}

pub(super) struct Pending<C: Change> {
    change: C,
    decided: Option<Result<C::Output, Refusal>>,
    answer: Option<oneshot::Sender<Result<C::Output, SubmitError>>>,
    /// Where it was handed in: a request, an operation of a socket, or nothing of the kind.
    place: Span,
    /// The wait for it, as it is traced.
    traced: Span,
    written: Arc<Written>,
}

impl<C: Change> Pending<C> {
    pub(super) fn new(
        change: C,
        answer: oneshot::Sender<Result<C::Output, SubmitError>>,
        traced: Span,
        written: Arc<Written>,
    ) -> Self {
        Self { change, decided: None, answer: Some(answer), place: Span::current(), traced, written }
    }
}

impl<C: Change> Job for Pending<C> {
    fn wants(&self, wants: &mut Wants) {
        self.change.wants(wants);
    }

    fn decide<'a>(&'a mut self, batch: &'a mut Batch) -> BoxFuture<'a, Result<(), DbErr>> {
        Box::pin(async {
            // What an attempt that was rolled back decided counts no more.
            self.decided = None;
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
            // A refusal may rest on what another change of the batch did, so it stands only if the batch does; alone, a
            // change that was refused after it had written is still refused.
            (None | Some(SubmitError::Broken), Some(Err(refusal))) => Err(SubmitError::Refused(refusal)),
            (None, Some(Ok(output))) => {
                self.place.in_scope(|| self.change.done(&output));
                Ok(output)
            }
            (Some(failure), _) => Err(failure),
            (None, None) => Err(SubmitError::Broken),
        };
        self.written.told(outcome.as_ref());
        // A caller who is gone does not want to know.
        drop(answer.send(outcome));
    }

    fn traced(&self) -> &Span {
        &self.traced
    }

    fn tell(&self, what: &str, error: &DbErr) {
        self.place.in_scope(|| tracing::error!(%error, "{what}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Change for Nothing {
        type Output = ();

        async fn decide(&self, _: &mut Batch) -> Result<(), Abort> {
            Ok(())
        }
    }

    #[test]
    fn a_refusal_stands_only_if_what_it_rests_on_does() {
        for (failure, expected) in [
            (None, SubmitError::Refused(Refusal::NotOwner)),
            (Some(SubmitError::Broken), SubmitError::Refused(Refusal::NotOwner)),
            (Some(SubmitError::Unavailable), SubmitError::Unavailable),
            (Some(SubmitError::OutcomeUnknown), SubmitError::OutcomeUnknown),
        ] {
            let (answer, mut told) = oneshot::channel();
            let mut job = Pending::new(Nothing, answer, Span::none(), Arc::default());
            job.decided = Some(Err(Refusal::NotOwner));
            job.answer(failure);
            assert_eq!(told.try_recv(), Ok(Err(expected)));
        }
    }
}
