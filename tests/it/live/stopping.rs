//! A server that is told to stop while what it needs says nothing: it ends by itself, before anybody loses patience with it.
//!
//! These tests start a database server of their own, of either kind (`scripts/databases`), whatever the others run on.

use crate::support::database_server::on_each_kind;
use crate::support::{DatabaseServer, Ear, Nats, Person, Server, SseClient, eventually, seconds, within};
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// With --shutdown-grace as it is unless said it is seven seconds. After ten Docker would kill it; what is above that is left to a
/// machine that has much else to do.
const SOON: Duration = seconds(13);

on_each_kind! {
    a_database_server_that_stands_still_holds_up_no_end by ends_by_itself,
}

/// Somebody listens, and what he said was acknowledged.
async fn talk(server: &Server) -> (Person, u64, SseClient) {
    let alice = Person::register(server, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    alice.say(notes, "acknowledged").await;
    let mut stream = SseClient::open(server.address, &alice.stream()).await.unwrap();
    stream.until_control("ready").await;
    (alice, notes, stream)
}

/// Says something that will not be answered. The connection stays open as long as what is returned is kept.
async fn says_in_vain(server: &Server, alice: &Person, notes: u64) -> TcpStream {
    let body = json!({"conversation_id": notes, "text": "in vain", "client_id": "v1"}).to_string();
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /api/v1/messages HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        server.address,
        alice.bearer().expect("a token"),
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    // Whoever comes later is answered, so the server has that too.
    assert_eq!(server.fresh_stranger().get("/healthz").await.status, 200);
    socket
}

async fn ends_by_itself(database_server: &DatabaseServer) {
    let mut server = Server::options().start_on(database_server.database().await).await;
    let (alice, notes, mut stream) = talk(&server).await;
    let head = alice.head().await;
    database_server.freezes();
    let _unanswered = says_in_vain(&server, &alice, notes).await;
    server.ask_to_stop();
    within(seconds(10), "the farewell", stream.until_control("bye")).await;
    let status = server.wait(SOON).await;
    assert!(status.success(), "{status}");
    assert!(server.log().contains("without waiting any longer"), "{}", server.log());
    database_server.thaws();

    // Whoever asks twice is not even told what was left.
    server.restart().await;
    let log = server.events_on_disk().await;
    log.assert_dense();
    assert!(alice.head().await >= head, "what was acknowledged is there");
    database_server.freezes();
    let _unanswered = says_in_vain(&server, &alice, notes).await;
    server.ask_to_stop();
    eventually(seconds(5), "it to have heard", async || (server.log().matches("stopping").count() > 1).then_some(()))
        .await;
    server.ask_to_stop();
    let status = server.wait(seconds(6)).await;
    assert!(status.success(), "{status}");
    database_server.thaws();
}

#[tokio::test]
async fn a_nats_that_stands_still_holds_up_no_end() {
    let nats = Nats::start().await;
    let database_server = DatabaseServer::start("postgres").await;
    let options = Server::options().set("--nats-url", &nats.url());
    let mut server = options.start_on(database_server.database().await).await;
    eventually(seconds(20), "a connection to NATS", async || server.log().contains("connected to NATS").then_some(()))
        .await;
    let (alice, notes, _stream) = talk(&server).await;
    nats.freezes();
    let long = "much to say ".repeat(300);
    for _ in 0..100 {
        alice.say(notes, &long).await;
    }
    database_server.freezes();
    server.ask_to_stop();
    let status = server.wait(SOON).await;
    assert!(status.success(), "{status}");
    database_server.thaws();
    nats.thaws();
}
