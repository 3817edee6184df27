//! The closed list of what can happen.

use super::views::{
    About, ConversationView, Deleted, Ended, Expired, Hidden, KeyView, MemberChange, Profile, SessionView,
};
use crate::domain::MessageId;
use crate::domain::blocks::BlockView;
use crate::domain::contacts::{ContactChange, ContactGone};
use crate::domain::messages::Message;
use crate::domain::receipts::Receipt;
use crate::domain::users::User;
use schemars::{Schema, SchemaGenerator};

/// A type of event, as what describes the streams tells of it.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    /// The `type` of the envelope.
    pub kind: &'static str,
    /// What happened, line by line.
    pub says: &'static [&'static str],
    /// Who hears of it.
    pub heard_by: &'static str,
    /// The schema of the `data` of the envelope.
    pub data: fn(&mut SchemaGenerator) -> Schema,
}

macro_rules! happenings {
    ($(
        $(#[doc = $line:literal])+
        $kind:literal, heard by $heard_by:literal: $name:ident($data:ty),
    )*) => {
        /// Everything that somebody can hear of. Each becomes `type` and `data` of the envelope.
        #[derive(Debug, Clone)]
        pub enum Happening {
            $($(#[doc = $line])+ $name($data),)*
        }

        /// All types of events.
        pub const TYPES: &[EventType] = &[$(EventType {
            kind: $kind,
            says: &[$($line),+],
            heard_by: $heard_by,
            data: |schemas| schemas.subschema_for::<$data>(),
        }),*];

        impl Happening {
            /// The `type` of the envelope.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $kind,)*
                }
            }

            /// The `data` of the envelope, as JSON.
            pub fn data(&self) -> String {
                let json = match self {
                    $(Self::$name(data) => serde_json::to_string(data),)*
                };
                // These types have neither maps with odd keys nor failing serializers, so there is always JSON.
                json.unwrap_or_else(|_| "null".to_owned())
            }
        }
    };
}

// All that anybody reads of an event is made out of its entry: what happened, its type, who hears of it, and its data.
happenings! {
    /// Somebody said something.
    "message.created", heard by "the conversation": MessageCreated(Message),
    /// Its author said it anew. The message is as it is now.
    "message.updated", heard by "the conversation": MessageUpdated(Message),
    /// It was deleted for all; a tombstone is left.
    "message.deleted", heard by "the conversation": MessageDeleted(Deleted),
    /// Messages were too old to be kept: all of this conversation up to this one are gone, but for the roots of threads in
    /// which a newer reply stands, which stay as tombstones until the last reply is gone.
    "messages.expired", heard by "the conversation": MessagesExpired(Expired),
    /// One deleted it for oneself alone.
    "message.hidden", heard by "oneself": MessageHidden(Hidden),
    /// A conversation was made; its first members join by it.
    "conversation.created", heard by "the conversation": ConversationCreated(ConversationView),
    /// Its name or who may post changed.
    "conversation.updated", heard by "the conversation": ConversationUpdated(ConversationView),
    /// Somebody came.
    "member.added", heard by "the conversation, the one who comes included": MemberAdded(MemberChange),
    /// Somebody left or was removed. There is no `role`.
    "member.removed", heard by "the conversation, the one who goes included": MemberRemoved(MemberChange),
    /// Somebody's role changed.
    "member.updated", heard by "the conversation": MemberUpdated(MemberChange),
    /// Somebody has read through this message.
    "receipt.updated", heard by "a direct conversation or group of at most 32, if the reader is in it; otherwise oneself":
        ReceiptUpdated(Receipt),
    /// Somebody asked to be somebody's contact.
    "contact.requested", heard by "both, each for himself": ContactRequested(ContactChange),
    /// What somebody says to somebody came about otherwise, or changed.
    "contact.updated", heard by "both, each for himself": ContactUpdated(ContactChange),
    /// It was taken back or forgotten.
    "contact.deleted", heard by "both, each for himself": ContactDeleted(ContactGone),
    /// One has blocked somebody.
    "block.created", heard by "who blocks": BlockCreated(BlockView),
    /// One has taken a block back.
    "block.deleted", heard by "who blocks": BlockDeleted(About),
    /// An account changed. All of it is told to its owner, to others that it was deleted: how it is named now; it has read
    /// nothing, and is mentioned nowhere any more.
    "user.updated", heard by "oneself; when an account was deleted, each conversation that it was in": UserUpdated(Profile),
    /// One logged in somewhere.
    "session.created", heard by "oneself": SessionCreated(SessionView),
    /// One of one's sessions lasts on, since its refresh token was used; or, told once a day, its cookie.
    "session.updated", heard by "oneself": SessionUpdated(SessionView),
    /// One of one's sessions ended.
    "session.revoked", heard by "oneself": SessionRevoked(Ended),
    /// One made an API key.
    "key.created", heard by "oneself": KeyCreated(KeyView),
    /// One of one's keys ended.
    "key.revoked", heard by "oneself": KeyRevoked(Ended),
}

impl Happening {
    /// What the owner of an account hears when something of it has changed.
    pub fn account_updated(user: &User) -> Self {
        Self::UserUpdated(Profile::own(user))
    }

    /// The message whose text is in the `data`, and must not be any more once that is deleted.
    pub fn message(&self) -> Option<MessageId> {
        match self {
            Self::MessageCreated(message) | Self::MessageUpdated(message) => Some(message.id),
            _ => None,
        }
    }
}
