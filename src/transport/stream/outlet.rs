//! The two ways to a stream's socket: its task's own, and, while that has nothing to do, the short one.

use super::Stream;
use crate::live::Outlet;
use crate::transport::protocol::Protocol;
use std::sync::Arc;

impl<P: Protocol> Stream<P> {
    /// Closes the outlet, and takes up what is left of what went through it.
    pub(super) fn close_outlet(&mut self) {
        let Some(subscription) = self.pipe.subscription.as_mut().filter(|_| std::mem::take(&mut self.open)) else {
            return;
        };
        let passage = subscription.close();
        if let Some((first, last)) = passage.written {
            self.heartbeat_at = self.heartbeat_at.max(self.beat_after(last));
            self.owes_an_answer(first);
        }
        if let Some(rest) = passage.rest {
            self.pipe.minded = rest.minded;
            for event in &rest.events {
                self.pipe.outbox.push_event(self.protocol.event_again(event), event);
            }
            self.pipe.outbox.begin_within(rest.taken);
        }
    }

    /// Opens the outlet if the task has nothing to do but wait.
    pub(super) fn open_outlet(&mut self) {
        let idle = self.ending.is_none() && self.pipe.held.is_none() && self.pipe.outbox.is_empty();
        if let (true, Some(subscription), Some(_)) = (idle, &self.pipe.subscription, P::FRAME) {
            let outlet: Arc<dyn Outlet> = Arc::clone(&self.pipe.line) as _;
            self.open = subscription.open(&outlet);
        }
    }
}
