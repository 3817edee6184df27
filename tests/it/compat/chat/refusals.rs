//! What is wrong is said as the original said it, and nothing at all makes the server fail.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::{add_chat, add_user, call, call_with, guarded, open, refused, with_password};
use crate::support::{Caller, Person, Server, lacks};

const PATHS: [&str; 5] = ["users/add", "chats/add", "messages/add", "chats/get", "messages/get"];
const MISSING: &str = "Missing data for required field.";

/// A server's caller with the user 1 in the chat 1, and the user 2 outside.
async fn settled(anyone: &Caller) {
    let ann = add_user(anyone, "ann").await;
    add_user(anyone, "ben").await;
    add_chat(anyone, "chat", &[ann]).await;
}

#[tokio::test]
async fn what_is_missing_or_of_a_wrong_type_is_named() {
    let server = open().start().await;
    let anyone = server.stranger();
    settled(&anyone).await;
    let no_integer = json!(["Not a valid integer."]);
    for (path, body, message) in [
        ("users/add", json!({}), json!({"username": [MISSING]})),
        ("users/add", json!({"username": null}), json!({"username": ["Field may not be null."]})),
        ("users/add", json!({"username": 1}), json!({"username": ["Not a valid string."]})),
        ("users/add", json!({"username": ""}), json!({"_schema": ["Missing username"]})),
        ("users/add", json!({"username": "cat", "foo": 1}), json!({"foo": ["Unknown field."]})),
        ("chats/add", json!({}), json!({"name": [MISSING], "users": [MISSING]})),
        ("chats/add", json!({"name": "c", "users": "1"}), json!({"users": ["Invalid type."]})),
        ("chats/add", json!({"name": "c", "users": ["x"]}), json!({"users": {"0": {"id": no_integer}}})),
        ("chats/add", json!({"name": "c", "users": [1, true]}), json!({"users": {"1": {"id": no_integer}}})),
        ("messages/add", json!({"chat": 1, "author": 1}), json!([{"text": [MISSING]}])),
        ("messages/add", json!({"text": "hi"}), json!([{"chat": [MISSING], "author": [MISSING]}])),
        ("messages/add", json!({"chat": "x", "author": 1, "text": "hi"}), json!([{"chat": no_integer}])),
        ("messages/add", json!({"chat": 1, "author": 1, "text": " "}), json!([{"text": ["A message is not empty."]}])),
        ("chats/get", json!({}), json!("missing field user")),
        ("chats/get", json!({"user": null}), json!("missing field user")),
        ("chats/get", json!({"user": ""}), json!("missing field user")),
        ("chats/get", json!({"user": 0}), json!("missing field user")),
        ("chats/get", json!({"user": "x"}), json!("user id must be an integer")),
        ("messages/get", json!({}), json!("missing chat id")),
        ("messages/get", json!({"chat": 0}), json!("missing chat id")),
        ("messages/get", json!({"chat": "x"}), json!("chat id must be an integer")),
    ] {
        assert_eq!(refused(&call(&anyone, path, &body).await, 400), message, "{path} {body}");
    }
    assert_eq!(server.count("users", "true").await, 2);
}

#[tokio::test]
async fn what_breaks_a_rule_of_this_server_is_named_too() {
    let server = open().start().await;
    let anyone = server.stranger();
    settled(&anyone).await;
    for (path, body, field) in [
        ("users/add", json!({"username": "a b"}), "/username"),
        ("users/add", json!({"username": "x".repeat(65)}), "/username"),
        ("chats/add", json!({"name": "x".repeat(101), "users": [1]}), "/name"),
        ("chats/add", json!({"name": "a\u{1f}b", "users": [1]}), "/name"),
        ("messages/add", json!({"chat": 1, "author": 1, "text": "x".repeat(10_001)}), "/0/text"),
        ("messages/add", json!({"chat": 1, "author": 1, "text": "\0"}), "/0/text"),
    ] {
        let said = refused(&call(&anyone, path, &body).await, 400);
        assert!(said.pointer(field).is_some_and(Value::is_array), "{path}: {said}");
    }
}

#[tokio::test]
async fn what_nobody_has_made_is_not_found() {
    let server = open().start().await;
    let anyone = server.stranger();
    settled(&anyone).await;
    let (no_user, no_chat) = (json!(["User not found"]), json!(["Chat not found"]));
    for (path, body, message) in [
        ("chats/add", json!({"name": "c", "users": [1, 99]}), &no_user),
        ("chats/add", json!({"name": "c", "users": [99]}), &no_user),
        ("chats/add", json!({"name": "c", "users": [1, -1]}), &no_user),
        ("messages/add", json!({"chat": 1, "author": 99, "text": "hi"}), &no_user),
        ("messages/add", json!({"chat": 99, "author": 1, "text": "hi"}), &no_chat),
        ("chats/get", json!({"user": 99}), &no_user),
        ("chats/get", json!({"user": u64::MAX}), &no_user),
        ("chats/get", json!({"user": "99999999999999999999999"}), &no_user),
        ("messages/get", json!({"chat": 99}), &no_chat),
        ("messages/get", json!({"chat": "-1"}), &no_chat),
    ] {
        assert_eq!(refused(&call(&anyone, path, &body).await, 404), *message, "{path} {body}");
    }
    assert_eq!(server.count("conversations", "true").await, 1);
}

#[tokio::test]
async fn an_author_is_in_the_chat() {
    let server = open().start().await;
    settled(&server.stranger()).await;
    let answer = call(&server.stranger(), "messages/add", &json!({"chat": 1, "author": 2, "text": "hi"})).await;
    assert_eq!(refused(&answer, 403), json!(["author must be in a chat"]));
}

#[tokio::test]
async fn names_are_unique() {
    let server = open().start().await;
    let anyone = server.stranger();
    settled(&anyone).await;
    for name in ["ann", "ANN"] {
        let answer = call(&anyone, "users/add", &json!({"username": name})).await;
        assert_eq!(refused(&answer, 409), json!(["Username must be an unique"]));
    }
    for name in ["chat", "CHAT", " chat "] {
        let answer = call(&anyone, "chats/add", &json!({"name": name, "users": [2]})).await;
        assert_eq!(refused(&answer, 409), json!(["Chat name must be an unique"]));
    }
}

#[tokio::test]
async fn of_two_who_want_a_name_at_once_one_gets_it() {
    let server = open().start().await;
    let anyone = server.stranger();
    settled(&anyone).await;
    let wanted = json!({"name": "wanted", "users": [1]});
    let answers = join_all((0..12).map(|_| call(&anyone, "chats/add", &wanted))).await;
    let (made, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    for answer in others {
        refused(answer, 409);
    }
    assert_eq!(made[0].json(), 2);
    assert_eq!(add_chat(&anyone, "next", &[1]).await, 3, "a refusal uses no number");
}

#[tokio::test]
async fn what_is_no_json_no_route_or_no_post_is_said_in_json() {
    let server = open().start().await;
    let anyone = server.stranger();
    for path in PATHS {
        for body in ["", "x", "[]", "null", "{", "\u{feff}{}", r#"{"username": "\ud800"}"#] {
            assert!(
                refused(&call_with(&anyone, path, "application/json", body).await, 400).is_string(),
                "{path} {body}"
            );
        }
        refused(&call_with(&anyone, path, "application/json", b"{\"username\": \"\xff\"}".to_vec()).await, 400);
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"] {
            refused(&call_with(&anyone, path, kind, "{}").await, 415);
        }
        refused(&call_with(&anyone, path, "application/json", vec![b' '; 256 * 1024 + 1]).await, 413);
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = anyone.call(method, &format!("/compat/chat/{path}"), None).await;
            assert!(refused(&answer, 405).is_string());
            assert_eq!(answer.header("allow"), Some("POST"));
        }
        refused(&call(&anyone, &format!("{path}/"), &json!({})).await, 404);
    }
    for path in ["/users", "/users/add/1", "/messages/get/1", "/%00", "/%ff"] {
        refused(&anyone.post(&format!("/compat/chat{path}"), &json!({})).await, 404);
    }
}

#[tokio::test]
async fn whatever_is_sent_the_server_does_not_fail() {
    let server = open().start().await;
    let anyone = server.stranger();
    settled(&anyone).await;
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(i64::MIN),
        json!(u64::MAX),
        json!("1"),
        json!("\0"),
        json!("\u{202e}"),
        json!("x".repeat(50_000)),
        json!([]),
        json!([[1]]),
        json!([1, 1, "1", null]),
        json!({"id": 1}),
    ];
    let fields = ["username", "name", "users", "chat", "author", "text", "user"];
    for path in PATHS {
        for field in fields {
            for value in &values {
                let mut body = json!({"username": "x y", "name": "x", "users": [1], "chat": 1, "author": 1, "text": "x", "user": 1});
                let known: &[&str] = match path {
                    "users/add" => &["username"],
                    "chats/add" => &["name", "users"],
                    "messages/add" => &["chat", "author", "text"],
                    "chats/get" => &["user"],
                    _ => &["chat"],
                };
                body.as_object_mut().unwrap().retain(|name, _| known.contains(&name.as_str()));
                body[field] = value.clone();
                let answer = call(&anyone, path, &body).await;
                assert!(answer.status < 500, "{path} {field} {value}: {}", answer.describe());
                if answer.status >= 400 {
                    refused(&answer, answer.status);
                }
            }
        }
    }
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

#[tokio::test]
async fn what_fails_inside_is_told_to_the_log_alone() {
    let server = guarded().await;
    let ann = Person::register(&server, "ann").await;
    let chat = add_chat(&ann, "chat", &[ann.id]).await;
    server.sql("ALTER TABLE messages RENAME TO gone").await;
    for (path, body) in [
        ("messages/add", json!({"chat": chat, "author": ann.id, "text": "hi"})),
        ("messages/get", json!({"chat": chat})),
        ("chats/get", json!({"user": ann.id})),
    ] {
        let answer = call(&ann, path, &body).await;
        assert_eq!(answer.expect(500), json!({"error": "Internal Server Error"}), "{path}");
    }
    assert!(lacks(&server.log(), "messages"), "{}", server.log());
}

#[tokio::test]
async fn making_a_chat_counts_as_sending_by_how_many_are_named() {
    for server in [open(), Server::options().set("--compat", "chat")] {
        let server = server.set("--rate-limits", "on").start().await;
        let ann = with_password(&server, "ann", "four");
        let id = add_user(&ann, "ann").await;
        let made = call(&ann, "chats/add", &json!({"name": "chat", "users": [id]})).await;
        made.expect(201);
        assert!(made.header("ratelimit").unwrap().contains("\"sends\""), "{:?}", made.headers);
        // Whoever does not exist costs no more than it takes to find that out.
        let body = json!({"name": "crowd", "users": (1..=35_000).collect::<Vec<u64>>()});
        let answer = call(&ann, "chats/add", &body).await;
        assert_eq!(refused(&answer, 404), json!(["User not found"]));
        assert!(!answer.header("ratelimit").unwrap().contains("\"sends\""), "{:?}", answer.headers);
    }
}
