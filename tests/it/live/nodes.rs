//! Two nodes on one database: what people on one hear of those on the other, with NATS between them and without it.
//!
//! These tests start a `PostgreSQL` and a NATS of their own, whatever the others run on.

use crate::support::listener::TRANSPORTS;
use crate::support::{
    Caller, DatabaseServer, Ear, Heard, Listener, Nats, Person, Server, SseClient, eventually, seconds, within,
};
use serde_json::json;
use std::time::Duration;

/// How soon somebody on another node is told, on a machine that does other work beside.
const SOON: Duration = seconds(10);

struct Nodes {
    first: Server,
    second: Server,
    _database_server: DatabaseServer,
}

impl Nodes {
    async fn start(nats: Option<&Nats>) -> Self {
        let database_server = DatabaseServer::start("postgres").await;
        let options = || match nats {
            Some(nats) => Server::options().set("--nats-url", &nats.url()),
            None => Server::options(),
        };
        let first = options().start_on(database_server.database().await).await;
        let second = options().start_on(first.database().shared()).await;
        Self { first, second, _database_server: database_server }
    }
}

/// The same person, talking to another node.
fn at(server: &Server, person: &Person) -> Caller {
    server.stranger().with_bearer(&person.bearer().expect("a token"))
}

async fn sse(caller: &Caller) -> SseClient {
    let mut ear = SseClient::open(caller.address, &caller.stream()).await.unwrap();
    ear.until_control("ready").await;
    ear
}

async fn until_says(ear: &mut impl Ear, name: &str, online: bool) {
    let said = |heard: &Heard| matches!(heard, Heard::Passing(passing) if passing.says(name, online));
    within(SOON, "a word of somebody's presence", ear.until("a word of somebody's presence", said)).await;
}

/// Says it again and again until it is heard, since what passes is said once, and NATS may just be on its way.
async fn until_typing_is_heard(ear: &mut impl Ear, typist: &Caller, conversation: u64) {
    let path = format!("/api/v1/conversations/{conversation}/typing");
    let typing = async {
        loop {
            typist.post(&path, &json!({})).await.expect(204);
            typist.post(&path, &json!({"stopped": true})).await.expect(204);
        }
    };
    tokio::select! {
        _ = within(SOON, "somebody types", ear.until_passing("typing.started")) => {}
        () = typing => unreachable!("it is said for ever"),
    }
}

/// Nobody tells the second node what the first one wrote, and it looks only twice a second.
#[tokio::test]
async fn who_repeats_on_another_node_what_he_said_finds_it_in_the_streams_there() {
    let nodes = Nodes::start(None).await;
    let alice = Person::register(&nodes.first, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    let there = at(&nodes.second, &alice);
    let events = format!("/api/v1/events?after={}&limit=1000", alice.head().await);
    for number in 0..10 {
        let body = json!({"conversation_id": notes, "text": "here?", "client_id": format!("c{number}")});
        let said = alice.post("/api/v1/messages", &body).await.expect(201);
        let again = there.post("/api/v1/messages", &body).await.expect(200);
        assert_eq!(again["id"], said["id"]);
        let polled = there.get(&events).await.expect(200);
        let last = polled["events"].as_array().and_then(|events| events.last()).expect("an event");
        assert_eq!(last["data"]["id"], said["id"], "{polled}");
    }
}

#[tokio::test]
async fn who_types_and_who_is_there_is_heard_on_another_node() {
    let nats = Nats::start().await;
    let nodes = Nodes::start(Some(&nats)).await;
    let [alice, bob, carol] = Person::register_all(&nodes.first, ["alice", "bob", "carol"]).await;
    let group = alice.group("team", &[&bob, &carol]).await;
    let mut here = sse(&bob).await;
    let bob = at(&nodes.second, &bob);
    let mut ear = sse(&bob).await;
    let stream = sse(&alice).await;
    until_says(&mut ear, "alice", true).await;
    let carols = sse(&carol).await;
    until_says(&mut ear, "carol", true).await;
    until_says(&mut here, "carol", true).await;
    let seen = bob.get("/api/v1/presence?user=alice").await.expect(200);
    assert_eq!(seen["items"][0]["online"], true, "{seen}");
    until_typing_is_heard(&mut ear, &alice, group).await;

    // Two streams on two nodes are one person, who is there as long as either is open.
    let there = at(&nodes.second, &alice);
    let elsewhere = sse(&there).await;
    // What passes from there is heard here by now.
    until_typing_is_heard(&mut here, &there, group).await;
    drop(stream);
    // Whoever goes after her is told to be gone when the moment of grace is over for both.
    drop(carols);
    for ear in [&mut ear, &mut here] {
        let carol_has_gone = |heard: &Heard| matches!(heard, Heard::Passing(passing) if passing.says("carol", false));
        let heard = within(SOON, "carol to be gone", ear.until("carol to be gone", carol_has_gone)).await;
        let gone = heard.iter().any(|heard| matches!(heard, Heard::Passing(passing) if passing.says("alice", false)));
        assert!(!gone, "she has a stream on the other node: {heard:?}");
    }
    drop(elsewhere);
    until_says(&mut ear, "alice", false).await;

    // She hides, which only the first node is told: whoever sees her from the second hears it too.
    let _again = sse(&alice).await;
    until_says(&mut ear, "alice", true).await;
    alice.patch("/api/v1/me", &json!({"show_presence": false})).await.expect(200);
    until_says(&mut ear, "alice", false).await;
}

#[tokio::test]
async fn what_one_node_has_ended_is_ended_on_the_other() {
    let nodes = Nodes::start(None).await;
    let [alice, bob] = Person::register_all(&nodes.first, ["alice", "bob"]).await;
    let group = alice.group("team", &[&bob]).await;
    for round in 0..5 {
        let login = alice.login(&nodes.first).await;
        let elsewhere = at(&nodes.second, &login);
        let mut ear = sse(&elsewhere).await;
        let write = json!({"conversation_id": group, "text": format!("after the end {round}")});
        elsewhere.get("/api/v1/me").await.expect(200);
        login.delete("/api/v1/sessions/current").await.expect(204);
        // Whoever ended it has heard so: from here on nothing is written with it, whatever this node has heard.
        elsewhere.post("/api/v1/messages", &write).await.refused(401, "unauthorized");
        within(SOON, "the stream to end", ear.until_control("expired")).await;
        elsewhere.get("/api/v1/me").await.refused(401, "unauthorized");
    }
    assert_eq!(nodes.first.count("messages", "text LIKE 'after the end%'").await, 0);
}

#[tokio::test]
async fn what_was_heard_from_another_node_is_not_gone_back_behind() {
    let nats = Nats::start().await;
    let nodes = Nodes::start(Some(&nats)).await;
    let alice = Person::register(&nodes.first, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    let elsewhere = at(&nodes.second, &alice);
    let mut ear = sse(&elsewhere).await;
    alice.say(notes, "the last commit").await;
    within(SOON, "the message", ear.until_text("the last commit")).await;
    // As a standby would be that took over without it. Nothing is waited for: whoever comes first refuses.
    nodes.second.sql("DELETE FROM events WHERE seq = (SELECT head FROM clock); UPDATE clock SET head = head - 1").await;
    let answer =
        elsewhere.post("/api/v1/messages", &json!({"conversation_id": notes, "text": "under its number"})).await;
    answer.refused(503, "unavailable");
    assert_eq!(nodes.second.count("messages", "text = 'under its number'").await, 0);
}

#[tokio::test]
async fn nats_comes_and_goes_and_nothing_is_lost() {
    let mut nats = Nats::not_yet();
    let nodes = Nodes::start(Some(&nats)).await;
    let [alice, bob] = Person::register_all(&nodes.first, ["alice", "bob"]).await;
    let group = alice.group("team", &[&bob]).await;
    let head = bob.head().await;
    let elsewhere = at(&nodes.second, &bob);
    let mut ears = Vec::new();
    for transport in TRANSPORTS {
        ears.push(Listener::open(transport, &elsewhere, &elsewhere.stream().after(head)).await.unwrap());
    }
    let mut said = Vec::new();
    let mut say = async |text: &str| {
        alice.say(group, text).await;
        said.push(text.to_owned());
    };
    say("before there is a NATS").await;
    nats.comes_back().await;
    let mut typing = sse(&elsewhere).await;
    until_typing_is_heard(&mut typing, &alice, group).await;
    say("with it").await;
    nats.freezes();
    say("while it stands still").await;
    nats.thaws();
    nats.goes().await;
    for number in 0..200 {
        say(&format!("without it {number}")).await;
    }
    nats.comes_back().await;
    until_typing_is_heard(&mut typing, &alice, group).await;
    say("with it again").await;
    for ear in &mut ears {
        let mut heard = Vec::new();
        within(seconds(60), "all messages", async {
            while heard.last() != said.last() {
                if let Heard::Event(seen) = ear.next().await
                    && seen.kind == "message.created"
                {
                    heard.push(seen.data()["text"].as_str().expect("a text").to_owned());
                }
            }
        })
        .await;
        assert_eq!(heard, said, "each once, in order");
    }
    let log = nodes.first.log();
    assert!(log.contains("connected to NATS") && log.contains("NATS is gone"), "{log}");
}

#[tokio::test]
async fn a_node_without_the_right_password_hears_through_the_database_and_says_why() {
    let nats = Nats::start().await;
    let database_server = DatabaseServer::start("postgres").await;
    let wrong = nats.url().replace("p%40ss", "wrong");
    let first = Server::options().set("--nats-url", &wrong).start_on(database_server.database().await).await;
    let second = Server::options().set("--nats-url", &wrong).start_on(first.database().shared()).await;
    let alice = Person::register(&first, "alice").await;
    let mut ear = sse(&at(&second, &alice)).await;
    let notes = alice.direct(&[&alice]).await;
    alice.say(notes, "through the database").await;
    let heard = |heard: &Heard| matches!(heard, Heard::Event(seen) if seen.kind == "message.created");
    within(SOON, "the message", ear.until("the message", heard)).await;
    eventually(SOON, "a word in the log", async || {
        first.log().to_lowercase().contains("authorization violation").then_some(())
    })
    .await;
    assert!(!first.log().contains("wrong"), "{}", first.log());
}

#[tokio::test]
async fn without_a_database_server_or_credentials_there_is_no_nats() {
    let mut server = Server::start().await;
    server.kill().await;
    server.options_are(Server::options().set("--nats-url", "nats://node:secret@127.0.0.1:4222"));
    server.fails_to_start().await;
    let log = server.log();
    assert!(log.contains("--database-url") && !log.contains("secret"), "{log}");
    let database_server = DatabaseServer::start("postgres").await;
    let mut server = Server::options().start_on(database_server.database().await).await;
    server.kill().await;
    server.options_are(Server::options().set("--nats-url", "nats://127.0.0.1:4222"));
    server.fails_to_start().await;
    assert!(server.log().contains("--nats-insecure"), "{}", server.log());
    // A slash would end the host, and what is refused is told without the password in it.
    server.options_are(Server::options().set("--nats-url", "nats://node:s3c/ret@127.0.0.1:4222"));
    server.fails_to_start().await;
    assert!(server.log().contains("%2F") && !server.log().contains("s3c"), "{}", server.log());
    server.options_are(Server::options().set("--nats-url", "nats://127.0.0.1:4222").switch("--nats-insecure"));
    server.restart().await;
    assert_eq!(server.stranger().get("/readyz").await.status, 200, "NATS is not what it needs");
}
