//! `/readyz`: no while the server cannot be given work, and why.

use crate::support::deadline::PATIENCE;
use crate::support::server::http_client;
use crate::support::{Ear, Person, Server, SseClient, eventually, seconds, within};
use std::time::Duration;

mod embedded {
    use super::*;
    use sea_orm::ConnectionTrait;

    #[tokio::test]
    async fn while_the_database_is_opened_the_server_lives_and_is_not_ready() {
        let mut server = Server::options().set("--allow-origins", "https://app.example.org").start().await;
        server.terminate(seconds(10)).await;

        // Whoever has the lock holds up the migrations, as a table does in which there is much to change.
        let lock = crate::support::database::open_file(&server.data_dir().join("goldcrest.db")).await;
        lock.execute_unprepared("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").await.unwrap();
        let stranger = server.fresh_stranger();
        let ((), ()) = tokio::join!(server.restart(), async {
            let answer = eventually(PATIENCE, "an answer before the server is there", async || {
                stranger.try_call(http::Method::GET, "/readyz", None).await.ok()
            })
            .await;
            answer.refused(503, "starting");
            assert_eq!(stranger.get("/healthz").await.status, 200);
            let plain = http_client().build().unwrap();
            let answer = plain.get(format!("http://{}/api/v1/server", stranger.address)).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].as_bytes()), (503, b"5".as_slice()));
            let page = plain.get(format!("http://{}/stream", stranger.address));
            let page = page.header("origin", "https://app.example.org").header("accept", "text/event-stream");
            let told = page.send().await.unwrap();
            assert_eq!(
                told.headers()["access-control-allow-origin"],
                "https://app.example.org",
                "it may read why it ends"
            );
            let listening = SseClient::open(stranger.address, &stranger.stream()).await;
            let mut listening = listening.expect("an EventSource is not ended for good");
            listening.until_control("bye").await;
            lock.execute_unprepared("ROLLBACK").await.unwrap();
            lock.close().await.unwrap();
        });
        assert_eq!(server.stranger().get("/readyz").await.status, 200);
    }

    #[tokio::test]
    async fn a_database_that_was_replaced_is_a_reason() {
        let server = Server::start().await;
        Person::register(&server, "alice").await;
        server.sql("UPDATE clock SET head = 0").await;
        server.until_not_ready(PATIENCE).await.refused(503, "database_replaced");
    }
}

#[tokio::test]
async fn whoever_was_asked_to_stop_is_not_ready_and_serves_on_for_a_while() {
    let mut server = Server::options().set("--shutdown-delay", "1h").start().await;
    let alice = Person::register(&server, "alice").await;
    let mut stream = SseClient::open(server.address, &alice.stream()).await.unwrap();
    stream.until_control("ready").await;
    assert_eq!(server.fresh_stranger().get("/readyz").await.status, 200);
    server.ask_to_stop();
    eventually(PATIENCE, "the server not to be ready", async || {
        // On a connection of its own, as a load balancer asks.
        let answer = server.fresh_stranger().get("/readyz").await;
        (answer.status == 503).then(|| answer.refused(503, "shutting_down"))
    })
    .await;
    let notes = alice.direct(&[&alice]).await;
    alice.say(notes, "served to the last").await;
    stream.until_seq(alice.head().await).await;
    // Whoever asks twice does not want to wait.
    server.ask_to_stop();
    within(PATIENCE, "the farewell", stream.until_control("bye")).await;
    assert!(server.wait(Duration::from_secs(20)).await.success());
}
