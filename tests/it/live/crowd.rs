//! A crowd: people who write, people who come and go, listeners who lose their connection all the time, and the comparison of what
//! they heard with the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::deadline::{seconds, within};
use crate::support::log::Logged;
use crate::support::person::id_text;
use crate::support::{Answer, Chance, Ear, Heard, Listener, Log, NotOpened, Person, Seen, StreamRequest, Transport};

/// How long a killed server may be away, on a machine that does other work beside.
const AWAY: Duration = seconds(60);
/// How soon it is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// A message that the server said it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    pub author: u64,
    pub client_id: String,
    pub message: u64,
}

/// Calls until there is an answer that is not "try again". The second value tells whether an earlier attempt may have succeeded.
pub async fn insist(person: &Person, method: Method, path: &str, body: Option<&Value>) -> (Answer, bool) {
    let mut again = false;
    let mut attempts = tokio::time::interval(PAUSE);
    let answer = within(AWAY, "a server that answers", async {
        loop {
            attempts.tick().await;
            match person.try_call(method.clone(), path, body).await {
                Ok(answer) if answer.status != 503 => return answer,
                Ok(_) | Err(_) => again = true,
            }
        }
    });
    (answer.await, again)
}

/// Somebody who sends one message after the other, each until it is acknowledged.
pub struct Writer {
    pub person: Person,
    pub rooms: Vec<u64>,
    /// He also writes to this one by name.
    pub friend: String,
    pub at_least: usize,
    pub stop: watch::Receiver<bool>,
    pub count: Arc<AtomicUsize>,
}

impl Writer {
    pub async fn write(self, mut chance: Chance) -> Vec<Acknowledged> {
        let mut acknowledged = Vec::new();
        while acknowledged.len() < self.at_least || !*self.stop.borrow() {
            let client_id = format!("{}-{}", self.person.name, acknowledged.len());
            let length = chance.between(1, 60);
            let mut body = json!({"text": chance.text(length), "client_id": client_id});
            if chance.percent(20) {
                body["to"] = json!([self.friend]);
            } else {
                body["conversation_id"] = json!(chance.pick(&self.rooms));
            }
            let message = if chance.percent(10) {
                // Both at once: one of them makes the message, the other gets it back.
                let (one, other) = tokio::join!(self.send(&body), self.send(&body));
                assert_eq!(one, other, "one client_id is one message");
                one
            } else {
                self.send(&body).await
            };
            if chance.percent(10) {
                assert_eq!(self.send(&body).await, message, "a retry gives the first message");
            }
            acknowledged.push(Acknowledged { author: self.person.id, client_id, message });
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        acknowledged
    }

    async fn send(&self, body: &Value) -> u64 {
        let (answer, _) = insist(&self.person, Method::POST, "/api/v1/messages", Some(body)).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.describe());
        answer.json()["id"].as_u64().expect("a message has an id")
    }
}

/// Somebody who leaves a group and a channel and comes back, again and again.
pub struct Wanderer {
    pub person: Person,
    pub host: Person,
    pub group: u64,
    pub channel: u64,
    pub stop: watch::Receiver<bool>,
}

impl Wanderer {
    pub async fn wander(self, mut chance: Chance) -> usize {
        let mut journeys = 0;
        while !*self.stop.borrow() {
            let (room, opener) =
                if chance.percent(50) { (self.group, &self.host) } else { (self.channel, &self.person) };
            let members = format!("/api/v1/conversations/{room}/members");
            let membership = format!("{members}/{}", self.person.name);
            let (answer, again) = insist(&self.person, Method::DELETE, &membership, None).await;
            assert!(answer.status == 204 || again, "leaving: {}", answer.describe());
            for _ in 0..chance.between(0, 3) {
                insist(
                    &self.host,
                    Method::POST,
                    "/api/v1/messages",
                    Some(&json!({"conversation_id": room, "text": "while he is away"})),
                )
                .await;
            }
            let (answer, again) =
                insist(opener, Method::POST, &members, Some(&json!({"username": self.person.name}))).await;
            assert!(answer.status == 201 || again, "coming back: {}", answer.describe());
            journeys += 1;
        }
        journeys
    }
}

/// When a listener loses its connection.
#[derive(Debug, Clone, Copy)]
enum Fate {
    RightAfterReady,
    AfterEvents(usize),
    RightAfterHeartbeat,
    AfterHearing(usize),
}

impl Fate {
    fn choose(chance: &mut Chance) -> Self {
        match chance.between(0, 99) {
            0..15 => Fate::RightAfterReady,
            15..40 => Fate::AfterEvents(chance.between(1, 4)),
            40..55 => Fate::RightAfterHeartbeat,
            _ => Fate::AfterHearing(chance.between(1, 150)),
        }
    }

    /// Whether this was the last thing that got through.
    fn strikes(&mut self, heard: &Heard) -> bool {
        match (self, heard) {
            (Fate::RightAfterReady, _) | (Fate::RightAfterHeartbeat, Heard::Heartbeat(_)) => true,
            (Fate::AfterEvents(left), Heard::Event(_)) | (Fate::AfterHearing(left), _) => {
                *left -= 1;
                *left == 0
            }
            _ => false,
        }
    }
}

/// A listener that loses its connection again and again and resumes with its cursor.
pub struct Wayward {
    pub person: Person,
    /// It comes back over any of these.
    pub transports: Vec<Transport>,
    /// Channels that it follows, by id and name.
    pub follows: Vec<(u64, String)>,
    /// Where it starts; without, from now on.
    pub after: Option<u64>,
    pub by_ticket: bool,
    /// For so many connections it is cut off after one single event.
    pub single_events: usize,
    /// Whether the server may end a stream by itself, as one does that is killed.
    pub server_may_end: bool,
}

/// All that one listener heard.
pub struct Record {
    pub name: String,
    pub user: u64,
    pub followed: Vec<u64>,
    pub start: u64,
    pub seen: Vec<Seen>,
    pub connections: usize,
}

impl Wayward {
    /// Opens a stream, again and again while the server is away.
    async fn open(&self, transport: Transport, cursor: Option<u64>) -> Listener {
        let mut attempts = tokio::time::interval(PAUSE);
        loop {
            attempts.tick().await;
            match Listener::open(transport, &self.person, &self.request(transport, cursor).await).await {
                Ok(listener) => return listener,
                Err(NotOpened::Answered(answer)) if answer.status != 503 => {
                    panic!("{}: {}", self.person.name, answer.describe())
                }
                Err(error) => assert!(self.server_may_end, "{}: {error:?}", self.person.name),
            }
        }
    }

    /// Listens until its cursor has come to the goal, once there is one.
    pub async fn listen(self, mut chance: Chance, goal: watch::Receiver<Option<u64>>) -> Record {
        let mut record = Record {
            name: format!("{} over {:?}", self.person.name, self.transports),
            user: self.person.id,
            followed: self.follows.iter().map(|(id, _)| *id).collect(),
            start: self.after.unwrap_or(0),
            seen: Vec::new(),
            connections: 0,
        };
        let mut cursor = self.after;
        loop {
            let transport = *chance.pick(&self.transports);
            let mut listener = within(AWAY, "a server that takes streams", self.open(transport, cursor)).await;
            let mut fate =
                if record.connections < self.single_events { Fate::AfterEvents(1) } else { Fate::choose(&mut chance) };
            let mut has_heard = false;
            loop {
                let heard = listener.next().await;
                if let Heard::End(code) = heard {
                    assert!(self.server_may_end, "{}: the server ended the stream ({code:?})", record.name);
                    break;
                }
                record.connections += usize::from(!std::mem::replace(&mut has_heard, true));
                let start_is_open = cursor.is_none();
                cursor = listener.cursor().or(cursor);
                if start_is_open {
                    // The first answer to a poll may hold events already; it began before the first of them.
                    record.start = match &heard {
                        Heard::Event(seen) => seen.seq - 1,
                        _ => cursor.unwrap_or(0),
                    };
                }
                record.note(&heard);
                if let (Some(goal), Some(cursor)) = (*goal.borrow(), cursor)
                    && cursor >= goal
                {
                    return record;
                }
                if fate.strikes(&heard) {
                    break;
                }
            }
        }
    }

    async fn request(&self, transport: Transport, cursor: Option<u64>) -> StreamRequest {
        let mut request = self.person.stream();
        if self.by_ticket && transport != Transport::Polling {
            let (answer, _) = insist(&self.person, Method::POST, "/api/v1/stream-tickets", Some(&json!({}))).await;
            request.credentials = crate::support::Credentials::Ticket(id_text(&answer.expect(201)["ticket"]));
        }
        for (_, name) in &self.follows {
            request = request.channel(name);
        }
        transport.resuming(request, self.after, cursor)
    }
}

impl Record {
    fn note(&mut self, heard: &Heard) {
        match heard {
            Heard::Event(seen) => {
                let last = self.seen.last().map_or(self.start, |seen| seen.seq);
                assert!(seen.seq > last, "{}: {} came after {last}: {}", self.name, seen.seq, seen.raw);
                self.seen.push(seen.clone());
            }
            Heard::Control(control) => {
                assert!(matches!(control.kind.as_str(), "ready" | "bye"), "{}: {}", self.name, control.raw);
            }
            // What passes is no part of what everybody has to hear.
            Heard::Heartbeat(_) | Heard::Passing(_) => {}
            Heard::Reply(reply) => panic!("{}: nobody asked: {reply}", self.name),
            Heard::End(_) => unreachable!("handled before"),
        }
    }
}

/// Every listener heard exactly what the log has for it, in the log's order, in the same bytes as everybody else.
pub fn assert_all_heard(log: &Log, records: &[Record]) {
    let by_seq: HashMap<u64, &Logged> = log.events.iter().map(|event| (event.seq, event)).collect();
    let mut bytes: HashMap<u64, &str> = HashMap::new();
    for record in records {
        let seen: Vec<u64> = record.seen.iter().map(|seen| seen.seq).collect();
        let expected = log.visible(record.user, &record.followed, record.start);
        if seen != expected {
            let lost: Vec<_> = expected.iter().filter(|seq| !seen.contains(seq)).map(|seq| by_seq[seq]).collect();
            let unasked: Vec<_> =
                seen.iter().filter(|seq| !expected.contains(seq)).map(|seq| by_seq.get(seq)).collect();
            let stays: Vec<_> = log.stays.iter().filter(|stay| u64::try_from(stay.user) == Ok(record.user)).collect();
            panic!(
                "{} from {}: lost {lost:?}, heard what is not his {unasked:?}, stays {stays:?}",
                record.name, record.start
            );
        }
        for seen in &record.seen {
            let logged = by_seq[&seen.seq];
            assert_eq!(*bytes.entry(seen.seq).or_insert(&seen.raw), seen.raw, "an event is encoded once");
            let envelope = seen.json();
            assert_eq!(
                (&seen.kind, &envelope["data"]),
                (&logged.kind, &logged.data),
                "the envelope holds what is logged"
            );
            let conversation = (logged.topic > 0).then_some(logged.topic);
            assert_eq!(envelope.get("conversation_id").and_then(Value::as_i64), conversation, "{}", seen.raw);
        }
    }
}

/// Every acknowledged message is in the log exactly once, and no `client_id` is there twice.
pub fn assert_all_kept(log: &Log, acknowledged: &[Acknowledged]) {
    let mut kept: HashMap<(u64, String), u64> = HashMap::new();
    for event in log.messages() {
        let (author, client_id) = (event.data["author"]["id"].as_u64(), event.data["client_id"].as_str());
        if let (Some(author), Some(client_id)) = (author, client_id) {
            let message = event.data["id"].as_u64().unwrap();
            let double = kept.insert((author, client_id.to_owned()), message);
            assert_eq!(double, None, "{client_id} was sent once and is there as {message} too");
        }
    }
    for promised in acknowledged {
        let found = kept.get(&(promised.author, promised.client_id.clone()));
        assert_eq!(found, Some(&promised.message), "{promised:?} was acknowledged");
    }
}
