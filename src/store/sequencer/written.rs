//! What the writing task has done since it began, for whoever watches it.

use super::SubmitError;
use crate::meter::{Counter, Family, Histogram, WAITS};

/// The sizes of batches that are told apart.
const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 511, 512];

/// What was written, and what was not.
#[derive(Debug)]
pub struct Written {
    /// Transactions, by how they ended.
    pub batches: Family<&'static str, Counter>,
    /// Changes, by what their callers were told.
    pub changes: Family<&'static str, Counter>,
    /// Changes in one batch that was committed.
    pub batch_changes: Histogram,
    /// Events in one batch that was committed.
    pub batch_events: Histogram,
    /// How long a committed batch took, from asking for the clock on.
    pub batch_time: Histogram,
    /// How long its COMMIT alone took.
    pub commit_time: Histogram,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            batches: Family::default(),
            changes: Family::default(),
            batch_changes: Histogram::of_amounts(SIZES),
            batch_events: Histogram::of_amounts(SIZES),
            batch_time: Histogram::of_time(WAITS),
            commit_time: Histogram::of_time(WAITS),
        }
    }
}

impl Written {
    /// Counts what a caller is told.
    pub(super) fn told<T>(&self, outcome: Result<&T, &SubmitError>) {
        let word = match outcome {
            Ok(_) => "done",
            Err(SubmitError::Refused(_)) => "refused",
            Err(SubmitError::Overloaded) => "overloaded",
            Err(SubmitError::Replaced) => "replaced",
            Err(SubmitError::Unavailable) => "unavailable",
            Err(SubmitError::OutcomeUnknown) => "outcome_unknown",
            Err(SubmitError::Broken) => "broken",
        };
        self.changes.of(&word).one();
    }
}
