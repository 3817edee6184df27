//! How a WebSocket ends, frame by frame: what was asked before is answered, and nothing follows a close frame.

use crate::support::frames::{BINARY, CLOSE, Frames, LAST, TEXT, frame, text};
use crate::support::{Person, Server, seconds, within};
use serde_json::{Value, json};

/// Two operations, one of which has to wait for the disk, and right behind them in the same packet what ends the socket:
/// all that comes back but for events and `ready`.
async fn ended_by(server: &Server, person: &Person, end: Vec<u8>) -> Vec<(u8, Vec<u8>)> {
    let bearer = format!("Authorization: Bearer {}\r\n", person.access_token);
    let mut socket = Frames::open(server.address, "/ws", &bearer).await.unwrap().unwrap();
    let send = json!({"op": "send", "ref": "sent", "to": [person.name], "text": "to myself"});
    let ping = json!({"op": "ping", "ref": "seen"});
    socket.send([text(&send.to_string()), text(&ping.to_string()), end].concat()).await.unwrap();
    let mut heard = Vec::new();
    within(seconds(10), "the socket to end", async {
        while let Some((opcode, payload)) = socket.next().await.unwrap() {
            let is_reply = || serde_json::from_slice::<Value>(&payload).expect("a text is JSON")["type"] == "reply";
            if opcode != TEXT || is_reply() {
                heard.push((opcode, payload));
            }
        }
    })
    .await;
    heard
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
    let end = frame(LAST | CLOSE, &1000u16.to_be_bytes());
    both_replied(&ended_by(&server, &ann, end).await, 1000);
}

#[tokio::test]
async fn what_was_asked_before_a_broken_frame_is_answered() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    // A reserved bit, a text that is none, an opcode that nobody knows, and bytes where texts are spoken.
    for (end, code) in [
        (frame(LAST | 0x40 | TEXT, b"{}"), 1002),
        (frame(LAST | TEXT, b"\xff"), 1007),
        (frame(LAST | 3, b""), 1002),
        (frame(LAST | BINARY, b"{}"), 1003),
    ] {
        both_replied(&ended_by(&server, &ann, end).await, code);
    }
}
