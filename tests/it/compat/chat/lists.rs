//! The two lists: their order, and that they are whole without ever being in memory as a whole.

use futures_util::future::join_all;
use serde_json::json;

use super::{add_chat, add_message, add_user, chats, ids, messages, open};
use crate::support::raw::Connection;
use crate::support::{Caller, Server, eventually, seconds};

const MEBIBYTE: u64 = 1024 * 1024;

#[tokio::test]
async fn chats_come_by_their_last_message_or_their_own_beginning() {
    let server = open().start().await;
    let anyone = server.stranger();
    let (ann, ben) = (add_user(&anyone, "ann").await, add_user(&anyone, "ben").await);
    let a = add_chat(&anyone, "a", &[ann, ben]).await;
    let b = add_chat(&anyone, "b", &[ann]).await;
    add_chat(&anyone, "without ann", &[ben]).await;
    add_message(&anyone, a, ben, "the first").await;
    let silent = add_chat(&anyone, "silent", &[ben, ann]).await;
    assert_eq!(ids(&chats(&anyone, ann).await), [silent, a, b]);
    add_message(&anyone, b, ann, "the second").await;
    assert_eq!(ids(&chats(&anyone, ann).await), [b, silent, a]);
    add_message(&anyone, a, ann, "the third").await;
    assert_eq!(ids(&chats(&anyone, ann).await), [a, b, silent]);
}

#[tokio::test]
async fn messages_come_oldest_first() {
    let server = open().start().await;
    let anyone = server.stranger();
    let (ann, ben) = (add_user(&anyone, "ann").await, add_user(&anyone, "ben").await);
    let (here, there) = (add_chat(&anyone, "here", &[ann, ben]).await, add_chat(&anyone, "there", &[ann]).await);
    let mut said = Vec::new();
    for number in 0..5 {
        let author = if number % 2 == 0 { ann } else { ben };
        said.push(add_message(&anyone, here, author, "hi").await);
        add_message(&anyone, there, ann, "elsewhere").await;
    }
    assert_eq!(ids(&messages(&anyone, here).await), said);
}

#[tokio::test]
async fn a_list_of_chats_is_whole_however_long() {
    const MANY: u64 = 130;
    let server = open().start().await;
    let anyone = server.stranger();
    let ann = add_user(&anyone, "ann").await;
    for number in 1..=MANY {
        let chat = add_chat(&anyone, &format!("chat {number}"), &[ann]).await;
        if number % 3 == 0 {
            add_message(&anyone, chat, ann, "hi").await;
        }
    }
    assert_eq!(ids(&chats(&anyone, ann).await), (1..=MANY).rev().collect::<Vec<_>>());
}

/// A chat in which so many messages of 60 kB of JSON were said.
async fn long_chat(anyone: &Caller, count: usize) -> (u64, u64) {
    let ann = add_user(anyone, "ann").await;
    let chat = add_chat(anyone, "long", &[ann]).await;
    // JSON needs six bytes for each of these characters.
    let text = "\u{1}".repeat(10_000);
    for some in vec![(); count].chunks(20) {
        join_all(some.iter().map(|()| add_message(anyone, chat, ann, &text))).await;
    }
    (ann, chat)
}

#[tokio::test]
async fn a_list_of_messages_is_whole_however_long() {
    const MANY: u64 = 230;
    let server = open().start().await;
    let anyone = server.stranger();
    let (ann, chat) = long_chat(&anyone, 100).await;
    for _ in 100..MANY {
        add_message(&anyone, chat, ann, "short").await;
    }
    assert_eq!(ids(&messages(&anyone, chat).await), (1..=MANY).collect::<Vec<_>>());
}

/// Readers who ask for the messages of a chat and take no more than the beginning of the answer.
async fn sleepers(server: &Server, chat: u64, count: usize) -> Vec<Connection> {
    let mut sleepers = Vec::new();
    for _ in 0..count {
        let body = json!({ "chat": chat }).to_string();
        let request = format!(
            "POST /compat/chat/messages/get HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            server.address,
            body.len()
        );
        let mut connection = Connection::open_narrow(server.address).await.unwrap();
        connection.send(request).await.unwrap();
        sleepers.push(connection);
    }
    for sleeper in &mut sleepers {
        let (status, headers) = sleeper.head().await.unwrap();
        assert_eq!((status, headers.get("content-length")), (200, None), "it is written as it is read");
    }
    sleepers
}

/// What a sleeper takes when he wakes, to the end of the answer.
async fn rest_of(mut sleeper: Connection) -> std::io::Result<Vec<u8>> {
    let mut headers = http::HeaderMap::new();
    headers.insert("transfer-encoding", http::HeaderValue::from_static("chunked"));
    sleeper.rest(200, &headers).await
}

#[tokio::test]
async fn who_does_not_read_a_list_holds_neither_all_of_it_nor_the_database() {
    const SLEEPERS: usize = 10;
    const MESSAGES: usize = 400;
    let server = open().start().await;
    let anyone = server.stranger();
    let (ann, chat) = long_chat(&anyone, MESSAGES).await;
    // What one list takes, the allocator and the database's cache keep for good.
    assert_eq!(messages(&anyone, chat).await.len(), MESSAGES);
    let before = server.memory();
    let mut sleepers = sleepers(&server, chat, SLEEPERS).await;
    // There are fewer connections to the database than sleepers.
    assert_eq!(ids(&chats(&anyone, ann).await), [chat]);
    assert_eq!(messages(&anyone, chat).await.len(), MESSAGES);
    add_message(&anyone, chat, ann, "after they asked").await;
    let growth = server.memory().saturating_sub(before);
    println!("{SLEEPERS} sleepers cost {} KiB", growth / 1024);
    assert!(growth < 10 * SLEEPERS as u64 * MEBIBYTE, "{SLEEPERS} sleepers cost {growth} bytes");
    // When they wake they get what was there when they asked.
    let rest = rest_of(sleepers.remove(0)).await.unwrap();
    let rest: Vec<serde_json::Value> = serde_json::from_slice(&rest).unwrap();
    assert_eq!(rest.len(), MESSAGES);
}

#[tokio::test]
async fn who_stops_reading_a_list_is_cut_off() {
    let server = open().set("--stall-timeout", "1s").start().await;
    let (_, chat) = long_chat(&server.stranger(), 300).await;
    let before = server.sockets();
    let sleeper = sleepers(&server, chat, 1).await.remove(0);
    assert!(server.sockets() > before);
    eventually(seconds(30), "the server to give up", async || (server.sockets() <= before).then_some(())).await;
    assert!(rest_of(sleeper).await.is_err(), "an answer that was cut off does not look whole");
}

#[tokio::test]
async fn a_list_in_which_the_server_fails_half_way_does_not_look_whole() {
    let server = open().start().await;
    let (_, chat) = long_chat(&server.stranger(), 300).await;
    let sleeper = sleepers(&server, chat, 1).await.remove(0);
    server.sql("ALTER TABLE messages RENAME TO gone").await;
    assert!(rest_of(sleeper).await.is_err());
}
