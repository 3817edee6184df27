//! The language that a stream speaks on its socket, and what it works on.

use super::close::CloseReason;
use super::control::Control;
use super::line::{Frame, Line};
use super::outbox::Outbox;
use super::traffic::{Traffic, Way};
use crate::domain::{Seq, Timestamp};
use crate::live::{Event, Passing, Subscription};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::net::TcpStream;

/// Frames that wait for the socket before no more events are taken.
const ROOM: usize = 32;
const ROOM_BYTES: usize = 128 * 1024;

/// The language on the socket.
pub(super) trait Protocol: Unpin + Send {
    /// The frame of each event, if it is the same for all and nothing has to be looked at before it is sent.
    const FRAME: Option<Frame>;
    /// As what it is counted.
    fn way(traffic: &Traffic) -> &Way;
    /// An event as a frame.
    fn event(&self, event: &Arc<Event>) -> Framed;
    /// The frame of an event that had one before, unless it has become another since.
    fn event_again(&self, event: &Event) -> Bytes;
    /// What passes as a frame. One without bytes is not sent.
    fn passing(&self, passing: &Passing) -> Bytes;
    /// A control frame.
    fn control(&self, control: Control, position: Seq, outbox: &mut Outbox);
    /// The end, after the last control frame.
    fn close(&mut self, reason: CloseReason, outbox: &mut Outbox);
    /// Takes what has come in. Ready when the other side has ended or broken the rules.
    fn poll_incoming(&mut self, pipe: &mut Pipe, context: &mut Context<'_>) -> Poll<Left>;
    /// Whether the other side was asked for a sign of life and has given none since.
    fn is_quiet(&self) -> bool {
        false
    }

    /// Whether something that the other side has asked for is still under way.
    fn is_busy(&self) -> bool {
        false
    }
}

/// How far a frame is.
pub(super) enum Framed {
    /// It is there. One without bytes is not sent.
    Ready(Bytes),
    /// Something that goes into it has to be looked up.
    Later(BoxFuture<'static, Result<Bytes, CloseReason>>),
}

/// An event that was taken from the subscription and has no frame yet.
pub(super) struct Held {
    pub(super) event: Arc<Event>,
    /// The place of the newest deletion that the event as it is here has minded.
    pub(super) minded: Seq,
    pub(super) frame: BoxFuture<'static, Result<Bytes, CloseReason>>,
}

/// How the other side left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It closed the socket, or all that had to be said has been said.
    Gone,
    /// All has been said on both sides; what is in the outbox is still written.
    Finished,
    /// The server has to close.
    Close(CloseReason),
}

/// What a protocol works on.
pub(super) struct Pipe {
    pub(super) line: Arc<Line>,
    pub(super) outbox: Outbox,
    /// None on a WebSocket that has not sent `auth` yet.
    pub(super) subscription: Option<Box<Subscription>>,
    /// What comes behind the outbox, and before anything else of the subscription.
    pub(super) held: Option<Held>,
    /// When the credentials end.
    pub(super) expires: Option<Timestamp>,
    /// Whether a frame says the credentials' end was announced.
    pub(super) announced: bool,
    /// The deletions of messages that the frames in the outbox have minded: through this one.
    pub(super) minded: Seq,
}

impl Pipe {
    /// Says where the stream goes on from, and goes on from there. What is missing is said first: a client must not have
    /// its cursor moved before it hears of the gap.
    pub(super) fn begin(&mut self, protocol: &impl Protocol, mut subscription: Box<Subscription>) {
        let (position, head) = (subscription.position(), subscription.head());
        if let Some(gap) = subscription.gap() {
            protocol.control(Control::reset(gap, position, head), position, &mut self.outbox);
        }
        protocol.control(Control::ready(position, head), position, &mut self.outbox);
        self.minded = subscription.newest_erasure();
        self.subscription = Some(subscription);
    }

    /// The place up to which all is in the outbox, or was.
    pub(super) fn position(&self) -> Seq {
        if let Some(held) = &self.held {
            return held.event.seq.previous();
        }
        self.subscription.as_ref().map_or(Seq(0), |subscription| subscription.position())
    }

    pub(super) fn head(&self) -> Seq {
        self.subscription.as_ref().map_or(Seq(0), |subscription| subscription.head())
    }

    /// Whether there is room for replies: where none are taken, nothing is read.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.len() < ROOM && self.outbox.bytes() < ROOM_BYTES
    }
}

/// Reads and throws away: for a side that has nothing to say. Ready when it has closed.
pub(super) fn poll_discard(socket: &TcpStream, context: &mut Context<'_>) -> Poll<Left> {
    for _ in 0..16 {
        // Asked first, since mostly nothing has come.
        if ready!(socket.poll_read_ready(context)).is_err() {
            return Poll::Ready(Left::Gone);
        }
        let mut waste = [0u8; 1024];
        match socket.try_read(&mut waste) {
            Ok(0) => return Poll::Ready(Left::Gone),
            Ok(_) => {}
            Err(error) if [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted].contains(&error.kind()) => {}
            Err(_) => return Poll::Ready(Left::Gone),
        }
    }
    // Whoever floods us waits for the others.
    context.waker().wake_by_ref();
    Poll::Pending
}
