//! The bytes of every event: they survive any cut, hold any text, and are the same on every transport.

use std::collections::{BTreeMap, BTreeSet};

use goldcrest::domain::events::TYPES;
use serde_json::json;

use crate::support::person::id_text;
use crate::support::poller::Poll;
use crate::support::{Chance, Ear, Log, Parsed, Person, Poller, Seen, Server, SseClient, SseParser, WsClient, seconds};

/// Texts that break a frame made carelessly.
const TEXTS: [&str; 12] = [
    "\rx",
    "x\n",
    "\r\nx\r\n",
    "\n\nx\n\n",
    "one\rtwo\nthree\r\nfour\n\n\r\r",
    "line\u{2028}paragraph\u{2029}next\u{85}",
    "\u{feff}a mark at the start",
    "👩‍👩‍👧‍👦 🏳️‍🌈 e\u{301} \u{202e}desrever",
    "data: not an event\n\nid: 999999\nevent: bye\ndata: {}\n\n",
    "\"quoted\" \\ back / slash \\u0041 \u{7f}\u{1b}[31m\t\u{8}",
    "\u{10ffff}\u{fffd}\u{fffe}\u{e000}",
    ": a comment\nretry: 0",
];

/// Makes every type of event happen, all of them to be heard by the one person that is returned.
async fn everything_happens(server: &Server) -> Person {
    let [alice, bob] = Person::register_all(server, ["alice", "bob"]).await;
    let other_session = alice.login(server).await;
    let refreshed = json!({"refresh_token": other_session.refresh_token});
    server.stranger().post("/api/v1/sessions/refresh", &refreshed).await.expect(200);
    alice.delete(&format!("/api/v1/sessions/{}", other_session.session)).await.expect(204);
    let key = alice.post("/api/v1/keys", &json!({"name": "a key 🔑", "scopes": ["read", "send"]})).await.expect(201);
    alice.delete(&format!("/api/v1/keys/{}", id_text(&key["id"]))).await.expect(204);
    alice.patch("/api/v1/me", &json!({"bio": TEXTS.join("|")})).await.expect(200);
    let group = alice.group("the group 🐦", &[&bob]).await;
    alice.patch(&format!("/api/v1/conversations/{group}"), &json!({"name": "renamed é"})).await.expect(200);
    alice.patch(&format!("/api/v1/conversations/{group}/members/bob"), &json!({"role": "owner"})).await.expect(200);
    bob.leave(group).await;
    alice.add(group, &bob).await;
    for text in TEXTS {
        bob.say(group, text).await;
    }
    let note = alice.direct(&[&alice]).await;
    let path = format!("/api/v1/messages/{}", id_text(&alice.say(note, "to be changed").await["id"]));
    alice.patch(&path, &json!({"text": "changed 🖊"})).await.expect(200);
    alice.delete(&format!("{path}?for=me")).await.expect(204);
    alice.delete(&path).await.expect(204);
    let read = json!({"message_id": TEXTS.len()});
    alice.put(&format!("/api/v1/conversations/{group}/read"), &read).await.expect(200);
    alice.post("/api/v1/contacts", &json!({"username": "bob"})).await.expect(201);
    alice.delete("/api/v1/contacts/bob").await.expect(204);
    alice.put("/api/v1/blocks/bob", &json!({})).await.expect(204);
    alice.delete("/api/v1/blocks/bob").await.expect(204);
    alice
}

#[tokio::test]
async fn every_event_reads_the_same_everywhere_and_however_it_is_cut() {
    let mut chance = Chance::for_test("golden");
    let server = Server::start().await;
    let alice = everything_happens(&server).await;
    let log = server.events_on_disk().await;
    let expected = log.visible(alice.id, &[], 0);
    let last = *expected.last().unwrap();
    assert_logged(&log, &expected);

    let mut sse = SseClient::open_captured(server.address, &alice.stream().after(0)).await.unwrap();
    let over_sse = raw_by_seq(sse.until_seq(last).await);
    let mut websocket = WsClient::open(server.address, &alice.stream().after(0)).await.unwrap();
    let over_websocket = raw_by_seq(websocket.until_seq(last).await);
    let mut poller = Poller::new(&alice, &alice.stream().after(0));
    poller.limit = 7;
    let by_polling = raw_by_seq(poller.until_seq(last).await);
    assert_eq!(over_sse.keys().copied().collect::<Vec<_>>(), expected);
    assert_eq!(over_sse, over_websocket, "a WebSocket frame is what an SSE event carries");
    assert_eq!(over_sse, by_polling, "a poll lists what an SSE event carries");
    for (seq, raw) in &over_sse {
        let envelope: serde_json::Value = serde_json::from_str(raw).unwrap();
        let logged = log.events.iter().find(|event| event.seq == *seq).unwrap();
        assert_eq!((&envelope["data"], envelope["type"].as_str()), (&logged.data, Some(logged.kind.as_str())));
        assert!(
            envelope["at"].as_str().is_some_and(|at| at.ends_with('Z') && at.len() == "2026-11-21T10:00:00.123Z".len()),
            "{raw}"
        );
    }

    let bytes = sse.captured.take().unwrap();
    let whole = SseParser::default().feed(&bytes);
    assert_eq!(events_of(&whole), over_sse);
    for cut in 0..=bytes.len() {
        assert_eq!(parse_in(&[&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(parse_in(&single), whole, "byte by byte");
    for _ in 0..200 {
        let (mut pieces, mut rest) = (Vec::new(), bytes.as_slice());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(chance.between(1, 40).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        assert_eq!(parse_in(&pieces), whole, "cut at random");
    }
}

/// The log has every type, and the texts as they were sent.
fn assert_logged(log: &Log, expected: &[u64]) {
    let visible = log.events.iter().filter(|event| expected.contains(&event.seq));
    let types: BTreeSet<&str> = visible.map(|event| event.kind.as_str()).collect();
    // That messages run out takes time: the tests of expiring hear of it, over all transports.
    let all = TYPES.iter().map(|kind| kind.kind).filter(|kind| *kind != "messages.expired");
    assert_eq!(types, all.collect(), "every type of event has happened");
    let texts: Vec<&str> = log.messages().map(|event| event.data["text"].as_str().unwrap()).collect();
    assert_eq!(texts, [&TEXTS[..], &[""]].concat(), "and nothing of what was deleted");
}

fn raw_by_seq(seen: Vec<Seen>) -> BTreeMap<u64, String> {
    seen.into_iter().map(|seen| (seen.seq, seen.raw)).collect()
}

fn events_of(parsed: &[Parsed]) -> BTreeMap<u64, String> {
    let events = parsed.iter().filter_map(|parsed| match parsed {
        Parsed::Event { kind, data, id } if kind != "ready" => Some((id.parse().unwrap(), data.clone())),
        _ => None,
    });
    events.collect()
}

fn parse_in(pieces: &[&[u8]]) -> Vec<Parsed> {
    let mut parser = SseParser::default();
    pieces.iter().flat_map(|piece| parser.feed(piece)).collect()
}

#[tokio::test]
async fn live_and_replayed_bytes_are_the_same() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let start = bob.head().await;
    let mut live_sse = SseClient::open_captured(server.address, &bob.stream()).await.unwrap();
    live_sse.until_control("ready").await;
    let mut live_websocket = WsClient::open(server.address, &bob.stream()).await.unwrap();
    live_websocket.until_control("ready").await;
    for text in TEXTS {
        alice.say(direct, text).await;
    }
    let end = bob.head().await;
    let live = live_sse.until_seq(end).await;
    assert_eq!(live_websocket.until_seq(end).await, live);
    let mut replayed = SseClient::open(server.address, &bob.stream().after(start)).await.unwrap();
    assert_eq!(replayed.until_seq(end).await, live);
    assert_eq!(live.iter().map(|seen| seen.data()["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), TEXTS);

    let answer = bob.get(&format!("/api/v1/events?after={start}")).await;
    let poll: Poll = serde_json::from_slice(&answer.body).unwrap();
    let polled: Vec<&str> = poll.events.iter().map(|raw| raw.get()).collect();
    assert_eq!(polled, live.iter().map(|seen| seen.raw.as_str()).collect::<Vec<_>>());
    assert_eq!((poll.next, poll.head), (end, end));
}

#[tokio::test]
async fn the_heads_of_streams_pass_through_proxies() {
    let server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    let mut sse = SseClient::open(server.address, &bob.stream()).await.unwrap();
    assert_eq!(sse.headers["cache-control"], "no-store");
    assert_eq!(sse.headers["x-accel-buffering"], "no");
    sse.until_control("ready").await;
    assert_eq!(sse.retry(), Some(seconds(2)));
    let offered = WsClient::open(server.address, &bob.stream().header("sec-websocket-protocol", "other, goldcrest.v1"))
        .await
        .unwrap();
    assert_eq!(offered.headers["sec-websocket-protocol"], "goldcrest.v1");
    let not_offered = WsClient::open(server.address, &bob.stream()).await.unwrap();
    assert!(!not_offered.headers.contains_key("sec-websocket-protocol"));
}
