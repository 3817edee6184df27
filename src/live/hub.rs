//! The registry of open streams, and how a committed event finds those who may see it.
//!
//! Events are applied one by one, in the order of the line, under one lock that entering and leaving take too. So at
//! any moment all streams agree on what was applied, and a stream that enters knows exactly from where it hears.

use super::event::Event;
use super::ring::Ring;
use super::slot::{Ending, Slot};
use crate::domain::access::{Stay, Stays};
use crate::domain::events::{Effect, Topic};
use crate::domain::{ConversationId, Seq, SessionId, Timestamp, UserId};
use dashmap::DashMap;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
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
    /// New streams are told to come back elsewhere or later.
    closed: AtomicBool,
}

#[derive(Debug)]
struct Index {
    applied: Seq,
    audiences: HashMap<UserId, Arc<Audience>>,
    topics: HashMap<ConversationId, Hearers>,
    slots: usize,
}

#[derive(Debug, Default)]
struct Hearers {
    /// Users with a stay here and a stream open.
    members: HashMap<UserId, Member>,
    /// Streams that follow the channel, whoever is in it.
    followers: Vec<Arc<Slot>>,
}

#[derive(Debug)]
struct Member {
    audience: Arc<Audience>,
    /// The place from which all events are heard, if the last known stay lasts: spares looking the stays up.
    since: Option<Seq>,
}

/// A user with open streams: which they are, and which stays decide what they may see.
#[derive(Debug)]
pub(super) struct Audience {
    user: UserId,
    slots: RwLock<Vec<Arc<Slot>>>,
    known: RwLock<Known>,
    /// One stream reads the stays from the database, the others wait for it.
    pub(super) loading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
enum Known {
    /// The stays are being read; what happens meanwhile is noted and applied after.
    Loading(Vec<(Seq, Effect)>),
    Ready(Stays),
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

impl Audience {
    /// Whether the user may see what happened in a conversation at this place.
    pub(super) fn covers(&self, conversation: ConversationId, seq: Seq) -> bool {
        match &*self.known.read() {
            Known::Loading(_) => false,
            Known::Ready(stays) => stays.cover(conversation, seq),
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(&*self.known.read(), Known::Ready(_))
    }

    /// The conversations in which the user may see anything after this place.
    pub(super) fn conversations_after(&self, seq: Seq) -> Vec<ConversationId> {
        match &*self.known.read() {
            Known::Loading(_) => Vec::new(),
            Known::Ready(stays) => stays.after(seq).collect(),
        }
    }
}

impl Hub {
    /// A hub that goes on from an event, with the sessions that were revoked of late.
    pub fn new(options: HubOptions, applied: Seq, revoked: impl IntoIterator<Item = SessionId>) -> Self {
        let now = Timestamp::now();
        Self {
            options,
            index: Mutex::new(Index { applied, audiences: HashMap::new(), topics: HashMap::new(), slots: 0 }),
            ring: RwLock::new(Ring::new(options.ring_bytes)),
            applied: AtomicI64::new(applied.0),
            revoked: revoked.into_iter().map(|session| (session, now)).collect(),
            closed: AtomicBool::new(false),
        }
    }

    /// The last event that was handed to everybody who hears it.
    pub fn applied(&self) -> Seq {
        Seq(self.applied.load(Ordering::Acquire))
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.index.lock().slots
    }

    /// How many streams a user has open.
    pub fn streams_of(&self, user: UserId) -> usize {
        self.index.lock().audiences.get(&user).map_or(0, |audience| audience.slots.read().len())
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
        // Who comes hears the event by which he comes, who goes hears the one by which he goes.
        if let Some(effect @ Effect::Join(..)) = &event.effect {
            index.change(event.seq, effect);
        }
        index.deliver(event);
        match &event.effect {
            Some(effect @ Effect::Leave(..)) => index.change(event.seq, effect),
            Some(Effect::Revoke(session)) => self.revoke(&index, event.topic, *session),
            _ => {}
        }
        index.applied = event.seq;
        self.applied.store(event.seq.0, Ordering::Release);
        Applied::Done
    }

    fn revoke(&self, index: &Index, topic: Topic, session: SessionId) {
        self.revoked.insert(session, Timestamp::now());
        let Topic::User(user) = topic else { return };
        if let Some(audience) = index.audiences.get(&user) {
            for slot in audience.slots.read().iter().filter(|slot| slot.session == session) {
                slot.end(Ending::Revoked);
            }
        }
    }

    /// Drops from memory what history no longer keeps.
    pub fn forget_before(&self, beginning: Seq) {
        self.ring.write().forget_before(beginning);
    }

    /// Ends all streams.
    pub fn end_all(&self, ending: Ending) {
        let index = self.index.lock();
        for audience in index.audiences.values() {
            for slot in audience.slots.read().iter() {
                slot.end(ending);
            }
        }
    }

    /// Ends all streams, and those that come from now on at once.
    pub fn close(&self, ending: Ending) {
        self.closed.store(true, Ordering::Release);
        self.end_all(ending);
    }

    /// Whether streams are sent away.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    // For subscriptions.

    /// Enters a stream under its user's topic: from here on the hub notes what changes for the user.
    pub(super) fn enter(&self, user: UserId, session: SessionId) -> (Arc<Slot>, Arc<Audience>) {
        let slot = Arc::new(Slot::new(user, session, self.options.stream_queue));
        let mut index = self.index.lock();
        let audience = Arc::clone(index.audiences.entry(user).or_insert_with(|| {
            Arc::new(Audience {
                user,
                slots: RwLock::default(),
                known: RwLock::new(Known::Loading(Vec::new())),
                loading: tokio::sync::Mutex::default(),
            })
        }));
        audience.slots.write().push(Arc::clone(&slot));
        index.slots += 1;
        // A session revoked between the check of its token and this moment ends here, under the lock.
        if self.is_revoked(session) {
            slot.end(Ending::Revoked);
        }
        if self.is_closed() {
            slot.end(Ending::ShuttingDown);
        }
        (slot, audience)
    }

    /// Takes the stays as the database has them, applies what happened since, and enters the user under the topics.
    pub(super) fn settle(&self, audience: &Arc<Audience>, stays: Vec<(ConversationId, Stay)>) {
        let mut index = self.index.lock();
        let mut known = audience.known.write();
        let mut settled = Stays::default();
        for (conversation, stay) in stays {
            settled.insert(conversation, stay);
        }
        if let Known::Loading(noted) = &*known {
            for (seq, effect) in noted {
                match effect {
                    Effect::Join(conversation, _) => settled.join(*conversation, *seq),
                    Effect::Leave(conversation, _) => settled.leave(*conversation, *seq),
                    Effect::Revoke(_) => {}
                }
            }
        }
        // The database may be ahead of this node: a stay that ended there may still have events to come here.
        let present: Vec<_> = settled
            .after(index.applied)
            .map(|conversation| (conversation, settled.lasting_since(conversation)))
            .collect();
        *known = Known::Ready(settled);
        drop(known);
        for (conversation, since) in present {
            let member = Member { audience: Arc::clone(audience), since };
            index.topics.entry(conversation).or_default().members.insert(audience.user, member);
        }
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
        index.topics.entry(conversation).or_default().followers.push(Arc::clone(slot));
        index.applied
    }

    /// Ends following.
    pub(super) fn unfollow(&self, slot: &Arc<Slot>, conversation: ConversationId) {
        let mut index = self.index.lock();
        index.unfollow(slot, conversation);
    }

    /// Takes a stream out of everything.
    pub(super) fn exit(&self, slot: &Arc<Slot>, audience: &Arc<Audience>, follows: &[ConversationId]) {
        let mut index = self.index.lock();
        for conversation in follows {
            index.unfollow(slot, *conversation);
        }
        let mut slots = audience.slots.write();
        slots.retain(|known| !Arc::ptr_eq(known, slot));
        index.slots -= 1;
        if !slots.is_empty() {
            return;
        }
        drop(slots);
        index.audiences.remove(&audience.user);
        for conversation in audience.conversations_after(Seq(0)) {
            if let Some(hearers) = index.topics.get_mut(&conversation) {
                hearers.members.remove(&audience.user);
                index.drop_if_empty(conversation);
            }
        }
    }

    /// Looks at the ring.
    pub(super) fn ring<T>(&self, look: impl FnOnce(&Ring) -> T) -> T {
        look(&self.ring.read())
    }
}

impl Index {
    /// Hands an event to those who may see it.
    fn deliver(&self, event: &Arc<Event>) {
        match event.topic {
            Topic::User(user) => {
                if let Some(audience) = self.audiences.get(&user) {
                    audience.push(event);
                }
            }
            Topic::Conversation(conversation) => {
                let Some(hearers) = self.topics.get(&conversation) else { return };
                for member in hearers.members.values() {
                    let surely = member.since.is_some_and(|since| since <= event.seq);
                    if surely || member.audience.covers(conversation, event.seq) {
                        member.audience.push(event);
                    }
                }
                for slot in &hearers.followers {
                    // Who is in the channel hears it as a member already.
                    let member = hearers.members.get(&slot.user);
                    if !member.is_some_and(|member| member.audience.covers(conversation, event.seq)) {
                        slot.push(event);
                    }
                }
            }
        }
    }

    /// Lets people in or out of a topic, in the midst of the line.
    fn change(&mut self, seq: Seq, effect: &Effect) {
        let (conversation, people): (ConversationId, &[UserId]) = match effect {
            Effect::Join(conversation, people) => (*conversation, people),
            Effect::Leave(conversation, person) => (*conversation, std::slice::from_ref(person)),
            Effect::Revoke(_) => return,
        };
        for user in people {
            let Some(audience) = self.audiences.get(user).cloned() else { continue };
            match &mut *audience.known.write() {
                Known::Loading(noted) => {
                    noted.push((seq, effect.clone()));
                    continue;
                }
                Known::Ready(stays) if matches!(effect, Effect::Join(..)) => stays.join(conversation, seq),
                Known::Ready(stays) => stays.leave(conversation, seq),
            }
            if matches!(effect, Effect::Join(..)) {
                let since = Some(seq);
                let members = &mut self.topics.entry(conversation).or_default().members;
                members.insert(*user, Member { audience, since });
            } else if !audience.covers(conversation, seq.next())
                && let Some(hearers) = self.topics.get_mut(&conversation)
            {
                hearers.members.remove(user);
                self.drop_if_empty(conversation);
            }
        }
    }

    fn unfollow(&mut self, slot: &Arc<Slot>, conversation: ConversationId) {
        if let Some(hearers) = self.topics.get_mut(&conversation) {
            hearers.followers.retain(|known| !Arc::ptr_eq(known, slot));
            self.drop_if_empty(conversation);
        }
    }

    fn drop_if_empty(&mut self, conversation: ConversationId) {
        let empty = |hearers: &Hearers| hearers.members.is_empty() && hearers.followers.is_empty();
        if self.topics.get(&conversation).is_some_and(empty) {
            self.topics.remove(&conversation);
        }
    }
}

impl Audience {
    fn push(&self, event: &Arc<Event>) {
        for slot in self.slots.read().iter() {
            slot.push(event);
        }
    }
}
