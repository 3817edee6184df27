//! A node that NATS does not let listen: it hears through the database, says why, and asks again.
//!
//! This test starts a `PostgreSQL` and a NATS of its own, whatever the others run on.

use crate::support::{DatabaseServer, Ear, Nats, Person, Server, SseClient, eventually, seconds, within};
use crate::watched::Metrics;
use std::time::Duration;

/// How soon a node asks again, on a machine that does other work beside.
const SOON: Duration = seconds(20);
const REFUSED: &str = "goldcrest_relay_refused_total";
const HEARD: &str = "goldcrest_relay_batches_total";

#[tokio::test]
async fn a_node_that_may_not_listen_asks_again_and_says_so_once() {
    let nats = Nats::deaf().await;
    let database_server = DatabaseServer::start("postgres").await;
    let options = || Server::options().set("--nats-url", &nats.url()).set("--metrics-listen", "127.0.0.1:0");
    let first = options().start_on(database_server.database().await).await;
    let second = options().start_on(first.database().shared()).await;
    let alice = Person::register(&first, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    let elsewhere = second.stranger().with_bearer(&alice.bearer().expect("a token"));
    let mut ear = SseClient::open(elsewhere.address, &elsewhere.stream()).await.unwrap();
    ear.until_control("ready").await;
    alice.say(notes, "through the database").await;
    within(SOON, "the message", ear.until_text("through the database")).await;
    // Two subscriptions, and both again.
    eventually(SOON, "being refused again", async || (Metrics::of(&second).await.get(REFUSED) >= 4.0).then_some(()))
        .await;
    assert_eq!(second.log().matches("does not let this node listen").count(), 1, "{}", second.log());
    assert!(Metrics::of(&second).await.get(HEARD) < 0.5, "nothing is heard over NATS");

    nats.lets("goldcrest.>");
    eventually(SOON, "being heard over NATS", async || {
        alice.say(notes, "over NATS").await;
        (Metrics::of(&second).await.get(HEARD) >= 1.0).then_some(())
    })
    .await;
}
