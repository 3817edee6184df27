//! One open stream on its bare socket: events in, frames out, and the clock in mind.
//!
//! A stream is one small task. It pulls events from its subscription while there is room, writes what it has in as few calls as
//! the socket allows, and sleeps. While it does, and is live, events are written to its socket without it
//! ([`crate::live::Outlet`]): it closes that way before it does anything, and opens it when nothing is left to be done. Control
//! frames go into the same outbox behind the events that they count, so a cursor never runs ahead of what was sent. What is in
//! the outbox is dropped only when nobody can say any more whether it may still be shown; then the stream ends, and the other
//! side comes back to before it.

mod deadlines;
mod outlet;
mod rhythm;
#[cfg(test)]
mod tests;

use self::deadlines::Owed;
use self::rhythm::Rhythm;
use super::AddressPermit;
use super::close::CloseReason;
use super::control::Control;
use super::line::Line;
use super::outbox::Outbox;
use super::protocol::{Framed, Held, Left, Pipe, Protocol};
use super::takeover::Taken;
use super::traffic::LEFT;
use crate::domain::{Seq, Timestamp};
use crate::live::{Ending, Gap, Step, Subscription};
use crate::meter::Raised;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// Why a stream ended whose other side took nothing.
const STALLED: &str = "stalled";
/// How long before the end of its token a stream says so.
const EXPIRING: Duration = Duration::from_mins(1);
/// How long the other side has to take the last frames and close.
const LINGER: Duration = Duration::from_secs(2);
/// The other side is not looked after more often than this.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);
/// Bytes that the kernel keeps for a stream's socket, which it doubles. By itself it would keep megabytes for a slow
/// reader, and say that the socket takes more only when a third of them is gone: whoever reads little would look as if
/// he read nothing.
const KERNEL_BUFFER: usize = 64 * 1024;

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// An idle stream says where it is this often.
    pub heartbeat: Duration,
    /// A socket that takes no byte for this long is closed.
    pub stall: Duration,
    /// A WebSocket without credentials has this long for its `auth`.
    pub auth: Duration,
}

/// A stream's task.
pub(super) struct Stream<P: Protocol> {
    pipe: Pipe,
    protocol: P,
    pace: Pace,
    timer: Pin<Box<Sleep>>,
    rhythm: Rhythm,
    heartbeat_at: Instant,
    auth_by: Option<Instant>,
    /// Since when the socket takes nothing, and how much it had taken then.
    stalled: Option<(Instant, u64)>,
    /// What was written and may not be answered.
    owed: Option<Owed>,
    ending: Option<Instant>,
    said_all: bool,
    /// The server's shutdown, which nobody else tells a WebSocket that waits for its `auth`.
    closing: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// Whether what comes is written without its task.
    open: bool,
    _permit: AddressPermit,
    counted: Counted,
}

/// A stream as it is counted, from its head to its end.
struct Counted {
    /// None for one that is only told why it is not let in.
    open: Option<Raised>,
    /// Why it ends; unless the server ends it, its other side does.
    why: &'static str,
}

impl<P: Protocol> Stream<P> {
    /// A stream that writes `head` first, and then `ready` if it has a subscription.
    pub(super) fn new(taken: Taken, protocol: P, opening: Opening, pace: Pace, permit: AddressPermit) -> Self {
        let Taken { socket, head, closing, traffic, .. } = taken;
        let way = P::way(&traffic);
        let open = if let Opening::Refused(reason) = opening {
            way.turn_away(reason);
            None
        } else {
            way.opened.one();
            Some(way.open.raise())
        };
        if let Err(error) = socket2::SockRef::from(&socket).set_send_buffer_size(KERNEL_BUFFER) {
            tracing::debug!(%error, "a stream's socket keeps its own buffer size");
        }
        let now = Instant::now();
        let mut outbox = Outbox::default();
        outbox.push(head);
        let line = Arc::new(Line { socket, traffic, way: P::way, frame: P::FRAME });
        let pipe =
            Pipe { line, outbox, subscription: None, held: None, expires: None, announced: false, minded: Seq(0) };
        let rhythm = Rhythm::new();
        let heartbeat_at = rhythm.beat_after(now, pace.heartbeat);
        let timer = Box::pin(tokio::time::sleep_until(heartbeat_at));
        let mut stream = Self {
            pipe,
            protocol,
            pace,
            timer,
            rhythm,
            heartbeat_at,
            auth_by: None,
            stalled: None,
            owed: None,
            ending: None,
            said_all: false,
            closing: None,
            open: false,
            _permit: permit,
            counted: Counted { open, why: LEFT },
        };
        match opening {
            Opening::Subscribed { subscription, expires } => {
                stream.pipe.expires = expires;
                stream.pipe.begin(&stream.protocol, subscription);
            }
            Opening::Waiting => {
                stream.auth_by = Some(now + pace.auth);
                stream.closing = Some(Box::pin(closing.cancelled_owned()));
            }
            Opening::Refused(reason) => stream.end(reason),
        }
        stream
    }

    /// Says why, and ends. Nothing more is taken from the subscription.
    fn end(&mut self, reason: CloseReason) {
        self.end_at(reason, self.pipe.position());
    }

    /// Ends where the other side has to come back to.
    fn end_at(&mut self, reason: CloseReason, position: Seq) {
        if self.ending.is_some() {
            return;
        }
        self.counted.why = reason.word();
        if let Some(farewell) = Control::farewell(reason) {
            self.protocol.control(farewell, position, &mut self.pipe.outbox);
        }
        self.protocol.close(reason, &mut self.pipe.outbox);
        self.ending = Some(Instant::now() + LINGER);
        self.auth_by = None;
        self.leave();
    }

    /// Its user no longer counts as being there for it.
    fn leave(&mut self) {
        if let Some(subscription) = &mut self.pipe.subscription {
            subscription.go();
        }
    }

    /// Ends the stream if the server wants it to, also while the socket takes nothing and no event is asked for.
    fn heed(&mut self, context: &mut Context<'_>) {
        if self.pipe.subscription.is_some() {
            self.closing = None;
        } else if let Some(closing) = &mut self.closing
            && closing.as_mut().poll(context).is_ready()
        {
            self.closing = None;
            self.end(CloseReason::ShuttingDown);
        }
        let ending = self.pipe.subscription.as_ref().and_then(|subscription| subscription.slot().ending(context));
        match ending {
            // That one comes with a `reset`, as a step.
            None | Some(Ending::HistoryReplaced) => {}
            Some(ending) => self.end(ending.into()),
        }
    }

    /// Takes events while there is room for them.
    fn pull(&mut self, context: &mut Context<'_>) {
        let mut events = 0;
        self.take(context, &mut events);
        // Once for all that a wake-up brings: thousands of streams count in the same place.
        if events > 0 {
            self.pipe.line.way().deliveries.add(events);
        }
    }

    fn take(&mut self, context: &mut Context<'_>, events: &mut u64) {
        while self.ending.is_none() && self.pipe.has_room() {
            if self.release(context).is_pending() {
                break;
            }
            let Some(subscription) = &mut self.pipe.subscription else { return };
            let minded = subscription.newest_erasure();
            match subscription.poll_next(context) {
                Poll::Ready(Step::Event(event)) => match self.protocol.event(&event) {
                    Framed::Ready(frame) => {
                        *events += u64::from(!frame.is_empty());
                        self.pipe.outbox.push_event(frame, &event);
                    }
                    Framed::Later(frame) => {
                        *events += 1;
                        self.pipe.held = Some(Held { event, minded, frame });
                    }
                },
                Poll::Ready(Step::Passing(passing)) => self.pipe.outbox.push(self.protocol.passing(&passing)),
                Poll::Ready(Step::Reset(gap)) => {
                    let (position, head) = (subscription.position(), subscription.head());
                    self.protocol.control(Control::reset(gap, position, head), position, &mut self.pipe.outbox);
                    if gap == Gap::HistoryReplaced {
                        self.end(CloseReason::HistoryReplaced);
                    }
                }
                Poll::Ready(Step::End(ending)) => self.end(ending.into()),
                Poll::Pending => return,
            }
        }
        if let Some(subscription) = &mut self.pipe.subscription {
            subscription.keep_reading(context);
        }
    }

    /// Sends on the event that waits for its frame, if one does.
    fn release(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (Some(held), Some(subscription)) = (&mut self.pipe.held, &self.pipe.subscription) else {
            return Poll::Ready(());
        };
        let made = ready!(held.frame.as_mut().poll(context));
        // Its message may have been deleted while it waited.
        let now = subscription.as_it_is_now(&held.event, held.minded);
        match (made, now) {
            (Ok(frame), Some(now)) => {
                let stands = Arc::ptr_eq(&now, &held.event);
                self.pipe.held = None;
                let frame = if stands { frame } else { self.protocol.event_again(&now) };
                self.pipe.outbox.push_event(frame, &now);
            }
            // What was not sent is read anew by who comes back.
            (Err(reason), _) => self.end(reason),
            (_, None) => self.end(CloseReason::Unavailable),
        }
        if self.ending.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Lets what waits for the socket show no message that was deleted meanwhile.
    fn mind_erasures(&mut self) {
        let Some(subscription) = &self.pipe.subscription else { return };
        let newest = subscription.newest_erasure();
        let since = std::mem::replace(&mut self.pipe.minded, newest);
        if newest == since || self.pipe.outbox.is_empty() {
            return;
        }
        let protocol = &self.protocol;
        let dropped = self.pipe.outbox.revise(|event| {
            let event = subscription.as_it_is_now(event, since)?;
            Some((protocol.event_again(&event), event))
        });
        if let Some(dropped) = dropped {
            // More was deleted in a moment than is remembered. It comes back, and reads what is left from before the
            // first event that it was not sent.
            self.end_at(CloseReason::Unavailable, dropped.previous());
        }
    }

    /// Writes what there is. Ready when the stream is over.
    fn write(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.mind_erasures();
        let before = self.pipe.outbox.written();
        let written = self.pipe.outbox.poll_write(&self.pipe.line.socket, context);
        let bytes = self.pipe.outbox.written() - before;
        if bytes > 0 {
            self.pipe.line.way().bytes.add(bytes);
        }
        match written {
            Poll::Ready(Ok(())) => {
                self.stalled = None;
                if bytes > 0 {
                    let now = Instant::now();
                    self.heartbeat_at = self.beat_after(now);
                    self.owes_an_answer(now);
                }
                if self.ending.is_some() && !self.said_all {
                    self.said_all = true;
                    // The other side learns that no more comes, and has time to read the last frames: closing at once
                    // with bytes of its own unread would make the kernel throw them away.
                    let half = socket2::SockRef::from(&self.pipe.line.socket).shutdown(std::net::Shutdown::Write);
                    if half.is_err() {
                        return Poll::Ready(());
                    }
                }
                Poll::Pending
            }
            Poll::Ready(Err(_)) => Poll::Ready(()),
            Poll::Pending => {
                let written = self.pipe.outbox.written();
                match self.stalled {
                    Some((_, known)) if known == written => {}
                    _ => self.stalled = Some((Instant::now(), written)),
                }
                Poll::Pending
            }
        }
    }
}

impl<P: Protocol> Drop for Stream<P> {
    fn drop(&mut self) {
        if self.counted.open.is_some() {
            self.pipe.line.way().ended.of(&self.counted.why).one();
        }
    }
}

/// How a stream begins.
pub(super) enum Opening {
    /// With its subscription.
    Subscribed { subscription: Box<Subscription>, expires: Option<Timestamp> },
    /// A WebSocket that has yet to send `auth`.
    Waiting,
    /// Not at all: it is told why in its own language.
    Refused(CloseReason),
}

impl<P: Protocol> Future for Stream<P> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let stream = self.get_mut();
        stream.close_outlet();
        loop {
            match stream.protocol.poll_incoming(&mut stream.pipe, context) {
                Poll::Ready(Left::Gone) => return Poll::Ready(()),
                Poll::Ready(Left::Finished) => {
                    stream.ending = stream.ending.or(Some(Instant::now() + LINGER));
                    stream.leave();
                }
                Poll::Ready(Left::Close(reason)) => stream.end(reason),
                Poll::Pending => {}
            }
            if stream.ending.is_none()
                && !stream.protocol.is_quiet()
                && let Some(subscription) = &mut stream.pipe.subscription
            {
                subscription.come();
            }
            stream.heed(context);
            let was_full = !stream.pipe.has_room();
            stream.pull(context);
            let had_no_room = was_full || !stream.pipe.has_room();
            if stream.write(context).is_ready() {
                return Poll::Ready(());
            }
            // Without room nobody asked to be woken for what comes in or up; now there is some.
            if had_no_room && stream.pipe.has_room() {
                continue;
            }
            match stream.keep_time(context) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(()),
                Poll::Pending => {
                    stream.open_outlet();
                    return Poll::Pending;
                }
            }
        }
    }
}
