//! Who hears what, said anew and as plainly as can be: a list of all that happened.

use super::bench::Act;
use crate::domain::{ConversationId, MessageId, UserId};
use std::collections::BTreeSet;

/// All that happened; the event at place 1 is the first.
#[derive(Debug)]
pub(super) struct Model {
    events: Vec<Act>,
    /// The first event that is kept.
    pub(super) beginning: i64,
    /// So many messages are kept no longer.
    expired: usize,
}

impl Model {
    pub(super) fn new() -> Self {
        Self { events: Vec::new(), beginning: 1, expired: 0 }
    }

    pub(super) fn head(&self) -> i64 {
        i64::try_from(self.events.len()).expect("a short test")
    }

    pub(super) fn note(&mut self, act: Act) {
        self.events.push(act);
    }

    /// Whether the user is in the room after all that happened.
    pub(super) fn is_in(&self, room: ConversationId, user: UserId) -> bool {
        self.hears(room, user, self.head() + 1)
    }

    /// The messages that were not deleted, and where they were said.
    pub(super) fn standing(&self) -> Vec<(ConversationId, MessageId)> {
        let said = self.events.iter().filter_map(|event| match event {
            Act::Say(room) => Some(*room),
            _ => None,
        });
        said.zip(1..).map(|(room, id)| (room, MessageId(id))).filter(|(_, id)| self.erased_at(*id).is_none()).collect()
    }

    /// Notes that the next so many messages are kept no longer: each conversation of one of them hears so.
    pub(super) fn expire(&mut self, most: usize) {
        let said = self.events.iter().filter_map(|event| match event {
            Act::Say(room) => Some(*room),
            _ => None,
        });
        let old: Vec<ConversationId> = said.skip(self.expired).take(most).collect();
        self.expired += old.len();
        let up_to = MessageId(i64::try_from(self.expired).expect("a short test"));
        let rooms: BTreeSet<ConversationId> = old.into_iter().collect();
        self.events.extend(rooms.into_iter().map(|room| Act::Expired(room, up_to)));
    }

    /// The place of the event by which a message was deleted.
    pub(super) fn erased_at(&self, id: MessageId) -> Option<i64> {
        let erasing = |event: &Act| match event {
            Act::Erase(_, erased) => *erased == id,
            Act::Expired(_, up_to) => id <= *up_to,
            _ => false,
        };
        self.events.iter().zip(1..).find(|(event, _)| erasing(event)).map(|(_, at)| at)
    }

    /// Whether the user may hear the event of this room at this place.
    fn hears(&self, room: ConversationId, user: UserId, seq: i64) -> bool {
        let (mut made, mut within) = (0, false);
        for (event, at) in self.events.iter().zip(1..) {
            if at > seq {
                break;
            }
            match event {
                Act::Room(_, people) => {
                    made += 1;
                    within |= made == room.0 && people.contains(&user);
                }
                Act::Join(to, who) if (*to, *who) == (room, user) => within = true,
                // He hears the event by which he goes.
                Act::Leave(from, who) if (*from, *who) == (room, user) && at < seq => within = false,
                _ => {}
            }
        }
        within
    }

    /// The places after one through another of all that the user hears, who follows a channel after a place.
    pub(super) fn heard_by(
        &self,
        user: UserId,
        follows: Option<(ConversationId, i64)>,
        after: i64,
        through: i64,
    ) -> Vec<i64> {
        let mut made = 0;
        let mut heard = Vec::new();
        for (event, at) in self.events.iter().zip(1..) {
            let room = match event {
                Act::Room(..) => {
                    made += 1;
                    Some(ConversationId(made))
                }
                Act::Say(room)
                | Act::Erase(room, _)
                | Act::Expired(room, _)
                | Act::Join(room, _)
                | Act::Leave(room, _) => Some(*room),
                _ => None,
            };
            if at <= after || at > through {
                continue;
            }
            let his = match (event, room) {
                (_, Some(room)) => {
                    follows.is_some_and(|(channel, since)| channel == room && since < at) || self.hears(room, user, at)
                }
                (Act::Note(whose) | Act::Revoke(whose, _), _) => *whose == user,
                _ => false,
            };
            if his {
                heard.push(at);
            }
        }
        heard
    }
}
