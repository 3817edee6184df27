//! WebSocket on a bare socket: RFC 6455 by tungstenite without its I/O, so that events go out as shared frames.

mod between;
mod echo;

pub use echo::echo;

use super::close::CloseReason;
use super::control::Control;
use super::line::Frame;
use super::outbox::Outbox;
use super::protocol::{Framed, Left, Pipe, Protocol, poll_discard};
use super::stream::{Opening, Pace, Stream};
use super::traffic::{Traffic, Way};
use super::{AddressPermit, TakeOver};
use crate::domain::{ConversationId, Seq, Timestamp};
use crate::live::{Event, Passing, Subscription};
use between::Between;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use std::cell::Cell;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Message, error::CapacityError};

/// The largest message taken, in bytes: as large as a request's body.
const MESSAGE: usize = 256 * 1024;
/// The same for a socket whose owner is not known yet: enough for its `auth`.
const FIRST_MESSAGE: usize = 8 * 1024;
/// Operations under way at a time on one socket; no more are read before one is done.
const AT_ONCE: usize = 64;

/// What answers the operations of one socket.
pub type Incoming = Box<dyn Fn(String) -> BoxFuture<'static, Outcome> + Send + Sync>;
/// A reply that tells where the stream is.
pub type Reply<T> = Box<dyn FnOnce(T) -> String + Send>;

/// What an operation leads to.
pub enum Outcome {
    /// Only a reply.
    Reply(String),
    /// The same in bytes.
    #[doc(hidden)]
    Bytes(Bytes),
    /// The socket has credentials now, or fresh ones.
    Authenticated {
        /// The reply.
        reply: String,
        /// When the credentials end.
        expires: Option<Timestamp>,
        /// The stream, if the socket had none yet.
        subscription: Option<Box<Subscription>>,
    },
    /// The socket hears a channel from now on; the reply says after which event.
    Follow(ConversationId, Reply<Seq>),
    /// It hears a channel no longer.
    Unfollow(ConversationId, String),
    /// The reply says the position and the head.
    Where(Reply<(Seq, Seq)>),
    /// The socket ends.
    Close(CloseReason),
}

/// How a socket begins.
pub enum Accepted {
    /// With the credentials of its request.
    Subscribed {
        /// Its stream.
        subscription: Box<Subscription>,
        /// When its credentials end.
        expires: Option<Timestamp>,
    },
    /// With `auth` as its first frame.
    Waiting,
    /// Not at all: browsers learn the reason only from a close frame.
    Refused(CloseReason),
}

/// A WebSocket after its handshake.
pub fn websocket(accepted: Accepted, incoming: Incoming, pace: Pace, permit: AddressPermit) -> TakeOver {
    let opening = match accepted {
        Accepted::Subscribed { subscription, expires } => Opening::Subscribed { subscription, expires },
        Accepted::Waiting => Opening::Waiting,
        Accepted::Refused(reason) => Opening::Refused(reason),
    };
    TakeOver::new(Box::new(move |taken| {
        let most = if matches!(opening, Opening::Waiting) { FIRST_MESSAGE } else { MESSAGE };
        let protocol = WebSocket::new(incoming, &taken.read_ahead, most);
        Box::pin(Stream::new(taken, protocol, opening, pace, permit))
    }))
}

struct WebSocket {
    /// None between messages: most sockets are silent most of the time, and tungstenite keeps as much memory as the largest
    /// message took.
    rules: Option<Box<WebSocketContext>>,
    /// The largest message that is taken.
    most: usize,
    between: Between,
    unread: BytesMut,
    incoming: Incoming,
    /// What answers bytes. Where nothing does, they are refused.
    binary: Option<fn(Bytes) -> Outcome>,
    under_way: Vec<BoxFuture<'static, Outcome>>,
    /// Nothing is read any more, and what was asked before is still answered.
    leaving: Option<Leaving>,
    closing: bool,
    /// Whether there was a ping since anything came in.
    pinged: Cell<bool>,
}

/// Why nothing more is read.
#[derive(Debug, Clone, Copy)]
enum Leaving {
    /// The other side has sent its close frame. tungstenite holds our answer until it is told to write it.
    Closed,
    /// It has sent what is not to be read.
    Broken(CloseReason),
}

/// What tungstenite reads from and writes to: memory on both sides.
struct Wire<'a> {
    unread: &'a mut BytesMut,
    between: &'a mut Between,
    outbox: &'a mut Outbox,
}

impl Read for Wire<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.unread.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = into.len().min(self.unread.len());
        self.unread.copy_to_slice(&mut into[..count]);
        self.between.note(&into[..count]);
        Ok(count)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.push(Bytes::copy_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WebSocket {
    fn new(incoming: Incoming, read_ahead: &[u8], most: usize) -> Self {
        Self {
            rules: None,
            most,
            between: Between::default(),
            unread: BytesMut::from(read_ahead),
            incoming,
            binary: None,
            under_way: Vec::new(),
            leaving: None,
            closing: false,
            pinged: Cell::new(false),
        }
    }

    /// tungstenite, and what it works on.
    fn rules<'a>(&'a mut self, outbox: &'a mut Outbox) -> (&'a mut WebSocketContext, Wire<'a>) {
        let most = self.most;
        let rules = self.rules.get_or_insert_with(|| {
            // Small buffers: the defaults are 256 KiB.
            let config = WebSocketConfig::default()
                .read_buffer_size(256)
                .write_buffer_size(0)
                .max_message_size(Some(most))
                .max_frame_size(Some(most));
            Box::new(WebSocketContext::new(Role::Server, Some(config)))
        });
        (rules, Wire { unread: &mut self.unread, between: &mut self.between, outbox })
    }

    /// Reads messages out of what has come in, up to one that ends it.
    fn digest(&mut self, pipe: &mut Pipe) {
        if self.unread.is_empty() && self.rules.is_none() {
            return;
        }
        while self.leaving.is_none() && self.under_way.len() < AT_ONCE && pipe.has_room() {
            let (rules, mut wire) = self.rules(&mut pipe.outbox);
            match rules.read(&mut wire) {
                Ok(Message::Text(text)) => self.under_way.push((self.incoming)(text.as_str().to_owned())),
                Ok(Message::Binary(bytes)) => match self.binary {
                    Some(answer) => self.under_way.push(Box::pin(std::future::ready(answer(bytes)))),
                    None => self.leaving = Some(Leaving::Broken(CloseReason::ProtocolError(1003))),
                },
                Ok(Message::Close(_)) => self.leaving = Some(Leaving::Closed),
                // Pings are answered by tungstenite, with the next write.
                Ok(_) => self.flush(&mut pipe.outbox),
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.between.messages() {
                        self.rules = None;
                    }
                    break;
                }
                Err(error) => self.leaving = Some(Leaving::Broken(CloseReason::ProtocolError(code(&error)))),
            }
        }
        if self.unread.is_empty() && self.unread.capacity() > 0 {
            self.unread = BytesMut::new();
        }
    }

    /// Lets tungstenite write what it has to say by itself: pongs, and the answer to a close frame.
    fn flush(&mut self, outbox: &mut Outbox) {
        let (rules, mut wire) = self.rules(outbox);
        // Memory takes everything.
        drop(rules.flush(&mut wire));
    }

    /// Lets operations go on, and replies to those that are done.
    fn poll_operations(&mut self, pipe: &mut Pipe, context: &mut Context<'_>) -> Option<Left> {
        let mut done = Vec::new();
        self.under_way.retain_mut(|operation| match operation.as_mut().poll(context) {
            Poll::Ready(outcome) => {
                done.push(outcome);
                false
            }
            Poll::Pending => true,
        });
        if self.under_way.is_empty() {
            self.under_way = Vec::new();
        }
        for outcome in done {
            let reply = match outcome {
                Outcome::Reply(reply) => reply,
                Outcome::Bytes(reply) => {
                    let mut frame = BytesMut::from(crate::live::text_frame(&reply));
                    // A binary frame is a text frame but for this (RFC 6455, section 5.2).
                    frame[0] = 0x82;
                    pipe.outbox.push(frame.freeze());
                    continue;
                }
                Outcome::Authenticated { reply, expires, subscription } => {
                    pipe.expires = expires;
                    pipe.announced = false;
                    self.most = MESSAGE;
                    if let Some(rules) = &mut self.rules {
                        rules.set_config(|config| {
                            config.max_message_size = Some(MESSAGE);
                            config.max_frame_size = Some(MESSAGE);
                        });
                    }
                    pipe.outbox.push(crate::live::text_frame(reply.as_bytes()));
                    if let (Some(subscription), None) = (subscription, &pipe.subscription) {
                        pipe.begin(self, subscription);
                    }
                    continue;
                }
                Outcome::Follow(conversation, reply) => {
                    let Some(subscription) = &mut pipe.subscription else { continue };
                    reply(subscription.follow(conversation))
                }
                Outcome::Unfollow(conversation, reply) => {
                    if let Some(subscription) = &mut pipe.subscription {
                        subscription.unfollow(conversation);
                    }
                    reply
                }
                Outcome::Where(reply) => reply((pipe.position(), pipe.head())),
                Outcome::Close(reason) => return Some(Left::Close(reason)),
            };
            pipe.outbox.push(crate::live::text_frame(reply.as_bytes()));
        }
        None
    }

    fn poll_read(&mut self, pipe: &mut Pipe, context: &mut Context<'_>) -> Poll<Option<Left>> {
        loop {
            // Asked first, since mostly nothing has come, and then the buffer need not be made.
            if ready!(pipe.line.socket.poll_read_ready(context)).is_err() {
                return Poll::Ready(Some(Left::Gone));
            }
            let mut bytes = [0u8; 4096];
            match pipe.line.socket.try_read(&mut bytes) {
                Ok(0) => return Poll::Ready(Some(Left::Gone)),
                Ok(count) => {
                    self.unread.extend_from_slice(&bytes[..count]);
                    self.pinged.set(false);
                    return Poll::Ready(None);
                }
                Err(error) if [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted].contains(&error.kind()) => {}
                Err(_) => return Poll::Ready(Some(Left::Gone)),
            }
        }
    }
}

/// The close code of a broken rule (RFC 6455, section 7.4.1).
fn code(error: &tungstenite::Error) -> u16 {
    match error {
        tungstenite::Error::Utf8(_) => 1007,
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => 1009,
        _ => 1002,
    }
}

impl Protocol for WebSocket {
    const FRAME: Option<Frame> = Some(|event| event.frames.websocket());

    fn way(traffic: &Traffic) -> &Way {
        &traffic.websocket
    }

    fn event(&self, event: &Arc<Event>) -> Framed {
        Framed::Ready(event.frames.websocket().clone())
    }

    fn event_again(&self, event: &Event) -> Bytes {
        event.frames.websocket().clone()
    }

    fn passing(&self, passing: &Passing) -> Bytes {
        passing.frames.websocket().clone()
    }

    fn is_quiet(&self) -> bool {
        self.pinged.get()
    }

    fn is_busy(&self) -> bool {
        !self.under_way.is_empty()
    }

    fn control(&self, control: Control, _: Seq, outbox: &mut Outbox) {
        outbox.push(crate::live::text_frame(control.json().as_bytes()));
        if matches!(control, Control::Heartbeat(_)) {
            // An empty ping (RFC 6455, section 5.5.2): proxies and dead peers are found by it.
            outbox.push(Bytes::from_static(&[0x89, 0]));
            self.pinged.set(true);
        }
    }

    fn close(&mut self, reason: CloseReason, outbox: &mut Outbox) {
        self.closing = true;
        let frame = CloseFrame { code: reason.code().into(), reason: reason.word().into() };
        let (rules, mut wire) = self.rules(outbox);
        // Closing twice is an error of no consequence.
        drop(rules.close(&mut wire, Some(frame)));
        self.flush(outbox);
    }

    fn poll_incoming(&mut self, pipe: &mut Pipe, context: &mut Context<'_>) -> Poll<Left> {
        if self.closing {
            return poll_discard(&pipe.line.socket, context);
        }
        loop {
            self.digest(pipe);
            let busy = self.under_way.len();
            if let Some(left) = self.poll_operations(pipe, context) {
                return Poll::Ready(left);
            }
            if let Some(leaving) = self.leaving {
                // No data may follow a close frame (RFC 6455, section 5.5.1), so replies go first.
                if !self.under_way.is_empty() {
                    return Poll::Pending;
                }
                let Leaving::Broken(reason) = leaving else {
                    self.flush(&mut pipe.outbox);
                    // From here on the other side has nothing to say.
                    self.closing = true;
                    return Poll::Ready(Left::Finished);
                };
                return Poll::Ready(Left::Close(reason));
            }
            if self.under_way.len() >= AT_ONCE || !pipe.has_room() {
                return Poll::Pending;
            }
            if busy >= AT_ONCE {
                // Some are done, and what has come in already holds more: nobody will say so again.
                continue;
            }
            if let Some(left) = ready!(self.poll_read(pipe, context)) {
                return Poll::Ready(left);
            }
        }
    }
}
