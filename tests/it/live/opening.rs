//! What a request for a stream may ask for: which method, how many channels, what names, and how much before it is known.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::support::raw::Connection;
use crate::support::{Credentials, Ear, Heard, Person, Server, SseClient, StreamRequest, WsClient, seconds, within};

#[tokio::test]
async fn a_head_request_is_answered_like_any_other_and_leaves_the_connection_as_it_was() {
    // A stream in its place would be one too many.
    let server = Server::options().set("--max-streams-per-address", "1").start().await;
    let bob = Person::register(&server, "bob").await;
    let token = format!("Host: {}\r\nAuthorization: Bearer {}\r\n", server.address, bob.access_token);
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut connection = Connection::open(server.address).await.unwrap();
    for (path, more, status, kind) in
        [("/stream", "", 200, "text/event-stream"), ("/ws", upgrade, 400, "application/problem+json")]
    {
        connection.send(format!("HEAD {path} HTTP/1.1\r\n{token}{more}\r\n")).await.unwrap();
        let (answered, headers) = within(seconds(10), "an answer to HEAD", connection.head()).await.unwrap();
        assert_eq!((answered, headers["content-type"].to_str().unwrap()), (status, kind), "{path}: {headers:?}");
        assert!(!headers.contains_key("connection"), "{path}: {headers:?}");
        connection.send(format!("GET /api/v1/me HTTP/1.1\r\n{token}\r\n")).await.unwrap();
        let me = within(seconds(10), "the next answer", connection.answer()).await.unwrap();
        assert_eq!(me.expect(200)["username"], "bob", "the body of nothing came between, after {path}");
    }
    SseClient::open(server.address, &bob.stream()).await.unwrap().until_control("ready").await;
    connection.send(format!("HEAD /stream HTTP/1.1\r\nHost: {}\r\n\r\n", server.address)).await.unwrap();
    assert_eq!(connection.head().await.unwrap().0, 401, "nor does it tell strangers more than GET");
}

#[tokio::test]
async fn a_stream_follows_at_most_a_hundred_channels() {
    let server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    let named = |count: usize| (0..count).fold(bob.stream(), |request, n| request.channel(&format!("channel{n}")));
    let poll = async |request: &StreamRequest| bob.get(&request.target("/api/v1/events")).await;
    for number in 0..100 {
        bob.channel(&format!("channel{number}")).await;
    }
    for refused in [
        SseClient::open(server.address, &named(101)).await.err().expect("no stream").answer(),
        WsClient::open(server.address, &named(101)).await.err().expect("no stream").answer(),
        poll(&named(101)).await,
    ] {
        let problem = refused.refused(400, "malformed_request");
        assert_eq!(problem["field"], "channel", "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("at most 100 channels"), "{problem}");
    }
    SseClient::open(server.address, &named(100)).await.unwrap().until_control("ready").await;
    WsClient::open(server.address, &named(100)).await.unwrap().until_control("ready").await;
    poll(&named(100)).await.expect(200);
    let same = (0..101).fold(bob.stream(), |request, _| request.channel("channel1"));
    SseClient::open(server.address, &same).await.unwrap().until_control("ready").await;
}

#[tokio::test]
async fn no_channel_has_nul_in_its_name() {
    let server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    bob.channel("news").await;
    for name in ["\0", "news\0", "\0news"] {
        let request = bob.stream().channel(name);
        SseClient::open(server.address, &request).await.err().expect("no stream").answer().refused(404, "not_found");
        WsClient::open(server.address, &request).await.err().expect("no stream").answer().refused(404, "not_found");
        bob.get(&request.target("/api/v1/events")).await.refused(404, "not_found");
        let mut websocket = WsClient::open(server.address, &bob.stream()).await.unwrap();
        for op in ["follow", "unfollow"] {
            let reply = websocket.ask(&json!({"op": op, "ref": 1, "channel": name}), &mut Vec::new()).await;
            assert_eq!(reply["error"]["code"], "not_found", "{op} {name:?}: {reply}");
        }
    }
}

#[tokio::test]
async fn who_has_not_said_who_he_is_may_not_say_much() {
    let server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    let nobody = StreamRequest::new(Credentials::None);
    let open = async || WsClient::open(server.address, &nobody).await.unwrap();
    // A good `auth`, with white space behind it.
    let auth = json!({"op": "auth", "ref": 1, "token": bob.access_token}).to_string();
    let padded = |length: usize| format!("{auth:<length$}");
    let mut websocket = open().await;
    websocket.send_message(Message::text(padded(8 * 1024 + 1))).await.unwrap();
    assert_eq!(websocket.until_end(seconds(10)).await.1, Some(1009));

    let mut websocket = open().await;
    let piece = |opcode: Data, last: bool| {
        Message::Frame(Frame::message(" ".repeat(5 * 1024).into_bytes(), OpCode::Data(opcode), last))
    };
    websocket.send_message(piece(Data::Text, false)).await.unwrap();
    websocket.send_message(piece(Data::Continue, true)).await.unwrap();
    assert_eq!(websocket.until_end(seconds(10)).await.1, Some(1009), "nor in pieces");

    let mut websocket = open().await;
    websocket.send_message(Message::text(padded(8 * 1024))).await.unwrap();
    websocket.until_control("ready").await;
    let long = "😀".repeat(10_000);
    let reply = websocket.ask(&json!({"op": "send", "ref": 2, "to": ["bob"], "text": long}), &mut Vec::new()).await;
    assert_eq!(reply["ok"], true, "from then on a message is as long as it may be: {}", reply["error"]);
}

#[tokio::test]
async fn of_many_that_come_at_once_no_more_get_in_than_may() {
    const MAY: usize = 3;
    let server = Server::options().set("--max-streams-per-user", "3").start().await;
    let alice = Person::register(&server, "alice").await;
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let alice = alice.clone();
        opening.spawn(async move {
            let mut stream = SseClient::open(alice.address, &alice.stream()).await.unwrap();
            let got_in = match stream.next().await {
                Heard::Control(control) => control.kind == "ready",
                other => panic!("{other:?}"),
            };
            (got_in, stream)
        });
    }
    let opened = within(seconds(30), "all to be answered", opening.join_all()).await;
    assert_eq!(opened.iter().filter(|(got_in, _)| *got_in).count(), MAY);
}
