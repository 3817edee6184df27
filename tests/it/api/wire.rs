//! What is no request at all, or comes too slowly: what it gets, and that it harms nobody.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::raw::{Connection, exchange};
use crate::support::{Ear, Person, Server, WsClient, seconds, within};

#[tokio::test]
async fn slow_heads_and_bodies_are_cut_off() {
    let server = Server::options().set("--read-timeout", "1s").start().await;
    let alice = Person::register(&server, "alice").await;
    let trickles = [
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ".to_owned(),
        format!(
            "POST /api/v1/messages HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{{",
            server.address, alice.access_token
        ),
    ];
    let cut_off = trickles.map(|beginning| async move {
        let mut connection = Connection::open(server.address).await.unwrap();
        connection.send(beginning).await.unwrap();
        // A byte now and then, which is what this is about, does not buy time.
        let mut now_and_then = tokio::time::interval(Duration::from_millis(50));
        loop {
            tokio::select! {
                more = connection.read_more() => if !more.unwrap_or(false) { return },
                _ = now_and_then.tick() => if connection.send("x").await.is_err() { return },
            }
        }
    });
    within(seconds(20), "the slow ones to be cut off", futures_util::future::join_all(cut_off)).await;
    assert_eq!(alice.get("/api/v1/me").await.status, 200);
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request_though_not_for_a_slow_one() {
    let server = Server::options().set("--read-timeout", "1s").start().await;
    let mut connection = Connection::open(server.address).await.unwrap();
    for _ in 0..2 {
        connection.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let answer = within(seconds(10), "an answer", connection.answer()).await.unwrap();
        assert_eq!(answer.status, 200);
        // A proxy keeps what it does not use for longer than a head may take.
        tokio::time::sleep(seconds(3)).await;
    }
    connection.send("GET /healthz HTTP/1.1\r\nX-Slow: ").await.unwrap();
    let cut_off = async { while connection.read_more().await.unwrap_or(false) {} };
    within(seconds(20), "the slow one to be cut off", cut_off).await;
}

#[tokio::test]
async fn rubbish_on_the_wire_is_refused_and_harms_nobody() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let address = server.address;
    for rubbish in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET /api/v1/messages/%ff%fe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/v1/users/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut connection = Connection::open(address).await.unwrap();
        connection.send(rubbish).await.unwrap();
        if let Ok(Ok(answer)) = tokio::time::timeout(seconds(2), connection.answer()).await {
            assert!((400..=505).contains(&answer.status) && answer.status != 500, "{}", answer.describe());
        }
    }
    let long = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(1024 * 1024));
    if let Ok(answer) = exchange(address, long).await {
        assert_eq!(answer.status, 431, "{}", answer.describe());
    }
    assert_eq!(alice.get("/api/v1/me").await.status, 200);
    assert!(!server.log().contains("panicked"), "no input makes a panic");
}

#[tokio::test]
async fn rubbish_over_a_websocket_gets_an_answer_or_the_door() {
    let server = Server::start().await;
    let [alice, _] = Person::register_all(&server, ["alice", "bob"]).await;
    let mut websocket = WsClient::open(server.address, &alice.stream()).await.unwrap();
    for (operation, code) in [
        (json!({"op": "dance", "ref": 1}), None),
        (json!({"ref": 2}), None),
        (json!({"op": "send", "ref": 3}), None),
        (json!({"op": "send", "ref": 4, "to": ["bob"], "text": ""}), Some("invalid")),
        (json!({"op": "send", "ref": 5, "to": ["bob"], "text": "x", "colour": "red"}), Some("unknown_field")),
        (json!({"op": "send", "ref": 6, "conversation_id": 999_999, "text": "x"}), Some("not_found")),
        (json!({"op": "send", "ref": 7, "to": ["nobody"], "text": "x"}), None),
        (json!({"op": "follow", "ref": 8, "channel": "nothing"}), Some("not_found")),
    ] {
        let reply = websocket.ask(&operation, &mut Vec::new()).await;
        assert_eq!(reply["ok"], false, "{operation}: {reply}");
        assert!(reply["error"]["code"].is_string(), "{operation}: {reply}");
        if let Some(code) = code {
            assert_eq!(reply["error"]["code"], code, "{operation}: {reply}");
        }
    }
    let reply = websocket.ask(&json!({"op": "ping", "ref": 9}), &mut Vec::new()).await;
    assert_eq!(reply["ok"], true, "none of that ended the stream: {reply}");

    for (message, expected) in [(Message::binary(vec![1, 2, 3]), 1003), (Message::text("x".repeat(1024 * 1024)), 1009)]
    {
        let mut websocket = WsClient::open(server.address, &alice.stream()).await.unwrap();
        drop(websocket.send_message(message).await);
        let (_, code) = websocket.until_end(seconds(5)).await;
        assert!(code.is_none() || code == Some(expected), "{code:?} instead of {expected}");
    }
    assert!(!server.log().contains("panicked"), "no input makes a panic");
}
