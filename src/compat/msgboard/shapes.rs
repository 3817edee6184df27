//! The shapes of msgboard's JSON.

use crate::domain::messages::Message;
use crate::domain::{MessageId, Timestamp, UserId};
use crate::service::accounts::PublicUser;
use serde::{Serialize, Serializer};
use std::collections::HashMap;

/// A user.
#[derive(Debug, Clone, Serialize)]
pub(super) struct UserShape {
    id: UserId,
    username: String,
    bio: Option<String>,
    #[serde(serialize_with = "with_microseconds")]
    created: Timestamp,
}

impl From<&PublicUser> for UserShape {
    fn from(user: &PublicUser) -> Self {
        let username = user.username.as_str().to_owned();
        Self { id: user.id, username, bio: user.bio.clone(), created: user.created_at }
    }
}

/// A message, with all of its author.
#[derive(Debug, Clone, Serialize)]
pub(super) struct MessageShape {
    id: MessageId,
    text: String,
    user: UserShape,
    #[serde(serialize_with = "with_microseconds")]
    created: Timestamp,
}

impl MessageShape {
    /// A message by this author.
    pub(super) fn new(message: Message, author: &PublicUser) -> Self {
        Self { id: message.id, text: message.text, user: author.into(), created: message.created_at }
    }

    /// The same, given its author among others.
    pub(super) fn among(message: Message, authors: &HashMap<UserId, PublicUser>) -> Option<Self> {
        let author = authors.get(&message.author.as_ref()?.id)?;
        Some(Self::new(message, author))
    }
}

/// The older system counted microseconds, and some who parse its moments insist on six digits.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn with_microseconds<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&(at.microseconds() + "Z"))
}
