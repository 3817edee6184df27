//! How a view changes by what is heard, one noun after the other.

use super::{
    CONTACT, Conversation, FACTS, KEY, ME, MESSAGE, SESSION, View, id_of, member, members, number, only, place_of,
};
use crate::support::Person;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

impl View {
    /// Shows what an event tells.
    pub async fn apply(&mut self, person: &Person, event: &Value) {
        let kind = event["type"].as_str().expect("a type");
        match kind.split_once('.').expect("a noun, and what became of it").0 {
            "message" | "messages" => self.apply_to_messages(kind, event),
            "conversation" | "member" | "receipt" => self.apply_to_conversations(person, kind, event).await,
            "contact" | "block" => self.apply_to_contacts(kind, &event["data"]),
            _ => self.apply_to_accounts(kind, event),
        }
    }

    fn apply_to_messages(&mut self, kind: &str, event: &Value) {
        let data = &event["data"];
        match kind {
            "message.created" => {
                let id = number(&data["id"]);
                self.messages.insert(id, only(data, MESSAGE));
                if data["author"]["id"].as_u64() != Some(self.viewer) && data["deleted_at"].is_null() {
                    self.unread.insert(id);
                }
            }
            "message.updated" => {
                if let Some(message) = self.messages.get_mut(&number(&data["id"])) {
                    *message = only(data, MESSAGE);
                }
            }
            "message.deleted" => {
                let id = number(&data["id"]);
                self.unread.remove(&id);
                if let Some(message) = self.messages.get_mut(&id) {
                    erase(message, &data["deleted_at"]);
                }
            }
            "message.hidden" => {
                self.unread.remove(&number(&data["id"]));
                self.messages.remove(&number(&data["id"]));
            }
            "messages.expired" => self.expire(place(event), number(&data["up_to"]), &event["at"]),
            other => unknown(other),
        }
    }

    async fn apply_to_conversations(&mut self, person: &Person, kind: &str, event: &Value) {
        let (data, here) = (&event["data"], place(event));
        match kind {
            "conversation.created" => {
                let conversation = Conversation {
                    facts: only(data, FACTS),
                    members: members(&data["members"]),
                    ..Conversation::default()
                };
                self.conversations.entry(here).or_insert(conversation);
            }
            "conversation.updated" => {
                if let Some(conversation) = self.conversations.get_mut(&here) {
                    conversation.facts = only(data, FACTS);
                }
            }
            "member.added" if number(&data["user"]["id"]) == self.viewer => {
                // What happened while he was not there is read anew.
                self.forget_place(here);
                self.read_conversations(person, Some(here)).await;
                self.read_messages(person, Some(here)).await;
            }
            "member.added" | "member.updated" => {
                if let Some(conversation) = self.conversations.get_mut(&here) {
                    let (id, member) = member(data);
                    conversation.members.insert(id, member);
                }
            }
            "member.removed" => {
                let gone = number(&data["user"]["id"]);
                if gone == self.viewer {
                    self.conversations.remove(&here);
                } else if let Some(conversation) = self.conversations.get_mut(&here) {
                    conversation.members.remove(&gone);
                    conversation.receipts.remove(&gone);
                }
            }
            "receipt.updated" => self.receive(data),
            other => unknown(other),
        }
    }

    fn apply_to_contacts(&mut self, kind: &str, data: &Value) {
        match kind {
            "contact.requested" | "contact.updated" => {
                let direction = data["direction"].as_str().expect("a direction").to_owned();
                self.contacts.insert((direction, number(&data["user"]["id"])), only(data, CONTACT));
            }
            "contact.deleted" => {
                let direction = data["direction"].as_str().expect("a direction").to_owned();
                self.contacts.remove(&(direction, number(&data["user"]["id"])));
            }
            "block.created" => {
                self.blocks.insert(number(&data["user"]["id"]), data["user"].clone());
            }
            "block.deleted" => {
                self.blocks.remove(&number(&data["user"]["id"]));
            }
            other => unknown(other),
        }
    }

    /// His own account, sessions and keys, and others' names.
    fn apply_to_accounts(&mut self, kind: &str, event: &Value) {
        let data = &event["data"];
        match kind {
            "user.updated" if event["conversation_id"].is_null() => self.me = only(data, ME),
            "user.updated" => self.rename(data),
            "session.created" | "session.updated" => {
                self.sessions.insert(id_of(data), only(data, SESSION));
            }
            "session.revoked" => {
                self.sessions.remove(&id_of(data));
            }
            "key.created" => {
                self.keys.insert(id_of(data), only(data, KEY));
            }
            "key.revoked" => {
                self.keys.remove(&id_of(data));
            }
            other => unknown(other),
        }
    }

    /// The root of a thread that lives on stays as a tombstone.
    fn expire(&mut self, place: u64, up_to: u64, at: &Value) {
        let is_old = |id: &u64, message: &Value| *id <= up_to && message["conversation_id"] == json!(place);
        let newer = self.messages.iter().filter(|(id, _)| **id > up_to);
        let roots: BTreeSet<u64> = newer.filter_map(|(_, message)| message["thread_id"].as_u64()).collect();
        self.messages.retain(|id, message| !is_old(id, message) || roots.contains(id));
        for (id, message) in &mut self.messages {
            if is_old(id, message) && message["deleted_at"].is_null() {
                erase(message, at);
            }
        }
        let messages = &self.messages;
        self.unread.retain(|id| *id > up_to || place_of(messages, *id) != Some(place));
    }

    fn receive(&mut self, data: &Value) {
        let (reader, message) = (number(&data["user"]["id"]), number(&data["message_id"]));
        let place = number(&data["conversation_id"]);
        if let Some(conversation) = self.conversations.get_mut(&place) {
            conversation.receipts.insert(reader, message);
            if reader == self.viewer {
                conversation.last_read = Some(message);
            }
        }
        if reader == self.viewer {
            let messages = &self.messages;
            self.unread.retain(|id| *id > message || place_of(messages, *id) != Some(place));
        }
    }

    /// Somebody's account was deleted: he has another name now, has read nothing, and nobody mentions him.
    fn rename(&mut self, user: &Value) {
        let (id, user) = (user["id"].clone(), only(user, &["id", "username"]));
        for message in self.messages.values_mut() {
            if message["author"]["id"] == id {
                message["author"] = user.clone();
            }
            if let Some(mentions) = message["mentions"].as_array_mut() {
                mentions.retain(|mentioned| mentioned["id"] != id);
            }
        }
        for conversation in self.conversations.values_mut() {
            conversation.receipts.remove(&number(&id));
            if let Some(member) = conversation.members.get_mut(&number(&id)) {
                user["username"].as_str().expect("a name").clone_into(&mut member.0);
            }
        }
    }

    fn forget_place(&mut self, place: u64) {
        let there = |messages: &BTreeMap<u64, Value>, id: u64| place_of(messages, id) == Some(place);
        let messages = std::mem::take(&mut self.messages);
        self.unread.retain(|id| !there(&messages, *id));
        self.messages =
            messages.into_iter().filter(|(_, message)| message["conversation_id"] != json!(place)).collect();
        self.conversations.remove(&place);
    }
}

/// Where an event happened.
fn place(event: &Value) -> u64 {
    event["conversation_id"].as_u64().unwrap_or_default()
}

fn unknown(kind: &str) -> ! {
    panic!("{kind} is no event that this test knows: it has to be shown here as well")
}

fn erase(message: &mut Value, deleted_at: &Value) {
    message["text"] = json!("");
    message["mentions"] = json!([]);
    message["deleted_at"] = deleted_at.clone();
}
