//! Sockets that take nothing, say nothing, or are too many.

use futures_util::future::join_all;
use serde_json::json;
use tokio::net::TcpStream;

use crate::support::raw::Connection;
use crate::support::{Ear, Heard, Person, Server, SseClient, WsClient, eventually, seconds, within};

#[tokio::test]
async fn when_descriptors_run_out_it_serves_those_it_has_and_accepts_again_later() {
    let server = Server::options().descriptors(128).start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let mut sse = SseClient::open(server.address, &bob.stream()).await.unwrap();
    let mut websocket = WsClient::open(server.address, &alice.stream()).await.unwrap();
    sse.until_control("ready").await;
    websocket.until_control("ready").await;

    // The server keeps its connections below the limit that it starts with; here the limit sinks under its feet.
    let few = server.descriptors() + 5;
    let lowered = std::process::Command::new("prlimit")
        .args([format!("--pid={}", server.process_id()), format!("--nofile={few}:128")])
        .status();
    assert!(lowered.expect("prlimit is part of util-linux").success());
    // More connections than it can have; the kernel takes those that it cannot.
    let crowd = join_all((0..300).map(|_| TcpStream::connect(server.address))).await;
    assert!(crowd.iter().filter(|connection| connection.is_ok()).count() > 128);
    eventually(seconds(10), "the descriptors to run out", async || {
        server.log().contains("cannot accept connections").then_some(())
    })
    .await;
    let mut one_too_many = Connection::open(server.address).await.unwrap();
    one_too_many.send(format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address)).await.unwrap();

    for number in 0..20 {
        let text = format!("message {number}");
        let reply = websocket
            .ask(&json!({"op": "send", "ref": number, "conversation_id": direct, "text": text}), &mut Vec::new())
            .await;
        assert_eq!(reply["ok"], true, "{reply}");
        sse.until_text(&text).await;
    }
    drop(crowd);
    let answer = within(seconds(10), "the last in the row to be served", one_too_many.answer()).await.unwrap();
    assert_eq!(answer.status, 200);
    eventually(seconds(10), "it to accept again", async || server.is_alive().await.then_some(())).await;
}

#[tokio::test]
async fn only_a_socket_that_takes_no_byte_at_all_is_closed() {
    // Idle connections stay too, so that only the stalled streams can make the sockets fewer.
    let server = Server::options().set("--stall-timeout", "10s").set("--read-timeout", "5m").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    // As narrow as the stalled ones: what it takes, it takes in crumbs.
    let mut slow = SseClient::open(server.address, &bob.stream().narrow()).await.unwrap();
    slow.until_control("ready").await;
    let without_the_stalled = server.sockets();
    let mut stalled_sse = SseClient::open(server.address, &bob.stream().narrow()).await.unwrap();
    let mut stalled_websocket = WsClient::open(server.address, &bob.stream().narrow()).await.unwrap();
    stalled_sse.until_control("ready").await;
    stalled_websocket.until_control("ready").await;

    let writer = tokio::spawn(async move {
        let text = "x".repeat(10_000);
        for _ in 0..800 {
            alice.say(direct, &text).await;
        }
    });
    // The slow one takes a message now and then for as long as it takes until the stalled ones are gone: so little
    // that the kernel does not call the socket writable within the timeout.
    let mut now_and_then = tokio::time::interval(seconds(2));
    let mut taken = 0;
    eventually(seconds(60), "the stalled streams to be closed", async || {
        now_and_then.tick().await;
        let heard = slow.until("something", |heard| matches!(heard, Heard::Event(_))).await;
        taken += heard.into_iter().filter_map(Heard::event).count();
        (server.sockets() <= without_the_stalled).then_some(())
    })
    .await;
    // It goes on taking while the rest is written, or it would be stalled itself. How long it all takes is the kernel's affair.
    while taken < 800 {
        let heard = slow.until("something", |heard| matches!(heard, Heard::Event(_))).await;
        taken += heard.into_iter().filter_map(Heard::event).count();
    }
    writer.await.unwrap();
    assert_eq!(taken, 800, "slow is not stalled");
    for cut_off in [stalled_sse.until_end(seconds(10)).await.0, stalled_websocket.until_end(seconds(10)).await.0] {
        let events = cut_off.into_iter().filter_map(Heard::event).count();
        assert!(events < 800, "a stalled stream is cut off");
    }
}

#[tokio::test]
async fn a_dead_websocket_is_found_by_its_silence() {
    let server = Server::options()
        .set("--heartbeat", "100ms")
        .set("--stall-timeout", "1s")
        .set("--read-timeout", "5m")
        .start()
        .await;
    let bob = Person::register(&server, "bob").await;
    let before = server.sockets();
    let websocket = WsClient::open(server.address, &bob.stream()).await.unwrap();
    eventually(seconds(10), "the WebSocket to be there", async || (server.sockets() > before).then_some(())).await;
    drop(websocket);
    eventually(seconds(10), "the WebSocket to be gone", async || (server.sockets() <= before).then_some(())).await;
    let sse = SseClient::open(server.address, &bob.stream()).await.unwrap();
    drop(sse);
    eventually(seconds(10), "the SSE stream to be gone", async || (server.sockets() <= before).then_some(())).await;
}

#[tokio::test]
async fn a_stalled_stream_ends_with_its_session_too() {
    let server = Server::options().set("--read-timeout", "5m").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let before = server.sockets();
    let mut stalled = SseClient::open(server.address, &bob.stream().narrow()).await.unwrap();
    stalled.until_control("ready").await;
    let text = "x".repeat(10_000);
    for _ in 0..100 {
        alice.say(direct, &text).await;
    }
    bob.logout().await;
    // Its last words wait for two seconds to be taken, and nothing else comes any more.
    eventually(seconds(10), "the stalled stream to be gone", async || (server.sockets() <= before).then_some(())).await;
}

#[tokio::test]
async fn a_websocket_that_said_goodbye_is_gone_at_once() {
    let server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    let before = server.sockets();
    let mut websocket = WsClient::open(server.address, &bob.stream()).await.unwrap();
    websocket.until_control("ready").await;
    websocket.send_message(tokio_tungstenite::tungstenite::Message::Close(None)).await.unwrap();
    let (_, code) = websocket.until_end(seconds(5)).await;
    assert!(code.is_none_or(|code| code == 1005 || code == 1000), "{code:?}");
    eventually(seconds(5), "the socket to be gone", async || (server.sockets() <= before).then_some(())).await;
}
