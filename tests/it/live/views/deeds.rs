//! Whatever people do, at random.

use std::sync::Arc;

use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::{Answer, Chance, Person, Server};

/// What there is by now to do something with.
#[derive(Default)]
pub struct Places {
    conversations: Mutex<Vec<u64>>,
    messages: Mutex<Vec<u64>>,
}

pub struct Doer {
    person: Person,
    stranger: crate::support::Caller,
    names: Arc<Vec<String>>,
    places: Arc<Places>,
    keys: Vec<u64>,
    done: usize,
}

impl Doer {
    pub fn new(server: &Server, person: &Person, names: Arc<Vec<String>>, places: Arc<Places>) -> Self {
        Self { person: person.clone(), stranger: server.stranger(), names, places, keys: Vec::new(), done: 0 }
    }

    /// Does so many things. Many are refused, which is as good.
    pub async fn act(mut self, mut chance: Chance, count: usize) {
        while self.done < count {
            self.done += 1;
            let answer = self.deed(&mut chance).await;
            let is_gone = answer.status == 401;
            assert!(answer.status < 500, "{}: {}", self.person.name, answer.describe());
            self.note(&answer);
            if is_gone {
                return;
            }
        }
    }

    fn note(&self, answer: &Answer) {
        if ![200, 201].contains(&answer.status) {
            return;
        }
        let value = answer.json();
        if let (Some(id), true) = (value["id"].as_u64(), value["kind"].is_string() && value["members"].is_array()) {
            self.places.conversations.lock().push(id);
        } else if let (Some(id), Some(place)) = (value["id"].as_u64(), value["conversation_id"].as_u64())
            && value["text"].is_string()
        {
            self.places.messages.lock().push(id);
            self.places.conversations.lock().push(place);
        }
    }

    fn somebody(&self, chance: &mut Chance) -> String {
        chance.pick(&self.names).clone()
    }

    fn somewhere(&self, chance: &mut Chance) -> u64 {
        let known = self.places.conversations.lock();
        if known.is_empty() { 1 } else { *chance.pick(&known) }
    }

    /// Mostly one of the newest.
    fn something(&self, chance: &mut Chance) -> u64 {
        let known = self.places.messages.lock();
        match known.len() {
            0 => 1,
            count => known[count - 1 - chance.between(0, (count - 1).min(30))],
        }
    }

    fn text(&self, chance: &mut Chance) -> String {
        let name = self.somebody(chance);
        let length = chance.between(1, 20);
        let text = chance.text(length);
        if chance.percent(30) { format!("@{name} {text}") } else { text }
    }

    async fn deed(&mut self, chance: &mut Chance) -> Answer {
        match chance.between(0, 99) {
            0..=34 => self.send(chance).await,
            35..=54 => self.change_message(chance).await,
            55..=64 => self.read(chance).await,
            65..=82 => self.change_conversation(chance).await,
            83..=92 => self.relate(chance).await,
            _ => self.change_account(chance).await,
        }
    }

    async fn call(&self, method: Method, path: String, body: Value) -> Answer {
        self.person.call(method, &format!("/api/v1/{path}"), Some(&body)).await
    }

    async fn send(&self, chance: &mut Chance) -> Answer {
        let text = self.text(chance);
        let body = match chance.between(0, 9) {
            0..=2 => json!({"to": [self.somebody(chance)], "text": text}),
            3 => json!({"to": [self.somebody(chance), self.somebody(chance)], "text": text}),
            4 => json!({"to": [self.person.name], "text": text}),
            5 | 6 => {
                let (place, root) = (self.somewhere(chance), self.something(chance));
                json!({"conversation_id": place, "text": text, "thread_id": root})
            }
            _ => json!({"conversation_id": self.somewhere(chance), "text": text}),
        };
        self.call(Method::POST, "messages".to_owned(), body).await
    }

    async fn change_message(&self, chance: &mut Chance) -> Answer {
        let id = self.something(chance);
        match chance.between(0, 9) {
            0..=4 => self.call(Method::PATCH, format!("messages/{id}"), json!({"text": self.text(chance)})).await,
            5..=8 => {
                let whose = *chance.pick(&["", "?for=all", "?for=me"]);
                self.person.delete(&format!("/api/v1/messages/{id}{whose}")).await
            }
            _ => {
                let ids = [id, self.something(chance), self.something(chance)];
                self.call(Method::POST, "messages/delete".to_owned(), json!({"ids": ids})).await
            }
        }
    }

    async fn read(&self, chance: &mut Chance) -> Answer {
        let place = self.somewhere(chance);
        if chance.percent(30) {
            return self.call(Method::POST, "messages/take".to_owned(), json!({"limit": chance.between(1, 5)})).await;
        }
        self.call(Method::PUT, format!("conversations/{place}/read"), json!({"message_id": self.something(chance)}))
            .await
    }

    async fn change_conversation(&self, chance: &mut Chance) -> Answer {
        let (place, other) = (self.somewhere(chance), self.somebody(chance));
        let name = format!("place-{}", chance.between(0, 9));
        match chance.between(0, 17) {
            0 | 1 => {
                let members = [other, self.somebody(chance)];
                self.call(
                    Method::POST,
                    "conversations".to_owned(),
                    json!({"kind": "group", "name": name, "members": members}),
                )
                .await
            }
            2 => self.call(Method::POST, "conversations".to_owned(), json!({"kind": "channel", "name": name})).await,
            3 => {
                self.call(Method::POST, "conversations".to_owned(), json!({"kind": "direct", "members": [other]})).await
            }
            4 => self.call(Method::PATCH, format!("conversations/{place}"), json!({"name": name})).await,
            5 => {
                let post = *chance.pick(&["members", "owners", "members"]);
                self.call(Method::PATCH, format!("conversations/{place}"), json!({"post": post})).await
            }
            6..=8 => {
                self.call(Method::POST, format!("conversations/{place}/members"), json!({"username": other})).await
            }
            9..=11 => self.call(Method::POST, format!("conversations/{place}/members"), json!({})).await,
            12 | 13 => self.person.delete(&format!("/api/v1/conversations/{place}/members/{other}")).await,
            14 => self.person.delete(&format!("/api/v1/conversations/{place}/members/{}", self.person.name)).await,
            _ => {
                let role = *chance.pick(&["owner", "member"]);
                self.call(Method::PATCH, format!("conversations/{place}/members/{other}"), json!({"role": role})).await
            }
        }
    }

    async fn relate(&self, chance: &mut Chance) -> Answer {
        let other = self.somebody(chance);
        match chance.between(0, 9) {
            0 | 1 => self.call(Method::POST, "contacts".to_owned(), json!({"username": other})).await,
            2..=4 => {
                let state = *chance.pick(&["approved", "rejected"]);
                self.call(Method::PUT, format!("contacts/{other}"), json!({"state": state})).await
            }
            5 => self.person.delete(&format!("/api/v1/contacts/{other}")).await,
            6 => self.call(Method::PUT, format!("blocks/{other}"), json!({})).await,
            _ => self.person.delete(&format!("/api/v1/blocks/{other}")).await,
        }
    }

    async fn change_account(&mut self, chance: &mut Chance) -> Answer {
        match chance.between(0, 5) {
            0 => {
                let (circle, inbox) =
                    (*chance.pick(&["everyone", "contacts"]), *chance.pick(&["everyone", "everyone", "contacts"]));
                let length = chance.between(0, 10);
                let shown = chance.percent(80);
                let body =
                    json!({"bio": chance.text(length), "bio_visible": circle, "inbox": inbox, "show_presence": shown});
                self.call(Method::PATCH, "me".to_owned(), body).await
            }
            1 | 2 => {
                let answer =
                    self.call(Method::POST, "keys".to_owned(), json!({"name": "bot", "scopes": ["read"]})).await;
                if answer.status == 201 {
                    self.keys.push(answer.json()["id"].as_u64().expect("a key has a number"));
                }
                answer
            }
            3 => match self.keys.pop() {
                Some(key) => self.person.delete(&format!("/api/v1/keys/{key}")).await,
                None => self.person.get("/api/v1/keys").await,
            },
            _ => {
                let body = json!({"username": self.person.name, "password": self.person.password});
                let login = self.stranger.post("/api/v1/sessions", &body).await;
                if login.status == 201 && chance.percent(50) {
                    let session = login.json()["session_id"].clone();
                    return self.person.delete(&format!("/api/v1/sessions/{session}")).await;
                }
                // Who is gone cannot log in, and nothing else either.
                login
            }
        }
    }
}
