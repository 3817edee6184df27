//! One open stream in the registry: its small bounded queue, its ending, and who to wake.

use super::event::Event;
use super::passing::{Passing, Waiting};
use crate::domain::events::Topic;
use crate::domain::{SessionId, UserId};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

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
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Arc<Event>>,
    bytes: usize,
    /// What passes, and is taken when no event waits.
    passing: Waiting,
    /// Whether events are queued; a stream that reads from the ring or the log wants none.
    accepting: bool,
    ending: Option<Ending>,
    waker: Option<Waker>,
}

/// What a live stream finds in its queue.
pub(super) enum Taken {
    Event(Arc<Event>),
    Passing(Arc<Passing>),
    Empty,
    Overflown,
}

impl Slot {
    /// A slot that does not accept events yet, and then at most so many.
    pub(super) fn new(listener: Listener, most: usize) -> Self {
        let Listener { user, session, manner } = listener;
        Self { user, session, manner, most, inner: Mutex::default() }
    }

    /// Whether it takes one of the places that its user has for streams.
    pub(super) fn takes_place(&self) -> bool {
        self.manner != Manner::Glance
    }

    /// Queues an event. If the stream is too slow for its queue, the queue is dropped and the stream will read on from
    /// its position by itself: slow readers cost no memory.
    pub(super) fn push(&self, event: &Arc<Event>) {
        let waker = {
            let mut inner = self.inner.lock();
            if !inner.accepting {
                return;
            }
            if event.message.is_some()
                && let Topic::Conversation(conversation) = event.topic
            {
                // Whoever has said it has typed it before, and must not seem to type on.
                inner.passing.end_typing(conversation);
            }
            if inner.queue.len() >= self.most || inner.bytes >= QUEUE_BYTES {
                inner.accepting = false;
                inner.queue = VecDeque::new();
                inner.bytes = 0;
                inner.passing.clear();
            } else {
                inner.bytes += event.weight();
                inner.queue.push_back(Arc::clone(event));
            }
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
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
        if let Some(waker) = waker {
            waker.wake();
        }
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

    /// Ends the stream. The first reason stays.
    pub fn end(&self, ending: Ending) {
        let waker = {
            let mut inner = self.inner.lock();
            inner.ending.get_or_insert(ending);
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
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

fn remember(waker: &mut Option<Waker>, context: &Context<'_>) {
    match waker {
        Some(known) if known.will_wake(context.waker()) => {}
        _ => *waker = Some(context.waker().clone()),
    }
}
