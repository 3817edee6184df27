//! The interface of Kinglet: its document's calls, the claims of its own tests, and the decisions about it.

mod accounts;
mod document;
mod lists;
mod mail;
mod messages;
mod posting;
mod refusals;
mod sessions;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Person, Server};

const BASE: &str = "/compat/kinglet/api/v1";

/// A fresh server that answers what it would mail.
async fn debug() -> Server {
    Server::options().set("--compat", "kinglet=debug").start().await
}

/// A form as Kinglet's clients send it: the data in one field, who calls in others.
async fn form(caller: &Caller, method: Method, path: &str, beside: &[(&str, &str)], data: &Value) -> Answer {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(beside).append_pair("json", &data.to_string());
    caller.send_body(method, &format!("{BASE}{path}"), "application/x-www-form-urlencoded", form.finish()).await
}

async fn log_in(server: &Server, email: &str, password: &str) -> Answer {
    let data = json!({"email": email, "password": password});
    form(&server.stranger(), Method::POST, "/users/login", &[], &data).await
}

/// An error, with its status as a text.
#[track_caller]
fn wrong(answer: &Answer, status: u16, user: &str, system: &str) {
    let said = answer.expect(status);
    assert_eq!(said["status"], status.to_string(), "{said}");
    messages_are(&said, user, system);
}

/// An error, with its status as a number.
#[track_caller]
fn wrong_by_number(answer: &Answer, status: u16, user: &str, system: &str) -> Value {
    let said = answer.expect(status);
    assert_eq!(said["status"], status, "{said}");
    messages_are(&said, user, system);
    said
}

#[track_caller]
fn messages_are(said: &Value, user: &str, system: &str) {
    assert_eq!((said["user_message"].as_str(), said["system_message"].as_str()), (Some(user), Some(system)), "{said}");
    assert!(said["description"].is_string(), "{said}");
}

#[track_caller]
fn not_logged_in(answer: &Answer) {
    wrong_by_number(answer, 401, "Invalid access.", "User not logged in.");
}

#[track_caller]
fn not_authenticated(answer: &Answer) {
    wrong_by_number(answer, 403, "Invalid access.", "User could not authenticate.");
}

/// The names of all fields, in the order of the alphabet.
fn fields(value: &Value) -> String {
    let mut names: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(" ")
}

/// Somebody who is logged in as Kinglet's clients are.
struct Bird {
    id: String,
    name: String,
    email: String,
    password: String,
    session: String,
    caller: Caller,
}

impl Bird {
    /// Registers, activates and logs in.
    async fn hatch(server: &Server, name: &str) -> Self {
        let (caller, email) = (server.stranger(), format!("{name}@example.org").to_lowercase());
        let data = json!({"user_name": name, "email": email});
        let made = form(&caller, Method::POST, "/users", &[], &data).await.expect(201);
        let (password, digest) = (made["password"].as_str().unwrap(), made["user_digest"].as_str().unwrap());
        caller.get(&format!("{BASE}/users/activate/{digest}")).await.expect(200);
        let login = log_in(server, &email, password).await.expect(200);
        Self {
            id: made["user_id"].as_str().unwrap().to_owned(),
            name: name.to_owned(),
            password: password.to_owned(),
            session: login["session_id"].as_str().unwrap().to_owned(),
            email,
            caller,
        }
    }

    /// Some who all approve each other.
    async fn flock<const N: usize>(server: &Server, names: [&str; N]) -> [Self; N] {
        let mut birds = Vec::new();
        for name in names {
            birds.push(Self::hatch(server, name).await);
        }
        for bird in &birds {
            for other in birds.iter().filter(|other| other.name != bird.name) {
                // Who was asked before is approved by that.
                bird.get(&format!("/lists/request/{}", other.name)).await;
                other.get(&format!("/lists/approve/{}", bird.name)).await.expect(200);
            }
        }
        birds.try_into().unwrap_or_else(|_| unreachable!("one bird per name"))
    }

    /// The same one by another session, or anything else that claims to be one.
    fn with_session(&self, session: &str) -> Self {
        let Self { id, name, email, password, caller, .. } = self;
        let (id, name, email, password) = (id.clone(), name.clone(), email.clone(), password.clone());
        Self { id, name, email, password, session: session.to_owned(), caller: caller.clone() }
    }

    fn credentials(&self) -> [(&str, &str); 3] {
        [("user_name", &self.name), ("user_id", &self.id), ("session_id", &self.session)]
    }

    fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(self.credentials()).finish()
    }

    async fn get(&self, path: &str) -> Answer {
        self.caller.get(&format!("{BASE}{path}/?{}", self.query())).await
    }

    async fn post(&self, path: &str, data: &Value) -> Answer {
        form(&self.caller, Method::POST, path, &self.credentials(), data).await
    }

    async fn put(&self, path: &str, data: &Value) -> Answer {
        form(&self.caller, Method::PUT, path, &self.credentials(), data).await
    }

    async fn say(&self, text: &str) -> String {
        let answer = self.post("/messages", &json!({"message_text": text})).await.expect(201);
        answer["message_id"].as_str().expect("ids are texts").to_owned()
    }

    async fn message(&self, id: &str) -> Value {
        self.get(&format!("/messages/{id}")).await.expect(200)
    }

    async fn reply(&self, id: &str, text: &str) -> Answer {
        let digest = self.message(id).await["content_digest"].clone();
        let data = json!({"message_text": text, "reply_to_id": id, "reply_to_content_digest": digest});
        self.post(&format!("/messages/{id}/replies"), &data).await
    }

    async fn rows(&self, path: &str) -> Vec<Value> {
        self.get(path).await.expect(200)["messages"].as_array().expect("rows").clone()
    }

    async fn texts(&self, path: &str) -> Vec<String> {
        self.rows(path).await.iter().map(|row| row["message_text"].as_str().unwrap().to_owned()).collect()
    }

    /// The same person by the native interface.
    async fn native(&self, server: &Server) -> Person {
        let stranger = server.stranger();
        let body = json!({"username": self.name, "password": self.password});
        let login = stranger.post("/api/v1/sessions", &body).await.expect(201);
        Person::from_login(&stranger, &self.password, &login)
    }
}
