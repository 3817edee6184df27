//! What is said on NATS by somebody who is none of the nodes, and by one that has another key.
//!
//! These tests start a `PostgreSQL` and a NATS of their own, whatever the others run on.

use crate::support::{
    Caller, DatabaseServer, Ear, Heard, Nats, Options, Person, Server, SseClient, eventually, seconds, within,
};
use crate::watched::Metrics;
use futures_util::StreamExt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// How soon somebody on another node is told, on a machine that does other work beside.
const SOON: Duration = seconds(10);
const DOUBTED: &str = r#"goldcrest_relay_doubted_total{reason="signature"}"#;
const TEXT: &[u8] = br#"{"first""#;

fn node(nats: &Nats) -> Options {
    Server::options().set("--nats-url", &nats.url()).set("--metrics-listen", "127.0.0.1:0")
}

/// Opens a stream on another node.
async fn listens(server: &Server, person: &Person) -> SseClient {
    let caller: Caller = server.stranger().with_bearer(&person.bearer().expect("a token"));
    let mut ear = SseClient::open(caller.address, &caller.stream()).await.unwrap();
    ear.until_control("ready").await;
    ear
}

/// The messages that are heard, through this one.
async fn messages(ear: &mut SseClient, last: &str) -> Vec<String> {
    let text = |heard: &Heard| match heard {
        Heard::Event(seen) if seen.kind == "message.created" => seen.data()["text"].as_str().map(str::to_owned),
        _ => None,
    };
    let heard = ear.until("the message", |heard| text(heard).as_deref() == Some(last));
    within(SOON, "the message", heard).await.iter().filter_map(text).collect()
}

async fn until_doubted(server: &Server, times: f64) {
    eventually(SOON, "publications to be doubted", async || {
        (Metrics::of(server).await.get(DOUBTED) >= times).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_no_node_has_signed_is_not_believed() {
    let nats = Nats::start().await;
    let database_server = DatabaseServer::start("postgres").await;
    let first = node(&nats).start_on(database_server.database().await).await;
    let second = node(&nats).start_on(first.database().shared()).await;
    let alice = Person::register(&first, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    let mut ear = listens(&second, &alice).await;
    let stranger = async_nats::ConnectOptions::with_user_and_password("node".to_owned(), "p@ss".to_owned());
    let stranger = stranger.connect(nats.address.to_string()).await.expect("he knows the password");
    let mut overheard = stranger.subscribe("goldcrest.>").await.unwrap();
    stranger.flush().await.unwrap();
    // Said until he hears it, since the node may just be on its way to NATS.
    let publication = async {
        let mut wanted = Box::pin(async {
            loop {
                let message = overheard.next().await.expect("he listens");
                if message.payload.windows(TEXT.len()).any(|part| part == TEXT) {
                    return message;
                }
            }
        });
        loop {
            alice.say(notes, "said").await;
            if let Ok(message) = tokio::time::timeout(Duration::from_millis(500), &mut wanted).await {
                return message;
            }
        }
    };
    let publication = within(SOON, "a publication", publication).await;
    alice.say(notes, "before").await;
    messages(&mut ear, "before").await;

    let begins = publication.payload.windows(TEXT.len()).position(|part| part == TEXT).unwrap();
    let (seal, text) = publication.payload.split_at(begins);
    let mut batch: serde_json::Value = serde_json::from_slice(text).unwrap();
    let next = alice.head().await + 1;
    (batch["first"], batch["last"], batch["batch"]) = (next.into(), next.into(), 7.into());
    let (was, forged) = (&batch["events"].as_array().unwrap().len(), batch.to_string().replace("said", "never said"));
    assert!(*was == 1 && forged.contains("never said"), "{forged}");
    for payload in [forged.clone().into_bytes(), [seal, forged.as_bytes()].concat(), publication.payload.to_vec()] {
        stranger.publish(publication.subject.clone(), payload.into()).await.unwrap();
    }
    stranger.flush().await.unwrap();
    until_doubted(&second, 2.0).await;
    until_doubted(&first, 2.0).await;
    alice.say(notes, "after").await;
    assert_eq!(messages(&mut ear, "after").await, ["after"], "nothing that was not said, and nothing twice");
    for node in [&first, &second] {
        assert_eq!(node.stranger().get("/readyz").await.status, 200);
        eventually(SOON, "it to be said", async || node.log().contains("is not believed").then_some(())).await;
        assert_eq!(node.log().matches("is not believed").count(), 1, "{}", node.log());
    }
}

#[tokio::test]
async fn nodes_with_different_keys_hear_of_each_other_through_the_database_and_say_why() {
    let nats = Nats::start().await;
    let database_server = DatabaseServer::start("postgres").await;
    let first = node(&nats).start_on(database_server.database().await).await;
    let home = tempfile::tempdir().unwrap();
    let key = home.path().join("another.key");
    fs::write(&key, "another key, of thirty-two bytes at least").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let options = node(&nats).set("--jwt-key-file", key.to_str().unwrap());
    let second = options.start_on(first.database().shared()).await;
    let alice = Person::register(&first, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    let elsewhere = alice.login(&second).await;
    let mut ear = SseClient::open(elsewhere.address, &elsewhere.stream()).await.unwrap();
    ear.until_control("ready").await;
    alice.say(notes, "through the database").await;
    assert_eq!(messages(&mut ear, "through the database").await, ["through the database"]);
    until_doubted(&second, 1.0).await;
    eventually(SOON, "it to be said why", async || second.log().contains("--jwt-key-file").then_some(())).await;
}
