//! What a stream costs that has nothing to do: no timer that is always due, whatever the operator and the client do.

use tokio::time::Instant;

use crate::support::raw::Connection;
use crate::support::{
    Credentials, Ear, Heard, Person, Server, SseClient, StreamRequest, WsClient, eventually, seconds,
};

/// Of the time since then, a server that spins takes most, on however busy a machine.
fn assert_at_rest(server: &Server, since: Instant, used: std::time::Duration) {
    let (passed, used) = (since.elapsed(), server.processor_time().saturating_sub(used));
    assert!(used < passed / 5, "it was busy for {used:?} of {passed:?}");
}

#[tokio::test]
async fn a_websocket_that_missed_its_time_and_does_not_close_costs_nothing_until_it_is_closed() {
    let server = Server::options().set("--auth-timeout", "100ms").start().await;
    let before = server.sockets();
    let (since, used) = (Instant::now(), server.processor_time());
    let mut connection = Connection::open(server.address).await.unwrap();
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address
    );
    connection.send(handshake).await.unwrap();
    assert_eq!(connection.head().await.unwrap().0, 101);
    // The server has said all that it has to say, and shut its side.
    while connection.read_more().await.unwrap() {}
    let close = [&[0x88, 14][..], &4401u16.to_be_bytes(), b"auth_timeout"].concat();
    assert_eq!(connection.unread, close);

    eventually(seconds(20), "the socket to be closed", async || (server.sockets() <= before).then_some(())).await;
    assert!(since.elapsed() > seconds(1), "it waited for the client's close frame: {:?}", since.elapsed());
    assert_at_rest(&server, since, used);
}

#[tokio::test]
async fn the_shortest_heartbeat_keeps_no_processor_busy() {
    const BEATS: u32 = 300;
    let server = Server::options().set("--heartbeat", "1ms").set("--auth-timeout", "2s").start().await;
    let bob = Person::register(&server, "bob").await;
    // One that is not told anything yet has nothing to beat for.
    let (since, used) = (Instant::now(), server.processor_time());
    let mut silent = WsClient::open(server.address, &StreamRequest::new(Credentials::None)).await.unwrap();
    assert_eq!(silent.until_end(seconds(20)).await.1, Some(4401));
    assert_at_rest(&server, since, used);

    let since = Instant::now();
    let mut stream = SseClient::open(server.address, &bob.stream()).await.unwrap();
    stream.until_control("ready").await;
    for _ in 0..BEATS {
        stream.until("a heartbeat", |heard| matches!(heard, Heard::Heartbeat(_))).await;
    }
    let passed = since.elapsed();
    assert!(passed.as_millis() >= u128::from(BEATS / 2), "{BEATS} heartbeats in {passed:?}");
    bob.say(bob.direct(&[]).await, "still there?").await;
    stream.until_text("still there?").await;
}
