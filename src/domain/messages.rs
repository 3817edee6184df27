//! What people say: the rules of a message's text and of its author's own name for it, and what is left of it once deleted.

use super::users::UserRef;
use super::{ConversationId, MessageId, Refusal, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest text, in Unicode scalar values.
pub const TEXT_LIMIT: usize = 10_000;
/// The longest `client_id`, in bytes.
pub const CLIENT_ID_LIMIT: usize = 64;

/// A message as everybody who may read it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Its number on the line of messages.
    pub id: MessageId,
    /// Where it was said.
    pub conversation_id: ConversationId,
    /// By whom; nobody for the system's own.
    pub author: Option<UserRef>,
    /// What was said; nothing once it was deleted.
    pub text: String,
    /// Who is named in it, by number.
    #[serde(default)]
    pub mentions: Vec<UserRef>,
    /// The root message of the thread that it replies in.
    pub thread_id: Option<MessageId>,
    /// When the server took it.
    pub created_at: Timestamp,
    /// When its text last changed.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted for all.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
    /// The author's own name for it, by which a retry is known.
    pub client_id: Option<String>,
}

impl Message {
    /// A message of the system's own, still to get its number and moment.
    pub fn by_the_system(conversation_id: ConversationId, text: String) -> Self {
        Self::by(None, conversation_id, text)
    }

    /// What somebody says, still to get its number and moment; he names nobody and answers nobody.
    pub fn by(author: Option<UserRef>, conversation_id: ConversationId, text: String) -> Self {
        Self {
            id: MessageId(0),
            conversation_id,
            author,
            text,
            mentions: Vec::new(),
            thread_id: None,
            created_at: Timestamp(0),
            edited_at: None,
            deleted_at: None,
            client_id: None,
        }
    }

    /// Shows that something was said and said anew, but not what: for who was not there any more to hear it.
    pub fn withhold(&mut self) {
        self.text = String::new();
        self.mentions = Vec::new();
    }

    /// Leaves a tombstone: that something was said, by whom and when, but not what.
    pub fn erase(&mut self, at: Timestamp) {
        // New ones, because a cleared `String` keeps its bytes.
        self.text = String::new();
        self.mentions = Vec::new();
        self.deleted_at.get_or_insert(at);
    }
}

/// What is left of the payload of an event that holds a message, once the message is deleted. The log and the memory of
/// each node do this by themselves, and come to the same bytes.
pub fn erased_payload(data: &str, at: Timestamp) -> String {
    let tombstone = serde_json::from_str::<Message>(data).and_then(|mut message| {
        message.erase(at);
        serde_json::to_string(&message)
    });
    // What cannot be read cannot be kept either.
    tombstone.unwrap_or_else(|_| format!(r#"{{"text":"","deleted_at":"{at}"}}"#))
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
    fn of_a_deleted_message_everything_is_left_but_what_it_said() {
        let payload = r#"{"id":3,"conversation_id":7,"author":{"id":1,"username":"ann"},"text":"a secret","mentions":[{"id":2,"username":"bob"}],"thread_id":2,"created_at":"2026-11-21T10:00:00.123Z","edited_at":null,"deleted_at":null,"client_id":"c"}"#;
        let left = erased_payload(payload, Timestamp(1_795_255_200_124));
        let expected = r#"{"id":3,"conversation_id":7,"author":{"id":1,"username":"ann"},"text":"","mentions":[],"thread_id":2,"created_at":"2026-11-21T10:00:00.123Z","edited_at":null,"deleted_at":"2026-11-21T10:00:00.124Z","client_id":"c"}"#;
        assert_eq!(left, expected);
        assert_eq!(erased_payload(&left, Timestamp(0)), expected, "a second time changes nothing");
    }

    #[test]
    fn what_cannot_be_read_is_not_kept() {
        assert!(!erased_payload(r#"{"text":"a secret"}"#, Timestamp(0)).contains("secret"));
    }

    #[test]
    fn client_ids_are_short_and_plain() {
        assert!(check_client_id("6f1c-77").is_ok());
        for bad in ["", "a b", "é", &"x".repeat(65)] {
            assert!(check_client_id(bad).is_err());
        }
    }
}
