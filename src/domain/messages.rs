//! What people say: the rules of a message's text and of its author's own name for it.

use super::users::UserRef;
use super::{ConversationId, MessageId, Refusal, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// The longest text, in Unicode scalar values.
pub const TEXT_LIMIT: usize = 10_000;
/// The longest `client_id`, in bytes.
pub const CLIENT_ID_LIMIT: usize = 64;

/// A message as everybody who may read it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Message {
    /// Its number on the line of messages.
    pub id: MessageId,
    /// Where it was said.
    pub conversation_id: ConversationId,
    /// By whom; nobody for the system's own.
    pub author: Option<UserRef>,
    /// What was said.
    pub text: String,
    /// The root message of the thread that it replies in.
    pub thread_id: Option<MessageId>,
    /// When the server took it.
    pub created_at: Timestamp,
    /// When its text last changed.
    pub edited_at: Option<Timestamp>,
    /// The author's own name for it, by which a retry is known.
    pub client_id: Option<String>,
}

impl Message {
    /// A message of the system's own, still to get its number and moment.
    pub fn by_the_system(conversation_id: ConversationId, text: String) -> Self {
        Self {
            id: MessageId(0),
            conversation_id,
            author: None,
            text,
            thread_id: None,
            created_at: Timestamp(0),
            edited_at: None,
            client_id: None,
        }
    }
}

/// Takes a text: 1 to 10,000 characters, not only white space, no NUL (which `PostgreSQL` cannot keep).
pub fn check_text(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::invalid("text", "A message is not empty."));
    }
    // No text of so few bytes can have too many characters; the count is for the rest.
    if text.len() > TEXT_LIMIT && text.chars().count() > TEXT_LIMIT {
        return Err(Refusal::invalid("text", format!("A message has at most {TEXT_LIMIT} characters.")));
    }
    if text.contains('\0') {
        return Err(Refusal::invalid("text", "A message holds no NUL character."));
    }
    Ok(())
}

/// Takes a `client_id`: 1 to 64 visible ASCII characters, a UUID for instance.
pub fn check_client_id(client_id: &str) -> Result<(), Refusal> {
    if client_id.is_empty() || client_id.len() > CLIENT_ID_LIMIT || !client_id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Refusal::invalid(
            "client_id",
            format!("A client_id has 1 to {CLIENT_ID_LIMIT} visible ASCII characters, for instance a UUID."),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_in_characters() {
        assert!(check_text(&"é".repeat(TEXT_LIMIT)).is_ok());
        assert!(check_text(&"é".repeat(TEXT_LIMIT + 1)).is_err());
        assert!(check_text(" \n").is_err());
        assert!(check_text("a\0b").is_err());
        assert!(check_text("\u{2028}x\r\n").is_ok());
    }

    #[test]
    fn client_ids_are_short_and_plain() {
        assert!(check_client_id("6f1c-77").is_ok());
        for bad in ["", "a b", "é", &"x".repeat(65)] {
            assert!(check_client_id(bad).is_err());
        }
    }
}
