//! Where a stream goes on from: every kind of cursor, on every transport, and what the stream says to it.

use serde_json::json;

use crate::support::listener::TRANSPORTS;
use crate::support::raw::exchange;
use crate::support::{
    Caller, Control, Credentials, Ear, Heard, Listener, Log, Person, Server, SseClient, StreamRequest, Transport,
    WsClient, eventually, seconds,
};

/// What a stream says before its first event.
pub(super) struct Greeting {
    pub(super) listener: Listener,
    reset: Option<Control>,
    /// Where it goes on from.
    pub(super) position: u64,
}

/// Opens a stream and hears it out up to `ready`. A poll has no `ready`: its first answer is given at once and says the same.
pub(super) async fn greet(transport: Transport, caller: &Caller, request: &StreamRequest) -> Greeting {
    let mut listener = Listener::open(transport, caller, request).await.expect("a stream opens");
    if let Listener::Polling(poller) = &mut listener {
        poller.wait = 0;
        let answer = poller.poll().await.expect("a poll is answered").json();
        poller.wait = 1;
        let reset = answer["events"].as_array().unwrap().iter().find(|event| event["type"] == "reset").cloned();
        if let Some(reset) = &reset {
            assert_eq!(answer["events"].as_array().unwrap().len(), 1, "a reset comes alone: {answer}");
            assert_eq!(answer["next"], reset["position"], "{answer}");
        }
        let position = match (&reset, &request.after) {
            (Some(reset), _) => reset["position"].as_u64().unwrap(),
            (None, Some(after)) => after.parse().unwrap(),
            (None, None) => answer["next"].as_u64().unwrap(),
        };
        let mut poller = crate::support::Poller::new(caller, &request.clone().after(position));
        poller.wait = 1;
        return Greeting {
            listener: Listener::Polling(Box::new(poller)),
            reset: reset.map(|json| Control { kind: "reset".into(), raw: json.to_string() }),
            position,
        };
    }
    let mut reset = None;
    loop {
        match listener.next().await {
            Heard::Control(control) if control.kind == "reset" => {
                assert!(reset.is_none(), "one reset is enough");
                assert_eq!(listener.cursor(), Some(control.number("position")));
                reset = Some(control);
            }
            Heard::Control(control) if control.kind == "ready" => {
                let position = control.number("position");
                assert!(position <= control.number("head"), "{}", control.raw);
                assert_eq!(
                    listener.cursor(),
                    Some(position),
                    "ready moves the cursor to where the stream goes on from"
                );
                if let Some(reset) = &reset {
                    assert_eq!(reset.number("position"), position, "reset and ready name one place");
                }
                return Greeting { listener, reset, position };
            }
            other => panic!("{transport:?} begins with {other:?}"),
        }
    }
}

impl Greeting {
    /// Hears everything up to this event and compares it with the log.
    async fn goes_on(mut self, log: &Log, person: &Person) {
        let expected = log.visible(person.id, &[], self.position);
        let Some(last) = expected.last() else { return };
        let seqs: Vec<u64> = self.listener.until_seq(*last).await.iter().map(|seen| seen.seq).collect();
        assert_eq!(seqs, expected, "from {}", self.position);
    }

    pub(super) fn reset_because(&self, reason: &str) {
        let reset = self.reset.as_ref().unwrap_or_else(|| panic!("there is a reset ({reason})"));
        assert_eq!(reset.json()["reason"], reason, "{}", reset.raw);
        assert!(self.position <= reset.number("head"), "{}", reset.raw);
    }
}

/// A conversation of two with some history.
pub(super) async fn alice_and_bob(server: &Server) -> (Person, Person, u64) {
    let [alice, bob] = Person::register_all(server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    for number in 0..10 {
        alice.say(direct, &format!("old {number}")).await;
    }
    (alice, bob, direct)
}

#[tokio::test]
async fn without_a_cursor_a_stream_begins_now() {
    let server = Server::start().await;
    let (alice, bob, direct) = alice_and_bob(&server).await;
    for transport in TRANSPORTS {
        let head = bob.head().await;
        let mut greeting = greet(transport, &bob, &bob.stream()).await;
        assert!(greeting.reset.is_none());
        assert_eq!(greeting.position, head, "{transport:?}");
        alice.say(direct, "new").await;
        let seen = greeting.listener.until_text("new").await;
        assert_eq!(seen.len(), 1, "{transport:?} replays nothing: {seen:?}");
    }
}

#[tokio::test]
async fn a_cursor_within_history_is_honoured() {
    let server = Server::start().await;
    let (alice, bob, direct) = alice_and_bob(&server).await;
    let log = server.events_on_disk().await;
    for transport in TRANSPORTS {
        for after in 0..=log.head() {
            let greeting = greet(transport, &bob, &bob.stream().after(after)).await;
            assert!(greeting.reset.is_none(), "{transport:?} after {after}");
            assert_eq!(greeting.position, after, "{transport:?}");
            greeting.goes_on(&log, &bob).await;
        }
    }
    let mut at_the_head = SseClient::open(server.address, &bob.stream().last_event_id(log.head())).await.unwrap();
    at_the_head.until_control("ready").await;
    alice.say(direct, "new").await;
    assert_eq!(at_the_head.until_text("new").await.len(), 1);
}

#[tokio::test]
async fn the_header_of_a_browser_beats_its_first_url() {
    let server = Server::start().await;
    let (_, bob, _) = alice_and_bob(&server).await;
    let log = server.events_on_disk().await;
    for (url, header) in [(0, log.head() - 3), (log.head(), 2), (log.head() + 1000, 4)] {
        let greeting = greet(Transport::Sse, &bob, &bob.stream().after(url).last_event_id(header)).await;
        assert!(greeting.reset.is_none());
        assert_eq!(greeting.position, header);
        greeting.goes_on(&log, &bob).await;
    }
}

// A cursor that exceeds only what its node has applied waits; one node has always applied what it committed, so that case belongs
// to the tests with two nodes.
#[tokio::test]
async fn a_cursor_beyond_the_head_is_told_and_goes_on_from_the_head() {
    let server = Server::start().await;
    let (alice, bob, direct) = alice_and_bob(&server).await;
    for transport in TRANSPORTS {
        for beyond in [1, 1000, u64::from(u32::MAX)] {
            let head = bob.head().await;
            let mut greeting = greet(transport, &bob, &bob.stream().after(head + beyond)).await;
            greeting.reset_because("beyond_head");
            assert_eq!(greeting.position, head, "{transport:?}");
            alice.say(direct, "new").await;
            assert_eq!(greeting.listener.until_text("new").await.len(), 1);
        }
    }
    let head = bob.head().await;
    let greeting = greet(Transport::Sse, &bob, &bob.stream().last_event_id(head + 1)).await;
    greeting.reset_because("beyond_head");
}

#[tokio::test]
async fn a_last_event_id_that_is_no_number_is_told_in_the_stream() {
    let server = Server::start().await;
    let (alice, bob, direct) = alice_and_bob(&server).await;
    for id in ["abc", "-1", "1.5", "0x10", "99999999999999999999999", "1 2", "e3b0c442-98fc"] {
        let mut greeting = greet(Transport::Sse, &bob, &bob.stream().last_event_id(id)).await;
        greeting.reset_because("malformed_cursor");
        assert_eq!(greeting.position, bob.head().await);
        alice.say(direct, id).await;
        assert_eq!(greeting.listener.until_text(id).await.len(), 1);
    }
}

#[tokio::test]
async fn a_malformed_after_is_refused() {
    let server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    for after in ["abc", "-1", "1.5", "1e3", "99999999999999999999999", "1 "] {
        let request = bob.stream().after(after);
        let sse = SseClient::open(server.address, &request).await.err().expect("no stream").answer();
        sse.refused(400, "malformed_request");
        let websocket = WsClient::open(server.address, &request).await.err().expect("no stream").answer();
        websocket.refused(400, "malformed_request");
        bob.get(&request.target("/api/v1/events")).await.refused(400, "malformed_request");
    }
}

#[tokio::test]
async fn the_first_frame_of_a_websocket_may_bring_the_cursor() {
    let server = Server::start().await;
    let (_, bob, _) = alice_and_bob(&server).await;
    let log = server.events_on_disk().await;
    let after = log.head() - 5;
    let mut websocket =
        WsClient::open(server.address, &StreamRequest::new(Credentials::None)).await.expect("a WebSocket opens");
    websocket.send(&json!({"op": "auth", "ref": 1, "token": bob.access_token, "after": after})).await;
    let expected = log.visible(bob.id, &[], after);
    let heard =
        websocket.until("the last event", |heard| matches!(heard, Heard::Event(seen) if seen.seq == log.head())).await;
    assert!(
        heard.iter().any(|heard| matches!(heard, Heard::Reply(reply) if reply["ref"] == 1 && reply["ok"] == true)),
        "{heard:?}"
    );
    assert!(heard.iter().any(|heard| matches!(heard, Heard::Control(control) if control.kind == "ready" && control.number("position") == after)), "{heard:?}");
    let seqs: Vec<u64> = heard.into_iter().filter_map(Heard::event).map(|seen| seen.seq).collect();
    assert_eq!(seqs, expected);
}

#[tokio::test]
async fn a_cursor_older_than_history_is_told_and_goes_on_from_what_is_kept() {
    let server = Server::options().set("--event-retention", "1s").start().await;
    let (alice, bob, direct) = alice_and_bob(&server).await;
    history_is_gone(&bob).await;
    for transport in TRANSPORTS {
        let mut greeting = greet(transport, &bob, &bob.stream().after(1)).await;
        greeting.reset_because("history_expired");
        alice.say(direct, "new").await;
        let seen = greeting.listener.until_text("new").await;
        assert!(seen.iter().all(|seen| seen.seq > greeting.position), "{transport:?}: {seen:?}");
    }
    let header = greet(Transport::Sse, &bob, &bob.stream().after(bob.head().await).last_event_id(1)).await;
    header.reset_because("history_expired");
    let head = bob.head().await;
    let nothing_missed = greet(Transport::Sse, &bob, &bob.stream().after(head)).await;
    assert!(nothing_missed.reset.is_none(), "at the head nothing was missed, however little is kept");
}

/// Waits until the server says that it no longer has what came after event 1.
async fn history_is_gone(person: &Person) {
    eventually(seconds(20), "retention", async || {
        let answer = person.get("/api/v1/events?after=1").await.expect(200);
        (answer["events"][0]["type"] == "reset").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_retention_overtakes_is_told_in_mid_stream() {
    let server = Server::options()
        .set("--stall-timeout", "10m")
        .set("--event-retention", "1s")
        .set("--stream-queue", "4")
        .set("--ring-bytes", "16384")
        .start()
        .await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let start = bob.head().await;
    let mut stream =
        SseClient::open(server.address, &bob.stream().after(start).narrow()).await.expect("a stream opens");
    stream.until_control("ready").await;

    let text = "x".repeat(10_000);
    let mut last = 0;
    for _ in 0..800 {
        last = alice.say(direct, &text).await["id"].as_u64().unwrap();
    }
    let end = bob.head().await;
    eventually(seconds(20), "retention", async || {
        let answer = bob.get(&format!("/api/v1/events?after={}", end - 1)).await.expect(200);
        (answer["events"][0]["type"] == "reset").then_some(())
    })
    .await;

    let heard = stream.until("a reset", |heard| heard.is_control("reset")).await;
    let position = stream.cursor().expect("a reset has a position");
    let before: Vec<u64> = heard.into_iter().filter_map(Heard::event).map(|seen| seen.seq).collect();
    assert_eq!(before, (start + 1..=start + before.len() as u64).collect::<Vec<_>>(), "what came before it has no gap");
    assert!(
        before.len() < usize::try_from(last).unwrap() && position >= *before.last().unwrap_or(&start),
        "position {position}"
    );
    alice.say(direct, "new").await;
    let seen = stream.until_text("new").await;
    assert!(seen.iter().all(|seen| seen.seq > position), "{seen:?}");
}

#[tokio::test]
async fn a_header_line_that_is_not_ascii_is_no_number_either() {
    let server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    let request = format!(
        "GET /stream HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nLast-Event-ID: \u{e9}\r\nConnection: close\r\n\r\n",
        server.address, bob.access_token
    );
    // The stream does not end, so only its head is read.
    let mut connection = crate::support::raw::Connection::open(server.address).await.unwrap();
    connection.send(request).await.unwrap();
    let (status, _) = connection.head().await.unwrap();
    assert_eq!(status, 200);
    while !String::from_utf8_lossy(&connection.unread).contains("malformed_cursor") {
        assert!(connection.read_more().await.unwrap(), "the stream says why");
    }
    let answer =
        exchange(server.address, format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address)).await.unwrap();
    assert_eq!(answer.status, 200);
}
