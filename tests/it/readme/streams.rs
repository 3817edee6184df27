//! What `docs/streams.md` shows of the wire, compared with the wire.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{page, section};
use crate::support::{Ear, Heard, Person, Server, SseClient, WsClient, seconds};

/// Moments, waits and sentences become the same ones, and so do the wilds of the page.
fn masked(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mask = |(name, value): (&String, &Value)| match name.as_str() {
                "in" | "retry" | "detail" | "ticket" => (name.clone(), json!("…")),
                _ => (name.clone(), masked(value)),
            };
            Value::Object(fields.iter().map(mask).collect())
        }
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::String(text) if text.len() == 24 && text.starts_with("20") && text.ends_with('Z') => json!("a moment"),
        other => other.clone(),
    }
}

fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// The contents of the blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[tokio::test]
async fn a_websocket_says_what_the_page_shows() {
    // Shorter than the minute before its end, so that it is told of at once.
    let server = Server::options().set("--access-token-lifetime", "50s").start().await;
    let alice = Person::register(&server, "alice").await;
    Person::register(&server, "bob").await;
    let page = page("docs/streams.md");
    let shown = blocks(section(&page, "## WebSocket"), "text")[0];
    let mut websocket = WsClient::open(server.address, &server.stranger().stream()).await.unwrap();
    let mut expected: Vec<Value> = Vec::new();
    let mut expiring = 0;
    for line in shown.lines() {
        if let Some(frame) = line.strip_prefix("< ") {
            let frame = read(frame);
            // Where it stands among the others is a matter of minutes.
            if frame["type"] == "expiring" {
                assert_eq!(masked(&frame), masked(&json!({"type": "expiring", "in": 50})));
                expiring += 1;
            } else {
                if frame["type"] == "bye" {
                    server.ask_to_stop();
                }
                expected.push(masked(&frame));
            }
            continue;
        }
        hear(&mut websocket, &mut expected).await;
        let mut frame = read(line.strip_prefix("> ").unwrap());
        if frame.get("token").is_some() {
            frame["token"] = json!(alice.access_token);
        }
        websocket.send(&frame).await;
    }
    assert_eq!(expiring, 1);
    hear(&mut websocket, &mut expected).await;
    assert_eq!(websocket.until_end(seconds(5)).await.1, Some(1001));
}

/// Hears all that is expected, in any order, since replies may come before or after events.
async fn hear(websocket: &mut WsClient, expected: &mut Vec<Value>) {
    while !expected.is_empty() {
        let heard = match websocket.next().await {
            Heard::Reply(reply) => reply,
            Heard::Event(event) => event.json(),
            Heard::Passing(_) => continue,
            Heard::Control(control) if control.kind == "expiring" => continue,
            Heard::Control(control) => control.json(),
            other => panic!("{other:?} instead of {expected:?}"),
        };
        let heard = masked(&heard);
        let place = expected.iter().position(|expected| *expected == heard);
        expected.remove(place.unwrap_or_else(|| panic!("{heard} is none of {expected:?}")));
    }
}

#[tokio::test]
async fn tickets_and_gaps_look_as_the_page_shows() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let page = page("docs/streams.md");
    let ticket = alice.post("/api/v1/stream-tickets", &json!({})).await.expect(201);
    assert_eq!(masked(&ticket), masked(&read(blocks(section(&page, "## Credentials"), "json")[0])));

    let gap = alice.get("/api/v1/events?after=999").await.expect(200);
    let mut shown = read(blocks(section(&page, "## Long-polling"), "json")[1]);
    for place in ["/events/0/position", "/events/0/head", "/next", "/head"] {
        *shown.pointer_mut(place).unwrap() = json!(1);
    }
    assert_eq!(gap, shown);

    let mut stream = SseClient::open(server.address, &alice.stream().after(999)).await.unwrap();
    assert!(stream.next().await.is_control("reset"), "`reset` comes before `ready`");
    assert!(stream.next().await.is_control("ready"));
}

#[tokio::test]
async fn the_data_of_events_has_the_fields_that_the_page_lists() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("team", &[&bob]).await;
    alice.say(group, "hello").await;
    alice.post("/api/v1/keys", &json!({"name": "k", "scopes": ["read"]})).await.expect(201);
    alice.post("/api/v1/contacts", &json!({"username": "bob"})).await;
    let events = alice.get("/api/v1/events?after=0").await.expect(200)["events"].clone();
    let data = |kind: &str| {
        let found = events.as_array().unwrap().iter().find(|event| event["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {events}"))["data"].clone()
    };
    let conversation = data("conversation.created");
    let actual = BTreeMap::from([
        ("a message", data("message.created")),
        ("`author`, `user`, `by`", data("message.created")["author"].clone()),
        ("one of `members`", conversation["members"][0].clone()),
        ("a conversation", conversation),
        ("a session", data("session.created")),
        ("a key", data("key.created")),
        ("a contact", data("contact.requested")),
    ]);
    let page = page("docs/streams.md");
    let rows =
        section(&page, "## What the data holds").lines().skip_while(|line| !line.starts_with("| what |")).skip(2);
    let rows: Vec<Vec<&str>> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let words = |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    assert_eq!(rows.len(), actual.len(), "{rows:?}");
    for row in rows {
        let value = actual.get(row[0]).unwrap_or_else(|| panic!("{} is none of {actual:?}", row[0]));
        let fields: BTreeSet<String> = value.as_object().unwrap().keys().cloned().collect();
        assert_eq!(words(row[1]), fields, "{}", row[0]);
        for (field, value) in value.as_object().unwrap() {
            assert!(!value.is_null() || words(row[2]).contains(field), "{}: {field} is null", row[0]);
        }
    }
}
