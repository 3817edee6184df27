//! A database server that goes away, or stands still, in the midst of everything: what is refused, and that all goes on by itself.
//!
//! These tests start a database server of their own, of either kind (`scripts/databases`), whatever the others run on.

use crate::support::database_server::{Blow, on_each_kind};
use crate::support::{
    Answer, Credentials, DatabaseServer, Ear, Heard, Person, Server, SseClient, StreamRequest, WsClient, eventually,
    seconds, within,
};
use http::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The most that anybody waits for an answer without a database: for a connection, for one statement, for the outcome.
const BOUND: Duration = Duration::from_secs(40);

/// A post that is answered somehow within the bound.
async fn post(person: &Person, body: &Value) -> Answer {
    let posting = person.try_call(Method::POST, "/api/v1/messages", Some(body));
    within(BOUND, "an answer without a database", posting).await.expect("an answer")
}

/// What nobody can do now: 503, and when to try again.
fn assert_unavailable(answer: &Answer) {
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    assert!(answer.status == 503 && ["unavailable", "outcome_unknown"].contains(&&*code), "{}", answer.describe());
    let after: u64 = answer.header("retry-after").expect("it says when").parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
}

/// Says things until the server has noticed that there is no database, and everything that it does then.
async fn is_lost(server: &Server, alice: &Person, notes: u64, said: &mut Vec<Value>) {
    let mut lost = async || {
        let body = json!({"conversation_id": notes, "text": "lost?", "client_id": format!("c{}", said.len())});
        said.push(body.clone());
        let answer = post(alice, &body).await;
        (answer.status != 201).then(|| assert_unavailable(&answer))
    };
    within(BOUND, "a post to be refused", async { while lost().await.is_none() {} }).await;
    server.until_not_ready(BOUND).await;
    let reading = within(BOUND, "an answer", alice.get("/api/v1/conversations")).await;
    assert_unavailable(&reading);
    assert_eq!(server.stranger().get("/healthz").await.status, 200, "it lives");
}

/// All that was said, said again until it is acknowledged, is there once; and the stream tells of it in order.
async fn all_goes_on(server: &Server, alice: &Person, said: &[Value], acknowledged: u64, listening: (SseClient, u64)) {
    let (mut stream, start) = listening;
    server.until_ready(seconds(60)).await;
    for body in said {
        eventually(seconds(60), "a post to be taken", async || {
            [200, 201].contains(&post(alice, body).await.status).then_some(())
        })
        .await;
    }
    let log = server.events_on_disk().await;
    log.assert_dense();
    assert_eq!(log.messages().count() as u64, acknowledged + said.len() as u64, "each once");
    let expected: Vec<u64> = log.visible(alice.id, &[], start);
    within(seconds(60), "all events", async {
        let mut heard = Vec::new();
        while heard.last() < expected.last() {
            match stream.next().await {
                Heard::Event(event) => heard.push(event.seq),
                Heard::Control(control) if control.kind == "bye" => assert_eq!(control.json()["reason"], "unavailable"),
                Heard::Control(control) => assert_eq!(control.kind, "ready", "never `reset`: nothing is missing"),
                // Sent away, since the database was lost for long: it goes on from where it was.
                Heard::End(_) => {
                    let request = alice.stream().last_event_id(stream.cursor().expect("a cursor"));
                    stream = SseClient::open(server.address, &request).await.unwrap();
                }
                _ => {}
            }
        }
        heard.retain(|seq| *seq > start);
        assert_eq!(heard, expected, "each once, in order");
    })
    .await;
}

on_each_kind! {
    a_database_server_that_is_restarted_is_missed_and_all_goes_on by restarts,
    a_database_server_that_stands_still_keeps_nobody_waiting by stands_still,
    who_has_said_who_he_is_in_time_may_wait_for_the_database by knows_late,
    while_much_is_said_the_database_server_comes_and_goes_and_nothing_is_lost by comes_and_goes,
}

async fn begins(database_server: &DatabaseServer) -> (Server, Person, u64, (SseClient, u64)) {
    let server = Server::options().start_on(database_server.database().await).await;
    let alice = Person::register(&server, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    alice.say(notes, "before").await;
    let mut stream = SseClient::open(server.address, &alice.stream()).await.unwrap();
    stream.until_control("ready").await;
    let start = alice.head().await;
    (server, alice, notes, (stream, start))
}

async fn restarts(database_server: &DatabaseServer) {
    let (server, alice, notes, stream) = begins(database_server).await;
    let mut said = Vec::new();
    database_server.goes();
    is_lost(&server, &alice, notes, &mut said).await;
    database_server.comes_back();
    all_goes_on(&server, &alice, &said, 1, stream).await;
}

async fn stands_still(database_server: &DatabaseServer) {
    let (server, alice, notes, stream) = begins(database_server).await;
    let mut said = Vec::new();
    database_server.freezes();
    is_lost(&server, &alice, notes, &mut said).await;
    database_server.thaws();
    all_goes_on(&server, &alice, &said, 1, stream).await;
}

/// The time for `auth` is for saying it; however long the database then takes is not the client's fault.
async fn knows_late(database_server: &DatabaseServer) {
    let options = Server::options().set("--auth-timeout", "1s");
    let server = options.start_on(database_server.database().await).await;
    let alice = Person::register(&server, "alice").await;
    let nobody = StreamRequest::new(Credentials::None);
    let mut known = WsClient::open(server.address, &nobody).await.unwrap();
    database_server.freezes();
    known.send(&json!({"op": "auth", "ref": 1, "token": alice.access_token})).await;
    // Opened later, it has more time.
    let mut silent = WsClient::open(server.address, &nobody).await.unwrap();
    assert_eq!(silent.until_end(seconds(10)).await.1, Some(4401), "it said nothing");
    database_server.thaws();
    match within(seconds(20), "a reply", known.next()).await {
        Heard::Reply(reply) => assert_eq!(reply["ok"], true, "{reply}"),
        other => panic!("{other:?}: {:?}", known.close_reason),
    }
}

async fn comes_and_goes(database_server: &DatabaseServer) {
    let (server, alice, notes, stream) = begins(database_server).await;
    let over = AtomicBool::new(false);
    let talk = async |who: u64| {
        let mut number = 0;
        while !over.load(Ordering::Relaxed) {
            number += 1;
            let body = json!({"conversation_id": notes, "text": "on", "client_id": format!("w{who}-{number}")});
            eventually(seconds(120), "a post to be taken", async || {
                let answer = post(&alice, &body).await;
                if ![200, 201].contains(&answer.status) {
                    assert_unavailable(&answer);
                    return None;
                }
                Some(())
            })
            .await;
        }
        number
    };
    let trouble = async {
        for frozen in [false, true] {
            let so_far = server.count("messages", "1 = 1").await;
            eventually(seconds(60), "more to be said", async || {
                (server.count("messages", "1 = 1").await >= so_far + 10).then_some(())
            })
            .await;
            if frozen {
                database_server.freezes();
            } else {
                database_server.goes();
            }
            server.until_not_ready(BOUND).await;
            if frozen {
                database_server.thaws();
            } else {
                database_server.comes_back();
            }
            server.until_ready(seconds(60)).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    let (one, two, three, ()) = tokio::join!(talk(1), talk(2), talk(3), trouble);
    all_goes_on(&server, &alice, &[], 1 + one + two + three, stream).await;
}

/// A primary that is to have a synchronous standby, which is not there: what is committed is seen here, and would be gone if the
/// standby took over. A restart cuts off whoever waited for the standby, and leaves what he wrote to be seen.
#[tokio::test]
async fn what_a_synchronous_standby_does_not_have_is_not_acknowledged() {
    let database_server = DatabaseServer::start("postgres").await;
    let (server, alice, notes, stream) = begins(&database_server).await;
    let database = database_server.database().await;
    let standby = async |names: &str| {
        database.sql(&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'")).await;
        database.sql("SELECT pg_reload_conf()").await;
    };
    database.sql("CREATE TABLE probe (n int)").await;
    standby("nobody").await;
    // It counts from some moment on, which has come when somebody waits for it.
    let counts = AtomicBool::default();
    let probing = async {
        while !counts.load(Ordering::Relaxed) {
            database.sql("INSERT INTO probe VALUES (1)").await;
        }
    };
    let cancelling = async {
        let waits = "wait_event = 'SyncRep' AND query LIKE 'INSERT INTO probe%'";
        eventually(seconds(20), "the standby to be waited for", async || {
            (database.count("pg_stat_activity", waits).await > 0).then_some(())
        })
        .await;
        counts.store(true, Ordering::Relaxed);
        database.sql(&format!("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE {waits}")).await;
    };
    tokio::join!(probing, cancelling);
    let body = json!({"conversation_id": notes, "text": "safe?", "client_id": "one"});
    let restarted = async {
        eventually(seconds(20), "a COMMIT that waits for the standby", async || {
            (database.count("pg_stat_activity", "wait_event = 'SyncRep'").await > 0).then_some(())
        })
        .await;
        database_server.blow(Blow::Crash)();
    };
    let (answer, ()) = tokio::join!(post(&alice, &body), restarted);
    assert_unavailable(&answer);
    eventually(seconds(60), "it to be seen all the same", async || {
        (server.count("messages", "1 = 1").await == 2).then_some(())
    })
    .await;
    assert_unavailable(&post(&alice, &body).await);
    standby("").await;
    all_goes_on(&server, &alice, &[body], 1, stream).await;
}

/// Streams are told after as long as it is said, also where a look at the database takes as long as it may.
#[tokio::test]
async fn streams_are_sent_away_in_time_from_a_server_whose_database_stands_still() {
    let database_server = DatabaseServer::start("postgres").await;
    let (_server, _alice, _, (mut stream, _)) = begins(&database_server).await;
    let frozen = tokio::time::Instant::now();
    database_server.freezes();
    let bye = within(seconds(60), "the farewell", async {
        loop {
            match stream.next().await {
                Heard::Control(control) if control.kind == "bye" => break control,
                _ => {}
            }
        }
    })
    .await;
    let after = frozen.elapsed();
    database_server.thaws();
    assert_eq!(bye.json()["reason"], "unavailable");
    assert!((seconds(29)..seconds(35)).contains(&after), "sent away after {after:?}");
}

/// What another node writes comes late to a node for which the log takes long to read.
#[tokio::test]
async fn whoever_is_late_for_long_is_not_ready_and_catches_up() {
    let database_server = DatabaseServer::start("postgres").await;
    let (server, alice, _, (mut stream, start)) = begins(&database_server).await;
    // Each row takes longer than any answer should, and less long than a database that counts as lost.
    let slow = "ALTER TABLE events RENAME TO slow_events; \
                CREATE VIEW events AS SELECT * FROM slow_events WHERE pg_sleep(8) IS NOT NULL";
    server.sql(slow).await;
    server
        .sql(
            "INSERT INTO slow_events (seq, topic, kind, at, data, batch, message_id) \
             SELECT seq + 1, topic, kind, at, data, batch, NULL FROM slow_events ORDER BY seq DESC LIMIT 1",
        )
        .await;
    server.sql("UPDATE clock SET head = head + 1").await;
    server.until_not_ready(seconds(60)).await.refused(503, "behind");
    server.until_ready(seconds(60)).await;
    within(seconds(10), "what the other node wrote", stream.until_seq(start + 1)).await;
    drop(alice);
}
