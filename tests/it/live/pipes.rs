//! What is on its way through a socket: bytes before and after the take-over, replies in a crowd, positions while reading.

use serde_json::json;

use crate::support::frames::text;
use crate::support::raw::Connection;
use crate::support::{Ear, Heard, Person, Server, SseClient, WsClient, eventually, seconds, within};

#[tokio::test]
async fn what_came_with_the_handshake_is_not_lost() {
    let server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address, bob.access_token
    );
    let mut bytes = handshake.into_bytes();
    for number in 0..3 {
        bytes.extend(text(&json!({"op": "ping", "ref": format!("early {number}")}).to_string()));
    }
    let mut connection = Connection::open(server.address).await.unwrap();
    connection.send(bytes).await.unwrap();
    let (status, _) = connection.head().await.unwrap();
    assert_eq!(status, 101);
    within(seconds(10), "the replies", async {
        while !String::from_utf8_lossy(&connection.unread).contains("early 2") {
            assert!(connection.read_more().await.unwrap(), "the socket stays open");
        }
    })
    .await;
    let heard = String::from_utf8_lossy(&connection.unread).into_owned();
    assert!((0..3).all(|number| heard.contains(&format!("early {number}"))), "{heard}");
}

#[tokio::test]
async fn an_answer_before_the_stream_comes_out_whole() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let text = "x".repeat(10_000);
    for _ in 0..600 {
        alice.say(direct, &text).await;
    }
    let head = bob.head().await;
    let request = |target: &str| {
        let (address, token) = (server.address, &bob.access_token);
        format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    // Some megabytes of an answer, more than the kernel takes at once, and right behind it the stream.
    let both = request(&format!("/api/v1/conversations/{direct}/messages?limit=200"))
        + &request(&format!("/stream?after={}", head - 1));
    let mut connection = Connection::open_narrow(server.address).await.unwrap();
    connection.send(both).await.unwrap();
    // Time enough for the stream to open while most of the answer is still on its way.
    for _ in 0..20 {
        alice.say(direct, "meanwhile").await;
    }
    let answer = within(seconds(30), "the answer", connection.answer()).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["items"].as_array().unwrap().len(), 200);
    let (status, headers) = within(seconds(10), "the stream's head", connection.head()).await.unwrap();
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
    within(seconds(10), "the event", async {
        while !String::from_utf8_lossy(&connection.unread).contains(&format!("id: {head}\nevent: message.created")) {
            assert!(connection.read_more().await.unwrap(), "the stream goes on");
        }
    })
    .await;
}

#[tokio::test]
async fn answers_that_are_still_on_their_way_go_before_the_stream() {
    const MANY: usize = 13_000;
    let server = Server::options().switch("--anonymous-channels").set("--log-level", "goldcrest=debug").start().await;
    let alice = Person::register(&server, "alice").await;
    alice.channel("news").await;
    let address = server.address;
    // hyper handles the next request before an answer is out only if that answer has no body, and its request had one
    // that waited to be asked for. So many heads are more than the kernel takes for who does not read.
    let head = format!(
        "HEAD /stream?channel=news HTTP/1.1\r\nHost: {address}\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n!"
    );
    let stream = format!("GET /stream?channel=news HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut connection = Connection::open_narrow(address).await.unwrap();
    within(seconds(60), "the requests to be taken", connection.send(head.repeat(MANY) + &stream)).await.unwrap();
    eventually(seconds(20), "the last of them to be handled", async || {
        (server.log().matches("http.route=/stream").count() == MANY + 1).then_some(())
    })
    .await;
    for number in 0..MANY {
        let (status, headers) = within(seconds(10), "a head", connection.head()).await.unwrap();
        assert_eq!((status, headers.get("connection")), (200, None), "the answer to HEAD number {number}");
    }
    let (status, headers) = within(seconds(10), "the stream's head", connection.head()).await.unwrap();
    assert_eq!((status, headers["connection"].to_str().unwrap()), (200, "close"));
    within(seconds(10), "the stream", async {
        while !String::from_utf8_lossy(&connection.unread).contains("event: ready") {
            assert!(connection.read_more().await.unwrap(), "the stream goes on");
        }
    })
    .await;
}

#[tokio::test]
async fn in_a_crowd_of_events_every_operation_has_its_reply() {
    const MANY: u64 = 300;
    let server = Server::options().set("--stall-timeout", "10m").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let mut websocket = WsClient::open(server.address, &bob.stream().narrow()).await.unwrap();
    websocket.until_control("ready").await;
    // More than the kernel takes: from here on frames wait for the socket, and replies come between them.
    let text = "x".repeat(10_000);
    for _ in 0..800 {
        alice.say(direct, &text).await;
    }
    let operation = |number: u64| match number % 5 {
        0 => json!({"op": "send", "ref": number, "conversation_id": direct, "text": format!("from bob {number}")}),
        _ => json!({"op": "ping", "ref": number}),
    };
    websocket.send_all((0..MANY).map(operation)).await;
    let (mut refs, mut seqs) = (Vec::new(), Vec::new());
    within(seconds(60), "every reply and every event", async {
        while refs.len() < usize::try_from(MANY).unwrap() || seqs.len() < 860 {
            match websocket.next().await {
                Heard::Reply(reply) => {
                    assert_eq!(reply["ok"], true, "{reply}");
                    refs.push(reply["ref"].as_u64().unwrap());
                }
                Heard::Event(seen) => seqs.push(seen.seq),
                Heard::End(code) => panic!("the WebSocket ended ({code:?})"),
                _ => {}
            }
        }
    })
    .await;
    refs.sort_unstable();
    assert_eq!(refs, (0..MANY).collect::<Vec<_>>(), "every operation has its reply, once");
    assert!(seqs.is_sorted(), "and the events keep their order");
}

#[tokio::test]
async fn who_takes_no_replies_is_not_read_from() {
    const ENOUGH: usize = 64 * 1024 * 1024;
    let server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    let mut websocket = WsClient::open(server.address, &bob.stream().narrow()).await.unwrap();
    websocket.until_control("ready").await;
    let before = server.memory();
    let padding = "x".repeat(200);
    let mut sent = 0;
    // It stops taking as soon as the kernel's buffers are full, in both directions.
    let flood = async {
        while sent < ENOUGH {
            websocket.send(&json!({"op": "ping", "ref": padding})).await;
            sent += padding.len();
        }
    };
    assert!(tokio::time::timeout(seconds(5), flood).await.is_err(), "{sent} bytes were taken");
    let growth = server.memory().saturating_sub(before);
    assert!(growth < 4 * 1024 * 1024, "it cost {growth} bytes");
}

#[tokio::test]
async fn a_heartbeat_while_the_log_is_read_says_how_far_the_stream_is() {
    const ROOMS: usize = 66;
    // With more rooms than are read by topic, the log is read in many small pages.
    let server = Server::options().set("--heartbeat", "1ms").set("--ring-bytes", "1024").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    for number in 0..ROOMS {
        bob.group(&format!("room {number}"), &[]).await;
    }
    let start = bob.head().await;
    let aside = alice.group("aside", &[]).await;
    let mut talker = WsClient::open(server.address, &alice.stream()).await.unwrap();
    for part in 0..30 {
        let send = |number: usize| json!({"op": "send", "ref": number, "conversation_id": aside, "text": "aside"});
        talker.send_all((0..100).map(|number| send(part * 100 + number))).await;
        let mut replies = 0;
        while replies < 100 {
            replies += usize::from(matches!(talker.next().await, Heard::Reply(_)));
        }
    }
    let direct = alice.direct(&[&bob]).await;
    alice.say(direct, "at last").await;
    let first = server.events_on_disk().await.visible(bob.id, &[], start)[0];
    let mut beats = 0;
    for _ in 0..5 {
        let mut stream = SseClient::open(server.address, &bob.stream().after(start)).await.unwrap();
        loop {
            match stream.next().await {
                Heard::Heartbeat(position) => {
                    assert!(position < first, "{position} covers {first}, which has not come");
                    beats += 1;
                }
                Heard::Event(seen) => {
                    assert_eq!(seen.seq, first);
                    break;
                }
                Heard::End(code) => panic!("the stream ended ({code:?})"),
                _ => {}
            }
        }
    }
    assert!(beats > 0, "there were heartbeats meanwhile");
}

#[tokio::test]
async fn the_last_words_say_how_far_the_stream_came() {
    let server = Server::options().set("--stream-queue", "4").set("--stall-timeout", "10m").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let start = bob.head().await;
    let mut stream = SseClient::open(server.address, &bob.stream().after(start).narrow()).await.unwrap();
    stream.until_control("ready").await;
    let text = "x".repeat(10_000);
    for _ in 0..800 {
        alice.say(direct, &text).await;
    }
    // It is far behind when it ends.
    bob.logout().await;
    let (heard, _) = stream.until_end(seconds(10)).await;
    let position = stream.cursor().expect("a cursor");
    assert!(heard.iter().any(|heard| heard.is_control("expired")), "the end is announced");
    let seqs: Vec<u64> = heard.into_iter().filter_map(Heard::event).map(|seen| seen.seq).collect();
    assert!(seqs.len() < 800, "it did not hear everything");
    assert_eq!(seqs, server.events_on_disk().await.visible(bob.id, &[], start).split_at(seqs.len()).0);
    assert_eq!(Some(&position), seqs.last(), "who comes back with this cursor misses nothing");
}

#[tokio::test]
async fn a_poll_that_does_not_wait_waits_for_the_log_all_the_same() {
    let server = Server::options().set("--ring-bytes", "1024").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    for _ in 0..20 {
        alice.say(direct, "hello").await;
    }
    for after in 0..20 {
        let answer = bob.get(&format!("/api/v1/events?after={after}")).await.expect(200);
        assert!(!answer["events"].as_array().unwrap().is_empty(), "there is something after {after}: {answer}");
    }
}
