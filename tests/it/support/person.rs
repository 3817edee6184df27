//! Somebody with an account, and what people do with one.

use std::ops::Deref;

use serde_json::{Value, json};

use super::{Answer, Caller, Server, StreamRequest};
use crate::support::Credentials;

/// One session of one user. It calls with its access token.
#[derive(Clone)]
pub struct Person {
    pub id: u64,
    pub name: String,
    pub password: String,
    pub access_token: String,
    pub refresh_token: String,
    pub session: String,
    caller: Caller,
}

impl Deref for Person {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl Person {
    pub async fn register(server: &Server, name: &str) -> Self {
        let password = format!("password of {name}");
        let stranger = server.stranger();
        let answer = stranger.post("/api/v1/users", &json!({"username": name, "password": password})).await;
        Self::from_login(&stranger, &password, &answer.expect(201))
    }

    /// Several people, each named once.
    pub async fn register_all<const N: usize>(server: &Server, names: [&str; N]) -> [Self; N] {
        let people = futures_util::future::join_all(names.map(|name| Self::register(server, name))).await;
        people.try_into().unwrap_or_else(|_| unreachable!("one person per name"))
    }

    /// Another session of the same person.
    pub async fn login(&self, server: &Server) -> Self {
        let stranger = server.stranger();
        let answer =
            stranger.post("/api/v1/sessions", &json!({"username": self.name, "password": self.password})).await;
        Self::from_login(&stranger, &self.password, &answer.expect(201))
    }

    pub fn from_login(stranger: &Caller, password: &str, login: &Value) -> Self {
        let text = |field: &str| login[field].as_str().unwrap_or_else(|| panic!("{field} in {login}")).to_owned();
        let access_token = text("access_token");
        Self {
            id: login["user"]["id"].as_u64().expect("a user has an id"),
            name: login["user"]["username"].as_str().expect("a user has a name").to_owned(),
            password: password.to_owned(),
            refresh_token: text("refresh_token"),
            session: id_text(&login["session_id"]),
            caller: stranger.with_bearer(&access_token),
            access_token,
        }
    }

    /// Somebody whom the operator made an administrator.
    pub async fn administrator(server: &Server, name: &str) -> Self {
        let password = format!("password of {name}");
        server.command_with_input(&["user", "add", name, "--admin", "--password-stdin"], &password).await;
        let stranger = server.stranger();
        let answer = stranger.post("/api/v1/sessions", &json!({"username": name, "password": password})).await;
        Self::from_login(&stranger, &password, &answer.expect(201))
    }

    pub async fn logout(&self) {
        self.delete("/api/v1/sessions/current").await.expect(204);
    }

    pub async fn ticket(&self) -> String {
        let answer = self.post("/api/v1/stream-tickets", &json!({})).await.expect(201);
        answer["ticket"].as_str().expect("a ticket").to_owned()
    }

    /// A stream by a new ticket instead of the token.
    pub async fn stream_by_ticket(&self) -> StreamRequest {
        StreamRequest::new(Credentials::Ticket(self.ticket().await))
    }

    async fn make(&self, conversation: Value) -> u64 {
        let answer = self.post("/api/v1/conversations", &conversation).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.describe());
        answer.json()["id"].as_u64().expect("a conversation has an id")
    }

    pub async fn direct(&self, others: &[&Person]) -> u64 {
        self.make(json!({"kind": "direct", "members": names(others)})).await
    }

    pub async fn group(&self, name: &str, others: &[&Person]) -> u64 {
        self.make(json!({"kind": "group", "name": name, "members": names(others)})).await
    }

    pub async fn channel(&self, name: &str) -> u64 {
        self.make(json!({"kind": "channel", "name": name})).await
    }

    pub async fn join(&self, channel: u64) {
        self.post(&format!("/api/v1/conversations/{channel}/members"), &json!({})).await.expect(201);
    }

    pub async fn leave(&self, conversation: u64) {
        self.remove(conversation, self).await;
    }

    pub async fn add(&self, conversation: u64, other: &Person) {
        self.post(&format!("/api/v1/conversations/{conversation}/members"), &json!({"username": other.name}))
            .await
            .expect(201);
    }

    pub async fn remove(&self, conversation: u64, other: &Person) {
        self.delete(&format!("/api/v1/conversations/{conversation}/members/{}", other.name)).await.expect(204);
    }

    /// How far this person has read a conversation, and how much not.
    pub async fn unread(&self, conversation: u64) -> (u64, Option<u64>) {
        let item = self.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200);
        (item["unread"].as_u64().expect("a conversation says what is unread"), item["last_read_id"].as_u64())
    }

    /// Reads a conversation through a message.
    pub async fn read(&self, conversation: u64, message: &Value) -> Answer {
        let body = json!({"message_id": message["id"]});
        self.put(&format!("/api/v1/conversations/{conversation}/read"), &body).await
    }

    /// Asks to be somebody's contact.
    pub async fn ask(&self, other: &Person) -> Answer {
        self.post("/api/v1/contacts", &json!({"username": other.name})).await
    }

    /// Approves somebody as a contact, or rejects him.
    pub async fn answer(&self, other: &Person, state: &str) -> Value {
        self.put(&format!("/api/v1/contacts/{}", other.name), &json!({"state": state})).await.expect(200)
    }

    pub async fn block(&self, other: &Person) {
        self.put(&format!("/api/v1/blocks/{}", other.name), &json!({})).await.expect(204);
    }

    /// Lets nobody but contacts write directly.
    pub async fn close_inbox(&self) {
        self.patch("/api/v1/me", &json!({"inbox": "contacts"})).await.expect(200);
    }

    /// The events after this one that this person hears, as a poll lists them: types and data.
    pub async fn events_after(&self, seq: u64) -> Vec<(String, Value)> {
        let mut polled = self.get(&format!("/api/v1/events?after={seq}&limit=1000")).await.expect(200);
        let Value::Array(events) = polled["events"].take() else { panic!("a poll lists events") };
        events
            .into_iter()
            .map(|mut event| (event["type"].as_str().expect("an event has a type").to_owned(), event["data"].take()))
            .collect()
    }

    /// Sends, and gives the message back.
    pub async fn say(&self, conversation: u64, text: &str) -> Value {
        self.post("/api/v1/messages", &json!({"conversation_id": conversation, "text": text})).await.expect(201)
    }
}

fn names(people: &[&Person]) -> Vec<String> {
    people.iter().map(|person| person.name.clone()).collect()
}

/// An id as it stands in a path, whether the JSON has it as a number or as a string.
pub fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
