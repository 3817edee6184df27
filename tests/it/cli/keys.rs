//! `key`: credentials for scripts and bots.

use serde_json::{Value, json};

use super::operator::Operator;
use crate::support::{Person, Server};

async fn keys_come_and_go(operator: &Operator) -> (String, String) {
    operator.adds("bob").await;
    let key = operator.types(&["key", "add", "bob", "--name", "backup", "--scope", "send"]).await.line();
    let other = operator.types(&["key", "add", "bob", "--name", "feed", "--scope", "read,send"]).await.line();
    assert!(key.starts_with("gck_") && other.starts_with("gck_") && key != other);

    let table = operator.types(&["key", "list", "bob"]).await.succeeds();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["ID", "NAME", "SCOPE", "CONVERSATION", "SINCE"]);
    assert_eq!(rows[1][1..4], ["backup", "send", "all"]);
    assert_eq!(rows[2][1..4], ["feed", "read,send", "all"]);
    assert!(!table.contains(&key), "a key is shown once");

    let id = rows[1][0];
    assert_eq!(operator.types(&["key", "revoke", "bob", id]).await.line(), format!("revoked the key {id} of bob"));
    let complaint = operator.types(&["key", "revoke", "bob", id]).await.complains();
    assert!(complaint.contains("there is no key"), "{complaint}");
    let list: Value = serde_json::from_str(&operator.types(&["key", "list", "bob", "--json"]).await.line()).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");

    let complaint = operator.types(&["key", "add", "bob", "--name", "x", "--scope", "everything"]).await.misuses();
    assert!(complaint.contains("a scope is read or send"), "{complaint}");
    operator.types(&["key", "add", "bob", "--name", "x"]).await.misuses();
    let nowhere = ["key", "add", "bob", "--name", "x", "--scope", "send", "--conversation", "99"];
    let complaint = operator.types(&nowhere).await.complains();
    assert!(complaint.contains("there is no conversation"), "{complaint}");
    (key, other)
}

#[tokio::test]
async fn keys_come_and_go_without_a_server() {
    keys_come_and_go(&Operator::alone()).await;
}

#[tokio::test]
async fn keys_come_and_go_beside_a_server() {
    let server = Server::start().await;
    let (revoked, kept) = keys_come_and_go(&Operator::beside(&server)).await;
    server.stranger().with_bearer(&revoked).get("/api/v1/messages").await.refused(401, "unauthorized");
    server.stranger().with_bearer(&kept).get("/api/v1/messages").await.expect(200);
    assert!(!server.log().contains(&revoked) && !server.log().contains(&kept), "the log has a key");
}

#[tokio::test]
async fn a_key_may_be_for_one_conversation() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let (backups, other) = (alice.group("backups", &[&bob]).await, alice.group("other", &[&bob]).await);
    let id = backups.to_string();
    let add = ["key", "add", "bob", "--name", "backup", "--scope", "send", "--conversation", &id];
    let key = Operator::beside(&server).types(&add).await.line();
    let script = server.stranger().with_bearer(&key);
    let send = async |to: u64| script.post("/api/v1/messages", &json!({"conversation_id": to, "text": "done"})).await;
    send(backups).await.expect(201);
    assert_ne!(send(other).await.status, 201);
}
