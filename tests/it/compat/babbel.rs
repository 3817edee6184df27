//! The interface of Babbel.

mod deleting;
mod document;
mod doors;
mod failures;
mod lists;
mod long_lists;
mod pages;
mod sending;

use http::Method;
use serde_json::Value;

use crate::support::{Answer, Caller, Options, Person, Server};

const PREFIX: &str = "/compat/babbel";
const FORM: &str = "application/x-www-form-urlencoded";

fn mounted(as_what: &str) -> Options {
    Server::options().set("--compat", as_what)
}

/// A server that trusts Babbel's callers, with these users.
async fn open<const N: usize>(names: [&str; N]) -> (Server, [User; N]) {
    let server = mounted("babbel=open").start().await;
    for name in names {
        server.command(&["user", "add", name, "--open"]).await;
    }
    let users = names.map(|name| User { name: name.to_owned(), caller: server.stranger() });
    (server, users)
}

/// A server of the usual kind, with people who have passwords, each beside the user that Babbel sees in him.
async fn usual<const N: usize>(names: [&str; N]) -> (Server, [(Person, User); N]) {
    let server = mounted("babbel").start().await;
    let people = Person::register_all(&server, names).await;
    let users = people.map(|person| {
        let user = User { name: person.name.clone(), caller: server.stranger().with_bearer(&person.access_token) };
        (person, user)
    });
    (server, users)
}

/// Somebody who uses Babbel.
struct User {
    name: String,
    caller: Caller,
}

impl User {
    /// A path of his own on the server.
    fn path(&self, rest: &str) -> String {
        format!("{PREFIX}/{}{rest}", self.name)
    }

    async fn call(&self, method: Method, rest: &str) -> Answer {
        self.caller.call(method, &self.path(rest), None).await
    }

    async fn get(&self, rest: &str) -> Answer {
        self.call(Method::GET, rest).await
    }

    async fn delete(&self, rest: &str, body: &str) -> Answer {
        // As curl calls whatever it sends.
        self.caller.send_body(Method::DELETE, &self.path(rest), FORM, body).await
    }

    async fn form(&self, body: &str) -> Answer {
        self.caller.send_body(Method::POST, &self.path("/message/"), FORM, body).await
    }

    /// Sends, which works.
    async fn say(&self, receiver: &User, text: &str) {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("receiver", &receiver.name).append_pair("message", text);
        self.form(&form.finish()).await.expect(204);
    }

    /// The messages of a list, oldest first.
    async fn list(&self, rest: &str) -> Vec<Value> {
        let Value::Array(messages) = self.get(rest).await.expect(200) else { panic!("{rest} is a list") };
        messages
    }

    /// What they say.
    async fn texts(&self, rest: &str) -> Vec<String> {
        self.list(rest).await.iter().map(|message| message["message"].as_str().expect("a text").to_owned()).collect()
    }

    async fn unseen(&self) -> Vec<String> {
        self.texts("/messages/").await
    }

    /// Everything received, which marks nothing.
    async fn all(&self) -> Vec<String> {
        self.texts("/messages/?start=2000-01-01").await
    }

    async fn ids(&self, rest: &str) -> Vec<u64> {
        self.list(rest).await.iter().map(|message| message["id"].as_u64().expect("a number")).collect()
    }
}

/// A refusal in Babbel's words: a status and a JSON object with a message.
#[track_caller]
fn refused(answer: &Answer, status: u16) -> Value {
    let mut body = answer.expect(status);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.describe());
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(1), "{body}");
    body["message"].take()
}

const NOTHING: [&str; 0] = [];
