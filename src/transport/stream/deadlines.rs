//! What a stream does when its time has come: heartbeats, the end of its credentials, and those who are gone.

use super::{EXPIRING, SHORTEST_LOOK, STALLED, Stream};
use crate::domain::Timestamp;
use crate::transport::close::CloseReason;
use crate::transport::control::Control;
use crate::transport::peer;
use crate::transport::protocol::Protocol;
use std::future::Future;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

impl<P: Protocol> Stream<P> {
    /// Does what is due. Returns whether it did anything.
    pub(super) fn keep_time(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let now = Instant::now();
        let mut acted = false;
        if let Some((since, written)) = self.stalled {
            if written != self.pipe.outbox.written() {
                self.stalled = Some((now, self.pipe.outbox.written()));
            } else if now >= since + self.pace.stall {
                // Whoever read a little all the same has made room for a little more.
                if !self.pipe.outbox.squeeze(&self.pipe.line.socket) {
                    self.counted.why = STALLED;
                    return Poll::Ready(false);
                }
                self.stalled = Some((now, self.pipe.outbox.written()));
            }
        }
        if self.ending.is_some_and(|by| now >= by) || self.has_lost_its_peer(now) {
            return Poll::Ready(false);
        }
        if self.ending.is_none() {
            if let (Some(by), true) = (self.auth_by, self.pipe.subscription.is_none()) {
                if now >= by && self.protocol.is_busy() {
                    // It came in time, and waits for the database.
                    self.auth_by = Some(now + self.pace.auth);
                } else if now >= by {
                    self.end(CloseReason::AuthTimeout);
                    acted = true;
                }
            } else if self.auth_by.take().is_some() {
                acted = true;
            }
            acted |= self.mind_expiry();
            if now >= self.heartbeat_at {
                if self.protocol.is_quiet() {
                    // Perhaps it only reads slowly: the stream stays, but nobody is there.
                    self.leave();
                }
                self.heartbeat_at = self.beat_after(now);
                // A stream that is busy writing is alive, and its frames carry the cursor.
                if self.pipe.outbox.is_empty() && self.pipe.subscription.is_some() && self.ending.is_none() {
                    let position = self.pipe.position();
                    let beat = Control::heartbeat(position);
                    self.protocol.control(beat, position, &mut self.pipe.outbox);
                    acted = true;
                }
            }
        }
        if acted {
            return Poll::Ready(true);
        }
        // Deadlines mostly move away, with each write; the timer is set anew only when it fires or one comes nearer.
        let next = self.next_deadline();
        if self.timer.is_elapsed() || next < self.timer.deadline() {
            self.timer.as_mut().reset(next);
        }
        ready!(self.timer.as_mut().poll(context));
        Poll::Ready(true)
    }

    /// When it says where it is, if it wrote last then and writes nothing more.
    pub(super) fn beat_after(&self, last: Instant) -> Instant {
        self.rhythm.beat_after(last, self.pace.heartbeat)
    }

    /// Whether the other side has been silent for a heartbeat's time though it owes an answer.
    fn has_lost_its_peer(&mut self, now: Instant) -> bool {
        if self.look_at.is_none_or(|at| now < at) {
            return false;
        }
        let patience = self.pace.heartbeat;
        let left = peer::silence(&self.pipe.line.socket).map(|silence| patience.saturating_sub(silence));
        self.look_at = left.map(|left| now + left.max(SHORTEST_LOOK));
        left.is_some_and(|left| left.is_zero())
    }

    /// Announces the end of the credentials, and ends the stream with them.
    fn mind_expiry(&mut self) -> bool {
        let Some(expires) = self.pipe.expires else { return false };
        let left = Timestamp::now().until(expires);
        if left.is_zero() {
            self.end(CloseReason::TokenExpired);
            return true;
        }
        if left <= EXPIRING && !self.pipe.announced && self.pipe.subscription.is_some() {
            self.pipe.announced = true;
            let position = self.pipe.position();
            let expiring = Control::expiring(left.as_secs());
            self.protocol.control(expiring, position, &mut self.pipe.outbox);
            return true;
        }
        false
    }

    fn next_deadline(&self) -> Instant {
        let mut next = self.heartbeat_at;
        if let Some(by) = self.ending {
            next = by;
        }
        if let Some(expires) = self.pipe.expires
            && self.ending.is_none()
        {
            let left = Timestamp::now().until(expires);
            let notice = if self.pipe.announced { left } else { left.saturating_sub(EXPIRING) };
            next = next.min(Instant::now() + notice + Duration::from_millis(1));
        }
        if let Some((since, _)) = self.stalled {
            next = next.min(since + self.pace.stall);
        }
        if let Some(at) = self.look_at {
            next = next.min(at);
        }
        if let Some(by) = self.auth_by {
            next = next.min(by);
        }
        next
    }
}
