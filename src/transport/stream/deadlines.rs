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

/// By how much what the kernel says of times may be off: it counts in ticks of ten milliseconds at most.
const TICKS: Duration = Duration::from_millis(20);

/// What the other side was sent and may not have acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owed {
    /// When the first of it was written, or a later time.
    since: Instant,
    /// When to look whether it was acknowledged: a heartbeat's time after that at the latest.
    look_at: Instant,
}

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

    /// Something was written then, which the other side has to acknowledge.
    pub(super) fn owes_an_answer(&mut self, written: Instant) {
        self.owed.get_or_insert(Owed { since: written, look_at: self.beat_after(written) });
    }

    /// Whether the other side has acknowledged nothing for a heartbeat's time, of all that it was sent in it.
    fn has_lost_its_peer(&mut self, now: Instant) -> bool {
        let Some(Owed { since, .. }) = self.owed.take_if(|owed| now >= owed.look_at) else { return false };
        let Some(silence) = peer::silence(&self.pipe.line.socket) else { return false };
        let waited = now.saturating_duration_since(since);
        // If it has acknowledged anything since, what it owes was written later; it is not known when.
        let since = if silence < waited + TICKS { now } else { since };
        let left = (since + self.pace.heartbeat).saturating_duration_since(now);
        self.owed = Some(Owed { since, look_at: now + left.max(SHORTEST_LOOK) });
        left.is_zero()
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
        if let Some(owed) = self.owed {
            next = next.min(owed.look_at);
        }
        if let Some(by) = self.auth_by {
            next = next.min(by);
        }
        next
    }
}
