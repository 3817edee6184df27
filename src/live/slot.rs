//! One open stream in the registry: its small bounded queue, its outlet, its ending, and who to wake.

use super::event::Event;
use super::outlet::{Outlet, Passage, Short};
use super::passing::{Passing, Waiting};
use crate::domain::events::Topic;
use crate::domain::{Seq, SessionId, UserId};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};
use tokio::time::Instant;

/// Bytes that one stream's queue holds, more or less one event, whatever their number.
const QUEUE_BYTES: usize = 1024 * 1024;

/// Why the server ends a stream. The words and numbers of each are in the transport's table of close reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The session was revoked, logged out, or its user suspended.
    Revoked,
    /// The access token ran out.
    Expired,
    /// The server shuts down or restarts.
    ShuttingDown,
    /// The server cannot read its database.
    DatabaseLost,
    /// The line of numbers is another one than before: the database was replaced.
    HistoryReplaced,
}

/// How somebody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// With a stream that stays open.
    Stream,
    /// For one answer, which is held until there is something; he is taken to come again.
    Poll,
    /// The same, answered at once: a request like any other, which takes no place among his streams.
    Glance,
}

/// Who comes to listen, with what, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listener {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) manner: Manner,
}

/// A stream as the hub sees it.
#[derive(Debug)]
pub struct Slot {
    /// Whose it is.
    pub user: UserId,
    /// What it was opened with.
    pub session: SessionId,
    manner: Manner,
    most: usize,
    inner: Mutex<Inner>,
    /// Locked before the queue, and while it is written: what is queued meanwhile waits for no socket.
    short: Mutex<Short>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Arc<Event>>,
    bytes: usize,
    /// What passes, and is taken when no event waits.
    passing: Waiting,
    /// Whether events are queued; a stream that reads from the ring or the log wants none.
    accepting: bool,
    /// Whether its outlet is open.
    open: bool,
    /// Whether it is among those that will be pumped.
    due: bool,
    ending: Option<Ending>,
    waker: Option<Waker>,
}

impl Inner {
    /// Closes the outlet from this side. The task finds what is left, and is to be woken for it.
    fn close(&mut self) -> Option<Waker> {
        self.open = false;
        self.waker.take()
    }
}

/// What a live stream finds in its queue.
pub(super) enum Taken {
    Event(Arc<Event>),
    Passing(Arc<Passing>),
    Empty,
    Overflown,
    /// It has ended meanwhile, and what is queued is not for its hearer any more.
    Ended,
}

impl Slot {
    /// A slot that does not accept events yet, and then at most so many.
    pub(super) fn new(listener: Listener, most: usize) -> Self {
        let Listener { user, session, manner } = listener;
        Self { user, session, manner, most, inner: Mutex::default(), short: Mutex::default() }
    }

    /// Whether it takes one of the places that its user has for streams.
    pub(super) fn takes_place(&self) -> bool {
        self.manner != Manner::Glance
    }

    /// Queues an event. If the stream is too slow for its queue, the queue is dropped and the stream will read on from
    /// its position by itself: slow readers cost no memory. Returns whether it is to be pumped for it.
    pub(super) fn push(&self, event: &Arc<Event>) -> bool {
        let waker = {
            let mut inner = self.inner.lock();
            if !inner.accepting || inner.ending.is_some() {
                return false;
            }
            if event.message.is_some()
                && let Topic::Conversation(conversation) = event.topic
            {
                // Whoever has said it has typed it before, and must not seem to type on.
                inner.passing.end_typing(conversation);
            }
            if inner.queue.len() >= self.most || inner.bytes >= QUEUE_BYTES {
                inner.accepting = false;
                inner.open = false;
                inner.queue = VecDeque::new();
                inner.bytes = 0;
                inner.passing.clear();
            } else {
                inner.bytes += event.weight();
                inner.queue.push_back(Arc::clone(event));
                if inner.open {
                    return !std::mem::replace(&mut inner.due, true);
                }
            }
            inner.waker.take()
        };
        wake(waker);
        false
    }

    /// Keeps what passes until it is taken, if the stream keeps up with what lasts.
    pub(super) fn pass(&self, passing: &Arc<Passing>) {
        let waker = {
            let mut inner = self.inner.lock();
            if !inner.accepting || inner.ending.is_some() {
                return;
            }
            inner.passing.push(passing);
            inner.waker.take()
        };
        wake(waker);
    }

    /// From here on events are queued.
    pub(super) fn accept(&self) {
        let mut inner = self.inner.lock();
        inner.accepting = true;
        inner.queue.clear();
        inner.bytes = 0;
        inner.passing.clear();
    }

    /// Takes the next queued event; if there is none, the task is woken by the next.
    pub(super) fn take(&self, context: &Context<'_>) -> Taken {
        let mut inner = self.inner.lock();
        if inner.ending.is_some() {
            return Taken::Ended;
        }
        if !inner.accepting {
            return Taken::Overflown;
        }
        if let Some(event) = inner.queue.pop_front() {
            inner.bytes -= event.weight();
            Taken::Event(event)
        } else if let Some(passing) = inner.passing.pop() {
            Taken::Passing(passing)
        } else {
            // A burst's memory is not kept by an idle stream.
            if inner.queue.capacity() > 8 {
                inner.queue = VecDeque::new();
            }
            remember(&mut inner.waker, context);
            Taken::Empty
        }
    }

    /// Lets what comes from here on go to the outlet, unless something is there already that the stream's task has to see
    /// to. Returns whether it does.
    pub(super) fn open(&self, outlet: &Arc<dyn Outlet>) -> bool {
        let mut short = self.short.lock();
        let mut inner = self.inner.lock();
        inner.open = inner.accepting && inner.queue.is_empty() && inner.passing.is_empty() && inner.ending.is_none();
        if inner.open {
            short.outlet = Some(Arc::clone(outlet));
        }
        inner.open
    }

    /// Whether what comes goes to the outlet.
    #[cfg(test)]
    pub(crate) fn is_open(&self) -> bool {
        self.inner.lock().open
    }

    /// Lets go of the outlet, and tells what went through it. What is queued is the task's from here on.
    pub(super) fn close(&self) -> Passage {
        // Waits for a write that is under way: then all that was taken from the queue is known.
        let mut short = self.short.lock();
        self.inner.lock().open = false;
        std::mem::take(&mut *short).passage
    }

    /// Has the processor fetch what writing needs first.
    pub(super) fn near(&self) {
        std::hint::black_box((self.short.is_locked(), self.inner.is_locked()));
    }

    /// Writes what is queued to the outlet, if that is still open. `events` is empty, and empty again after.
    pub(super) fn pump(&self, events: &mut VecDeque<Arc<Event>>, now: Instant, newest_erasure: impl FnOnce() -> Seq) {
        wake(self.write(events, now, newest_erasure));
        // A burst's memory is not handed on to an idle stream.
        if events.capacity() > 8 {
            *events = VecDeque::new();
        }
    }

    /// Returns the task that has to go on, if it has to.
    fn write(
        &self,
        events: &mut VecDeque<Arc<Event>>,
        now: Instant,
        newest_erasure: impl FnOnce() -> Seq,
    ) -> Option<Waker> {
        let mut short = self.short.lock();
        let mut inner = self.inner.lock();
        inner.due = false;
        let first = inner.queue.front().filter(|_| inner.open)?.seq;
        let minded = newest_erasure();
        if minded > first {
            // Whether one of them is deleted is looked at by the stream itself.
            return inner.close();
        }
        inner.bytes = 0;
        std::mem::swap(&mut inner.queue, events);
        drop(inner);
        if short.write(events, minded, now) { None } else { self.inner.lock().close() }
    }

    /// Nobody pumps: the stream's task does everything itself.
    pub(super) fn give_back(&self) {
        let waker = {
            let mut inner = self.inner.lock();
            inner.due = false;
            inner.close()
        };
        wake(waker);
    }

    /// Ends the stream: from here on nothing is taken from its queue. The first reason stays.
    pub fn end(&self, ending: Ending) {
        let waker = {
            let mut inner = self.inner.lock();
            inner.ending.get_or_insert(ending);
            inner.close()
        };
        wake(waker);
    }

    /// Whether the stream is to end; if not, the task is woken when it is.
    pub fn ending(&self, context: &Context<'_>) -> Option<Ending> {
        let mut inner = self.inner.lock();
        if inner.ending.is_none() {
            remember(&mut inner.waker, context);
        }
        inner.ending
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn remember(waker: &mut Option<Waker>, context: &Context<'_>) {
    match waker {
        Some(known) if known.will_wake(context.waker()) => {}
        _ => *waker = Some(context.waker().clone()),
    }
}
