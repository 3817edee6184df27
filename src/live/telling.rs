//! Who hears what passes: decided under the hub's lock, by who is where at that moment.

use super::audience::Audience;
use super::hub::Hub;
use super::index::Index;
use super::passing::Passing;
use super::presence::{Presence, Turn};
use crate::domain::ephemeral::CLOSE_LIMIT;
use crate::domain::events::Effect;
use crate::domain::{ConversationId, UserId};
use crate::store::Regards;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Conversations whose members are told in one go.
const PLACES_AT_ONCE: usize = 50;

/// Why somebody in particular is told whether another is there. Where there are several reasons, the last of them counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// They came to share a conversation.
    Joined,
    /// They share one less.
    Left,
    /// What one says to the other as a contact is otherwise.
    Contact,
    /// The other was blocked by him, or is no longer.
    Block,
}

/// Whether somebody is there, in the two ways in which it can be told.
#[derive(Debug)]
pub struct Sight<'a> {
    /// What decides who may see it.
    pub regards: &'a Regards,
    /// To whom may.
    pub seen: &'a Arc<Passing>,
    /// To whom may not, and could before.
    pub unseen: &'a Arc<Passing>,
}

impl Hub {
    /// Who is there.
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Tells the others who are in a conversation.
    pub fn tell_members(&self, conversation: ConversationId, except: UserId, passing: &Arc<Passing>) {
        let index = self.index();
        for audience in index.present(conversation) {
            if audience.user != except {
                audience.pass(passing);
            }
        }
    }

    /// Tells all who may see somebody.
    pub fn tell_all(&self, sight: &Sight<'_>) {
        let Regards { user, close, approved, blocked, .. } = sight.regards;
        let mut told = HashSet::new();
        let mut tell = |audience: &Audience| {
            let viewer = audience.user;
            if viewer != user.id && !blocked.contains(&viewer) && told.insert(viewer) {
                audience.pass(sight.seen);
            }
        };
        // The same people may share many conversations: events get their turn in between.
        for some in close.chunks(PLACES_AT_ONCE) {
            let index = self.index();
            some.iter().flat_map(|conversation| index.present(*conversation)).for_each(|audience| tell(audience));
        }
        let index = self.index();
        approved.iter().filter_map(|viewer| index.audience(*viewer)).for_each(|audience| tell(audience));
    }

    /// Tells these people, each as far as he may see it, or no longer.
    pub fn tell_some(&self, sight: &Sight<'_>, viewers: &HashMap<UserId, Reason>) {
        let Regards { user, close, approved, blocked, .. } = sight.regards;
        for (viewer, reason) in viewers {
            let index = self.index();
            let Some(audience) = index.audience(*viewer).filter(|_| *viewer != user.id) else { continue };
            let entitled =
                approved.contains(viewer) || close.iter().any(|conversation| index.is_in(*conversation, *viewer));
            if entitled && !blocked.contains(viewer) {
                audience.pass(sight.seen);
            } else if match reason {
                Reason::Joined => false,
                // Who is blocked did not see him before either, and is not to learn now that he is blocked.
                Reason::Left | Reason::Contact => !blocked.contains(viewer),
                Reason::Block => entitled,
            } {
                audience.pass(sight.unseen);
            }
        }
    }

    /// Remembers that an event may change who sees whom, if anybody concerned is here.
    pub(super) fn note_regards(&self, index: &Index, effect: &Effect) {
        let here = |user: &UserId| index.audience(*user).is_some();
        let few = |conversation: &ConversationId| {
            let members = index.members(*conversation) as u64;
            (1..=CLOSE_LIMIT + 1).contains(&members)
        };
        let turn = match effect {
            Effect::Join(conversation, people) if few(conversation) => match people.as_slice() {
                [user] => Turn::Member(*conversation, *user),
                _ => Turn::Together(*conversation),
            },
            Effect::Leave(conversation, user) if few(conversation) => Turn::Member(*conversation, *user),
            Effect::Contact(one, other) if here(one) || here(other) => Turn::Contact(*one.min(other), *one.max(other)),
            Effect::Block(blocker, blocked) if here(blocked) => Turn::Block(*blocker, *blocked),
            // He may be there on another node, and who sees him here.
            Effect::Settings(user) if here(user) || self.presence.knows(*user) => Turn::Settings(*user),
            _ => return,
        };
        self.presence.note(turn);
    }
}
