//! Batches that came before their predecessors: publications of several nodes overtake each other.

use super::word::Publication;
use crate::domain::Seq;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a missing batch is waited for before it is read from the database.
const OVERTAKEN: Duration = Duration::from_millis(50);
/// What is kept while it waits, at most: of what would be more, the database knows too.
const BYTES: usize = 8 * 1024 * 1024;

/// What waits for what comes before it.
#[derive(Debug)]
pub(super) struct Early {
    waiting: BTreeMap<Seq, Publication>,
    bytes: usize,
    /// The last event that is known to be there and is not kept.
    wanted: Seq,
    deadline: Option<Instant>,
}

impl Default for Early {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), bytes: 0, wanted: Seq(0), deadline: None }
    }
}

impl Early {
    /// Keeps a batch until its turn comes. One without its events, or too much of it, is not worth waiting for.
    pub(super) fn keep(&mut self, publication: Publication, now: Instant) {
        let bytes = publication.bytes;
        if publication.records.is_empty() || self.bytes + bytes > BYTES {
            self.deadline = Some(now);
            self.wanted = self.wanted.max(publication.last);
            return;
        }
        self.deadline.get_or_insert(now + OVERTAKEN);
        self.bytes += bytes;
        if let Some(same) = self.waiting.insert(publication.first, publication) {
            self.bytes -= same.bytes;
        }
    }

    /// The next whose turn has come, where everything through a place was applied.
    pub(super) fn next(&mut self, applied: Seq) -> Option<Publication> {
        let entry = self.waiting.first_entry().filter(|entry| *entry.key() <= applied.next())?;
        let publication = entry.remove();
        self.bytes -= publication.bytes;
        if self.waiting.is_empty() && self.wanted <= publication.last {
            self.deadline = None;
        }
        Some(publication)
    }

    /// When to look into the database for what is missing, if anything is.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Waits no longer, since the database was looked into: it shows all that was committed before, and so all that can
    /// have been published. Returns whether anything was left all the same.
    pub(super) fn clear(&mut self) -> bool {
        !std::mem::take(self).waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::events::{Record, Topic};
    use crate::domain::{Timestamp, UserId};

    fn publication(first: i64, last: i64) -> Publication {
        let record = |seq| Record {
            seq: Seq(seq),
            topic: Topic::User(UserId(1)),
            kind: "a".to_owned(),
            at: Timestamp(0),
            data: "{}".to_owned(),
            batch: 1,
            message: None,
        };
        Publication { first: Seq(first), last: Seq(last), records: (first..=last).map(record).collect(), bytes: 100 }
    }

    #[test]
    fn what_came_early_comes_out_in_order() {
        let (mut early, now) = (Early::default(), Instant::now());
        early.keep(publication(5, 6), now);
        early.keep(publication(3, 4), now + OVERTAKEN / 2);
        early.keep(publication(3, 4), now + OVERTAKEN / 2);
        assert_eq!(early.next(Seq(1)), None);
        assert_eq!(early.deadline(), Some(now + OVERTAKEN), "since the first of them came");
        assert_eq!(early.next(Seq(2)), Some(publication(3, 4)));
        assert_eq!(early.next(Seq(4)), Some(publication(5, 6)));
        assert_eq!((early.next(Seq(6)), early.deadline(), early.bytes), (None, None, 0));
    }

    #[test]
    fn what_is_to_be_read_is_not_forgotten_for_what_came_before_it() {
        let (mut early, now) = (Early::default(), Instant::now());
        early.keep(Publication { records: Vec::new(), ..publication(5, 600) }, now);
        early.keep(publication(4, 4), now);
        assert_eq!(early.next(Seq(3)), Some(publication(4, 4)));
        assert_eq!(early.deadline(), Some(now), "the large one is still to be read");
        assert!(!early.clear());
        assert_eq!(early.deadline(), None);
    }

    #[test]
    fn what_is_not_worth_waiting_for_is_read_at_once() {
        let (mut early, now) = (Early::default(), Instant::now());
        early.keep(Publication { records: Vec::new(), ..publication(5, 6) }, now);
        assert_eq!((early.deadline(), early.waiting.len()), (Some(now), 0));
        assert!(!early.clear());
        assert_eq!(early.deadline(), None);
        early.keep(Publication { bytes: BYTES, ..publication(5, 6) }, now);
        assert_eq!(early.deadline(), Some(now + OVERTAKEN));
        early.keep(publication(8, 8), now);
        assert_eq!((early.deadline(), early.waiting.len()), (Some(now), 1));
        assert!(early.clear());
        assert_eq!((early.deadline(), early.bytes), (None, 0));
    }
}
