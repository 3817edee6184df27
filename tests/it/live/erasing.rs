//! Messages are deleted for all while everybody listens: who comes after is shown none of them, and nobody misses a place.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::listener::TRANSPORTS;
use crate::support::{Chance, Ear, Heard, Listener, Person, Seen, Server, SseClient, WsClient, seconds, within};

/// The message that an event shows, if it shows its text.
fn shows(seen: &Seen) -> Option<u64> {
    let data = seen.data();
    let text = data["text"].as_str().filter(|text| !text.is_empty());
    text.map(|_| data["id"].as_u64().expect("a message has an id"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_replay_shows_what_was_deleted_before_it_began() {
    const MANY: u64 = 600;
    let mut chance = Chance::for_test("erasing");
    // So small that the queue, the ring and the log all have their part.
    let server = Server::options().set("--stream-queue", "4").set("--ring-bytes", "32768").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let start = bob.head().await;
    let gone: Arc<Mutex<BTreeSet<u64>>> = Arc::default();
    let writer = tokio::spawn({
        let (alice, gone) = (alice.clone(), Arc::clone(&gone));
        let mut chance = chance.split();
        async move {
            let mut standing = Vec::new();
            for number in 0..MANY {
                let said = alice.say(direct, &format!("xylophone {number}")).await;
                if chance.percent(20) {
                    let path = format!("/api/v1/messages/{}", said["id"]);
                    alice.patch(&path, &json!({"text": format!("xylophone {number} anew")})).await.expect(200);
                }
                standing.push(said["id"].as_u64().unwrap());
                if chance.percent(30) {
                    let some: Vec<u64> = (0..chance.between(1, 4).min(standing.len()))
                        .map(|_| standing.swap_remove(chance.between(0, standing.len() - 1)))
                        .collect();
                    let done = alice.post("/api/v1/messages/delete", &json!({"ids": some})).await.expect(200);
                    assert_eq!(done["deleted"].as_array().unwrap().len(), some.len());
                    gone.lock().extend(some);
                }
            }
        }
    });
    // One who listens all the time hears every place, whatever was in its hands when a message went.
    let mut always = SseClient::open(server.address, &bob.stream().after(start)).await.unwrap();
    let mut replays = 0;
    while !writer.is_finished() {
        let before = gone.lock().clone();
        let head = bob.head().await;
        let transport = TRANSPORTS[replays % 3];
        let mut listener = Listener::open(transport, &bob, &bob.stream().after(start)).await.unwrap();
        let heard = within(seconds(30), "a replay", listener.until_seq(head)).await;
        let seqs: Vec<u64> = heard.iter().map(|seen| seen.seq).collect();
        assert_eq!(seqs, (start + 1..=*seqs.last().unwrap()).collect::<Vec<_>>(), "{transport:?}: no gap");
        for seen in &heard {
            assert!(shows(seen).is_none_or(|id| !before.contains(&id)), "{transport:?} shows {seen:?}");
        }
        replays += 1;
    }
    writer.await.unwrap();
    let head = bob.head().await;
    let heard = within(seconds(30), "the one who always listens", always.until_seq(head)).await;
    assert_eq!(heard.iter().map(|seen| seen.seq).collect::<Vec<_>>(), (start + 1..=head).collect::<Vec<_>>());
    let gone = gone.lock().clone();
    assert!(replays > 3 && gone.len() > 50, "{replays} replays, {} deleted", gone.len());
    println!("{replays} replays, {} of {MANY} messages deleted", gone.len());
    let log = server.events_on_disk().await;
    log.assert_dense();
    let standing: BTreeSet<u64> = log
        .messages()
        .filter(|event| event.data["deleted_at"].is_null())
        .map(|event| event.data["id"].as_u64().unwrap())
        .collect();
    assert_eq!(standing, (1..=MANY).filter(|id| !gone.contains(id)).collect(), "the others stand");
}

/// A ring that holds everything, and one that holds nothing.
#[tokio::test]
async fn deleted_from_ring_and_log_alike_it_is_the_same_bytes_on_every_transport() {
    let mut all: Vec<Vec<String>> = Vec::new();
    for ring in ["67108864", "1"] {
        let server = Server::options().set("--ring-bytes", ring).start().await;
        let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
        let direct = alice.direct(&[&bob]).await;
        let start = bob.head().await;
        let said = alice.say(direct, "a secret for @bob 🤫").await;
        let path = format!("/api/v1/messages/{}", said["id"]);
        alice.patch(&path, &json!({"text": "another secret for @bob"})).await.expect(200);
        alice.delete(&path).await.expect(204);
        let head = bob.head().await;
        for transport in TRANSPORTS {
            let mut listener = Listener::open(transport, &bob, &bob.stream().after(start)).await.unwrap();
            let heard: Vec<String> = listener.until_seq(head).await.into_iter().map(|seen| seen.raw).collect();
            assert!(heard.iter().all(|raw| !raw.contains("secret")), "{heard:?}");
            all.push(heard);
        }
        let log = server.events_on_disk().await;
        let logged: Vec<&Value> =
            log.events.iter().filter(|event| event.seq > start).map(|event| &event.data).collect();
        let heard: Vec<Value> =
            all.last().unwrap().iter().map(|raw| serde_json::from_str::<Value>(raw).unwrap()["data"].clone()).collect();
        assert_eq!(heard.iter().collect::<Vec<_>>(), logged);
    }
    assert!(all[..3].iter().all(|heard| *heard == all[0]) && all[3..].iter().all(|heard| *heard == all[3]));
    let shape = |heard: &[String]| -> Vec<Vec<String>> {
        let keys = |raw: &String| {
            let data = serde_json::from_str::<Value>(raw).unwrap()["data"].clone();
            data.as_object().unwrap().keys().cloned().collect()
        };
        heard.iter().map(keys).collect()
    };
    assert_eq!(shape(&all[0]), shape(&all[3]));
}

/// Bob, who listens over two transports and takes nothing, while alice has said more to him than sockets hold.
pub struct Behind {
    pub alice: Person,
    pub bob: Person,
    pub ids: Vec<Value>,
    start: u64,
    sse: SseClient,
    websocket: WsClient,
}

impl Behind {
    pub async fn start(server: &Server, many: usize) -> Self {
        let [alice, bob] = Person::register_all(server, ["alice", "bob"]).await;
        let direct = alice.direct(&[&bob]).await;
        let start = bob.head().await;
        let mut sse = SseClient::open(server.address, &bob.stream().narrow()).await.unwrap();
        let mut websocket = WsClient::open(server.address, &bob.stream().narrow()).await.unwrap();
        sse.until_control("ready").await;
        websocket.until_control("ready").await;
        // Of 300, three megabytes.
        let text = "y".repeat(10_000);
        let mut ids = Vec::new();
        for _ in 0..many {
            ids.push(alice.say(direct, &text).await["id"].clone());
        }
        Self { alice, bob, ids, start, sse, websocket }
    }

    /// Takes everything, over each transport: every place is there.
    pub async fn catches_up(&mut self) -> [Vec<Seen>; 2] {
        let head = self.bob.head().await;
        let heard = [self.sse.until_seq(head).await, self.websocket.until_seq(head).await];
        for heard in &heard {
            let seqs: Vec<u64> = heard.iter().map(|seen| seen.seq).collect();
            assert_eq!(seqs, (self.start + 1..=head).collect::<Vec<_>>());
        }
        heard
    }
}

#[tokio::test]
async fn what_a_slow_reader_was_still_to_get_is_empty_when_it_comes() {
    const MANY: usize = 300;
    let server = Server::options().set("--stall-timeout", "10m").start().await;
    let mut behind = Behind::start(&server, MANY).await;
    behind.alice.post("/api/v1/messages/delete", &json!({"ids": behind.ids})).await.expect(200);
    for heard in behind.catches_up().await {
        let shown = heard.iter().take_while(|seen| shows(seen).is_some()).count();
        println!("{shown} of {MANY} had gone out before they were deleted");
        assert!(heard[shown..].iter().all(|seen| shows(seen).is_none()), "and none after the first that is empty");
        // What the kernel keeps; the server itself would keep as much again.
        assert!(shown < 18, "{shown} were shown");
    }
}

#[tokio::test]
async fn of_a_message_that_was_edited_hundreds_of_times_nothing_is_left() {
    const EDITS: usize = 450;
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let start = bob.head().await;
    let said = alice.say(direct, "xylophone for @bob").await;
    let mut socket = WsClient::open(server.address, &alice.stream()).await.unwrap();
    socket.until_control("ready").await;
    let edit = |number: usize| {
        let text = format!("xylophone {number} for @{}", ["bob", "alice"][number % 2]);
        json!({"op": "edit", "id": said["id"], "text": text, "ref": number})
    };
    socket.send_all((1..=EDITS).map(edit)).await;
    let head = start + 1 + EDITS as u64;
    let mut heard =
        socket.until("the last edit", |heard| matches!(heard, Heard::Event(seen) if seen.seq == head)).await;
    let last = heard.pop().and_then(Heard::event).expect("it was waited for").data();
    let now = bob.get(&format!("/api/v1/messages/{}", said["id"])).await.expect(200);
    assert_eq!((&now["text"], &now["mentions"]), (&last["text"], &last["mentions"]));
    for person in [&bob, &alice] {
        let mentions = person.get("/api/v1/mentions").await.expect(200);
        let named = now["text"].as_str().unwrap().ends_with(&format!("@{}", person.name));
        assert_eq!(mentions["items"].as_array().map(Vec::len), Some(usize::from(named)), "{mentions}");
    }
    alice.delete(&format!("/api/v1/messages/{}", said["id"])).await.expect(204);
    assert_eq!(server.places_with("xylophone").await, [""; 0]);
    let mut late = SseClient::open(server.address, &bob.stream().after(start)).await.unwrap();
    let heard = late.until_seq(head + 1).await;
    assert_eq!(heard.len(), EDITS + 2);
    assert!(heard.iter().all(|seen| shows(seen).is_none()), "of each of its events the text is gone");
}

#[tokio::test]
async fn all_that_somebody_wrote_can_be_gone() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let ids: Vec<Value> = futures_util::future::join_all((0..500).map(|number| {
        let alice = alice.clone();
        async move { alice.say(direct, &format!("xylophone {number}")).await["id"].clone() }
    }))
    .await;
    bob.say(direct, "this stays").await;
    let begin = tokio::time::Instant::now();
    alice.post("/api/v1/messages/delete", &json!({"ids": ids})).await.expect(200);
    println!("500 messages deleted in {:?}", begin.elapsed());
    assert_eq!(server.places_with("xylophone").await, [""; 0]);
    let list = bob.get("/api/v1/messages?limit=200").await.expect(200);
    let texts: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect();
    assert_eq!(texts.iter().filter(|text| !text.is_empty()).collect::<Vec<_>>(), [&"this stays"]);
}
