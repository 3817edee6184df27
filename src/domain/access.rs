//! Who may see what: the stays of people in conversations, on the number line.

use super::{ConversationId, Seq};
use std::collections::HashMap;

/// One stay of a user in a conversation. The events at `joined` and at `left` are both seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// The place of the event by which it began.
    pub joined: Seq,
    /// The place of the event by which it ended; none while it lasts.
    pub left: Option<Seq>,
}

impl Stay {
    /// Whether an event at this place falls into the stay.
    pub fn covers(&self, seq: Seq) -> bool {
        self.joined <= seq && self.left.is_none_or(|left| seq <= left)
    }
}

/// All stays of one user, which answer whether he may see an event of a conversation at its own place.
///
/// Changes are told apart by their place on the line, so hearing of one twice, or of an old one after the state it led
/// to was read from the database, changes nothing. That is what lets a stream enter while changes go on.
#[derive(Debug, Clone, Default)]
pub struct Stays {
    of: HashMap<ConversationId, Vec<Stay>>,
}

impl Stays {
    /// Whether the user may see what happened in the conversation at this place.
    pub fn cover(&self, conversation: ConversationId, seq: Seq) -> bool {
        self.of.get(&conversation).is_some_and(|stays| stays.iter().rev().any(|stay| stay.covers(seq)))
    }

    /// Since when the user is in the conversation, if he is.
    pub fn lasting_since(&self, conversation: ConversationId) -> Option<Seq> {
        let last = self.of.get(&conversation)?.last()?;
        last.left.is_none().then_some(last.joined)
    }

    /// A stay as the database has it.
    pub fn insert(&mut self, conversation: ConversationId, stay: Stay) {
        let stays = self.of.entry(conversation).or_default();
        if let Some(known) = stays.iter_mut().find(|known| known.joined == stay.joined) {
            known.left = known.left.or(stay.left);
        } else {
            stays.push(stay);
            stays.sort_unstable_by_key(|stay| stay.joined);
        }
    }

    /// A stay begins.
    pub fn join(&mut self, conversation: ConversationId, seq: Seq) {
        self.insert(conversation, Stay { joined: seq, left: None });
    }

    /// The stay that lasted at this place ends there. One that was known to have ended stays as it is.
    pub fn leave(&mut self, conversation: ConversationId, seq: Seq) {
        if let Some(stays) = self.of.get_mut(&conversation)
            && let Some(stay) = stays.iter_mut().rev().find(|stay| stay.joined <= seq)
            && stay.left.is_none()
        {
            stay.left = Some(seq);
        }
    }

    /// The conversations in which the user may see anything after this place.
    pub fn after(&self, seq: Seq) -> impl Iterator<Item = ConversationId> + '_ {
        self.of
            .iter()
            .filter(move |(_, stays)| stays.iter().any(|stay| stay.left.is_none_or(|left| seq < left)))
            .map(|(conversation, _)| *conversation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: ConversationId = ConversationId(7);

    #[test]
    fn a_stay_shows_its_first_and_its_last_event() {
        let mut stays = Stays::default();
        stays.join(ROOM, Seq(10));
        stays.leave(ROOM, Seq(20));
        stays.join(ROOM, Seq(30));
        let seen: Vec<i64> = (0..40).filter(|n| stays.cover(ROOM, Seq(*n))).collect();
        assert_eq!(seen, (10..=20).chain(30..40).collect::<Vec<_>>());
    }

    #[test]
    fn old_changes_do_not_undo_what_the_database_said() {
        let mut stays = Stays::default();
        stays.insert(ROOM, Stay { joined: Seq(10), left: Some(Seq(20)) });
        stays.insert(ROOM, Stay { joined: Seq(30), left: None });
        stays.join(ROOM, Seq(10));
        stays.leave(ROOM, Seq(20));
        assert!(stays.cover(ROOM, Seq(35)));
        assert!(!stays.cover(ROOM, Seq(25)));
        stays.join(ROOM, Seq(30));
        assert!(stays.cover(ROOM, Seq(35)));
    }
}
