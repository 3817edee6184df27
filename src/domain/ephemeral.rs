//! What is told while it lasts and never kept: who is typing, and who is there.

use super::events::{About, EventType};
use super::users::UserRef;
use super::{ConversationId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;

/// The most present members of a conversation in which people hear of each other what is told while it lasts.
pub const CLOSE_LIMIT: u64 = 500;
/// For how many seconds somebody counts as typing who does not say so again.
pub const TYPING_LASTS: u64 = 6;

const STARTED: &str = "typing.started";
const STOPPED: &str = "typing.stopped";
const CHANGED: &str = "presence.changed";

/// All types of what passes.
pub const PASSING: &[EventType] = &[
    EventType {
        kind: STARTED,
        says: &[" Somebody types, for so many seconds unless it is said again"],
        heard_by: "the others who are in the conversation",
        data: |schemas| schemas.subschema_for::<Typing>(),
    },
    EventType {
        kind: STOPPED,
        says: &[" He types no longer. What he has said ends it too"],
        heard_by: "the others who are in the conversation",
        data: |schemas| schemas.subschema_for::<About>(),
    },
    EventType {
        kind: CHANGED,
        says: &[" Somebody has come or gone, as far as one may see it"],
        heard_by: "who may see him",
        data: |schemas| schemas.subschema_for::<PresenceView>(),
    },
];

/// Who types, and for how long if he does not say so again.
#[derive(Debug, Serialize, JsonSchema)]
struct Typing {
    /// Who.
    user: UserRef,
    /// Seconds.
    expires_in: u64,
}

/// Something that passes. It has no place on the line: whoever does not hear it now never does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ephemeral {
    /// Somebody writes in a conversation, and counts as writing for [`TYPING_LASTS`].
    TypingStarted(ConversationId, UserRef),
    /// He no longer does.
    TypingStopped(ConversationId, UserRef),
    /// Somebody has come or gone.
    PresenceChanged(PresenceView),
}

/// Whether somebody is there, as those see it who may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PresenceView {
    /// Who.
    pub user: UserRef,
    /// Whether he has a stream open, or has polled of late.
    pub online: bool,
    /// When he was last there; none while he is, and where that is not known or not to be seen.
    pub last_seen_at: Option<Timestamp>,
}

impl PresenceView {
    /// Somebody as those see him who may not see whether he is there.
    pub fn unseen(user: UserRef) -> Self {
        Self { user, online: false, last_seen_at: None }
    }
}

impl Ephemeral {
    /// The `type` of the envelope.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TypingStarted(..) => STARTED,
            Self::TypingStopped(..) => STOPPED,
            Self::PresenceChanged(_) => CHANGED,
        }
    }

    /// The conversation that it is about, if it is about one.
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::TypingStarted(conversation, _) | Self::TypingStopped(conversation, _) => Some(*conversation),
            Self::PresenceChanged(_) => None,
        }
    }

    /// Whom it is about.
    pub fn user(&self) -> UserId {
        match self {
            Self::TypingStarted(_, user) | Self::TypingStopped(_, user) => user.id,
            Self::PresenceChanged(view) => view.user.id,
        }
    }

    /// The `data` of the envelope, as JSON.
    pub fn data(&self) -> String {
        let json = match self {
            Self::TypingStarted(_, user) => {
                serde_json::to_string(&Typing { user: user.clone(), expires_in: TYPING_LASTS })
            }
            Self::TypingStopped(_, user) => serde_json::to_string(&About { user: user.clone() }),
            Self::PresenceChanged(view) => serde_json::to_string(view),
        };
        // Names and numbers always have JSON.
        json.unwrap_or_else(|_| "null".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::users::Username;

    #[test]
    fn what_passes_is_said_in_the_words_of_its_kind() {
        let bob = || UserRef { id: UserId(2), username: Username::stored("bob".to_owned()) };
        let here = ConversationId(7);
        for (ephemeral, kind, data) in [
            (
                Ephemeral::TypingStarted(here, bob()),
                "typing.started",
                r#"{"user":{"id":2,"username":"bob"},"expires_in":6}"#,
            ),
            (Ephemeral::TypingStopped(here, bob()), "typing.stopped", r#"{"user":{"id":2,"username":"bob"}}"#),
            (
                Ephemeral::PresenceChanged(PresenceView::unseen(bob())),
                "presence.changed",
                r#"{"user":{"id":2,"username":"bob"},"online":false,"last_seen_at":null}"#,
            ),
        ] {
            assert_eq!((ephemeral.kind(), ephemeral.data().as_str()), (kind, data));
            assert_eq!(ephemeral.user(), UserId(2));
        }
    }
}
