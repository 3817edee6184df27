//! A batch that waits to be said: with its events, as long as not too many of them wait already.

use super::BYTES;
use super::word::{write_batch, write_numbers};
use crate::domain::Seq;
use crate::domain::events::Record;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an event takes beside its payload, about.
const EVENT: usize = 128;

/// A batch that waits to be said.
#[derive(Debug)]
pub(super) struct Said {
    first: Seq,
    last: Seq,
    batch: i64,
    events: Option<Events>,
}

/// Its events, which count among those that wait until they are dropped.
#[derive(Debug)]
struct Events {
    records: Arc<[Record]>,
    bytes: usize,
    waiting: Arc<AtomicUsize>,
}

impl Drop for Events {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Said {
    /// None if there is nothing in it.
    pub(super) fn new(records: &Arc<[Record]>, waiting: &Arc<AtomicUsize>) -> Option<Self> {
        let (first, last) = (records.first()?, records.last()?);
        let bytes = records.iter().map(|record| record.data.len() + EVENT).sum();
        // Others only take away from it meanwhile: one task commits.
        let before = waiting.fetch_add(bytes, Ordering::Relaxed);
        let events = Events { records: Arc::clone(records), bytes, waiting: Arc::clone(waiting) };
        let events = Some(events).filter(|_| before.saturating_add(bytes) <= BYTES);
        Some(Self { first: first.seq, last: last.seq, batch: first.batch, events })
    }

    /// As it is said, in no more than so many bytes.
    pub(super) fn write(&self, most: usize) -> String {
        let whole = self.events.as_ref().and_then(|events| write_batch(&events.records, most));
        whole.unwrap_or_else(|| write_numbers(self.first, self.last, self.batch) + "}")
    }
}
