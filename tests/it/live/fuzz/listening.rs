//! Parameters and headers by chance, on all three ways to listen: only what is documented comes back.

mod request;

use super::{MARK, Rounds, is_well, refusal};
use crate::support::frames::{CLOSE, Frames, PING, TEXT};
use crate::support::raw::{Connection, Framing};
use crate::support::{Chance, Parsed, Person, Server, SseParser, seconds, within};
use request::{Expected, LIMIT, Request, Start};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What there is to hear, which nothing changes.
struct Truth {
    head: u64,
    /// What ann hears without any channel.
    own: BTreeSet<u64>,
    /// What each channel adds.
    channels: BTreeMap<&'static str, BTreeSet<u64>>,
}

impl Truth {
    fn start(&self, after: u64) -> Start {
        if after > self.head { Start::Reset("beyond_head") } else { Start::At(after) }
    }

    async fn of(ann: &Person) -> Self {
        let heard = async |channel: &str| {
            let polled = ann.get(&format!("/api/v1/events?after=0&limit=1000{channel}")).await.expect(200);
            seqs(&polled)
        };
        let own: BTreeSet<u64> = heard("").await.into_iter().collect();
        let mut channels = BTreeMap::new();
        for name in ["news", "more"] {
            let with: BTreeSet<u64> = heard(&format!("&channel={name}")).await.into_iter().collect();
            assert!(with.len() > own.len(), "{name} has something to hear");
            channels.insert(name, with);
        }
        Self { head: ann.head().await, own, channels }
    }

    /// What a poll answers.
    fn polled(&self, request: &Request, start: &Start) -> Vec<u64> {
        let after = match *start {
            Start::At(after) => after,
            Start::Now => self.head,
            Start::Reset(_) => return Vec::new(),
        };
        let limit = request.number("limit", u64::MAX).unwrap().unwrap_or(LIMIT.1);
        let followed = request.channels();
        let mut all = self.own.clone();
        all.extend(followed.iter().flat_map(|name| &self.channels[&*name.to_lowercase()]));
        all.into_iter().filter(|seq| *seq > after).take(usize::try_from(limit).unwrap()).collect()
    }
}

fn seqs(polled: &Value) -> Vec<u64> {
    let events = polled["events"].as_array().expect("a poll lists events");
    events.iter().filter_map(|event| event["seq"].as_u64()).collect()
}

#[tokio::test]
async fn whatever_a_listener_asks_for_gets_what_is_documented() {
    let options = Server::options().set("--access-token-lifetime", "24h");
    let server = options.set("--log-level", "warn,goldcrest=debug").start().await;
    let [ann, bob] = Person::register_all(&server, ["ann", "bob"]).await;
    let direct = ann.direct(&[&bob]).await;
    ann.say(direct, MARK).await;
    for name in ["news", "more"] {
        let channel = bob.channel(name).await;
        bob.say(channel, MARK).await;
    }
    bob.group("secret", &[]).await;
    let truth = Truth::of(&ann).await;
    let sockets = server.sockets();
    let ticket = ann.ticket().await;
    let mut chance = Chance::for_test("listening");
    let mut rounds = Rounds::begin();
    while rounds.go_on() {
        let request = Request::by_chance(&mut chance, &ticket);
        // It is cut where hyper gives up: a request line has an end.
        let what = format!("what is due to {}", request.shown());
        within(seconds(30), &what, tried(&server, &truth, &request, &ann.access_token, &ticket)).await;
    }
    println!("{} requests, {} MiB", rounds.count, server.memory() >> 20);
    // The tour of the kit's own client leaves some connections open.
    is_well(&server, sockets + 2, &[&ann.access_token, &ticket]).await;
}

async fn tried(server: &Server, truth: &Truth, request: &Request, bearer: &str, ticket: &str) {
    let expected = request.expected(truth, ticket);
    let shown = || format!("{}: {expected:?}", request.shown());
    let target = format!("{}?{}", request.path, request.query);
    if request.path == "/ws" {
        let headers = request.headers(bearer);
        // Headers are bytes, of which not all are texts.
        let headers = String::from_utf8(headers).unwrap_or_else(|_| format!("Authorization: Bearer {bearer}\r\n"));
        let is_whole = request.headers(bearer) == headers.as_bytes();
        match (Frames::open(server.address, &target, &headers).await.unwrap(), &expected) {
            (Ok(mut socket), Expected::Open(start)) => {
                if is_whole {
                    begins(start, truth, next_frame(&mut socket).await.as_ref(), &shown);
                }
            }
            (Err(status), Expected::Refused(codes)) => {
                assert_eq!(status, super::CODES[codes[0]], "{}", shown());
            }
            (Err(401), Expected::Open(_)) if !is_whole && request.ticket.is_some() => {}
            (opened, _) => panic!("{:?}: {}", opened.err(), shown()),
        }
        return;
    }
    let mut connection = Connection::open(server.address).await.unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n", server.address);
    connection.send([head.as_bytes(), &request.headers(bearer), b"\r\n"].concat()).await.unwrap();
    let (status, headers) = connection.head().await.unwrap();
    let kind = headers.get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned();
    match &expected {
        Expected::Refused(codes) => {
            assert_eq!(kind, "application/problem+json", "{status} to {}", shown());
            let problem: Value = serde_json::from_slice(&connection.rest(status, &headers).await.unwrap()).unwrap();
            assert_eq!(problem["status"], status, "{}", shown());
            let code = refusal(&problem, shown);
            assert!(codes.contains(&code), "{code} to {}", shown());
        }
        Expected::Open(start) if request.path == "/stream" => {
            assert_eq!((status, &*kind), (200, "text/event-stream"), "{}", shown());
            begins(start, truth, next_event(&mut connection, &Framing::of(status, &headers)).await.as_ref(), &shown);
        }
        Expected::Open(start) => {
            let answer: Value = serde_json::from_slice(&connection.rest(status, &headers).await.unwrap()).unwrap();
            assert_eq!(status, 200, "{answer} to {}", shown());
            assert_eq!(answer["head"], truth.head, "{}", shown());
            let events = truth.polled(request, start);
            assert_eq!(seqs(&answer), events, "{answer} to {}", shown());
            let next = answer["next"].as_u64().unwrap();
            assert!(next <= truth.head && events.last().is_none_or(|last| next >= *last), "{answer} to {}", shown());
            if let Start::Reset(reason) = start {
                assert_eq!(answer["events"][0]["reason"], *reason, "{answer} to {}", shown());
            }
        }
    }
}

/// The first event says where the stream goes on from.
fn begins(start: &Start, truth: &Truth, first: Option<&Value>, shown: &impl Fn() -> String) {
    let first = first.unwrap_or_else(|| panic!("it ended without a word: {}", shown()));
    let expected = match start {
        Start::Now => json!({"type": "ready", "position": truth.head, "head": truth.head}),
        Start::At(after) => json!({"type": "ready", "position": after, "head": truth.head}),
        Start::Reset(reason) => {
            json!({"type": "reset", "position": truth.head, "head": truth.head, "reason": reason})
        }
    };
    assert_eq!(*first, expected, "{}", shown());
}

async fn next_event(connection: &mut Connection, framing: &Framing) -> Option<Value> {
    assert!(framing.ends_with_connection(), "a stream has no length");
    let mut parser = SseParser::default();
    loop {
        let bytes = std::mem::take(&mut connection.unread);
        for parsed in parser.feed(&bytes) {
            if let Parsed::Event { kind, data, id } = parsed {
                let data: Value = serde_json::from_str(&data).unwrap();
                assert_eq!((&data["type"], &data["position"].to_string()), (&json!(kind), &id));
                return Some(data);
            }
        }
        if !connection.read_more().await.unwrap() {
            return None;
        }
    }
}

async fn next_frame(socket: &mut Frames) -> Option<Value> {
    loop {
        match socket.next().await.unwrap()? {
            (TEXT, payload) => return Some(serde_json::from_slice(&payload).unwrap()),
            (PING, _) => {}
            (opcode, payload) => {
                assert_eq!(opcode, CLOSE);
                return Some(json!({ "closed": payload }));
            }
        }
    }
}
