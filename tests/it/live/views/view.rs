//! What a client shows: read from lists, and kept up to date by events.

mod applying;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::support::Person;

#[derive(Debug, Default, Clone, PartialEq)]
struct Conversation {
    /// `kind`, `name`, `post`, `created_at`.
    facts: Value,
    /// Roles by user.
    members: BTreeMap<u64, (String, String)>,
    last_read: Option<u64>,
    /// How far each of those has read who tell each other.
    receipts: BTreeMap<u64, u64>,
}

/// Everything that somebody can list.
#[derive(Debug, Default)]
pub struct View {
    viewer: u64,
    me: Value,
    conversations: BTreeMap<u64, Conversation>,
    messages: BTreeMap<u64, Value>,
    unread: BTreeSet<u64>,
    contacts: BTreeMap<(String, u64), Value>,
    blocks: BTreeMap<u64, Value>,
    sessions: BTreeMap<String, Value>,
    keys: BTreeMap<String, Value>,
    /// What lists say that follows from the rest, as they say it.
    counted: BTreeMap<u64, (u64, u64, Option<u64>)>,
    replies: BTreeMap<u64, u64>,
    mentioned: BTreeSet<u64>,
    threads: BTreeSet<u64>,
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("a number: {value}"))
}

/// These fields of an object.
fn only(value: &Value, fields: &[&str]) -> Value {
    let taken: Map<String, Value> =
        fields.iter().map(|field| ((*field).to_owned(), value.get(*field).cloned().unwrap_or(Value::Null))).collect();
    Value::Object(taken)
}

fn id_of(value: &Value) -> String {
    value["id"].to_string()
}

const ME: &[&str] =
    &["id", "username", "admin", "email", "email_confirmed", "bio", "bio_visible", "inbox", "show_presence"];
const FACTS: &[&str] = &["kind", "name", "post", "created_at"];
const MESSAGE: &[&str] = &[
    "id",
    "conversation_id",
    "author",
    "text",
    "mentions",
    "thread_id",
    "created_at",
    "edited_at",
    "deleted_at",
    "client_id",
];
const CONTACT: &[&str] = &["user", "state", "requested_at", "answered_at"];
const SESSION: &[&str] = &["id", "name", "kind", "created_at", "expires_at"];
const KEY: &[&str] = &["id", "name", "scopes", "conversation_id", "created_at"];

/// A list from its beginning to its end, and the smallest head that a part of it was read at.
async fn list(person: &Person, path: &str) -> (Vec<Value>, u64) {
    let (mut items, mut head, mut cursor) = (Vec::new(), u64::MAX, String::new());
    let parameter = if path.starts_with("/api/v1/messages") { "before" } else { "cursor" };
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let part = person.get(&format!("{path}{joint}limit=100{cursor}")).await.expect(200);
        head = head.min(part["head"].as_u64().unwrap_or(u64::MAX));
        items.extend(part["items"].as_array().expect("items").iter().cloned());
        match &part["next"] {
            Value::Null => return (items, head),
            Value::String(next) => cursor = format!("&{parameter}={next}"),
            next => cursor = format!("&{parameter}={next}"),
        }
    }
}

impl View {
    /// Reads all lists, one after the other, and tells the smallest head that one was read at.
    pub async fn read(person: &Person) -> (Self, u64) {
        let head = person.head().await;
        let mut view =
            Self { viewer: person.id, me: only(&person.get("/api/v1/me").await.expect(200), ME), ..Self::default() };
        view.read_conversations(person, None).await;
        view.read_messages(person, None).await;
        for direction in ["received", "sent"] {
            for item in list(person, &format!("/api/v1/contacts?direction={direction}")).await.0 {
                view.contacts.insert((direction.to_owned(), number(&item["user"]["id"])), only(&item, CONTACT));
            }
        }
        for item in list(person, "/api/v1/blocks").await.0 {
            view.blocks.insert(number(&item["user"]["id"]), item["user"].clone());
        }
        for item in person.get("/api/v1/sessions").await.expect(200)["items"].as_array().unwrap() {
            view.sessions.insert(id_of(item), only(item, SESSION));
        }
        for item in person.get("/api/v1/keys").await.expect(200)["items"].as_array().unwrap() {
            view.keys.insert(id_of(item), only(item, KEY));
        }
        view.mentioned = list(person, "/api/v1/mentions").await.0.iter().map(|item| number(&item["id"])).collect();
        view.threads = list(person, "/api/v1/threads").await.0.iter().map(|item| number(&item["root"]["id"])).collect();
        (view, head)
    }

    async fn read_conversations(&mut self, person: &Person, only_this: Option<u64>) {
        for item in list(person, "/api/v1/conversations").await.0 {
            let id = number(&item["id"]);
            if only_this.is_some_and(|wanted| wanted != id) {
                continue;
            }
            let answer = person.get(&format!("/api/v1/conversations/{id}/receipts")).await;
            // Meanwhile he may be out again.
            let receipts = if answer.status == 200 { answer.expect(200) } else { json!({"items": []}) };
            let receipts = receipts["items"].as_array().unwrap().iter();
            let conversation = Conversation {
                facts: only(&item, FACTS),
                members: members(&item["members"]),
                last_read: item["last_read_id"].as_u64(),
                receipts: receipts.map(|one| (number(&one["user"]["id"]), number(&one["message_id"]))).collect(),
            };
            self.conversations.insert(id, conversation);
            let last = item["last_message"]["id"].as_u64();
            self.counted.insert(id, (number(&item["unread"]), number(&item["mention_count"]), last));
        }
    }

    /// Of a channel, asking for it by itself gives what was said before one came as well, which no other list shows.
    async fn read_messages(&mut self, person: &Person, only_there: Option<u64>) {
        let is_wanted = |item: &Value| only_there.is_none_or(|place| item["conversation_id"] == json!(place));
        for item in list(person, "/api/v1/messages").await.0.iter().filter(|item| is_wanted(item)) {
            let id = number(&item["id"]);
            if let Some(replies) = item["reply_count"].as_u64() {
                self.replies.insert(id, replies);
            }
            self.messages.insert(id, only(item, MESSAGE));
        }
        for item in list(person, "/api/v1/messages?unread=true").await.0.iter().filter(|item| is_wanted(item)) {
            self.unread.insert(number(&item["id"]));
        }
    }

    /// Compares what is known with what was just read. Of places where he is not any more he hears no changes.
    pub fn assert_shows_the_same_as(&self, fresh: &Self, who: &str, round: usize) {
        let title = |what: &str| format!("{what} of {who} in round {round}");
        assert_eq!(self.me, fresh.me, "{}", title("the account"));
        assert_eq!(keys(&self.conversations), keys(&fresh.conversations), "{}", title("the conversations"));
        for (id, conversation) in &self.conversations {
            assert_eq!(*conversation, fresh.conversations[id], "{} {id}", title("conversation"));
        }
        let is_there =
            |id: &u64| place_of(&self.messages, *id).is_some_and(|place| self.conversations.contains_key(&place));
        // What runs out where he is not any more, he is not told of.
        let known: Vec<u64> =
            self.messages.keys().copied().filter(|id| is_there(id) || fresh.messages.contains_key(id)).collect();
        assert_eq!(known, keys(&fresh.messages), "{}", title("the messages"));
        for (id, message) in self.messages.iter().filter(|(id, _)| is_there(id)) {
            assert_eq!(*message, fresh.messages[id], "{} {id}", title("message"));
        }
        let here = |unread: &BTreeSet<u64>| unread.iter().copied().filter(is_there).collect::<Vec<_>>();
        assert_eq!(here(&self.unread), here(&fresh.unread), "{}", title("what is unread"));
        assert_eq!(self.contacts, fresh.contacts, "{}", title("the contacts"));
        assert_eq!(self.blocks, fresh.blocks, "{}", title("the blocks"));
        assert_eq!(self.sessions, fresh.sessions, "{}", title("the sessions"));
        assert_eq!(self.keys, fresh.keys, "{}", title("the keys"));
        self.assert_counts(fresh, &title);
    }

    /// What lists count and pick follows from what is known.
    fn assert_counts(&self, fresh: &Self, title: &dyn Fn(&str) -> String) {
        let mentions_me = |message: &Value| {
            let mentions = message["mentions"].as_array();
            mentions.is_some_and(|all| all.iter().any(|user| user["id"] == json!(self.viewer)))
        };
        for id in self.conversations.keys() {
            let there: Vec<(&u64, &Value)> =
                self.messages.iter().filter(|(_, message)| message["conversation_id"] == json!(id)).collect();
            let unread = there.iter().filter(|(message, _)| self.unread.contains(message));
            let mentions = unread.clone().filter(|(_, message)| mentions_me(message)).count() as u64;
            let (its_unread, its_mentions, last) = fresh.counted[id];
            let counts = (unread.count() as u64, mentions);
            assert_eq!(counts, (its_unread, its_mentions), "{} {id}", title("unread and mentions in conversation"));
            // What was said last in a channel may have been said before he came, where these lists do not reach.
            if self.conversations[id].facts["kind"] != json!("channel") {
                assert_eq!(
                    there.last().map(|(id, _)| **id),
                    last,
                    "{} {id}",
                    title("the last message of conversation")
                );
            }
        }
        let is_there =
            |id: u64| place_of(&self.messages, id).is_some_and(|place| self.conversations.contains_key(&place));
        for (root, count) in fresh.replies.iter().filter(|(root, _)| is_there(**root)) {
            let replies = self.messages.values().filter(|message| message["thread_id"] == json!(root)).count() as u64;
            assert_eq!(replies, *count, "{} {root}", title("the replies to"));
        }
        let mentioned = self.messages.iter().filter(|(_, message)| mentions_me(message)).map(|(id, _)| *id);
        let mentioned: Vec<u64> = mentioned.filter(|id| is_there(*id)).collect();
        let listed: Vec<u64> = fresh.mentioned.iter().copied().filter(|id| is_there(*id)).collect();
        assert_eq!(mentioned, listed, "{}", title("the mentions"));
        let takes_part = |message: &Value| message["author"]["id"] == json!(self.viewer) || mentions_me(message);
        let mut threads: BTreeMap<u64, bool> = BTreeMap::new();
        for message in self.messages.values() {
            if let Some(root) = message["thread_id"].as_u64().filter(|root| is_there(*root)) {
                let own = self.messages.get(&root).is_some_and(takes_part);
                *threads.entry(root).or_insert(own) |= takes_part(message);
            }
        }
        // Whose own reply is hidden from himself since, or who is not named any more, still takes part.
        for (root, mine) in &threads {
            assert!(fresh.threads.contains(root) || !mine, "{}: {root} is not listed", title("the threads"));
        }
        for root in fresh.threads.iter().filter(|root| is_there(**root)) {
            assert!(threads.contains_key(root), "{}: nobody has replied to {root}", title("the threads"));
        }
    }
}

fn place_of(messages: &BTreeMap<u64, Value>, id: u64) -> Option<u64> {
    messages.get(&id)?["conversation_id"].as_u64()
}

fn keys<K: Clone, V>(map: &BTreeMap<K, V>) -> Vec<K> {
    map.keys().cloned().collect()
}

fn members(list: &Value) -> BTreeMap<u64, (String, String)> {
    list.as_array().expect("members").iter().map(member).collect()
}

fn member(value: &Value) -> (u64, (String, String)) {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (number(&value["user"]["id"]), (text(&value["user"]["username"]), text(&value["role"])))
}
