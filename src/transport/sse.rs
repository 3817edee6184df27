//! Server-sent events on a bare socket (WHATWG HTML, section 9.2).

use super::close::CloseReason;
use super::control::{Control, RETRY};
use super::line::Frame;
use super::outbox::Outbox;
use super::protocol::{Framed, Left, Pipe, Protocol, poll_discard};
use super::stream::{Opening, Pace, Stream};
use super::traffic::{Traffic, Way};
use super::{AddressPermit, TakeOver};
use crate::domain::{Seq, Timestamp};
use crate::live::{Cursor, Event, Passing, Subscription};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::sync::Arc;
use std::task::{Context, Poll};

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(super) struct Sse;

impl Protocol for Sse {
    const FRAME: Option<Frame> = Some(|event| event.frames.sse());

    fn way(traffic: &Traffic) -> &Way {
        &traffic.sse
    }

    fn event(&self, event: &Arc<Event>) -> Framed {
        Framed::Ready(event.frames.sse().clone())
    }

    fn event_again(&self, event: &Event) -> Bytes {
        event.frames.sse().clone()
    }

    fn passing(&self, passing: &Passing) -> Bytes {
        passing.frames.sse().clone()
    }

    fn control(&self, control: Control, position: Seq, outbox: &mut Outbox) {
        outbox.push(control.sse(Some(position)).into());
    }

    fn close(&mut self, _: CloseReason, _: &mut Outbox) {}

    fn poll_incoming(&mut self, pipe: &mut Pipe, context: &mut Context<'_>) -> Poll<Left> {
        // A listener says nothing; reading only tells when it is gone.
        poll_discard(&pipe.line.socket, context)
    }
}

/// What the listeners of an older system are told instead of our own events: as `data` of events without a name, the
/// only ones that a page hears which knows of no names.
pub trait Dialect: Send + Sync {
    /// What it is called. What was made of an event is kept under it, for all who hear the event.
    fn name(&self) -> &'static str;
    /// Whether they are told of such an event. Asked for each listener, so it looks nothing up.
    fn tells(&self, event: &Event) -> bool;
    /// The `data` in one line, or nothing if there is nothing left to tell. Asked once for all who hear the event. Why
    /// it cannot be told ends their streams.
    fn data(&self, event: Arc<Event>) -> BoxFuture<'static, Result<Option<String>, CloseReason>>;
}

/// The pipe of our own events, with these in the place of them. What the stream says of itself stays as it is, since a
/// page that knows of no names does not hear it; but for `ready`, which is left out.
pub(super) struct Translated(pub(super) Arc<dyn Dialect>);

/// Moves a browser's cursor, and is no event.
fn bare(position: Seq) -> String {
    Control::heartbeat(position).sse(None)
}

impl Protocol for Translated {
    const FRAME: Option<Frame> = None;

    fn way(traffic: &Traffic) -> &Way {
        &traffic.sse
    }

    fn event(&self, event: &Arc<Event>) -> Framed {
        if !self.0.tells(event) {
            return Framed::Ready(Bytes::new());
        }
        let translation = event.translation(self.0.name());
        if let Some(frame) = translation.get() {
            return Framed::Ready(frame.clone());
        }
        let (dialect, event) = (Arc::clone(&self.0), Arc::clone(event));
        Framed::Later(Box::pin(async move {
            let seq = event.seq;
            let frame = translation.get_or_try_init(async || {
                let data = dialect.data(event).await?;
                Ok(data.map_or_else(|| bare(seq), |data| format!("id: {seq}\ndata: {data}\n\n")).into())
            });
            frame.await.cloned()
        }))
    }

    fn event_again(&self, event: &Event) -> Bytes {
        // Of an event that has become another the message is gone, which they are not told.
        event.translation(self.0.name()).get().cloned().unwrap_or_else(|| bare(event.seq).into())
    }

    fn passing(&self, _: &Passing) -> Bytes {
        // No older system's listeners know of anything that passes.
        Bytes::new()
    }

    fn control(&self, control: Control, position: Seq, outbox: &mut Outbox) {
        outbox.push(match control {
            Control::Ready(_) => format!("retry: {}\n{}", RETRY.as_millis(), bare(position)).into(),
            control => control.sse(Some(position)).into(),
        });
    }

    fn close(&mut self, _: CloseReason, _: &mut Outbox) {}

    fn poll_incoming(&mut self, pipe: &mut Pipe, context: &mut Context<'_>) -> Poll<Left> {
        poll_discard(&pipe.line.socket, context)
    }
}

/// A stream of events, until its credentials end.
pub fn events(subscription: Subscription, expires: Option<Timestamp>, pace: Pace, permit: AddressPermit) -> TakeOver {
    let opening = Opening::Subscribed { subscription: Box::new(subscription), expires };
    TakeOver::new(Box::new(move |taken| Box::pin(Stream::new(taken, Sse, opening, pace, permit))))
}

/// The same for nobody in particular, in the language of an older system.
pub fn translated(
    subscription: Subscription,
    dialect: Arc<dyn Dialect>,
    pace: Pace,
    permit: AddressPermit,
) -> TakeOver {
    let opening = Opening::Subscribed { subscription: Box::new(subscription), expires: None };
    TakeOver::new(Box::new(move |taken| Box::pin(Stream::new(taken, Translated(dialect), opening, pace, permit))))
}

/// A stream that only says why it ends: any status but 200 would end a browser's `EventSource` for good.
pub fn farewell(reason: CloseReason) -> String {
    Control::farewell(reason).map(|farewell| farewell.sse(None)).unwrap_or_default()
}

/// The headers of a stream.
pub fn sse_head() -> [(HeaderName, HeaderValue); 3] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would hold events back to fill its buffers.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ]
}

/// Where a browser that comes back wants to go on from, if it says so.
pub fn last_event_id(headers: &HeaderMap) -> Option<Cursor> {
    let value = headers.get(&LAST_EVENT_ID).filter(|value| !value.is_empty())?;
    let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.to_str().ok().filter(digits).and_then(|text| text.parse().ok());
    Some(number.map_or(Cursor::Malformed, |seq| Cursor::After(Seq(seq))))
}
