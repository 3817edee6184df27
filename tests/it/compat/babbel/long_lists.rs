//! Long lists: all of it comes, in order and once, and what breaks off is not taken for the whole.

use futures_util::future::join_all;
use http::header;

use super::{NOTHING, User, open};
use crate::support::raw::{Connection, Framing};
use crate::support::{Server, eventually, seconds};

/// Has this many long messages said to himself: 40 kB each, more than sockets hold.
async fn long_notes(user: &User, count: usize) {
    let text = "\u{1f426}".repeat(10_000);
    for some in (0..count).collect::<Vec<_>>().chunks(20) {
        join_all(some.iter().map(|_| user.say(user, &text))).await;
    }
}

/// Asks for a list over a connection of its own that takes little at a time, and reads the head of the answer alone.
async fn begin(server: &Server, path: &str) -> (Connection, http::HeaderMap) {
    let mut connection = Connection::open_narrow(server.address).await.unwrap();
    connection.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address)).await.unwrap();
    let (status, headers) = connection.head().await.unwrap();
    assert_eq!(status, 200);
    (connection, headers)
}

#[tokio::test]
async fn a_list_of_many_parts_is_one_list() {
    let (_server, [ann, ben]) = open(["ann", "ben"]).await;
    // The parts have 100 messages: full ones, and a last one that is full, begun, or empty.
    for count in [99_u64, 100, 101, 200, 250] {
        for some in (0..count).collect::<Vec<_>>().chunks(50) {
            join_all(some.iter().map(|_| ann.say(&ben, "x"))).await;
        }
        let received = ben.ids("/messages/?start=2000-01-01").await;
        let new = ben.ids("/messages/").await;
        assert_eq!(new.len() as u64, count);
        assert!(new.is_sorted_by(|one, other| one < other), "{new:?}");
        assert_eq!(received, new);
        assert_eq!(ben.unseen().await, NOTHING);
        let body = serde_json::json!({"ids": new}).to_string();
        ben.delete("/message/", &body).await.expect(204);
    }
}

#[tokio::test]
async fn a_part_of_which_nothing_is_left_does_not_spoil_the_list() {
    let (server, [ann]) = open(["ann"]).await;
    for _ in 0..3 {
        join_all((0..100).map(|_| ann.say(&ann, "x"))).await;
    }
    // Tombstones, of which whole parts of the list are made.
    for condition in ["id <= 100", "id <= 200 AND id > 100", "id > 250"] {
        server.sql(&format!("UPDATE messages SET text = '', deleted_at = 1 WHERE {condition}")).await;
        let left = server.count("messages", "deleted_at IS NULL").await;
        assert_eq!(i64::try_from(ann.list("/messages/?start=2000-01-01").await.len()), Ok(left), "{condition}");
    }
}

#[tokio::test]
async fn several_who_ask_at_once_are_never_given_the_same() {
    let (_server, [ann, ben]) = open(["ann", "ben"]).await;
    let sending = async {
        for _ in 0..8 {
            join_all((0..40).map(|_| ann.say(&ben, "x"))).await;
        }
    };
    let asking = join_all((0..8).map(async |_| {
        let mut given = Vec::new();
        for _ in 0..6 {
            let some = ben.ids("/messages/").await;
            assert!(some.is_sorted());
            given.extend(some);
        }
        given
    }));
    let (given, ()) = futures_util::future::join(asking, sending).await;
    let mut given: Vec<u64> = given.into_iter().flatten().chain(ben.ids("/messages/").await).collect();
    given.sort_unstable();
    assert_eq!(given, (1..=320).collect::<Vec<u64>>());
}

#[tokio::test]
async fn what_was_not_given_any_more_is_still_new() {
    let (server, [ann]) = open(["ann"]).await;
    long_notes(&ann, 400).await;
    let (connection, headers) = begin(&server, &ann.path("/messages/")).await;
    assert!(headers.get(header::CONTENT_LENGTH).is_none(), "nobody knows yet how long it is");
    drop(connection);
    // What has gone to the socket was given; the rest comes whole, from where that ended.
    let rest = ann.ids("/messages/").await;
    assert!(!rest.is_empty() && rest.len() < 400, "{}", rest.len());
    assert_eq!(rest, (401 - rest.len() as u64..=400).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_list_ends_with_what_there_was_though_more_keeps_coming() {
    let (server, [ann, ben]) = open(["ann", "ben"]).await;
    for (ann, rest) in [(ann, "/messages/?start=2000-01-01"), (ben, "/messages/")] {
        long_notes(&ann, 300).await;
        let (mut connection, headers) = begin(&server, &ann.path(rest)).await;
        let mut framing = Framing::of(200, &headers);
        let mut body = Vec::new();
        while !framing.is_over() {
            let before = body.len();
            framing.decode(&mut connection.unread, &mut body);
            // More than a part was read, and more than a part is to come.
            if before < 6_000_000 && body.len() >= 6_000_000 {
                ann.say(&ann, "too late").await;
            }
            assert!(framing.is_over() || connection.read_more().await.unwrap(), "the list is cut off");
        }
        let list: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap();
        assert_eq!(list.len(), 300, "{rest}");
        assert!(list.iter().all(|message| message["message"] != "too late"), "{rest}");
        assert_eq!(ann.unseen().await.last().map(String::as_str), Some("too late"), "{rest}");
    }
}

#[tokio::test]
async fn a_list_that_fails_in_the_middle_ends_without_its_end() {
    let (server, [ann]) = open(["ann"]).await;
    long_notes(&ann, 400).await;
    let (mut connection, headers) = begin(&server, &ann.path("/messages/?start=2000-01-01")).await;
    server.sql("ALTER TABLE messages RENAME TO elsewhere").await;
    let mut framing = Framing::of(200, &headers);
    let mut body = Vec::new();
    while connection.read_more().await.unwrap_or(false) {
        framing.decode(&mut connection.unread, &mut body);
        assert!(!framing.is_over(), "it passes for whole");
    }
    assert!(body.len() > 1_000_000 && !body.ends_with(b"]\n"));
    eventually(seconds(10), "the log to tell", async || server.log().contains("a list broke off").then_some(())).await;
}

#[tokio::test]
async fn a_long_list_costs_the_server_no_memory() {
    let (server, [ann]) = open(["ann"]).await;
    long_notes(&ann, 600).await;
    ann.unseen().await;
    let before = server.memory();
    let mut readers = Vec::new();
    for _ in 0..8 {
        readers.push(begin(&server, &ann.path("/messages/?start=2000-01-01")).await);
    }
    // Each list has 24 MB.
    let grown = server.memory().saturating_sub(before) / 1_000_000;
    assert!(grown < 8 * 16, "{grown} MB");
}
