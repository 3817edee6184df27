//! What can happen, who may hear of it, and what it means for who hears what.

mod happening;
mod views;

use super::{ConversationId, MessageId, Seq, SessionId, Timestamp, UserId};
use serde::Deserialize;

pub use happening::{EventType, Happening, TYPES};
pub use views::{
    About, ConversationView, Deleted, Ended, Expired, Hidden, KeyView, MemberChange, Profile, SessionView, Settings,
};

/// Who hears of an event: exactly one audience. What two audiences hear is two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Everybody whose stay in the conversation covers the event, and who follows the channel.
    Conversation(ConversationId),
    /// One user's own streams.
    User(UserId),
}

impl Topic {
    /// The topic as one number, as the log keeps it: conversations above zero, users below.
    pub fn number(self) -> i64 {
        match self {
            Self::Conversation(id) => id.0,
            Self::User(id) => -id.0,
        }
    }

    /// The topic of such a number.
    pub fn from_number(number: i64) -> Self {
        if number > 0 { Self::Conversation(ConversationId(number)) } else { Self::User(UserId(-number)) }
    }
}

/// An event as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place on the line.
    pub seq: Seq,
    /// Who hears of it.
    pub topic: Topic,
    /// Its `type`.
    pub kind: String,
    /// When it happened, never earlier than the one before.
    pub at: Timestamp,
    /// Its `data`, as JSON.
    pub data: String,
    /// The batch that it was committed in.
    pub batch: i64,
    /// The message whose text is in the `data`.
    pub message: Option<MessageId>,
}

/// What an event changes in who hears what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// These users hear the conversation from this event on.
    Join(ConversationId, Vec<UserId>),
    /// This user hears it up to this event.
    Leave(ConversationId, UserId),
    /// What was opened with this session ends.
    Revoke(SessionId),
    /// Earlier events show the text of this message no more, since then.
    Erase(MessageId, Timestamp),
    /// What one of these two says to the other as a contact is otherwise.
    Contact(UserId, UserId),
    /// The first has blocked the second, or does so no longer.
    Block(UserId, UserId),
    /// What the user shows, and to whom, may be otherwise.
    Settings(UserId),
    /// Earlier events show the text of no message up to this one any more, since then. Numbers and moments rise together
    /// over the whole server, so it holds in every conversation as soon as one has heard of it.
    Expire(MessageId, Timestamp),
}

impl Record {
    /// What the event changes in who hears what; most change nothing.
    pub fn effect(&self) -> Option<Effect> {
        #[derive(Deserialize)]
        struct Person {
            id: UserId,
        }
        #[derive(Deserialize)]
        struct Membership {
            user: Person,
        }
        #[derive(Deserialize)]
        struct Created {
            members: Vec<Membership>,
        }
        #[derive(Deserialize)]
        struct Revoked {
            id: SessionId,
        }
        match (self.kind.as_str(), self.topic) {
            ("conversation.created", Topic::Conversation(conversation)) => {
                let created: Created = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Join(conversation, created.members.into_iter().map(|member| member.user.id).collect()))
            }
            ("member.added", Topic::Conversation(conversation)) => {
                let added: Membership = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Join(conversation, vec![added.user.id]))
            }
            ("member.removed", Topic::Conversation(conversation)) => {
                let removed: Membership = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Leave(conversation, removed.user.id))
            }
            ("contact.requested" | "contact.updated" | "contact.deleted", Topic::User(user)) => {
                let other: Membership = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Contact(user, other.user.id))
            }
            ("block.created" | "block.deleted", Topic::User(user)) => {
                let other: Membership = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Block(user, other.user.id))
            }
            ("user.updated", Topic::User(user)) => Some(Effect::Settings(user)),
            ("message.deleted", Topic::Conversation(_)) => {
                let deleted: Deleted = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Erase(deleted.id, deleted.deleted_at))
            }
            ("messages.expired", Topic::Conversation(_)) => {
                let expired: Expired = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Expire(expired.up_to, self.at))
            }
            ("session.revoked" | "key.revoked", Topic::User(_)) => {
                let revoked: Revoked = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Revoke(revoked.id))
            }
            _ => None,
        }
    }
}
