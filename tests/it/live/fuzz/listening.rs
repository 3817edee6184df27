//! Parameters and headers by chance, on all three ways to listen: only what is documented comes back.

use super::{MARK, Rounds, is_well, refusal};
use crate::support::frames::{CLOSE, Frames, PING, TEXT};
use crate::support::raw::{Connection, Framing};
use crate::support::{Chance, Parsed, Person, Server, SseParser, seconds, within};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const NAMES: &[&str] = &[
    "after",
    "after",
    "after",
    "limit",
    "limit",
    "wait",
    "channel",
    "channel",
    "channel",
    "AFTER",
    "afte%72",
    "after%00",
    "chann%65l",
    "last_event_id",
    "",
    "zqx",
    "%ff",
    "%",
    "token",
];

const VALUES: &[&str] = &[
    "0",
    "0",
    "1",
    "2",
    "3",
    "5",
    "9",
    "007",
    "100",
    "1000",
    "1001",
    "news",
    "news",
    "more",
    "secret",
    "NEWS",
    "nobody",
    "news%00",
    "n%65ws",
    "-1",
    "-0",
    "%2B1",
    "+1",
    "1+",
    "%201",
    "1.0",
    "1e3",
    "0x1",
    "",
    "%",
    "%zz",
    "%ff",
    "%ed%a0%80",
    "%f0%9f%98%80",
    "%d9%a1",
    "%31",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1%00",
    "1%0a",
    "null",
    "NaN",
    "61",
    "60%20",
    "1;limit=1",
    "%26after=1",
    "a%2fb",
    "..",
    "*",
    "zqx",
];

const CURSORS: &[&[u8]] = &[
    b"0",
    b"1",
    b"3",
    b"5",
    b"007",
    b"99",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-1",
    b"+1",
    b"1.0",
    b"",
    b"   ",
    b"1 ",
    b"1, 2",
    b"zqx",
    b"\"1\"",
    b"\xd9\xa1",
    b"\xff\xfe",
    b"1\t2",
    b"null",
    b"%31",
    b"99999999999999999999999999999999999999",
];

/// Events that a poll gives, and gives if nobody says how many; the seconds that it is held.
const LIMIT: (u64, u64) = (1_000, 100);
const WAIT: u64 = 60;
const CHANNELS: usize = 100;

/// What there is to hear, which nothing changes.
struct Truth {
    head: u64,
    /// What ann hears without any channel.
    own: BTreeSet<u64>,
    /// What each channel adds.
    channels: BTreeMap<&'static str, BTreeSet<u64>>,
}

/// What has to come back.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// One of these refusals.
    Refused(&'static [&'static str]),
    Open(Start),
}

#[derive(Debug, PartialEq, Eq)]
enum Start {
    Now,
    At(u64),
    Reset(&'static str),
}

/// A request in its parts.
#[derive(Debug)]
struct Request {
    path: &'static str,
    query: String,
    /// As the URL says it.
    ticket: Option<String>,
    cursors: Vec<&'static [u8]>,
}

impl Request {
    fn by_chance(chance: &mut Chance, ticket: &str) -> Self {
        let path = *chance.pick(&["/stream", "/stream", "/api/v1/events", "/api/v1/events", "/ws"]);
        let mut query = String::new();
        for _ in 0..chance.between(0, 4) {
            let nearly = chance.percent(60);
            let names = if nearly { &NAMES[..9] } else { NAMES };
            let name = *chance.pick(names);
            let value = match name {
                "channel" if nearly => *chance.pick(&["news", "more", "news"]),
                "after" | "limit" if nearly => *chance.pick(&VALUES[..11]),
                "wait" if nearly => "0",
                _ => *chance.pick(VALUES),
            };
            write!(query, "{}{name}={value}", if query.is_empty() { "" } else { "&" }).unwrap();
        }
        if chance.percent(3) {
            let many = chance.between(CHANNELS - 2, CHANNELS + 2);
            (0..many).for_each(|number| write!(query, "&channel=c{number}").unwrap());
        }
        if chance.percent(2) {
            query.push_str(&"&zqx=%00".repeat(chance.between(100, 5_000)));
        }
        if chance.percent(10) {
            query.push_str(*chance.pick(&["&", "&&=&", "&after", "=", "&channel", "?", "&after=1=2", ";"]));
        }
        let ticket = chance.percent(30).then(|| match chance.between(0, 5) {
            0 => "zqx".to_owned(),
            1 => format!("{ticket}="),
            2 => String::new(),
            _ => ticket.to_owned(),
        });
        if let Some(ticket) = &ticket {
            write!(query, "&ticket={ticket}").unwrap();
        }
        let many = *chance.pick(&[0, 0, 1, 1, 2]);
        let cursors = (0..many).map(|_| *chance.pick(CURSORS)).collect();
        Self { path, query, ticket, cursors }
    }

    /// Its parameters, as anybody reads them.
    fn parameters(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    fn channels(&self) -> BTreeSet<String> {
        self.parameters().into_iter().filter(|(name, _)| name == "channel").map(|(_, value)| value).collect()
    }

    /// The last of this name, where all of them are numbers up to this one; an error where one is not.
    fn number(&self, wanted: &str, most: u64) -> Result<Option<u64>, ()> {
        let parameters = self.parameters();
        let values = parameters.iter().filter(|(name, _)| name == wanted);
        values.map(|(_, value)| number(value, most).ok_or(())).try_fold(None, |_, number| number.map(Some))
    }

    fn expected(&self, truth: &Truth, ticket: &str) -> Expected {
        const SEQ: u64 = i64::MAX as u64;
        let is_poll = self.path == "/api/v1/events";
        if self.parameters().iter().any(|(name, _)| name == "token") {
            return Expected::Refused(&["token_in_url"]);
        }
        let read = (self.number("after", SEQ), self.number("limit", u64::MAX), self.number("wait", u64::MAX));
        let (Ok(after), Ok(limit), Ok(wait)) = read else { return Expected::Refused(&["malformed_request"]) };
        let channels = self.channels();
        let beyond = limit.is_some_and(|limit| limit == 0 || limit > LIMIT.0) || wait.is_some_and(|wait| wait > WAIT);
        if channels.len() > CHANNELS || is_poll && beyond {
            return Expected::Refused(&["malformed_request"]);
        }
        if !is_poll && self.ticket.as_ref().is_some_and(|shown| shown != ticket) {
            return Expected::Refused(&["unauthorized"]);
        }
        if channels.iter().any(|name| !truth.channels.contains_key(&*name.to_lowercase())) {
            return Expected::Refused(&["not_found"]);
        }
        let header = self.cursors.first().map(|cursor| cursor.trim_ascii()).filter(|cursor| !cursor.is_empty());
        let Some(cursor) = header else {
            return Expected::Open(after.map_or(Start::Now, |after| truth.start(after)));
        };
        let cursor = std::str::from_utf8(cursor).ok().and_then(|text| number(text, SEQ));
        Expected::Open(cursor.map_or(Start::Reset("malformed_cursor"), |cursor| truth.start(cursor)))
    }

    fn shown(&self) -> String {
        let cursors: Vec<_> = self.cursors.iter().map(|cursor| cursor.escape_ascii().to_string()).collect();
        format!("{}?{}, Last-Event-ID {cursors:?}", self.path, &self.query[..self.query.len().min(2_000)])
    }

    fn headers(&self, bearer: &str) -> Vec<u8> {
        let mut headers = Vec::new();
        if self.ticket.is_none() || self.path == "/api/v1/events" {
            headers.extend(format!("Authorization: Bearer {bearer}\r\n").into_bytes());
        }
        for cursor in &self.cursors {
            headers.extend([b"Last-Event-ID: ", *cursor, b"\r\n"].concat());
        }
        headers
    }
}

fn number(text: &str, most: u64) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= most)
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
        followed.iter().for_each(|name| all.extend(&self.channels[&*name.to_lowercase()]));
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
