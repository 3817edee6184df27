//! What `docs/keys.md` says that an API key may do, compared with what the server lets it do.

use std::fmt::Write as _;

use goldcrest::api::routes::{Access, LIST};
use http::Method;
use serde_json::{Value, json};

use super::page;
use crate::support::{Answer, Caller, NotOpened, Person, Server, SseClient, WsClient};

/// A server with somebody whose keys are tried, and a group in which he is.
struct Scene {
    server: Server,
    alice: Person,
    group: u64,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
        let group = alice.group("team", &[&bob]).await;
        alice.channel("news").await;
        Self { server, alice, group }
    }

    async fn key(&self, scope: &str, conversation: Option<u64>) -> Caller {
        let body = json!({"name": "a key", "scopes": [scope], "conversation_id": conversation});
        let made = self.alice.post("/api/v1/keys", &body).await.expect(201);
        self.server.stranger().with_bearer(made["key"].as_str().unwrap())
    }

    /// Makes a request that whoever may make it at all would get an answer to.
    async fn ask(&self, key: &Caller, method: &str, path: &str) -> Answer {
        let opened = match path {
            "/stream" => SseClient::open(self.server.address, &key.stream()).await.map(drop),
            "/ws" => WsClient::open(self.server.address, &key.stream()).await.map(drop),
            _ => return self.call(key, method, path).await,
        };
        match opened {
            Ok(()) => Answer { status: 200, headers: http::HeaderMap::new(), body: Vec::new() },
            Err(refused @ NotOpened::Answered(_)) => refused.answer(),
            Err(error) => panic!("{path}: {error:?}"),
        }
    }

    async fn call(&self, key: &Caller, method: &str, path: &str) -> Answer {
        // A new one each time, since what is tried may delete it.
        let message = self.alice.say(self.group, "hello").await["id"].as_u64().unwrap();
        let (group, method) = (self.group, method.to_uppercase().parse::<Method>().unwrap());
        let body: Option<Value> = match (method.as_str(), path) {
            ("GET", _) | ("DELETE", "/api/v1/messages/{id}") => None,
            (_, "/api/v1/messages") => Some(json!({"conversation_id": group, "text": "x"})),
            (_, "/api/v1/messages/take") => Some(json!({"conversation_id": group})),
            (_, "/api/v1/conversations/{id}/messages") | ("PATCH", _) => Some(json!({"text": "x"})),
            (_, "/api/v1/messages/delete") => Some(json!({"ids": [message]})),
            (_, "/api/v1/conversations/{id}/read") => Some(json!({"message_id": message})),
            _ => Some(json!({})),
        };
        let id = if path.contains("/messages/{id}") { message } else { group };
        let path = match path {
            "/api/v1/users" => "/api/v1/users?prefix=b".to_owned(),
            "/api/v1/users/by-id/{id}" => format!("/api/v1/users/by-id/{}", self.alice.id),
            path => path.replace("{id}", &id.to_string()).replace("{name}", "bob"),
        };
        key.call(method, &path, body.as_ref()).await
    }
}

#[tokio::test]
async fn docs_keys_md_lists_what_each_key_may_do() {
    let scene = Scene::new().await;
    let here = Some(scene.group);
    let mut keys = Vec::new();
    for (scope, conversation) in [("read", None), ("send", None), ("read", here), ("send", here)] {
        keys.push(scene.key(scope, conversation).await);
    }
    let mut table = String::from(
        "| call | `read` | `send` | `read`, one conversation | `send`, one conversation |\n|---|---|---|---|---|\n",
    );
    for (method, path, access) in LIST {
        if *access == Access::Public && *path != "/ws" {
            continue;
        }
        let mut cells = Vec::new();
        for key in &keys {
            let answer = scene.ask(key, method, path).await;
            cells.push(match answer.status {
                200..300 => "yes",
                // A key has no session to log out of.
                404 if *path == "/api/v1/sessions/current" => "no",
                _ => {
                    answer.refused(403, "insufficient_scope");
                    "no"
                }
            });
        }
        if cells.contains(&"yes") {
            let path: Vec<String> = path.split('/').map(super::tables::as_docs_write_it).collect();
            writeln!(table, "| `{} {}` | {} |", method.to_uppercase(), path.join("/"), cells.join(" | ")).unwrap();
        }
    }
    assert!(page("docs/keys.md").contains(&table), "docs/keys.md should hold this:\n\n{table}");
}
