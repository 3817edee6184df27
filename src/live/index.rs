//! Who hears what: users with open streams, and under each conversation those who hear it.
//!
//! The hub keeps it under its one lock, so that every change of it has its place on the line.

use super::audience::{Audience, Heeded};
use super::event::Event;
use super::slot::{Ending, Slot};
use crate::domain::access::Stay;
use crate::domain::events::{Effect, Topic};
use crate::domain::{ConversationId, Seq, SessionId, UserId};
use std::collections::HashMap;
use std::sync::Arc;

/// The streams by whose they are, and by what they hear.
#[derive(Debug)]
pub(super) struct Index {
    /// The last event that went to its hearers.
    pub(super) applied: Seq,
    /// In which batch that was written, if that is known.
    pub(super) batch: Option<i64>,
    audiences: HashMap<UserId, Arc<Audience>>,
    topics: HashMap<ConversationId, Hearers>,
    streams: usize,
    /// Room for the streams that an event makes due.
    pub(super) due: Vec<Arc<Slot>>,
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

impl Index {
    /// An index without streams that goes on from an event.
    pub(super) fn new(applied: Seq) -> Self {
        Self { applied, batch: None, audiences: HashMap::new(), topics: HashMap::new(), streams: 0, due: Vec::new() }
    }

    /// How many streams are open.
    pub(super) fn streams(&self) -> usize {
        self.streams
    }

    /// How many users have a stream open.
    pub(super) fn people(&self) -> usize {
        self.audiences.len()
    }

    /// How many streams a user has open, without requests that are answered at once.
    pub(super) fn streams_of(&self, user: UserId) -> usize {
        self.audiences.get(&user).map_or(0, |audience| audience.places())
    }

    /// A user with open streams.
    pub(super) fn audience(&self, user: UserId) -> Option<&Arc<Audience>> {
        self.audiences.get(&user)
    }

    /// How many users with open streams hear a conversation as its members.
    pub(super) fn members(&self, conversation: ConversationId) -> usize {
        self.topics.get(&conversation).map_or(0, |hearers| hearers.members.len())
    }

    /// Those with open streams who are in a conversation now.
    pub(super) fn present(&self, conversation: ConversationId) -> impl Iterator<Item = &Arc<Audience>> {
        let members = self.topics.get(&conversation).into_iter().flat_map(|hearers| hearers.members.values());
        members.map(|member| &member.audience).filter(move |audience| audience.is_in(conversation))
    }

    /// Whether a user with open streams is in a conversation now.
    pub(super) fn is_in(&self, conversation: ConversationId, user: UserId) -> bool {
        let member = self.topics.get(&conversation).and_then(|hearers| hearers.members.get(&user));
        member.is_some_and(|member| member.audience.is_in(conversation))
    }

    /// Hands an event to those who may see it, and adds the streams that are to be pumped for it.
    pub(super) fn deliver(&self, event: &Arc<Event>, due: &mut Vec<Arc<Slot>>) {
        match event.topic {
            Topic::User(user) => {
                if let Some(audience) = self.audiences.get(&user) {
                    audience.push(event, due);
                }
            }
            Topic::Conversation(conversation) => {
                let Some(hearers) = self.topics.get(&conversation) else { return };
                for member in hearers.members.values() {
                    let surely = member.since.is_some_and(|since| since <= event.seq);
                    if surely || member.audience.covers(conversation, event.seq) {
                        member.audience.push(event, due);
                    }
                }
                for slot in &hearers.followers {
                    // Who is in the channel hears it as a member already.
                    let member = hearers.members.get(&slot.user);
                    let hears_twice = member.is_some_and(|member| member.audience.covers(conversation, event.seq));
                    if !hears_twice && slot.push(event) {
                        due.push(Arc::clone(slot));
                    }
                }
            }
        }
    }

    /// Lets people in or out of a topic, in the midst of the line.
    pub(super) fn change(&mut self, seq: Seq, effect: &Effect) {
        let (conversation, people): (ConversationId, &[UserId]) = match effect {
            Effect::Join(conversation, people) => (*conversation, people),
            Effect::Leave(conversation, person) => (*conversation, std::slice::from_ref(person)),
            Effect::Revoke(_)
            | Effect::Erase(..)
            | Effect::Expire(..)
            | Effect::Contact(..)
            | Effect::Block(..)
            | Effect::Settings(_) => return,
        };
        for user in people {
            let Some(audience) = self.audiences.get(user).cloned() else { continue };
            match audience.heed(seq, effect) {
                Heeded::Noted => {}
                Heeded::Applied if matches!(effect, Effect::Join(..)) => {
                    self.admit(audience, conversation, Some(seq));
                }
                Heeded::Applied => {
                    if !audience.covers(conversation, seq.next()) {
                        self.dismiss(*user, conversation);
                    }
                }
            }
        }
    }

    /// Ends the streams of one session of a user.
    pub(super) fn end_session(&self, user: UserId, session: SessionId, ending: Ending) {
        if let Some(audience) = self.audiences.get(&user) {
            audience.each_slot(|slot| {
                if slot.session == session {
                    slot.end(ending);
                }
            });
        }
    }

    /// Ends all streams.
    pub(super) fn end_all(&self, ending: Ending) {
        for audience in self.audiences.values() {
            audience.each_slot(|slot| slot.end(ending));
        }
    }

    /// Enters a stream under its user's topic.
    pub(super) fn enter(&mut self, slot: &Arc<Slot>) -> Arc<Audience> {
        let user = slot.user;
        let audience = Arc::clone(self.audiences.entry(user).or_insert_with(|| Arc::new(Audience::new(user))));
        audience.enter(Arc::clone(slot));
        self.streams += 1;
        audience
    }

    /// Takes the stays as the database has them, and enters the user under the topics.
    pub(super) fn settle(&mut self, audience: &Arc<Audience>, stays: Vec<(ConversationId, Stay)>) {
        for (conversation, since) in audience.settle(stays, self.applied) {
            self.admit(Arc::clone(audience), conversation, since);
        }
    }

    pub(super) fn follow(&mut self, slot: &Arc<Slot>, conversation: ConversationId) {
        self.topics.entry(conversation).or_default().followers.push(Arc::clone(slot));
    }

    pub(super) fn unfollow(&mut self, slot: &Arc<Slot>, conversation: ConversationId) {
        if let Some(hearers) = self.topics.get_mut(&conversation) {
            hearers.followers.retain(|known| !Arc::ptr_eq(known, slot));
            self.drop_if_empty(conversation);
        }
    }

    /// Takes a stream out of everything, and its user with the last one.
    pub(super) fn exit(&mut self, slot: &Arc<Slot>, audience: &Arc<Audience>, follows: &[ConversationId]) {
        for conversation in follows {
            self.unfollow(slot, *conversation);
        }
        self.streams -= 1;
        if audience.exit(slot) {
            return;
        }
        self.audiences.remove(&audience.user);
        for conversation in audience.conversations_after(Seq(0)) {
            self.dismiss(audience.user, conversation);
        }
    }

    fn admit(&mut self, audience: Arc<Audience>, conversation: ConversationId, since: Option<Seq>) {
        let members = &mut self.topics.entry(conversation).or_default().members;
        members.insert(audience.user, Member { audience, since });
    }

    fn dismiss(&mut self, user: UserId, conversation: ConversationId) {
        if let Some(hearers) = self.topics.get_mut(&conversation) {
            hearers.members.remove(&user);
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
