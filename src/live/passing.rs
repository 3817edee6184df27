//! What passes, ready to be sent, and its small place at a stream.

use super::frames::Frames;
use crate::domain::ephemeral::Ephemeral;
use crate::domain::{ConversationId, Timestamp, UserId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How much one stream keeps of what passes until it is taken: the oldest gives way.
const PLACES: usize = 64;
/// Who has typed is of no interest to who hears of it later than this.
const TYPING_KEPT: Duration = Duration::from_secs(3);

/// An ephemeral event, ready to be sent. It has no place on the line.
#[derive(Debug)]
pub struct Passing {
    /// The conversation that it is about, if it is about one.
    pub conversation: Option<ConversationId>,
    user: UserId,
    /// Until when it is of any interest, if that ends.
    until: Option<Instant>,
    /// As it is sent. Without an `id:` a browser's cursor stays where it is.
    pub frames: Frames,
}

impl Passing {
    /// Encodes what happens at this moment.
    pub fn new(ephemeral: &Ephemeral, at: Timestamp) -> Arc<Self> {
        let (kind, data) = (ephemeral.kind(), ephemeral.data());
        let (lines, conversation) = (format_args!("event: {kind}\n"), ephemeral.conversation());
        let frames = match conversation {
            Some(id) => {
                Frames::new(lines, format_args!(r#""type":"{kind}","at":"{at}","conversation_id":{id},"#), &data)
            }
            None => Frames::new(lines, format_args!(r#""type":"{kind}","at":"{at}","#), &data),
        };
        let until = conversation.map(|_| Instant::now() + TYPING_KEPT);
        Arc::new(Self { conversation, user: ephemeral.user(), until, frames })
    }

    /// Whether a newer one takes the place of this: both say the same thing of the same one.
    fn gives_way_to(&self, newer: &Self) -> bool {
        (self.user, self.conversation) == (newer.user, newer.conversation)
    }
}

/// What passes and was not taken yet. Nothing is allocated while there is nothing.
#[derive(Debug, Default)]
// Most streams have nothing here at most times, and there are many of them: a pointer is all that they keep for it.
#[expect(clippy::box_collection, reason = "an idle stream keeps eight bytes for this instead of 32")]
pub(super) struct Waiting(Option<Box<VecDeque<Arc<Passing>>>>);

impl Waiting {
    /// Takes it in, in the place of what it replaces, or of the oldest if there is no other.
    pub(super) fn push(&mut self, passing: &Arc<Passing>) {
        let waiting = self.0.get_or_insert_default();
        if let Some(place) = waiting.iter().position(|known| known.gives_way_to(passing)) {
            waiting.remove(place);
        } else if waiting.len() >= PLACES {
            waiting.pop_front();
        }
        waiting.push_back(Arc::clone(passing));
    }

    /// The oldest that is still of any interest.
    pub(super) fn pop(&mut self) -> Option<Arc<Passing>> {
        let waiting = self.0.as_mut()?;
        while let Some(passing) = waiting.pop_front() {
            if passing.until.is_none_or(|until| Instant::now() < until) {
                return Some(passing);
            }
        }
        self.clear();
        None
    }

    /// Forgets who types in a conversation: they say so again if they still do.
    pub(super) fn end_typing(&mut self, conversation: ConversationId) {
        if let Some(waiting) = &mut self.0 {
            waiting.retain(|passing| passing.conversation != Some(conversation));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ephemeral::PresenceView;
    use crate::domain::users::{UserRef, Username};

    fn user(id: i64) -> UserRef {
        UserRef { id: UserId(id), username: Username::stored(format!("u{id}")) }
    }

    fn presence(id: i64) -> Arc<Passing> {
        Passing::new(&Ephemeral::PresenceChanged(PresenceView::unseen(user(id))), Timestamp(0))
    }

    fn typing(id: i64, conversation: i64) -> Arc<Passing> {
        Passing::new(&Ephemeral::TypingStarted(ConversationId(conversation), user(id)), Timestamp(0))
    }

    #[test]
    fn what_passes_has_one_envelope_in_three_forms_and_no_place() {
        let envelope = r#"{"type":"typing.started","at":"1970-01-01T00:00:00.000Z","conversation_id":7,"data":{"user":{"id":2,"username":"u2"},"expires_in":6}}"#;
        let passing = typing(2, 7);
        assert_eq!(passing.frames.envelope(), envelope);
        assert_eq!(passing.frames.sse(), format!("event: typing.started\ndata: {envelope}\n\n").as_str());
        assert_eq!(passing.frames.websocket()[0], 0x81);
        assert!(passing.frames.websocket().ends_with(envelope.as_bytes()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_takes_the_place_of_what_it_replaces_and_the_oldest_gives_way() {
        let mut waiting = Waiting::default();
        assert_eq!(size_of::<Waiting>(), size_of::<usize>());
        for passing in [typing(1, 1), typing(2, 1), typing(1, 2), presence(1), typing(1, 1)] {
            waiting.push(&passing);
        }
        let mut taken = Vec::new();
        while let Some(passing) = waiting.pop() {
            taken.push((passing.user.0, passing.conversation.map(|id| id.0)));
        }
        assert_eq!(taken, [(2, Some(1)), (1, Some(2)), (1, None), (1, Some(1))]);
        assert!(waiting.0.is_none(), "what is empty keeps no memory");
        for id in 0..PLACES + 5 {
            waiting.push(&presence(i64::try_from(id).unwrap_or(0)));
        }
        assert_eq!(waiting.pop().map(|passing| passing.user.0), Some(5));
        assert_eq!(waiting.0.as_ref().map(|waiting| waiting.len()), Some(PLACES - 1));
    }

    #[tokio::test(start_paused = true)]
    async fn typing_is_not_told_of_late_and_presence_is() {
        let mut waiting = Waiting::default();
        waiting.push(&presence(1));
        waiting.push(&typing(2, 1));
        tokio::time::advance(TYPING_KEPT).await;
        assert_eq!(waiting.pop().map(|passing| passing.user.0), Some(1));
        assert!(waiting.pop().is_none());
    }
}
