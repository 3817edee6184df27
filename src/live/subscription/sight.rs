//! What a stream may show: by the stays at each event's own place, and as a message is by now.

use super::Subscription;
use crate::domain::Seq;
use crate::domain::events::Topic;
use crate::live::erasures::Fate;
use crate::live::event::Event;
use crate::live::passing::Passing;
use std::sync::Arc;

impl Subscription {
    /// The event as it may be shown, given that it shows what was true at a place; none if that cannot be told, and it
    /// has to be read anew.
    pub fn as_it_is_now(&self, event: &Arc<Event>, since: Seq) -> Option<Arc<Event>> {
        let fate = event.message.map_or(Fate::Stands, |message| self.hub.fate(message, since));
        match fate {
            Fate::Stands => Some(Arc::clone(event)),
            Fate::Erased(at) => Some(Arc::new(event.erased(at))),
            Fate::Unknown => None,
        }
    }

    /// The place of the newest deletion of a message. What was taken from here before may show what was deleted since.
    pub fn newest_erasure(&self) -> Seq {
        self.hub.newest_erasure()
    }

    pub(super) fn topics(&self) -> Vec<Topic> {
        if let Some(only) = self.only {
            return vec![Topic::Conversation(only)];
        }
        let mut topics = vec![Topic::User(self.slot.user)];
        let conversations = self.audience.conversations_after(self.position);
        topics.extend(conversations.into_iter().map(Topic::Conversation));
        topics.extend(self.follows.iter().map(|(conversation, _)| Topic::Conversation(*conversation)));
        topics
    }

    /// Whether the user may hear what passes: he may have left since it was handed out.
    pub(super) fn hears(&self, passing: &Passing) -> bool {
        match passing.conversation {
            Some(place) => self.only.is_none_or(|only| only == place) && self.audience.is_in(place),
            None => self.only.is_none(),
        }
    }

    /// Whether the user may see the event, by the stays at its own place: live, in the ring and in the log alike.
    pub(super) fn sees(&self, event: &Event) -> bool {
        match event.topic {
            Topic::User(user) => user == self.slot.user && self.only.is_none(),
            Topic::Conversation(conversation) => {
                self.only.is_none_or(|only| only == conversation)
                    && (self.audience.covers(conversation, event.seq)
                        || self.follows.iter().any(|(known, since)| *known == conversation && *since < event.seq))
            }
        }
    }
}
