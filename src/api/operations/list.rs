//! Every operation, in one list: what it is for, what it takes, what it gives, and what it refuses.

use super::frames::{
    Auth, Authenticated, Edit, Follow, Followed, Ping, Place, Read, Typed, Typing, Unfollow, Unfollowed,
};
use crate::api::messages::{Delete, Post};
use crate::domain::messages::Message;
use crate::service::messages::Deletions;
use crate::service::receipts::ReadState;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What an operation takes, which is known by what it gives.
pub(super) trait Operation: DeserializeOwned + JsonSchema {
    /// What it gives.
    type Result: Serialize + JsonSchema;
}

/// An operation, as what describes the streams tells of it.
#[derive(Debug, Clone, Copy)]
pub struct OperationType {
    /// Its `op`.
    pub word: &'static str,
    /// What it is for, line by line.
    pub says: &'static [&'static str],
    /// The codes of its own refusals, beside those of any.
    pub refuses: &'static [&'static str],
    /// What it does, as far as that tells what else it may be refused for.
    pub class: Class,
    /// The schema of what it takes beside `op` and `ref`.
    pub takes: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of its `result`.
    pub gives: fn(&mut SchemaGenerator) -> Schema,
}

/// What operations have in common that do the same to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Neither reads nor writes.
    Asks,
    /// Looks something up.
    Reads,
    /// Tells others something that is not kept, with more than a ticket.
    Types,
    /// Changes something, with more than a ticket.
    Writes,
}

/// What each class may be refused for beside what the one before it may.
const REFUSES: [&[&str]; 4] = [
    &["invalid", "unknown_field", "internal"],
    &["too_many_requests", "insufficient_scope", "unavailable", "overloaded"],
    &["unauthorized"],
    &["outcome_unknown"],
];

impl Class {
    /// The codes of the refusals that follow from it.
    pub fn refuses(self) -> impl Iterator<Item = &'static str> {
        REFUSES.iter().take(self as usize + 1).copied().flatten().copied()
    }
}

macro_rules! operations {
    ($(
        $(#[doc = $line:literal])+
        $class:ident $word:literal: $name:ident($takes:ty) -> $gives:ty [$($code:ident)*],
    )*) => {
        /// Which operation a frame asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Op {
            $($(#[doc = $line])+ $name,)*
        }

        impl Op {
            /// The operation of this word.
            pub(super) fn of(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$name),)*
                    _ => None,
                }
            }
        }

        $(impl Operation for $takes {
            type Result = $gives;
        })*

        /// All operations.
        pub const OPERATIONS: &[OperationType] = &[$(OperationType {
            word: $word,
            says: &[$($line),+],
            refuses: &[$(stringify!($code)),*],
            class: Class::$class,
            takes: <$takes>::json_schema,
            gives: |schemas| schemas.subschema_for::<$gives>(),
        }),*];
    };
}

// The line of an operation says what it is for, and in brackets the codes of its own refusals; the first word what it
// does, which tells the others. What takes it is in `Operations::handle`.
operations! {
    /// Say who one is, with an access token or an API key.
    ///
    /// The first frame of a socket that was opened without credentials, or by a ticket and is to write; and later on a
    /// fresh token of the same session.
    Reads "auth": Auth(Auth) -> Authenticated [unauthorized token_expired other_session not_found],
    /// Send a message, as with `POST /api/v1/messages`.
    Writes "send": Send(Post) -> Message [not_found not_a_contact blocked not_member not_owner suspended idempotency_conflict],
    /// Edit a message.
    Writes "edit": Edit(Edit) -> Message [not_found message_deleted not_author not_a_contact blocked not_member not_owner suspended],
    /// Delete messages, as with `POST /api/v1/messages/delete`.
    Writes "delete": Delete(Delete) -> Deletions [suspended],
    /// Say how far one has read a conversation.
    Writes "read": Read(Read) -> ReadState [not_found not_member],
    /// Say that one types in a conversation, or no longer does.
    Types "typing": Typing(Typing) -> Typed [not_found not_a_contact blocked not_member not_owner suspended],
    /// Hear a public channel without being a member.
    Reads "follow": Follow(Follow) -> Followed [not_found],
    /// Hear it no longer.
    Reads "unfollow": Unfollow(Unfollow) -> Unfollowed [not_found],
    /// Ask how far the stream is.
    Asks "ping": Ping(Ping) -> Place [],
}

/// Their names, in a sentence.
pub(super) fn names() -> String {
    let words: Vec<&str> = OPERATIONS.iter().map(|operation| operation.word).collect();
    words.split_last().map(|(last, others)| format!("{} and {last}", others.join(", "))).unwrap_or_default()
}
