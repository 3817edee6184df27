//! Which messages were deleted of late: what a stream holds of them in its hands must not be shown any more.
//!
//! The ring is emptied of a deleted message at once. Queues, pages and frames of single streams are not gone through: each
//! stream looks here before it hands something out, which costs it one load as long as nothing was deleted since.

use crate::domain::{MessageId, Seq, Timestamp};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};

/// Deletions that are remembered. A stream that holds something older reads it anew.
/// Tests forget sooner.
const REMEMBERED: usize = if cfg!(test) { 3 } else { 65_536 };

/// The deletions that were applied last.
#[derive(Debug)]
pub(super) struct Erasures {
    /// The place of the newest, for reading without the lock.
    newest: AtomicI64,
    known: Mutex<Known>,
    most: usize,
}

#[derive(Debug, Default)]
struct Known {
    of: HashMap<MessageId, (Seq, Timestamp)>,
    order: VecDeque<(Seq, MessageId)>,
    /// The place of the newest that is not remembered any more.
    forgotten: Seq,
}

/// What became of a message since a place on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing.
    Stands,
    /// It was deleted, then.
    Erased(Timestamp),
    /// So much was deleted since that nobody remembers.
    Unknown,
}

impl Default for Erasures {
    fn default() -> Self {
        Self::remembering(REMEMBERED)
    }
}

impl Erasures {
    pub(super) fn remembering(most: usize) -> Self {
        Self { newest: AtomicI64::new(0), known: Mutex::default(), most }
    }

    /// Notes a deletion by the event at a place. Before anybody hears of that event.
    pub(super) fn note(&self, seq: Seq, message: MessageId, at: Timestamp) {
        let mut known = self.known.lock();
        known.of.insert(message, (seq, at));
        known.order.push_back((seq, message));
        while known.order.len() > self.most {
            if let Some((seq, message)) = known.order.pop_front() {
                known.of.remove(&message);
                known.forgotten = seq;
            }
        }
        self.newest.store(seq.0, Ordering::Release);
    }

    /// The place of the newest deletion.
    pub(super) fn newest(&self) -> Seq {
        Seq(self.newest.load(Ordering::Acquire))
    }

    /// What became of a message that was as it is shown at a place.
    pub(super) fn fate(&self, message: MessageId, since: Seq) -> Fate {
        if self.newest() <= since {
            return Fate::Stands;
        }
        let known = self.known.lock();
        match known.of.get(&message) {
            Some((_, at)) => Fate::Erased(*at),
            None if since < known.forgotten => Fate::Unknown,
            None => Fate::Stands,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deleted_is_known_until_too_much_was() {
        let erasures = Erasures::remembering(2);
        let (one, two, three) = (MessageId(1), MessageId(2), MessageId(3));
        assert_eq!(erasures.fate(one, Seq(0)), Fate::Stands);
        erasures.note(Seq(10), one, Timestamp(100));
        assert_eq!(erasures.fate(one, Seq(9)), Fate::Erased(Timestamp(100)));
        assert_eq!(erasures.fate(one, Seq(10)), Fate::Stands, "what was read later is empty already");
        assert_eq!(erasures.fate(two, Seq(9)), Fate::Stands);
        erasures.note(Seq(11), two, Timestamp(110));
        erasures.note(Seq(12), three, Timestamp(120));
        assert_eq!(erasures.fate(one, Seq(9)), Fate::Unknown);
        assert_eq!(erasures.fate(one, Seq(10)), Fate::Stands);
        assert_eq!(erasures.fate(two, Seq(9)), Fate::Erased(Timestamp(110)));
    }
}
