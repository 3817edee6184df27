//! A database that is replaced under a running server: the streams are told, and nothing is written any more.

use std::fs;

use serde_json::json;
use tokio::task::JoinHandle;

use super::cursors::alice_and_bob;
use crate::support::listener::TRANSPORTS;
use crate::support::{
    Answer, Control, Ear, Heard, Listener, NotOpened, Person, Poller, Seen, Server, SseClient, Transport, eventually,
    seconds, within,
};

/// The streams that one user may have: on each transport one.
const STREAMS: &str = "3";

async fn start() -> Server {
    Server::options().set("--max-streams-per-user", STREAMS).start().await
}

/// Opens a stream on every transport, and listens there until it hears this or the stream ends; a poll gives one answer.
async fn listen(bob: &Person, wanted: fn(&Heard) -> bool) -> Vec<(Transport, JoinHandle<Vec<Heard>>)> {
    let mut open = Vec::new();
    for transport in TRANSPORTS {
        let request = bob.stream().after(bob.head().await);
        let mut listener = Listener::open(transport, bob, &request).await.expect("a stream opens");
        let task = if let Listener::Polling(mut poller) = listener {
            poller.wait = 20;
            tokio::spawn(async move { vec![answered(&poller).await] })
        } else {
            listener.until_control("ready").await;
            tokio::spawn(async move { heard(listener, wanted).await })
        };
        open.push((transport, task));
    }
    // A poll is held when there is no place left.
    eventually(seconds(20), "the poll to be held", async || {
        let mut one_more = SseClient::open(bob.address, &bob.stream()).await.expect("an answer");
        says(&one_more.next().await, "bye", "too_many_streams").then_some(())
    })
    .await;
    open
}

async fn heard(mut listener: Listener, wanted: fn(&Heard) -> bool) -> Vec<Heard> {
    let mut all = Vec::new();
    loop {
        let heard = within(seconds(30), "something to hear", listener.next()).await;
        let over = matches!(heard, Heard::End(_)) || wanted(&heard);
        all.push(heard);
        if over {
            return all;
        }
    }
}

/// What a poll is answered with, as soon as there is a place for it.
async fn answered(poller: &Poller) -> Heard {
    let polled = within(seconds(30), "an answer to the poll", async {
        loop {
            match poller.poll().await {
                Err(NotOpened::Answered(answer)) if answer.status == 429 => tokio::task::yield_now().await,
                polled => return polled,
            }
        }
    });
    let answer = polled.await.unwrap_or_else(|error| panic!("{error:?}"));
    let event = answer.json()["events"][0].take();
    let (kind, raw) = (event["type"].as_str().expect("one event").to_owned(), event.to_string());
    match event["seq"].as_u64() {
        Some(seq) => Heard::Event(Seen { seq, kind, raw }),
        None => Heard::Control(Control { kind, raw }),
    }
}

/// Listens as long as there is anything; a poll has an end of its own.
async fn listen_on(bob: &Person) -> Vec<(Transport, JoinHandle<Vec<Heard>>)> {
    listen(bob, |_| false).await
}

/// What the streams are told, and what everybody is told who comes then.
async fn is_told(server: &Server, alice: &Person, bob: &Person, open: Vec<(Transport, JoinHandle<Vec<Heard>>)>) {
    for (transport, task) in open {
        let heard = task.await.expect("it listens");
        assert!(says(&heard[0], "reset", "history_replaced"), "{transport:?}: {heard:?}");
        if transport == Transport::Polling {
            continue;
        }
        let code = (transport == Transport::WebSocket).then_some(1012);
        assert!(says(&heard[1], "bye", "history_replaced"), "{transport:?}: {heard:?}");
        assert_eq!(heard.last(), Some(&Heard::End(code)), "{transport:?}: {heard:?}");
    }
    let stranger = server.stranger();
    for answer in [
        alice.post("/api/v1/messages", &json!({"to": ["bob"], "text": "into the void"})).await,
        stranger.post("/api/v1/users", &json!({"username": "carol", "password": "password of carol"})).await,
        bob.get("/api/v1/events?after=1").await,
        bob.get("/api/v1/events?after=1&wait=1").await,
    ] {
        refused(&answer);
    }
    let not_ready = stranger.get("/readyz").await;
    not_ready.refused(503, "database_replaced");
    assert!(not_ready.json()["detail"].as_str().unwrap().contains("Restart"), "{}", not_ready.describe());
    let mut late = SseClient::open(server.address, &bob.stream()).await.expect("an answer that ends no EventSource");
    let (heard, _) = late.until_end(seconds(5)).await;
    assert!(heard.iter().any(|heard| says(heard, "bye", "history_replaced")), "{heard:?}");
}

fn says(heard: &Heard, kind: &str, reason: &str) -> bool {
    matches!(heard, Heard::Control(control) if control.kind == kind && control.json()["reason"] == reason)
}

fn refused(answer: &Answer) {
    let problem = answer.refused(503, "unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("was replaced while"), "{}", answer.describe());
    assert!(answer.header("retry-after").is_some(), "{}", answer.describe());
}

#[tokio::test]
async fn a_head_that_went_back_is_another_database() {
    let server = start().await;
    let (alice, bob, _) = alice_and_bob(&server).await;
    let open = listen_on(&bob).await;
    server.sql("DELETE FROM events WHERE seq > (SELECT head - 3 FROM clock); UPDATE clock SET head = head - 3").await;
    is_told(&server, &alice, &bob, open).await;
}

#[tokio::test]
async fn a_known_number_under_another_batch_is_another_database() {
    let server = start().await;
    let (alice, bob, _) = alice_and_bob(&server).await;
    let open = listen_on(&bob).await;
    // As a standby would be that missed the last commit and has gone on since.
    server.sql("UPDATE events SET batch = batch + 1 WHERE seq = (SELECT head FROM clock)").await;
    is_told(&server, &alice, &bob, open).await;
}

#[tokio::test]
async fn a_database_that_was_there_at_the_start_is_known_without_a_commit() {
    let mut server = start().await;
    let (alice, bob, _) = alice_and_bob(&server).await;
    server.terminate(seconds(10)).await;
    server.restart().await;
    let open = listen_on(&bob).await;
    server.sql("UPDATE events SET batch = batch + 1 WHERE seq = (SELECT head FROM clock)").await;
    is_told(&server, &alice, &bob, open).await;
}

mod embedded {
    use super::*;

    #[tokio::test]
    async fn another_file_in_its_place_is_another_database() {
        let mut server = start().await;
        let (alice, bob, direct) = alice_and_bob(&server).await;
        let backup = server.data_dir().with_file_name("backup");
        server.command(&["backup", backup.to_str().unwrap()]).await;
        alice.say(direct, "since").await;
        let open = listen_on(&bob).await;
        fs::rename(backup.join("goldcrest.db"), server.data_dir().join("goldcrest.db")).unwrap();
        is_told(&server, &alice, &bob, open).await;
        assert!(server.log().contains("another file lies in the place of the database"), "{}", server.log());
        server.terminate(seconds(10)).await;
    }
}

#[tokio::test]
async fn the_writer_sees_it_by_itself() {
    let server = start().await;
    let (alice, _, _) = alice_and_bob(&server).await;
    // Nothing is waited for between the two: whoever comes first refuses.
    server.sql("DELETE FROM events WHERE seq > (SELECT head - 3 FROM clock); UPDATE clock SET head = head - 3").await;
    refused(&alice.post("/api/v1/messages", &json!({"to": ["bob"], "text": "into the void"})).await);
    assert_eq!(server.count("messages", "text = 'into the void'").await, 0);
}

#[tokio::test]
async fn what_retention_takes_is_no_other_database() {
    let server = Server::options().set("--event-retention", "1s").set("--max-streams-per-user", STREAMS).start().await;
    let (alice, bob, direct) = alice_and_bob(&server).await;
    eventually(seconds(20), "retention", async || (server.count("events", "1 = 1").await == 0).then_some(())).await;
    let open = listen(&bob, |heard| matches!(heard, Heard::Event(_))).await;
    alice.say(direct, "new").await;
    for (transport, task) in open {
        let heard = task.await.expect("it listens");
        assert!(matches!(heard.last(), Some(Heard::Event(_))), "{transport:?}: {heard:?}");
    }
    let ready = server.stranger().get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.describe());
}
