//! Which messages were deleted or expired of late: what a stream holds of them in its hands must not be shown any more.
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
/// Expiries that are remembered, each of which stands for all messages up to one. A stream that holds something older
/// reads it anew.
const EXPIRIES: usize = if cfg!(test) { 3 } else { 1_024 };

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
    /// Both places and numbers rise.
    expiries: VecDeque<Expiry>,
    /// The newest expiry that is not remembered any more.
    forgotten_expiry: Option<Expiry>,
}

/// All messages up to one are gone, by the event at a place.
#[derive(Debug, Clone, Copy)]
struct Expiry {
    seq: Seq,
    up_to: MessageId,
    at: Timestamp,
}

impl Known {
    /// What expiring made of a message since a place.
    fn expired(&self, message: MessageId, since: Seq) -> Fate {
        if let Some(forgotten) = self.forgotten_expiry.filter(|forgotten| message <= forgotten.up_to) {
            return if since < forgotten.seq { Fate::Unknown } else { Fate::Stands };
        }
        // The first that reaches so far is the one by which it went.
        let first = self.expiries.partition_point(|expiry| expiry.up_to < message);
        match self.expiries.get(first) {
            Some(expiry) if since < expiry.seq => Fate::Erased(expiry.at),
            _ => Fate::Stands,
        }
    }
}

/// What became of a message since a place on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing.
    Stands,
    /// It was deleted or expired, then.
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

    /// Notes that all messages up to one are gone by the event at a place. Before anybody hears of that event.
    pub(super) fn note_expiry(&self, seq: Seq, up_to: MessageId, at: Timestamp) {
        let mut known = self.known.lock();
        // Several conversations hear of one expiry, and the first of these events stands for all.
        if known.expiries.back().is_some_and(|last| up_to <= last.up_to) {
            return;
        }
        known.expiries.push_back(Expiry { seq, up_to, at });
        if known.expiries.len() > EXPIRIES {
            known.forgotten_expiry = known.expiries.pop_front();
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
            None => known.expired(message, since),
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

    #[test]
    fn what_expired_is_known_by_its_number_until_too_much_did() {
        let erasures = Erasures::remembering(2);
        let fate = |message, since| erasures.fate(MessageId(message), Seq(since));
        erasures.note_expiry(Seq(10), MessageId(5), Timestamp(100));
        erasures.note_expiry(Seq(11), MessageId(5), Timestamp(100));
        assert_eq!((fate(5, 9), fate(6, 9)), (Fate::Erased(Timestamp(100)), Fate::Stands));
        assert_eq!(fate(5, 10), Fate::Stands, "what was read after the first event of it is empty already");
        erasures.note_expiry(Seq(20), MessageId(7), Timestamp(200));
        assert_eq!((fate(5, 9), fate(6, 9)), (Fate::Erased(Timestamp(100)), Fate::Erased(Timestamp(200))));
        assert_eq!(fate(5, 15), Fate::Stands, "what was read between the two is empty of the first");
        erasures.note(Seq(21), MessageId(8), Timestamp(210));
        erasures.note_expiry(Seq(30), MessageId(8), Timestamp(300));
        assert_eq!(fate(8, 9), Fate::Erased(Timestamp(210)), "it was deleted before");
        erasures.note_expiry(Seq(40), MessageId(9), Timestamp(400));
        assert_eq!((fate(5, 9), fate(5, 10)), (Fate::Unknown, Fate::Stands));
        assert_eq!(fate(6, 9), Fate::Erased(Timestamp(200)));
    }
}
