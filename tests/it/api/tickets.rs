//! The life of a stream ticket: five minutes for its first use, a day from then on.
//!
//! The tests sign with the server's key, and make a ticket older by moving what it claims into the past.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::tokens::{parts, sign};
use crate::support::{Credentials, Ear, Person, Server, SseClient, StreamRequest, WsClient, seconds};

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// A stream by this ticket as it would be so many seconds later; under another name it is another ticket.
fn aged(ticket: &str, seconds: i64, name: &str) -> StreamRequest {
    let (header, mut claims) = parts(ticket);
    claims["iat"] = json!(claims["iat"].as_i64().unwrap() - seconds);
    claims["exp"] = json!(claims["exp"].as_i64().unwrap() - seconds);
    claims["jti"] = json!(name);
    let kid = header["kid"].as_str();
    StreamRequest::new(Credentials::Ticket(sign(jsonwebtoken::Algorithm::HS256, kid, &claims, KEY.as_bytes())))
}

async fn opens(server: &Server, request: &StreamRequest) {
    SseClient::open(server.address, request).await.unwrap().until_control("ready").await;
    WsClient::open(server.address, request).await.unwrap().until_control("ready").await;
}

/// Said with 200, so that an `EventSource` does not give up for good, and by the close code.
async fn is_too_old(server: &Server, request: &StreamRequest) {
    let mut stream = SseClient::open(server.address, request).await.unwrap();
    let expired = stream.until_control("expired").await;
    assert_eq!(expired.json()["reason"], "ticket_too_old", "{}", expired.raw);
    stream.until_end(seconds(5)).await;
    let mut websocket = WsClient::open(server.address, request).await.unwrap();
    assert_eq!(websocket.until_end(seconds(5)).await.1, Some(4408));
}

#[tokio::test]
async fn a_ticket_waits_five_minutes_for_its_first_use_and_opens_its_stream_again_for_a_day() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("jwt.key");
    std::fs::write(&file, KEY).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut server = Server::options().set("--jwt-key-file", file.to_str().unwrap()).start().await;
    let bob = Person::register(&server, "bob").await;
    let ticket = bob.ticket().await;
    let (_, claims) = parts(&ticket);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), DAY);

    for age in [5 * MINUTE + 5, 60 * MINUTE, DAY - MINUTE] {
        let late = aged(&ticket, age, &format!("never used, {age} seconds old"));
        is_too_old(&server, &late).await;
        is_too_old(&server, &late).await;
    }
    // In time, with a minute to spare for a slow machine.
    opens(&server, &aged(&ticket, 4 * MINUTE, "in time")).await;
    // Its use was handed in to be written before this was, and nobody waits for that.
    bob.patch("/api/v1/me", &json!({"bio": "listens"})).await.expect(200);
    for age in [4 * MINUTE, 5 * MINUTE + 5, 60 * MINUTE, DAY - MINUTE] {
        opens(&server, &aged(&ticket, age, "in time")).await;
    }
    is_too_old(&server, &aged(&ticket, DAY + MINUTE, "in time")).await;
    server.kill().await;
    server.restart().await;
    opens(&server, &aged(&ticket, DAY - MINUTE, "in time")).await;
    is_too_old(&server, &aged(&ticket, 5 * MINUTE + 5, "another")).await;
}
