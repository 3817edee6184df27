//! Server-sent events on a bare socket (WHATWG HTML, section 9.2).

use super::close::CloseReason;
use super::control::Control;
use super::outbox::Outbox;
use super::protocol::{Left, Pipe, Protocol, poll_discard};
use super::stream::{Opening, Pace, Stream};
use super::{AddressPermit, TakeOver};
use crate::domain::{Seq, Timestamp};
use crate::live::{Event, Subscription};
use bytes::Bytes;
use std::task::{Context, Poll};

pub(super) struct Sse;

impl Protocol for Sse {
    fn event(&self, event: &Event) -> Bytes {
        event.sse().clone()
    }

    fn control(&self, control: Control, position: Seq, outbox: &mut Outbox) {
        outbox.push(control.sse(Some(position)).into());
    }

    fn close(&mut self, _: CloseReason, _: &mut Outbox) {}

    fn poll_incoming(&mut self, pipe: &mut Pipe, context: &mut Context<'_>) -> Poll<Left> {
        // A listener says nothing; reading only tells when it is gone.
        poll_discard(&pipe.socket, context)
    }
}

/// A stream of events, until its credentials end.
pub fn events(subscription: Subscription, expires: Option<Timestamp>, pace: Pace, permit: AddressPermit) -> TakeOver {
    let opening = Opening::Subscribed { subscription: Box::new(subscription), expires };
    TakeOver::new(Box::new(move |taken| Box::pin(Stream::new(taken, Sse, opening, pace, permit))))
}

/// A stream that only says why it ends: any status but 200 would end a browser's `EventSource` for good.
pub fn farewell(reason: CloseReason) -> String {
    Control::farewell(reason).map(|farewell| farewell.sse(None)).unwrap_or_default()
}
