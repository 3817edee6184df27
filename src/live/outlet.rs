//! The short way of a live stream's events: to its socket at once, without its task.
//!
//! Waking a task for each stream and each event costs as much as a quarter of the write that it does then: the task, its
//! timer, its socket's registration and its protocol's state are all touched for nothing, and with thousands of streams
//! none of it is in the processor's caches. So while a stream is live, and its task has nothing else to do, the task
//! leaves its outlet open: what comes for it is written by whoever pumps. As soon as there is anything else (bytes that
//! come in, a heartbeat, an end, what passes, a socket that takes no more) the task closes the outlet, takes up what was
//! left over, and does everything itself until it is idle again. There is one writer at any moment.

use super::event::Event;
use crate::domain::Seq;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::time::Instant;

/// What a stream's events are written to.
pub trait Outlet: Send + Sync {
    /// Writes these events' frames one after the other, as far as they are taken at once. It waits for nothing.
    fn put(&self, events: &VecDeque<Arc<Event>>) -> Result<(), Full>;
}

/// Where an outlet took no more, for whatever reason: whoever writes the rest will find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// The first event that was not wholly taken.
    pub event: usize,
    /// How many bytes of its frame were.
    pub taken: usize,
}

/// What went through an outlet while it was open: what its stream has to know to go on from there.
#[derive(Debug, Default)]
pub struct Passage {
    /// The last event that was taken from the queue.
    pub(super) position: Seq,
    /// When the first and the last were written.
    pub written: Option<(Instant, Instant)>,
    /// What is still to be written, before anything else.
    pub rest: Option<Box<Rest>>,
}

/// What an outlet was to write, and did not.
#[derive(Debug)]
pub struct Rest {
    /// The events; of the first a part may be written.
    pub events: VecDeque<Arc<Event>>,
    /// How many bytes of its frame are.
    pub taken: usize,
    /// The place of the newest deletion that they have minded.
    pub minded: Seq,
}

/// A stream's place for its outlet. Whoever holds its lock is the one who writes.
#[derive(Default)]
pub(super) struct Short {
    pub(super) outlet: Option<Arc<dyn Outlet>>,
    pub(super) passage: Passage,
}

impl std::fmt::Debug for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Short").field("passage", &self.passage).finish_non_exhaustive()
    }
}

impl Short {
    /// Writes these events, and remembers what of it has to be known. Returns whether all went through.
    pub(super) fn write(&mut self, events: &mut VecDeque<Arc<Event>>, minded: Seq, now: Instant) -> bool {
        let (Some(outlet), Some(last)) = (&self.outlet, events.back()) else { return true };
        let passage = &mut self.passage;
        passage.position = last.seq;
        match outlet.put(events) {
            Ok(()) => {
                let first = passage.written.map_or(now, |(first, _)| first);
                passage.written = Some((first, now));
                events.clear();
                true
            }
            Err(Full { event, taken }) => {
                let events = events.drain(..).skip(event).collect();
                passage.rest = Some(Box::new(Rest { events, taken, minded }));
                false
            }
        }
    }
}
