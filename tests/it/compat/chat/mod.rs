//! Simple HTTP Chat: what its clients send, and what they must get.

mod callers;
mod document;
mod lists;
mod neighbours;
mod refusals;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Options, Server};

/// A server whose callers are trusted.
fn open() -> Options {
    Server::options().set("--compat", "chat=open")
}

/// A server at which everybody says who he is.
async fn guarded() -> Server {
    Server::options().set("--compat", "chat").start().await
}

async fn call(caller: &Caller, path: &str, body: &Value) -> Answer {
    caller.post(&format!("/compat/chat/{path}"), body).await
}

/// As `call`, with a text that stands for the body as it is.
async fn call_with(caller: &Caller, path: &str, kind: &'static str, body: impl Into<Vec<u8>>) -> Answer {
    caller.send_body(Method::POST, &format!("/compat/chat/{path}"), kind, body).await
}

async fn added(caller: &Caller, path: &str, body: &Value) -> u64 {
    call(caller, path, body).await.expect(201).as_u64().expect("a bare number")
}

async fn add_user(caller: &Caller, name: &str) -> u64 {
    added(caller, "users/add", &json!({"username": name})).await
}

async fn add_chat(caller: &Caller, name: &str, users: &[u64]) -> u64 {
    added(caller, "chats/add", &json!({"name": name, "users": users})).await
}

async fn add_message(caller: &Caller, chat: u64, author: u64, text: &str) -> u64 {
    added(caller, "messages/add", &json!({"chat": chat, "author": author, "text": text})).await
}

async fn chats(caller: &Caller, user: u64) -> Vec<Value> {
    list(&call(caller, "chats/get", &json!({"user": user})).await)
}

async fn messages(caller: &Caller, chat: u64) -> Vec<Value> {
    list(&call(caller, "messages/get", &json!({"chat": chat})).await)
}

fn list(answer: &Answer) -> Vec<Value> {
    answer.expect(200).as_array().expect("a list").clone()
}

fn ids(entries: &[Value]) -> Vec<u64> {
    entries.iter().map(|entry| entry["id"].as_u64().expect("a number")).collect()
}

/// Somebody by the name and password that come with each request.
fn with_password(server: &Server, name: &str, password: &str) -> Caller {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    server.stranger().with_header("authorization", &format!("Basic {pair}"))
}

/// A refusal in the words of this protocol. Gives what its message is.
#[track_caller]
fn refused(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.describe());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.describe());
    let said = answer.json();
    let error = http::StatusCode::from_u16(status).unwrap().canonical_reason().unwrap();
    assert_eq!(said["error"], error, "{said}");
    said["message"].clone()
}
