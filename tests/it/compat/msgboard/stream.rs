//! The stream: each new message once, to all who listen, whatever happens to their connections.

use serde_json::json;

use super::{AT, Calls, Source, kitten, options, refused};
use crate::support::deadline::PATIENCE;
use crate::support::raw::Connection;
use crate::support::{Parsed, Person, eventually, seconds, within};

#[tokio::test]
async fn without_a_cursor_it_begins_at_once_and_with_what_is_new() {
    let (server, kitten) = kitten().await;
    kitten.posts("old").await;
    let mut source = Source::open(&server).await;
    let first = source.next().await.expect("something at once");
    assert!(matches!(&first, Parsed::Id(id) if id.parse::<u64>().unwrap() > 0), "{first:?}");
    assert!(source.parser.retry().is_some());
    kitten.posts("new").await;
    assert_eq!(source.text().await, "new");
}

#[tokio::test]
async fn all_who_listen_get_the_same_bytes() {
    let (server, kitten) = kitten().await;
    let (mut one, mut two) = (Source::open(&server).await, Source::open(&server).await);
    for number in 1..=5 {
        kitten.posts(&number.to_string()).await;
    }
    for number in 1..=5 {
        let (mut mine, mut yours) = (one.next().await, two.next().await);
        for (heard, source) in [(&mut mine, &mut one), (&mut yours, &mut two)] {
            while matches!(heard, Some(Parsed::Id(_))) {
                *heard = source.next().await;
            }
        }
        assert_eq!(mine, yours);
        let Some(Parsed::Event { kind, data, id }) = mine else { panic!("message {number}") };
        assert!(kind == "message" && id.parse::<u64>().is_ok() && data.contains(&format!(r#""text":"{number}""#)));
    }
}

#[tokio::test]
async fn who_comes_back_misses_nothing_and_gets_nothing_twice() {
    let (server, kitten) = kitten().await;
    let mut source = Source::open(&server).await;
    let mut heard = Vec::new();
    for number in 0..12 {
        kitten.posts(&number.to_string()).await;
        if number % 3 == 0 {
            heard.push(source.text().await);
            source = Source::open_from(&server, Some(&source.cursor)).await;
        }
    }
    while heard.last().is_none_or(|last| last != "11") {
        heard.push(source.text().await);
    }
    assert_eq!(heard, (0..12).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_comes_back_to_a_restarted_server_misses_nothing() {
    let (mut server, kitten) = kitten().await;
    let mut source = Source::open(&server).await;
    kitten.posts("one").await;
    assert_eq!(source.text().await, "one");
    let cursor = source.cursor.clone();
    kitten.posts("two").await;
    server.kill().await;
    server.restart().await;
    // From the log: nothing is in memory.
    let mut source = Source::open_from(&server, Some(&cursor)).await;
    let kitten = server.stranger().auth("kitten", "yarn");
    let three = kitten.posts("three").await;
    assert_eq!(source.text().await, "two");
    assert_eq!(source.on_message().await, json!([three]));
}

#[tokio::test]
async fn edits_and_deletions_are_not_announced() {
    let (server, kitten) = kitten().await;
    let mut source = Source::open(&server).await;
    kitten.posts("one").await;
    kitten.posts("two").await;
    kitten.http("PUT", "/message/1", &[("text", "one and a half")]).await.expect(200);
    kitten.http("DELETE", "/message/2", &[]).await.expect(200);
    kitten.posts("three").await;
    let mut heard = vec![source.text().await];
    while heard.last().is_none_or(|last| last != "three") {
        heard.push(source.text().await);
    }
    // The second may have been gone before it was sent.
    heard.retain(|text| text != "two");
    assert_eq!(heard, ["one", "three"]);
}

#[tokio::test]
async fn what_is_deleted_is_not_told_to_who_comes_back() {
    for kills in [false, true] {
        let (mut server, kitten) = kitten().await;
        let mut source = Source::open(&server).await;
        let Some(Parsed::Id(cursor)) = source.next().await else { panic!("where it begins") };
        kitten.posts("regretted").await;
        assert_eq!(source.text().await, "regretted", "it is encoded for those who listen");
        kitten.http("DELETE", "/message/1", &[]).await.expect(200);
        if kills {
            server.kill().await;
            server.restart().await;
        }
        let mut source = Source::open_from(&server, Some(&cursor)).await;
        server.stranger().auth("kitten", "yarn").posts("after").await;
        assert_eq!(source.text().await, "after");
    }
}

#[tokio::test]
async fn heartbeats_move_the_cursor_past_what_is_not_told() {
    let server = options().set("--heartbeat", "100ms").start().await;
    server.stranger().registers("kitten", "yarn").await;
    let kitten = server.stranger().auth("kitten", "yarn");
    let mut source = Source::open(&server).await;
    kitten.posts("one").await;
    assert_eq!(source.text().await, "one");
    let before: u64 = source.cursor.parse().unwrap();
    kitten.http("PUT", "/message/1", &[("text", "two")]).await.expect(200);
    within(PATIENCE, "a heartbeat", async {
        while source.cursor.parse::<u64>().unwrap() <= before {
            let heard = source.next().await;
            assert!(matches!(heard, Some(Parsed::Id(_))), "{heard:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn only_the_board_is_heard() {
    let (server, kitten) = kitten().await;
    let bob = Person::register(&server, "bob").await;
    let elsewhere = bob.channel("elsewhere").await;
    let notes = bob.direct(&[]).await;
    let mut source = Source::open(&server).await;
    for place in [elsewhere, notes] {
        bob.say(place, "not on the board").await;
    }
    kitten.posts("on the board").await;
    assert_eq!(source.text().await, "on the board");
}

#[tokio::test]
async fn a_native_message_on_the_board_is_heard() {
    let (server, kitten) = kitten().await;
    let first = kitten.posts("one").await;
    let mut source = Source::open(&server).await;
    let bob = Person::register(&server, "bob").await;
    let channels = bob.get("/api/v1/channels").await.expect(200);
    let board = channels["items"][0]["id"].as_u64().unwrap();
    bob.join(board).await;
    bob.say(board, "two").await;
    let heard = source.on_message().await;
    assert_eq!(heard[0], server.stranger().http("GET", "/message/2", &[]).await.expect(200));
    assert_eq!(heard[0].as_object().unwrap().keys().len(), first.as_object().unwrap().keys().len());
}

#[tokio::test]
async fn a_cursor_of_no_use_is_told_of_by_name_and_the_stream_goes_on() {
    let (server, kitten) = kitten().await;
    for (cursor, reason) in [("999999", "beyond_head"), ("x", "malformed_cursor")] {
        let mut source = Source::open_from(&server, Some(cursor)).await;
        let Some(Parsed::Event { kind, data, id }) = source.next().await else { panic!("a reset") };
        assert!(kind == "reset" && data.contains(reason) && id.parse::<u64>().is_ok(), "{kind} {data} {id}");
        kitten.posts(reason).await;
        assert_eq!(source.text().await, reason);
    }
}

#[tokio::test]
async fn a_server_that_stops_says_when_to_come_back() {
    let (mut server, kitten) = kitten().await;
    let mut source = Source::open(&server).await;
    kitten.posts("one").await;
    assert_eq!(source.text().await, "one");
    let cursor = source.cursor.clone();
    server.ask_to_stop();
    let Some(Parsed::Event { kind, id, .. }) = source.next().await else { panic!("a farewell") };
    assert_eq!((kind.as_str(), id), ("bye", cursor));
    assert!(source.parser.retry().is_some_and(|wait| wait < seconds(6)));
    assert_eq!(source.next().await, None);
    server.wait(PATIENCE).await;
}

#[tokio::test]
async fn streams_from_one_address_are_bounded() {
    let server = options().set("--max-streams-per-address", "2").start().await;
    let kept = [Source::open(&server).await, Source::open(&server).await];
    // Any other status would end an EventSource for good.
    let mut late = Source::open(&server).await;
    let Some(Parsed::Event { kind, data, .. }) = late.next().await else { panic!("a farewell") };
    assert!(kind == "bye" && data.contains("too_many_streams"), "{kind} {data}");
    assert_eq!(late.next().await, None);
    drop(kept);
    eventually(PATIENCE, "a place", async || {
        let first = Source::open(&server).await.next().await;
        matches!(first, Some(Parsed::Id(_))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_reads_slowly_gets_everything_once() {
    let server = options().set("--ring-bytes", "65536").start().await;
    server.stranger().registers("kitten", "yarn").await;
    let kitten = server.stranger().auth("kitten", "yarn");
    let narrow = Connection::open_narrow(server.address).await.unwrap();
    let mut slow = Source::over(narrow, &server, None).await;
    let filler = "x".repeat(8_000);
    for number in 0..150 {
        kitten.posts(&format!("{number} {filler}")).await;
    }
    for number in 0..150 {
        assert_eq!(slow.text().await.split(' ').next(), Some(number.to_string().as_str()));
    }
}

#[tokio::test]
async fn only_pages_that_may_listen() {
    let (server, _) = kitten().await;
    let stranger = server.stranger().with_header("origin", "https://evil.example");
    refused(&stranger.http("GET", "/stream", &[]).await, 403);
    let head = server.stranger().call(http::Method::HEAD, &format!("{AT}/stream"), None).await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
}

#[tokio::test]
async fn who_comes_when_the_database_was_replaced_is_told_when_to_come_again() {
    let (server, kitten) = kitten().await;
    for text in ["one", "two", "three"] {
        kitten.posts(text).await;
    }
    server.sql("DELETE FROM events WHERE seq > (SELECT head - 2 FROM clock); UPDATE clock SET head = head - 2").await;
    server.until_not_ready(PATIENCE).await;
    let late = kitten.http("GET", "/stream", &[]).await;
    assert_eq!((late.status, late.header("content-type")), (200, Some("text/event-stream")));
    let said = String::from_utf8_lossy(&late.body);
    assert!(said.contains("retry:") && said.contains("history_replaced"), "{said}");
}

#[tokio::test]
async fn the_writer_who_sees_first_that_the_database_was_replaced_ends_no_listener_for_good() {
    let server = options().start().await;
    server.stranger().registers("kitten", "yarn").await;
    // Nobody has written on the board yet, so that the first listener makes it.
    server.sql("DELETE FROM events WHERE seq = (SELECT head FROM clock); UPDATE clock SET head = head - 1").await;
    let late = server.stranger().http("GET", "/stream", &[]).await;
    assert_eq!((late.status, late.header("content-type")), (200, Some("text/event-stream")), "{}", late.describe());
}

#[tokio::test]
async fn who_listens_to_the_board_hears_nothing_of_what_has_another_name_by_now() {
    let (server, kitten) = kitten().await;
    let owner = Person::register(&server, "owner").await;
    let board = owner.post("/api/v1/conversations", &json!({"kind": "channel", "name": "Board"})).await.expect(201);
    let place = format!("/api/v1/conversations/{}", board["id"]);
    let mut source = Source::open(&server).await;
    kitten.posts("on the board").await;
    assert_eq!(source.text().await, "on the board");
    // It stays the board, whatever else about it changes.
    owner.call(http::Method::PATCH, &place, Some(&json!({"name": "BOARD"}))).await.expect(200);
    kitten.posts("still there").await;
    assert_eq!(source.text().await, "still there");
    owner.call(http::Method::PATCH, &place, Some(&json!({"name": "internal"}))).await.expect(200);
    owner.post(&format!("{place}/messages"), &json!({"text": "among ourselves"})).await.expect(201);
    kitten.posts("on the new board").await;
    let mut said = Vec::new();
    while let Some(next) = source.next().await {
        said.push(format!("{next:?}"));
    }
    let said = said.concat();
    assert!(said.contains("renamed") && !said.contains("among ourselves"), "{said}");
    let mut source = Source::open_from(&server, Some(&source.cursor)).await;
    assert_eq!(source.text().await, "on the new board");
    // What happens to a channel that was the board once ends nothing here.
    owner.call(http::Method::PATCH, &place, Some(&json!({"name": "elsewhere"}))).await.expect(200);
    kitten.posts("and again").await;
    assert_eq!(source.text().await, "and again");
}
