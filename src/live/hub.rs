//! The registry of open streams, and how a committed event finds those who may see it.
//!
//! Events are applied one by one, in the order of the line, under one lock that entering and leaving take too. So at
//! any moment all streams agree on what was applied, and a stream that enters knows exactly from where it hears.

use super::audience::Audience;
use super::erasures::{Erasures, Fate};
use super::event::Event;
use super::heard::Heard;
use super::index::Index;
use super::presence::Presence;
use super::pump::Pump;
use super::ring::Ring;
use super::slot::{Ending, Listener, Slot};
use crate::domain::access::Stay;
use crate::domain::events::{Effect, Record, Topic};
use crate::domain::{ConversationId, MessageId, Seq, SessionId, Timestamp};
use dashmap::DashMap;
use parking_lot::{Mutex, MutexGuard, RwLock};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How much the hub keeps.
#[derive(Debug, Clone, Copy)]
pub struct HubOptions {
    /// Bytes of recent events in memory.
    pub ring_bytes: usize,
    /// Events queued for one stream before it has to read on by itself.
    pub stream_queue: usize,
    /// How long a revoked session is remembered: as long as its access tokens could last.
    pub revocations_kept: Duration,
}

/// All open streams of this node.
#[derive(Debug)]
pub struct Hub {
    options: HubOptions,
    index: Mutex<Index>,
    ring: RwLock<Ring>,
    /// The last event applied, for reading without the lock.
    applied: AtomicI64,
    revoked: DashMap<SessionId, Timestamp>,
    erasures: Erasures,
    heard: Arc<Heard>,
    pub(super) presence: Presence,
    pub(super) pump: Pump,
    /// Why new streams are sent away, if they are.
    closed: OnceLock<Ending>,
}

/// What became of an event that was handed to the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It went to its hearers, or had gone before.
    Done,
    /// Events before it are missing.
    Gap,
    /// Another event was known at this place: the database was replaced.
    Diverged,
}

impl Hub {
    /// A hub that goes on from an event, with the sessions that were revoked of late.
    pub fn new(options: HubOptions, applied: Seq, revoked: impl IntoIterator<Item = SessionId>) -> Self {
        let now = Timestamp::now();
        Self {
            options,
            index: Mutex::new(Index::new(applied)),
            ring: RwLock::new(Ring::new(options.ring_bytes)),
            applied: AtomicI64::new(applied.0),
            revoked: revoked.into_iter().map(|session| (session, now)).collect(),
            erasures: Erasures::default(),
            heard: Arc::default(),
            presence: Presence::default(),
            pump: Pump::default(),
            closed: OnceLock::new(),
        }
    }

    /// The last event that was handed to everybody who hears it.
    pub fn applied(&self) -> Seq {
        Seq(self.applied.load(Ordering::Acquire))
    }

    /// The last event that was handed out, and in which batch it was written, if that is known.
    pub(super) fn last_known(&self) -> (Seq, Option<i64>) {
        let index = self.index.lock();
        (index.applied, index.batch)
    }

    /// Learns in which batch the event was written that this hub began with.
    pub(super) fn learn(&self, seq: Seq, batch: i64) {
        let mut index = self.index.lock();
        if index.applied == seq {
            index.batch.get_or_insert(batch);
        }
    }

    /// What was handed to streams since the start.
    pub fn heard(&self) -> &Arc<Heard> {
        &self.heard
    }

    /// How many of the newest events are in memory, and in how many bytes.
    pub fn remembered(&self) -> (usize, usize) {
        self.ring.read().size()
    }

    /// How many users have a stream open.
    pub fn people(&self) -> usize {
        self.index.lock().people()
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.index.lock().streams()
    }

    /// Whether a session was revoked of late. Older ones have no token left that could be shown.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        self.revoked.contains_key(&session)
    }

    /// Forgets revoked sessions whose last access token has run out.
    pub fn forget_revocations(&self, now: Timestamp) {
        let oldest = now.minus(self.options.revocations_kept);
        self.revoked.retain(|_, at| *at >= oldest);
    }

    /// Sends an event to everybody who may see it, if it is the next one.
    pub fn apply(&self, event: &Arc<Event>) -> Applied {
        let mut index = self.index.lock();
        if event.seq <= index.applied {
            drop(index);
            let known = self.ring.read().at(event.seq).map(|known| known.batch);
            return if known.is_none_or(|batch| batch == event.batch) { Applied::Done } else { Applied::Diverged };
        }
        if event.seq != index.applied.next() {
            return Applied::Gap;
        }
        self.ring.write().push(Arc::clone(event));
        // Whoever hears that a message is deleted is not shown its text after.
        if let Some(Effect::Erase(message, at)) = &event.effect {
            self.ring.write().erase(*message, *at);
            self.erasures.note(event.seq, *message, *at);
        }
        if let Some(Effect::Expire(up_to, at)) = &event.effect {
            self.ring.write().expire(*up_to, *at);
            self.erasures.note_expiry(event.seq, *up_to, *at);
        }
        // Who comes hears the event by which he comes, who goes hears the one by which he goes.
        if let Some(effect @ Effect::Join(..)) = &event.effect {
            index.change(event.seq, effect);
        }
        // Whoever is sent away hears nothing more, this event included.
        if let Some(Effect::Revoke(session)) = &event.effect {
            self.revoke(&index, event.topic, *session);
            self.heard.revoked.one();
        }
        let mut due = std::mem::take(&mut index.due);
        index.deliver(event, &mut due);
        self.pump.call(&mut due);
        index.due = due;
        if let Some(effect @ Effect::Leave(..)) = &event.effect {
            index.change(event.seq, effect);
        }
        if let Some(effect) = &event.effect {
            self.note_regards(&index, effect);
        }
        index.applied = event.seq;
        index.batch = Some(event.batch);
        self.applied.store(event.seq.0, Ordering::Release);
        self.heard.events.one();
        Applied::Done
    }

    /// Ends a session that an event revokes before it is that event's turn.
    pub(super) fn revoke_ahead(&self, record: &Record) {
        if let Some(Effect::Revoke(session)) = record.effect() {
            self.revoke(&self.index.lock(), record.topic, session);
        }
    }

    fn revoke(&self, index: &Index, topic: Topic, session: SessionId) {
        self.revoked.insert(session, Timestamp::now());
        if let Topic::User(user) = topic {
            index.end_session(user, session, Ending::Revoked);
            self.presence.doubt(user);
        }
    }

    /// Drops from memory what history no longer keeps.
    pub fn forget_before(&self, beginning: Seq) {
        self.ring.write().forget_before(beginning);
    }

    /// Ends all streams.
    pub fn end_all(&self, ending: Ending) {
        self.index.lock().end_all(ending);
    }

    /// Ends all streams, and those that come from now on at once. The first reason stays.
    pub fn close(&self, ending: Ending) {
        self.closed.get_or_init(|| ending);
        self.end_all(ending);
    }

    /// Whether streams are sent away.
    pub fn is_closed(&self) -> bool {
        self.closed.get().is_some()
    }

    /// Why streams are sent away, if they are.
    pub fn closed_by(&self) -> Option<Ending> {
        self.closed.get().copied()
    }

    /// Who hears what, for what passes.
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock()
    }

    // For subscriptions.

    /// Enters a stream under its user's topic, unless he has this many already: from here on the hub notes what changes
    /// for the user.
    pub(super) fn enter(&self, listener: Listener, limit: Option<usize>) -> Option<(Arc<Slot>, Arc<Audience>)> {
        let slot = Arc::new(Slot::new(listener, self.options.stream_queue));
        let mut index = self.index.lock();
        // Counted under the same lock: of many that come at once no more get in.
        if limit.is_some_and(|limit| index.streams_of(listener.user) >= limit) {
            return None;
        }
        let audience = index.enter(&slot);
        // A session revoked between the check of its token and this moment ends here, under the lock.
        if self.is_revoked(listener.session) {
            slot.end(Ending::Revoked);
        }
        if let Some(ending) = self.closed_by() {
            slot.end(ending);
        }
        Some((slot, audience))
    }

    /// Takes the stays as the database has them, applies what happened since, and enters the user under the topics.
    pub(super) fn settle(&self, audience: &Arc<Audience>, stays: Vec<(ConversationId, Stay)>) {
        self.index.lock().settle(audience, stays);
    }

    /// From here on events are queued for the stream. Returns the last event that was not.
    pub(super) fn accept(&self, slot: &Slot) -> Seq {
        let index = self.index.lock();
        slot.accept();
        index.applied
    }

    /// Lets a stream hear a public channel. Returns the last event that it does not hear live.
    pub(super) fn follow(&self, slot: &Arc<Slot>, conversation: ConversationId) -> Seq {
        let mut index = self.index.lock();
        index.follow(slot, conversation);
        index.applied
    }

    /// Ends following.
    pub(super) fn unfollow(&self, slot: &Arc<Slot>, conversation: ConversationId) {
        self.index.lock().unfollow(slot, conversation);
    }

    /// Takes a stream out of everything.
    pub(super) fn exit(&self, slot: &Arc<Slot>, audience: &Arc<Audience>, follows: &[ConversationId]) {
        self.index.lock().exit(slot, audience, follows);
    }

    /// The place of the newest deletion of messages.
    pub(super) fn newest_erasure(&self) -> Seq {
        self.erasures.newest()
    }

    /// What became of a message since a place.
    pub(super) fn fate(&self, message: MessageId, since: Seq) -> Fate {
        self.erasures.fate(message, since)
    }

    /// Looks at the ring.
    pub(super) fn ring<T>(&self, look: impl FnOnce(&Ring) -> T) -> T {
        look(&self.ring.read())
    }
}
