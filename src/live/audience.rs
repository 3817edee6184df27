//! A user with open streams: which they are, and which stays decide what they may see.

use super::event::Event;
use super::passing::Passing;
use super::slot::Slot;
use crate::domain::access::{Stay, Stays};
use crate::domain::events::Effect;
use crate::domain::{ConversationId, Seq, UserId};
use parking_lot::RwLock;
use std::sync::Arc;

/// One user's streams and stays.
#[derive(Debug)]
pub(super) struct Audience {
    pub(super) user: UserId,
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

/// What became of a change of the stays.
pub(super) enum Heeded {
    /// It waits for the stays to be read.
    Noted,
    /// It is part of them.
    Applied,
}

impl Audience {
    /// A user without streams, whose stays are still to be read.
    pub(super) fn new(user: UserId) -> Self {
        Self {
            user,
            slots: RwLock::default(),
            known: RwLock::new(Known::Loading(Vec::new())),
            loading: tokio::sync::Mutex::default(),
        }
    }

    /// Whether the user may see what happened in a conversation at this place.
    pub(super) fn covers(&self, conversation: ConversationId, seq: Seq) -> bool {
        match &*self.known.read() {
            Known::Loading(_) => false,
            Known::Ready(stays) => stays.cover(conversation, seq),
        }
    }

    /// Whether the user is in a conversation now, as far as is known here.
    pub(super) fn is_in(&self, conversation: ConversationId) -> bool {
        match &*self.known.read() {
            Known::Loading(_) => false,
            Known::Ready(stays) => stays.lasting_since(conversation).is_some(),
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

    /// How many streams there are of those whose number is limited.
    pub(super) fn places(&self) -> usize {
        self.slots.read().iter().filter(|slot| slot.takes_place()).count()
    }

    /// Does something with each stream.
    pub(super) fn each_slot(&self, act: impl FnMut(&Arc<Slot>)) {
        self.slots.read().iter().for_each(act);
    }

    pub(super) fn pass(&self, passing: &Arc<Passing>) {
        self.each_slot(|slot| slot.pass(passing));
    }

    /// Queues an event for each stream, and adds those that are to be pumped.
    pub(super) fn push(&self, event: &Arc<Event>, due: &mut Vec<Arc<Slot>>) {
        self.each_slot(|slot| {
            if slot.push(event) {
                due.push(Arc::clone(slot));
            }
        });
    }

    // For the index, under the hub's lock.

    pub(super) fn enter(&self, slot: Arc<Slot>) {
        self.slots.write().push(slot);
    }

    /// Takes a stream out. Returns whether others are left.
    pub(super) fn exit(&self, slot: &Arc<Slot>) -> bool {
        let mut slots = self.slots.write();
        slots.retain(|known| !Arc::ptr_eq(known, slot));
        !slots.is_empty()
    }

    /// Minds what an event changes in the stays.
    pub(super) fn heed(&self, seq: Seq, effect: &Effect) -> Heeded {
        match &mut *self.known.write() {
            Known::Loading(noted) => {
                noted.push((seq, effect.clone()));
                return Heeded::Noted;
            }
            Known::Ready(stays) => change(stays, seq, effect),
        }
        Heeded::Applied
    }

    /// Takes the stays as the database has them, and applies what was noted. Returns the conversations in which there
    /// is anything to see after this place, each with the place from which the last known stay lasts.
    pub(super) fn settle(
        &self,
        stays: Vec<(ConversationId, Stay)>,
        applied: Seq,
    ) -> Vec<(ConversationId, Option<Seq>)> {
        let mut known = self.known.write();
        let mut settled = Stays::default();
        for (conversation, stay) in stays {
            settled.insert(conversation, stay);
        }
        if let Known::Loading(noted) = &*known {
            for (seq, effect) in noted {
                change(&mut settled, *seq, effect);
            }
        }
        // The database may be ahead of this node: a stay that ended there may still have events to come here.
        let present = settled.after(applied).map(|conversation| (conversation, settled.lasting_since(conversation)));
        let present = present.collect();
        *known = Known::Ready(settled);
        present
    }
}

/// What an effect means for the stays of one whom it concerns.
fn change(stays: &mut Stays, seq: Seq, effect: &Effect) {
    match effect {
        Effect::Join(conversation, _) => stays.join(*conversation, seq),
        Effect::Leave(conversation, _) => stays.leave(*conversation, seq),
        Effect::Revoke(_)
        | Effect::Erase(..)
        | Effect::Expire(..)
        | Effect::Contact(..)
        | Effect::Block(..)
        | Effect::Settings(_) => {}
    }
}
