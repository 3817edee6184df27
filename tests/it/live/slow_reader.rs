//! A listener that does not read costs the server nothing, holds nobody up, and misses nothing.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::listener::TRANSPORTS;
use crate::support::{Ear, Heard, Listener, Person, Server, SseClient, WsClient, seconds, within};

const MANY: usize = 12_000;
const LONG: Duration = seconds(30);
const MEBIBYTE: u64 = 1024 * 1024;

/// Somebody who reads all the time and remembers which events he heard.
struct Reader {
    seqs: Arc<Mutex<Vec<u64>>>,
    last: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Reader {
    fn spawn(mut listener: Listener) -> Self {
        let seqs = Arc::new(Mutex::new(Vec::new()));
        let (last_heard, last) = watch::channel(0);
        let heard_seqs = Arc::clone(&seqs);
        let task = tokio::spawn(async move {
            loop {
                match listener.next().await {
                    Heard::Event(seen) => {
                        heard_seqs.lock().push(seen.seq);
                        last_heard.send_replace(seen.seq);
                    }
                    Heard::End(code) => panic!("a reader was cut off ({code:?})"),
                    _ => {}
                }
            }
        });
        Self { seqs, last, task }
    }

    async fn reaches(&mut self, seq: u64) {
        let reached = within(seconds(90), "the readers to have everything", self.last.wait_for(|last| *last >= seq))
            .await
            .map(|last| *last);
        assert!(reached.is_ok(), "a reader was cut off");
    }
}

/// Sends over one WebSocket, a good many at a time, until there are enough or it took long enough; gives the number sent.
async fn flood(talker: &mut WsClient, group: u64, name: &str, enough: usize, long_enough: Duration) -> usize {
    const AT_ONCE: usize = 64;
    let (start, mut sent, mut answered) = (tokio::time::Instant::now(), 0, 0);
    let text = "x".repeat(1_200);
    while answered < sent || (sent < enough && start.elapsed() < long_enough) {
        if sent < answered + AT_ONCE && sent < enough && start.elapsed() < long_enough {
            let operations = (0..AT_ONCE).map(|index| json!({"op": "send", "ref": sent + index, "conversation_id": group, "text": format!("{name} {} {text}", sent + index)}));
            talker.send_all(operations).await;
            sent += AT_ONCE;
        }
        match talker.next().await {
            Heard::Reply(reply) => {
                assert_eq!(reply["ok"], true, "{reply}");
                answered += 1;
            }
            Heard::End(code) => panic!("the talker was cut off ({code:?})"),
            _ => {}
        }
    }
    println!("{name}: {sent} messages in {:?}", start.elapsed());
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_costs_nothing_and_misses_nothing() {
    const OPERATIONS: u64 = 20;
    let server = Server::options().set("--ring-bytes", "1048576").set("--stall-timeout", "10m").start().await;
    let [talker, sleeper, reader] = Person::register_all(&server, ["talker", "sleeper", "reader"]).await;
    let group = talker.group("the group", &[&sleeper, &reader]).await;

    let mut readers = Vec::new();
    for transport in TRANSPORTS {
        let listener = Listener::open(transport, &reader, &reader.stream().after(0)).await.expect("a stream opens");
        readers.push(Reader::spawn(listener));
    }
    let mut talking = WsClient::open(server.address, &talker.stream()).await.expect("a WebSocket opens");
    flood(&mut talking, group, "warming up", 2_000, seconds(10)).await;
    let start = talker.head().await;
    for reader in &mut readers {
        reader.reaches(start).await;
    }
    let before = server.memory();

    // From here on the two sleepers take nothing but their greeting.
    let mut sse =
        SseClient::open(server.address, &sleeper.stream().after(start).narrow()).await.expect("a stream opens");
    let mut websocket =
        WsClient::open(server.address, &sleeper.stream().after(start).narrow()).await.expect("a WebSocket opens");
    sse.until_control("ready").await;
    websocket.until_control("ready").await;
    flood(&mut talking, group, "filling the socket", 2_500, seconds(5)).await;
    websocket
        .send_all((0..OPERATIONS).map(|number| match number % 2 {
            0 => json!({"op": "ping", "ref": number}),
            _ => json!({"op": "send", "ref": number, "conversation_id": group, "text": format!("from the sleeper {number}")}),
        }))
        .await;
    flood(&mut talking, group, "while they sleep", MANY, LONG).await;
    let awake = talker.head().await;
    for reader in &mut readers {
        reader.reaches(awake).await;
    }
    let growth = server.memory().saturating_sub(before);
    println!("the process grew by {} KiB", growth / 1024);
    assert!(growth < 16 * MEBIBYTE, "two sleepers cost {growth} bytes");

    let mut replies: Vec<Value> = Vec::new();
    let mut over_websocket = Vec::new();
    within(seconds(120), "the WebSocket to have everything", async {
        // Its own messages may have been sent long ago or only now that it reads again.
        while (replies.len() as u64) < OPERATIONS || over_websocket.last().copied().unwrap_or(0) < awake {
            match websocket.next().await {
                Heard::Event(seen) => over_websocket.push(seen.seq),
                Heard::Reply(reply) => replies.push(reply),
                Heard::End(code) => panic!("the WebSocket ended ({code:?})"),
                _ => {}
            }
        }
    })
    .await;
    let head = talker.head().await;
    if over_websocket.last().is_none_or(|last| *last < head) {
        over_websocket.extend(seqs_up_to(&mut websocket, head).await);
    }
    let over_sse = within(seconds(120), "the SSE stream to have everything", seqs_up_to(&mut sse, head)).await;

    assert!(replies.iter().all(|reply| reply["ok"] == true), "{replies:?}");
    let mut refs: Vec<u64> = replies.iter().map(|reply| reply["ref"].as_u64().unwrap()).collect();
    refs.sort_unstable();
    assert_eq!(refs, (0..OPERATIONS).collect::<Vec<_>>(), "every operation has its reply, once");
    let log = server.events_on_disk().await;
    let expected = log.visible(sleeper.id, &[], start);
    assert!(over_sse == expected, "over SSE {} of {} events", over_sse.len(), expected.len());
    assert!(over_websocket == expected, "over WebSocket {} of {} events", over_websocket.len(), expected.len());
    for mut listening in readers {
        listening.reaches(head).await;
        assert!(*listening.seqs.lock() == log.visible(reader.id, &[], 0), "the readers heard everything in order");
        listening.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_messages_do_not_pile_up_behind_those_who_do_not_read() {
    const SLEEPERS: usize = 12;
    const MESSAGES: usize = 150;
    let server = Server::options()
        .set("--ring-bytes", "65536")
        .set("--stream-queue", "8")
        .set("--stall-timeout", "10m")
        .start()
        .await;
    let [talker, sleeper] = Person::register_all(&server, ["talker", "sleeper"]).await;
    let group = talker.group("the group", &[&sleeper]).await;
    let start = sleeper.head().await;
    // JSON needs six bytes for each of these characters.
    let text = "\u{1}".repeat(10_000);
    for _ in 0..MESSAGES {
        talker.say(group, &text).await;
    }
    // What reading the log takes for a moment, the database's cache and the allocator keep for good.
    let filled = talker.head().await;
    let replays = (0..SLEEPERS).map(|_| async {
        let mut stream = SseClient::open(server.address, &sleeper.stream().after(start)).await.unwrap();
        seqs_up_to(&mut stream, filled).await
    });
    within(seconds(60), "the log to be read", futures_util::future::join_all(replays)).await;
    let before = server.memory();

    let mut sleepers = Vec::new();
    for _ in 0..SLEEPERS {
        let mut stream = SseClient::open(server.address, &sleeper.stream().after(start).narrow()).await.unwrap();
        stream.until_control("ready").await;
        sleepers.push(stream);
    }
    let mut most = 0;
    for _ in 0..MESSAGES {
        talker.say(group, &text).await;
        most = most.max(server.memory().saturating_sub(before));
    }
    println!("{SLEEPERS} sleepers cost at most {} KiB", most / 1024);
    let end = talker.head().await;
    for mut stream in sleepers {
        let seqs = within(seconds(60), "the sleepers to wake", seqs_up_to(&mut stream, end)).await;
        assert_eq!(seqs, (start + 1..=end).collect::<Vec<_>>());
    }
    assert!(most < 2 * SLEEPERS as u64 * MEBIBYTE, "{SLEEPERS} sleepers cost {most} bytes");
}

async fn seqs_up_to(stream: &mut impl Ear, last: u64) -> Vec<u64> {
    let mut seqs = Vec::new();
    while seqs.last().is_none_or(|seq| *seq < last) {
        match stream.next().await {
            Heard::Event(seen) => seqs.push(seen.seq),
            Heard::End(code) => panic!("the stream ended ({code:?})"),
            _ => {}
        }
    }
    seqs
}
