//! What is told while it lasts and never kept: who is typing, and who is there.

use super::users::UserRef;
use super::{ConversationId, Timestamp, UserId};
use serde::Serialize;

/// The most present members of a conversation in which people hear of each other what is told while it lasts.
pub const CLOSE_LIMIT: u64 = 500;
/// For how many seconds somebody counts as typing who does not say so again.
pub const TYPING_LASTS: u64 = 6;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
            Self::TypingStarted(..) => "typing.started",
            Self::TypingStopped(..) => "typing.stopped",
            Self::PresenceChanged(_) => "presence.changed",
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
        #[derive(Serialize)]
        struct Typing<'a> {
            user: &'a UserRef,
            #[serde(skip_serializing_if = "Option::is_none")]
            expires_in: Option<u64>,
        }
        let json = match self {
            Self::TypingStarted(_, user) => serde_json::to_string(&Typing { user, expires_in: Some(TYPING_LASTS) }),
            Self::TypingStopped(_, user) => serde_json::to_string(&Typing { user, expires_in: None }),
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
