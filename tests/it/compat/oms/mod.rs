//! The interface of OMS: what its README describes, and the answers that its clients know.

mod accounts;
mod blocks;
mod lists;
mod messages;
mod refusals;

use serde_json::{Value, json};

use crate::support::{Answer, Caller, Options, Server};

/// Where its paths begin.
const API: &str = "/compat/oms/api";

fn options() -> Options {
    Server::options().set("--compat", "oms")
}

/// Calls as one of its clients does.
#[derive(Clone)]
struct Client {
    caller: Caller,
    token: String,
}

impl Client {
    /// Somebody who registers there.
    async fn register(server: &Server, name: &str) -> Self {
        let account = json!({"username": name, "password": "pass"});
        Self::with(server, &post(&server.stranger(), "/auth/register", &account).await.expect(201))
    }

    /// Another login of the same.
    async fn login(server: &Server, name: &str, password: &str) -> Self {
        let account = json!({"username": name, "password": password});
        Self::with(server, &post(&server.stranger(), "/auth/login", &account).await.expect(200))
    }

    fn with(server: &Server, welcome: &Value) -> Self {
        let token = welcome["token"].as_str().expect("a token").to_owned();
        let caller = server.stranger().with_header("authorization", &format!("Token {token}"));
        Self { caller, token }
    }

    async fn get(&self, path: &str) -> Answer {
        self.caller.get(&format!("{API}{path}")).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        post(&self.caller, path, body).await
    }

    async fn send(&self, receiver: &str, content: &str) -> Value {
        self.post("/message", &json!({"receiver": receiver, "content": content})).await.expect(201)
    }

    /// What the messages of a list say.
    async fn contents(&self, path: &str) -> Vec<String> {
        let list = self.get(path).await.expect(200);
        let results = list["results"].as_array().expect("a page has results");
        results.iter().map(|message| message["content"].as_str().expect("a text").to_owned()).collect()
    }
}

async fn post(caller: &Caller, path: &str, body: &Value) -> Answer {
    caller.post(&format!("{API}{path}"), body).await
}

/// Refused with exactly these words.
#[track_caller]
fn refused(answer: &Answer, status: u16, body: &Value) {
    assert_eq!((answer.status, answer.json()), (status, body.clone()), "{}", answer.describe());
}
