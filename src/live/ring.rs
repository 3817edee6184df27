//! The recent events in memory, bounded in bytes, from which streams that fell behind a little go on.

use super::event::Event;
use crate::domain::{MessageId, Seq, Timestamp};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// A gap-free run of the newest events.
#[derive(Debug)]
pub struct Ring {
    events: VecDeque<Arc<Event>>,
    /// Where messages are shown: so that deleting one does not go through all events.
    shown: BTreeSet<(MessageId, Seq)>,
    bytes: usize,
    most: usize,
}

impl Ring {
    /// An empty ring that keeps at most so many bytes, and always the newest event.
    pub fn new(most: usize) -> Self {
        Self { events: VecDeque::new(), shown: BTreeSet::new(), bytes: 0, most }
    }

    /// How many events there are, and in how many bytes.
    pub fn size(&self) -> (usize, usize) {
        (self.events.len(), self.bytes)
    }

    /// Adds the event after the newest.
    pub fn push(&mut self, event: Arc<Event>) {
        self.bytes += event.weight();
        self.shown.extend(event.message.map(|message| (message, event.seq)));
        self.events.push_back(event);
        while self.bytes > self.most && self.events.len() > 1 {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.events.pop_front() {
            self.bytes -= oldest.weight();
            if let Some(message) = oldest.message {
                self.shown.remove(&(message, oldest.seq));
            }
        }
    }

    /// Shows the text of a message no more, which is deleted since then.
    pub fn erase(&mut self, message: MessageId, at: Timestamp) {
        let shown: Vec<Seq> =
            self.shown.range((message, Seq(0))..=(message, Seq(i64::MAX))).map(|(_, seq)| *seq).collect();
        for seq in shown {
            self.empty(seq, at);
        }
    }

    /// Shows the text of no message up to this one any more, since then.
    pub fn expire(&mut self, up_to: MessageId, at: Timestamp) {
        let later = self.shown.split_off(&(MessageId(up_to.0 + 1), Seq(0)));
        // Nothing more can become of them, so they are not looked through again by the next.
        for (_, seq) in std::mem::replace(&mut self.shown, later) {
            self.empty(seq, at);
        }
    }

    fn empty(&mut self, seq: Seq, at: Timestamp) {
        let Some(first) = self.events.front().map(|event| event.seq) else { return };
        let place = usize::try_from(seq.0 - first.0).ok().and_then(|place| self.events.get_mut(place));
        if let Some(event) = place {
            self.bytes -= event.weight();
            *event = Arc::new(event.erased(at));
            self.bytes += event.weight();
        }
    }

    /// The events after one place, at most `most`; none if the ring does not reach back that far.
    pub fn after(&self, seq: Seq, most: usize) -> Option<impl Iterator<Item = &Arc<Event>>> {
        let first = self.events.front()?.seq;
        let skip = usize::try_from(seq.0 + 1 - first.0).ok()?;
        Some(self.events.iter().skip(skip).take(most))
    }

    /// Drops the events before a place: what history no longer keeps is not kept here either.
    pub fn forget_before(&mut self, beginning: Seq) {
        while self.events.front().is_some_and(|oldest| oldest.seq < beginning) {
            self.drop_oldest();
        }
    }

    /// Whether all events after a place are here.
    pub fn reaches(&self, seq: Seq) -> bool {
        self.events.front().is_some_and(|first| first.seq <= seq.next())
    }

    /// The event at a place, if it is still here.
    pub fn at(&self, seq: Seq) -> Option<&Arc<Event>> {
        let first = self.events.front()?.seq;
        self.events.get(usize::try_from(seq.0 - first.0).ok()?)
    }
}
