//! How a WebSocket ends, frame by frame: what was asked before is answered, and nothing follows a close frame.

use crate::support::raw::Connection;
use crate::support::{Person, Server, seconds, within};
use serde_json::{Value, json};

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;

/// A masked frame (RFC 6455, section 5.2) with a mask of zeros.
fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126).expect("little");
    [&[head, 0x80 | length, 0, 0, 0, 0][..], payload].concat()
}

/// Takes the frames that are there whole, as opcodes and payloads.
fn frames(bytes: &mut Vec<u8>) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    loop {
        let (start, length) = match bytes[..] {
            [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
            [_, length @ ..126, ..] => (2, usize::from(length)),
            _ => return found,
        };
        if bytes.len() < start + length {
            return found;
        }
        let frame: Vec<u8> = bytes.drain(..start + length).collect();
        assert_eq!(frame[0] & 0xf0, 0x80, "each frame is whole and has no bit of an extension");
        found.push((frame[0] & 0x0f, frame[start..].to_vec()));
    }
}

/// Two operations, one of which has to wait for the disk, and right behind them in the same packet what ends the socket:
/// what comes back after `ready`, but for events.
async fn ended_by(server: &Server, person: &Person, end: Vec<u8>) -> Vec<(u8, Vec<u8>)> {
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address, person.access_token
    );
    let mut connection = Connection::open(server.address).await.unwrap();
    connection.send(handshake).await.unwrap();
    assert_eq!(connection.head().await.unwrap().0, 101);
    let send = json!({"op": "send", "ref": "sent", "to": [person.name], "text": "to myself"});
    let ping = json!({"op": "ping", "ref": "seen"});
    let operations = [send, ping].map(|operation| frame(0x80 | TEXT, operation.to_string().as_bytes()));
    connection.send([operations.concat(), end].concat()).await.unwrap();
    within(seconds(10), "the socket to end", async { while connection.read_more().await.unwrap() {} }).await;
    let all = frames(&mut connection.unread);
    assert_eq!(connection.unread, b"", "the last frame is whole");
    let said = |payload: &[u8]| serde_json::from_slice::<Value>(payload).expect("a text is JSON")["type"] == "reply";
    all.into_iter().filter(|(opcode, payload)| *opcode != TEXT || said(payload)).collect()
}

/// Both replies, in any order, and then the end.
fn both_replied(frames: &[(u8, Vec<u8>)], code: u16) {
    let shown =
        || frames.iter().map(|(opcode, payload)| (opcode, String::from_utf8_lossy(payload))).collect::<Vec<_>>();
    let [(TEXT, one), (TEXT, other), (CLOSE, end)] = frames else { panic!("two replies and the end: {:?}", shown()) };
    let mut replies = [one, other].map(|reply| serde_json::from_slice::<Value>(reply).unwrap());
    replies.sort_by_key(|reply| reply["ref"].to_string());
    assert!(replies[0]["ref"] == "seen" && replies[1]["ref"] == "sent", "{:?}", shown());
    assert!(replies.iter().all(|reply| reply["ok"] == true), "{:?}", shown());
    assert_eq!(end[..2], code.to_be_bytes(), "{:?}", shown());
}

#[tokio::test]
async fn replies_go_before_the_answer_to_a_close_frame() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let end = frame(0x80 | CLOSE, &1000u16.to_be_bytes());
    both_replied(&ended_by(&server, &ann, end).await, 1000);
}

#[tokio::test]
async fn what_was_asked_before_a_broken_frame_is_answered() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    // A reserved bit, a text that is none, an opcode that nobody knows, and bytes where texts are spoken.
    for (end, code) in [
        (frame(0xc0 | TEXT, b"{}"), 1002),
        (frame(0x80 | TEXT, b"\xff"), 1007),
        (frame(0x83, b""), 1002),
        (frame(0x80 | BINARY, b"{}"), 1003),
    ] {
        both_replied(&ended_by(&server, &ann, end).await, code);
    }
}
