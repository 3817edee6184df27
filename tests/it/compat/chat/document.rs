//! The calls of the system's own document, as they are written there.

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::{add_chat, add_message, add_user, call_with, chats, ids, messages, open};
use crate::support::server::http_client;
use crate::support::{Answer, Caller, Server};

const JSON: &str = "application/json";

/// The five calls in the document's order, with the numbers in place.
const CALLS: [(&str, &str); 6] = [
    ("/users/add", r#"{"username": "user_1"}"#),
    ("/users/add", r#"{"username": "user_2"}"#),
    ("/chats/add", r#"{"name": "chat_1", "users": ["1", "2"]}"#),
    ("/messages/add", r#"{"chat": "1", "author": "1", "text": "hi"}"#),
    ("/chats/get", r#"{"user": "1"}"#),
    ("/messages/get", r#"{"chat": "1"}"#),
];

/// Makes the first of the calls, and gives the answer to the last of them.
async fn after(caller: &Caller, count: usize) -> Answer {
    let mut answer = Answer { status: 0, headers: HeaderMap::new(), body: Vec::new() };
    for (path, body) in &CALLS[..count] {
        answer = caller.send_body(Method::POST, &format!("/compat/chat{path}"), JSON, *body).await;
    }
    answer
}

#[tokio::test]
async fn a_user_is_added_and_numbers_count_from_one() {
    let server = open().start().await;
    let first = after(&server.stranger(), 1).await;
    assert_eq!((first.expect(201), first.header("content-type")), (json!(1), Some(JSON)));
    assert_eq!(add_user(&server.stranger(), "user_2").await, 2);
}

#[tokio::test]
async fn a_chat_is_added_between_users() {
    let server = open().start().await;
    assert_eq!(after(&server.stranger(), 3).await.expect(201), 1);
}

#[tokio::test]
async fn a_message_is_sent_on_behalf_of_a_user() {
    let server = open().start().await;
    assert_eq!(after(&server.stranger(), 4).await.expect(201), 1);
}

/// A moment as ISO 8601 has it, in UTC.
#[track_caller]
fn assert_moment(value: &Value) {
    let text = value.as_str().expect("a text");
    let format = time::format_description::well_known::Rfc3339;
    assert!(text.ends_with('Z') && time::OffsetDateTime::parse(text, &format).is_ok(), "{text}");
}

#[tokio::test]
async fn the_chats_of_a_user_are_listed_with_all_their_fields() {
    let server = open().start().await;
    let mut chats = after(&server.stranger(), 5).await.expect(200);
    assert_moment(&chats[0]["created_at"].take());
    assert_eq!(chats, json!([{"id": 1, "chat": 1, "name": "chat_1", "users": [1, 2], "created_at": null}]));
}

#[tokio::test]
async fn the_messages_of_a_chat_are_listed_with_all_their_fields() {
    let server = open().start().await;
    let mut messages = after(&server.stranger(), 6).await.expect(200);
    assert_moment(&messages[0]["created_at"].take());
    assert_eq!(messages, json!([{"id": 1, "chat": 1, "author": 1, "text": "hi", "created_at": null}]));
}

#[tokio::test]
async fn at_an_address_of_its_own_its_paths_begin_at_the_root() {
    let server = open().set("--compat-listen", "chat=127.0.0.1:0").start().await;
    let http = http_client().build().unwrap();
    for (path, body) in CALLS {
        let url = format!("http://{}{path}", server.own_addresses["chat"]);
        let answer = http.post(url).header("content-type", JSON).body(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }
}

#[tokio::test]
async fn json_is_json_however_its_type_is_written() {
    let server = open().start().await;
    let kinds = [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.api+json",
        "text/json",
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let body = json!({"username": format!("user_{number}")}).to_string();
        call_with(&server.stranger(), "users/add", kind, body).await.expect(201);
    }
}

#[tokio::test]
async fn the_same_user_twice_is_one_and_numbers_may_be_texts() {
    let server = open().start().await;
    let anyone = server.stranger();
    for name in ["ann", "ben"] {
        add_user(&anyone, name).await;
    }
    call_with(&anyone, "chats/add", JSON, r#"{"name": "c", "users": [2, "1", "2", 1]}"#).await.expect(201);
    assert_eq!(chats(&anyone, 1).await[0]["users"], json!([1, 2]));
}

#[tokio::test]
async fn a_chat_has_any_number_of_users() {
    const MANY: u64 = 1_100;
    let server = open().start().await;
    let anyone = server.stranger();
    for some in (0..MANY).collect::<Vec<_>>().chunks(100) {
        let add = some.iter().map(async |number| add_user(&anyone, &format!("user_{number}")).await);
        futures_util::future::join_all(add).await;
    }
    let everybody: Vec<u64> = (1..=MANY).collect();
    let chat = add_chat(&anyone, "everybody", &everybody).await;
    assert_eq!(chats(&anyone, MANY).await[0]["users"], json!(everybody));
    add_message(&anyone, chat, MANY, "hi").await;
}

#[tokio::test]
async fn a_chat_may_be_made_of_nobody() {
    let server = open().start().await;
    let anyone = server.stranger();
    let chat = add_chat(&anyone, "empty", &[]).await;
    assert_eq!(messages(&anyone, chat).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_user_without_chats_has_an_empty_list() {
    let server = open().start().await;
    let user = add_user(&server.stranger(), "user_1").await;
    assert_eq!(chats(&server.stranger(), user).await, Vec::<Value>::new());
}

#[tokio::test]
async fn whatever_is_written_comes_back() {
    let server: Server = open().start().await;
    let anyone = server.stranger();
    let user = add_user(&anyone, "Ольга_नमस्ते").await;
    let name = "чат 🐦 \u{202e}abc \"quoted\" \\ <script>";
    let chat = add_chat(&anyone, name, &[user]).await;
    assert_eq!(chats(&anyone, user).await[0]["name"], name);
    let texts = ["\u{1}\u{7f}\u{2028}\u{feff}", "👩‍👩‍👧", "e\u{301}", " a\r\n\tb ", "<b>&amp;</b>", "\u{10ffff}"];
    for text in texts {
        add_message(&anyone, chat, user, text).await;
    }
    let said = messages(&anyone, chat).await;
    assert_eq!(said.iter().map(|message| message["text"].as_str().unwrap()).collect::<Vec<_>>(), texts);
    assert_eq!(ids(&said), [1, 2, 3, 4, 5, 6]);
}
