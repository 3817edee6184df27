//! How far people have read, and who is told.

use super::conversations::Kind;
use super::users::UserRef;
use super::{ConversationId, MessageId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// The most people in a conversation whose members are told how far each of them has read.
pub const SHARED_LIMIT: u64 = 32;

/// The most unread messages of a conversation that are counted: more are as many to people, and take longer.
pub const UNREAD_LIMIT: u64 = 10_000;

/// Whether the members of a conversation are told how far each has read; elsewhere everybody sees only his own. What is
/// read in channels, which anybody may follow, is nobody else's business.
pub fn are_shared(kind: Kind, members: u64) -> bool {
    kind != Kind::Channel && members <= SHARED_LIMIT
}

/// Somebody has read a conversation through this message.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ReceiptChange")]
pub struct Receipt {
    /// Who.
    pub user: UserRef,
    /// Where.
    pub conversation_id: ConversationId,
    /// Through which message.
    pub message_id: MessageId,
}

/// How far a member has read, as lists show it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Receipt")]
pub struct ReceiptView {
    /// Who.
    pub user: UserRef,
    /// Through which message.
    pub message_id: MessageId,
    /// When he said so.
    pub read_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_circles_share_what_they_have_read() {
        assert!(are_shared(Kind::Direct, 2) && are_shared(Kind::Group, SHARED_LIMIT));
        assert!(!are_shared(Kind::Group, SHARED_LIMIT + 1) && !are_shared(Kind::Channel, 2));
    }
}
