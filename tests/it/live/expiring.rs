//! Messages run out while everybody listens: nobody misses a place, and nobody is shown what is kept no longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::erasing::Behind;
use crate::support::listener::TRANSPORTS;
use crate::support::{Chance, Ear, Heard, Listener, Person, Seen, Server, SseClient, eventually, seconds, within};

/// The message that an event shows, if it shows its text.
fn shows(seen: &Seen) -> Option<u64> {
    let data = seen.data();
    let text = data["text"].as_str().filter(|text| !text.is_empty());
    text.map(|_| data["id"].as_u64().expect("a message has an id"))
}

fn up_to(seen: &Seen) -> Option<u64> {
    (seen.kind == "messages.expired").then(|| seen.data()["up_to"].as_u64().expect("it says up to which"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_replay_shows_what_had_run_out_before_it_began() {
    let mut chance = Chance::for_test("expiring");
    // Messages are kept for a second and events for long; so small that the queue, the ring and the log all have their part.
    let options = || {
        Server::options()
            .set("--message-retention", "1s")
            .set("--stream-queue", "4")
            .set("--ring-bytes", "32768")
            .set("--heartbeat", "100ms")
    };
    let mut server = options().start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let (direct, group) = (alice.direct(&[&bob]).await, alice.group("the group", &[&bob]).await);
    let start = bob.head().await;
    let (gone, said, enough) =
        (Arc::<AtomicU64>::default(), Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let writer = tokio::spawn({
        let (alice, enough, said) = (alice.clone(), Arc::clone(&enough), Arc::clone(&said));
        let mut chance = chance.split();
        async move {
            let mut root = Value::Null;
            while !enough.load(Ordering::Relaxed) {
                let number = said.fetch_add(1, Ordering::Relaxed);
                let room = if chance.percent(70) { direct } else { group };
                let mut body = json!({"conversation_id": room, "text": format!("xylophone {number}")});
                // A root that has run out meanwhile, or stands elsewhere, is none.
                if chance.percent(20) {
                    body["thread_id"] = root.clone();
                }
                let answer = alice.post("/api/v1/messages", &body).await;
                let message = answer.json();
                if answer.status == 201 && message["thread_id"].is_null() {
                    root = message["id"].clone();
                }
                if answer.status == 201 && chance.percent(20) {
                    let path = format!("/api/v1/messages/{}", message["id"]);
                    let edited = alice.patch(&path, &json!({"text": format!("xylophone {number} anew")})).await;
                    assert!(matches!(edited.status, 200 | 404), "{}", edited.describe());
                }
                assert!(matches!(answer.status, 201 | 404 | 422), "{}", answer.describe());
            }
        }
    });
    // One who listens all the time hears every place, and notes what has run out as soon as he hears of it.
    let always = tokio::spawn({
        let (bob, gone, enough) = (bob.clone(), Arc::clone(&gone), Arc::clone(&enough));
        async move {
            let mut stream = SseClient::open(bob.address, &bob.stream().after(start)).await.unwrap();
            let (mut position, mut latest) = (start, false);
            loop {
                match within(seconds(30), "something to be heard", stream.next()).await {
                    Heard::Event(seen) => {
                        assert_eq!(seen.seq, position + 1, "nothing is missing");
                        position = seen.seq;
                        gone.fetch_max(up_to(&seen).unwrap_or(0), Ordering::Relaxed);
                    }
                    Heard::Heartbeat(_) if latest => return position,
                    _ => {}
                }
                latest = enough.load(Ordering::Relaxed);
            }
        }
    });
    let mut replays = 0;
    within(seconds(90), "enough replays", async {
        while replays < 12 || gone.load(Ordering::Relaxed) < 100 {
            let before = gone.load(Ordering::Relaxed);
            let head = bob.head().await;
            let transport = TRANSPORTS[replays % 3];
            let mut listener = Listener::open(transport, &bob, &bob.stream().after(start)).await.unwrap();
            let heard = within(seconds(30), "a replay", listener.until_seq(head)).await;
            let seqs: Vec<u64> = heard.iter().map(|seen| seen.seq).collect();
            assert_eq!(seqs, (start + 1..=*seqs.last().unwrap()).collect::<Vec<_>>(), "{transport:?}: no gap");
            for seen in &heard {
                assert!(
                    shows(seen).is_none_or(|id| id > before),
                    "{transport:?} shows {seen:?} after {before} were gone"
                );
            }
            replays += 1;
        }
    })
    .await;
    enough.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    within(seconds(30), "the one who always listens", always).await.unwrap();
    // In the end all of it is gone, from every place on disk, and stays so after a restart.
    let last = said.load(Ordering::Relaxed);
    eventually(seconds(20), "the last to run out", async || {
        (server.places_with("xylophone").await.is_empty()).then_some(())
    })
    .await;
    assert_eq!(server.count("messages", "1 = 1").await, 0);
    println!("{replays} replays while {last} messages came and went");
    let log = server.events_on_disk().await;
    log.assert_dense();
    server.kill().await;
    server.restart_with(options()).await;
    for transport in TRANSPORTS {
        let mut listener = Listener::open(transport, &bob, &bob.stream().after(start)).await.unwrap();
        let heard = within(seconds(30), "a replay", listener.until_seq(log.head())).await;
        assert!(heard.iter().all(|seen| shows(seen).is_none()), "{transport:?}");
        assert_eq!(heard.len() as u64, log.head() - start, "{transport:?}: the places stay");
    }
}

#[tokio::test]
async fn what_a_slow_reader_was_still_to_get_is_empty_once_it_has_run_out() {
    const MANY: usize = 300;
    let server = Server::options().set("--stall-timeout", "10m").set("--message-retention", "10s").start().await;
    let mut behind = Behind::start(&server, MANY).await;
    server.sql(&format!("UPDATE messages SET created_at = 0 WHERE id <= {MANY}")).await;
    // Gone from the database is not yet told: until it is, a stream that reads on may show it.
    let mut ear = SseClient::open(server.address, &behind.alice.stream().after(0)).await.unwrap();
    let told = |heard: &Heard| matches!(heard, Heard::Event(seen) if up_to(seen) == Some(MANY as u64));
    ear.until("the last to run out", told).await;
    for heard in behind.catches_up().await {
        // They run out in parts, so one of a later part may have gone out after one that was empty by then.
        let shown = heard.iter().filter(|seen| shows(seen).is_some()).count();
        println!("{shown} of {MANY} had gone out before they ran out");
        // What the kernel keeps; the server itself would keep as much again.
        assert!(shown < 18, "{shown} were shown");
        assert_eq!(heard.last().and_then(up_to), Some(MANY as u64));
    }
}
