//! How a stream ends: with its session, with its token, by a stall, or with the server; and what goes on when descriptors run out.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::raw::Connection;
use crate::support::{
    Credentials, Ear, Heard, Listener, Person, Poller, Server, SseClient, StreamRequest, Transport, WsClient,
    eventually, seconds, within,
};

const REVOKED: Option<u16> = Some(4403);
const A_SECOND: Duration = seconds(1);

/// Every kind of stream that one session can have open.
struct Streams {
    sse: SseClient,
    sse_by_ticket: SseClient,
    websocket: WsClient,
    websocket_by_ticket: WsClient,
}

impl Streams {
    async fn open(person: &Person) -> Self {
        let by_ticket = person.stream_by_ticket().await;
        let mut streams = Self {
            sse: SseClient::open(person.address, &person.stream()).await.unwrap(),
            sse_by_ticket: SseClient::open(person.address, &by_ticket).await.unwrap(),
            websocket: WsClient::open(person.address, &person.stream()).await.unwrap(),
            websocket_by_ticket: WsClient::open(person.address, &by_ticket).await.unwrap(),
        };
        streams.sse.until_control("ready").await;
        streams.sse_by_ticket.until_control("ready").await;
        streams.websocket.until_control("ready").await;
        streams.websocket_by_ticket.until_control("ready").await;
        streams
    }

    /// All of them end within a second, and say why.
    async fn end(mut self) {
        let (sse, by_ticket, websocket, websocket_by_ticket) = tokio::join!(
            self.sse.until_end(A_SECOND),
            self.sse_by_ticket.until_end(A_SECOND),
            self.websocket.until_end(A_SECOND),
            self.websocket_by_ticket.until_end(A_SECOND)
        );
        for (heard, _) in [&sse, &by_ticket] {
            assert!(
                heard.iter().any(|heard| heard.is_control("expired") || heard.is_control("bye")),
                "the end is announced: {heard:?}"
            );
        }
        assert_eq!((websocket.1, websocket_by_ticket.1), (REVOKED, REVOKED));
    }

    /// They hear what is said now.
    async fn live_on(&mut self, talker: &Person, conversation: u64, text: &str) {
        talker.say(conversation, text).await;
        self.sse.until_text(text).await;
        self.sse_by_ticket.until_text(text).await;
        self.websocket.until_text(text).await;
        self.websocket_by_ticket.until_text(text).await;
    }
}

#[tokio::test]
async fn logging_out_ends_the_streams_of_that_session_and_no_other() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let elsewhere = bob.login(&server).await;
    let streams = Streams::open(&bob).await;
    let mut other_streams = Streams::open(&elsewhere).await;
    bob.logout().await;
    streams.end().await;
    other_streams.live_on(&alice, direct, "still there?").await;
    bob.get("/api/v1/me").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn revoking_a_session_elsewhere_ends_its_streams_and_its_waiting_poll() {
    let server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    let lost_device = bob.login(&server).await;
    let streams = Streams::open(&lost_device).await;
    let mut poller = Poller::new(&lost_device, &lost_device.stream().after(bob.head().await));
    poller.wait = 60;
    let poll = tokio::spawn(async move { poller.poll().await });
    // The poll is waiting once its connection is there; it ends all the same if it comes a moment later.
    bob.delete(&format!("/api/v1/sessions/{}", lost_device.session)).await.expect(204);
    streams.end().await;
    within(A_SECOND, "the poll to end", poll).await.unwrap().ok();
    lost_device.get("/api/v1/me").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn changing_the_password_ends_the_other_sessions() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let elsewhere = bob.login(&server).await;
    let mut streams = Streams::open(&bob).await;
    let other_streams = Streams::open(&elsewhere).await;
    bob.put("/api/v1/me/password", &json!({"current_password": bob.password, "new_password": "another password"}))
        .await
        .expect(204);
    other_streams.end().await;
    streams.live_on(&alice, direct, "still there?").await;
}

#[tokio::test]
async fn suspending_at_the_machine_ends_all_streams_of_a_user() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let elsewhere = bob.login(&server).await;
    let (one, other) = (Streams::open(&bob).await, Streams::open(&elsewhere).await);
    let mut unconcerned = Streams::open(&alice).await;
    server.command(&["user", "suspend", "bob"]).await;
    tokio::join!(one.end(), other.end());
    unconcerned.live_on(&alice, direct, "poor bob").await;
    let answer = bob.get("/api/v1/me").await;
    assert!(matches!(answer.status, 401 | 403), "{}", answer.describe());
    let login = json!({"username": "bob", "password": bob.password});
    server.stranger().post("/api/v1/sessions", &login).await.refused(403, "suspended");
    server.command(&["user", "unsuspend", "bob"]).await;
    server.stranger().post("/api/v1/sessions", &login).await.expect(201);
}

#[tokio::test]
async fn a_stream_by_bearer_ends_with_its_token_and_others_live_on() {
    let server = Server::options().set("--access-token-lifetime", "4s").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    // A token with its whole life before it.
    let bob = bob.login(&server).await;
    let Streams { mut sse, mut sse_by_ticket, mut websocket, .. } = Streams::open(&bob).await;
    let mut renewed = WsClient::open(server.address, &bob.stream()).await.unwrap();

    let expiring = sse.until_control("expiring").await;
    assert!(expiring.number("in") <= 4, "{}", expiring.raw);
    renewed.until_control("expiring").await;
    // Tokens end on whole seconds: one that was made at once would end with the first.
    let mut refresh_token = bob.refresh_token.clone();
    let mut ends = std::collections::BTreeSet::new();
    while ends.len() < 4 {
        let answer = server
            .stranger()
            .post("/api/v1/sessions/refresh", &json!({"refresh_token": refresh_token}))
            .await
            .expect(200);
        refresh_token = answer["refresh_token"].as_str().unwrap().to_owned();
        let auth = json!({"op": "auth", "ref": "again", "token": answer["access_token"]});
        let reply = renewed.ask(&auth, &mut Vec::new()).await;
        assert_eq!(reply["ok"], true, "{reply}");
        ends.insert(reply["result"]["expires_at"].as_str().unwrap().to_owned());
    }

    let (heard, _) = sse.until_end(seconds(10)).await;
    assert!(heard.iter().any(|heard| heard.is_control("expired")), "{heard:?}");
    let (heard, code) = websocket.until_end(seconds(2)).await;
    assert!(heard.iter().any(|heard| heard.is_control("expiring")), "{heard:?}");
    assert_eq!(code, Some(4408));
    bob.get("/api/v1/me").await.refused(401, "token_expired");

    let talker = alice.login(&server).await;
    talker.say(direct, "who is left?").await;
    sse_by_ticket.until_text("who is left?").await;
    renewed.until_text("who is left?").await;
}

#[tokio::test]
async fn a_fresh_token_of_somebody_else_does_not_take_a_websocket_over() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let mut websocket = WsClient::open(server.address, &bob.stream()).await.unwrap();
    let reply = websocket.ask(&json!({"op": "auth", "ref": 1, "token": alice.access_token}), &mut Vec::new()).await;
    assert_eq!(reply["ok"], false, "{reply}");
    let reply = websocket.ask(&json!({"op": "auth", "ref": 2, "token": "rubbish"}), &mut Vec::new()).await;
    assert_eq!(reply["ok"], false, "{reply}");
    let reply = websocket.ask(&json!({"op": "ping", "ref": 3}), &mut Vec::new()).await;
    assert_eq!(reply["ok"], true, "the stream is bob's as before: {reply}");
}

#[tokio::test]
async fn a_websocket_without_credentials_must_say_who_it_is() {
    let server = Server::options().set("--auth-timeout", "1s").start().await;
    let bob = Person::register(&server, "bob").await;
    let nobody = StreamRequest::new(Credentials::None);
    let mut silent = WsClient::open(server.address, &nobody).await.unwrap();
    assert_eq!(silent.until_end(seconds(5)).await.1, Some(4401), "who says nothing is asked to go");
    let mut impostor = WsClient::open(server.address, &nobody).await.unwrap();
    impostor.send(&json!({"op": "auth", "ref": 1, "token": "rubbish"})).await;
    assert_eq!(impostor.until_end(seconds(5)).await.1, Some(4401), "nor is a wrong token let in");
    let mut hasty = WsClient::open(server.address, &nobody).await.unwrap();
    hasty.send(&json!({"op": "send", "ref": 1, "to": ["bob"], "text": "hello"})).await;
    assert_eq!(hasty.until_end(seconds(5)).await.1, Some(4401), "nor who speaks before that");
    assert_eq!(
        [&silent, &impostor, &hasty].map(|socket| socket.close_reason.as_deref()),
        [Some("auth_timeout"), Some("unauthorized"), Some("auth_required")]
    );
    let mut known = WsClient::open(server.address, &nobody).await.unwrap();
    let reply = known.ask(&json!({"op": "auth", "ref": 1, "token": bob.access_token}), &mut Vec::new()).await;
    assert_eq!(reply["ok"], true, "{reply}");
}

#[tokio::test]
async fn a_ticket_opens_streams_only_and_as_long_as_its_session_lives() {
    let mut server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let request = bob.stream_by_ticket().await;
    let Credentials::Ticket(ticket) = &request.credentials else { unreachable!() };

    // Again and again, as EventSource does, also when the server has been away.
    for round in 0..3 {
        let mut stream = SseClient::open(server.address, &request).await.unwrap();
        stream.until_control("ready").await;
        alice.say(direct, &format!("round {round}")).await;
        stream.until_text(&format!("round {round}")).await;
    }
    server.terminate(seconds(5)).await;
    server.restart().await;
    let mut stream = SseClient::open(server.address, &request).await.unwrap();
    stream.until_control("ready").await;

    // For nothing but streams.
    bob.with_bearer(ticket).get("/api/v1/me").await.refused(401, "unauthorized");
    server.stranger().get(&request.target("/api/v1/me")).await.refused(401, "unauthorized");
    server.stranger().get(&request.target("/api/v1/events")).await.refused(401, "unauthorized");

    // A WebSocket may listen with it, and speak only when it has shown a token.
    let mut websocket = WsClient::open(server.address, &request).await.unwrap();
    websocket.until_control("ready").await;
    let send = json!({"op": "send", "ref": 1, "conversation_id": direct, "text": "by ticket"});
    let reply = websocket.ask(&send, &mut Vec::new()).await;
    assert_eq!((reply["ok"].as_bool(), reply["error"]["status"].as_u64()), (Some(false), Some(403)), "{reply}");
    let reply = websocket.ask(&json!({"op": "auth", "ref": 2, "token": bob.access_token}), &mut Vec::new()).await;
    assert_eq!(reply["ok"], true, "{reply}");
    let mut aside = Vec::new();
    let reply = websocket.ask(&send, &mut aside).await;
    assert_eq!((reply["ok"].as_bool(), reply["result"]["text"].as_str()), (Some(true), Some("by ticket")), "{reply}");

    bob.logout().await;
    stream.until_end(A_SECOND).await;
    let refused = SseClient::open(server.address, &request).await.err().expect("no stream").answer();
    assert_eq!(refused.status, 401, "{}", refused.describe());
    for forged in ["rubbish", &ticket[..ticket.len() - 2], ""] {
        let request = StreamRequest::new(Credentials::Ticket(forged.to_owned()));
        let refused = SseClient::open(server.address, &request).await.err().expect("no stream").answer();
        assert_eq!(refused.status, 401, "{}", refused.describe());
    }
}

#[tokio::test]
async fn a_ticket_outlives_a_restart_but_not_its_user() {
    let mut server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    let request = bob.stream_by_ticket().await;
    server.kill().await;
    server.restart().await;
    SseClient::open(server.address, &request).await.unwrap().until_control("ready").await;
    server.command(&["user", "suspend", "bob"]).await;
    let refused = SseClient::open(server.address, &request).await.err().expect("no stream").answer();
    assert!(matches!(refused.status, 401 | 403), "{}", refused.describe());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_shutdown_a_thousand_streams_hear_bye_and_nothing_is_lost() {
    const PEOPLE: usize = 10;
    const STREAMS_EACH: usize = 100;
    let mut server = Server::options().set("--max-streams-per-address", "2000").start().await;
    let names: Vec<String> = (0..PEOPLE).map(|number| format!("person{number}")).collect();
    let people = join_all(names.iter().map(|name| Person::register(&server, name))).await;
    let group = people[0].group("everybody", &people.iter().skip(1).collect::<Vec<_>>()).await;
    let mut streams = JoinSet::new();
    let mut opened = JoinSet::new();
    for person in &people {
        let person = person.clone();
        opened.spawn(async move {
            let mut listeners = Vec::new();
            for number in 0..STREAMS_EACH {
                let transport = if number % 2 == 0 { Transport::Sse } else { Transport::WebSocket };
                let mut listener = Listener::open(transport, &person, &person.stream()).await.expect("a stream opens");
                listener.until_control("ready").await;
                listeners.push(listener);
            }
            listeners
        });
    }
    for mut listener in within(seconds(60), "the streams to open", opened.join_all()).await.into_iter().flatten() {
        streams.spawn(async move { listener.until_end(seconds(30)).await });
    }

    let mut writers = JoinSet::new();
    for person in &people[..4] {
        let person = person.clone();
        writers.spawn(async move {
            let mut acknowledged = Vec::new();
            loop {
                let body = json!({"conversation_id": group, "text": "to the last"});
                match person.try_call(http::Method::POST, "/api/v1/messages", Some(&body)).await {
                    Ok(answer) if answer.status == 201 => acknowledged.push(answer.json()["id"].as_u64().unwrap()),
                    Ok(answer) => {
                        assert_eq!(answer.status, 503, "{}", answer.describe());
                        return acknowledged;
                    }
                    Err(_) => return acknowledged,
                }
            }
        });
    }
    let head = people[0].head().await;
    eventually(seconds(20), "messages to flow", async || (people[0].head().await > head + 20).then_some(())).await;
    let status = server.terminate(seconds(5)).await;
    assert!(status.success(), "{status}");

    let mut retries = Vec::new();
    for (heard, code) in within(seconds(30), "the streams to end", streams.join_all()).await {
        let Some(Heard::Control(bye)) = heard.last() else { panic!("the last words are bye: {:?}", heard.last()) };
        assert_eq!(bye.kind, "bye");
        retries.push(bye.number("retry"));
        assert!(matches!(code, None | Some(1001)), "{code:?}");
    }
    assert_eq!(retries.len(), PEOPLE * STREAMS_EACH);
    retries.sort_unstable();
    let spread = retries[retries.len() - 1] - retries[0];
    assert!((1000..=30_000).contains(&spread), "they do not all come back at once: spread over {spread} ms");
    retries.dedup();
    assert!(retries.len() > 100, "nor in a few waves");

    let acknowledged = within(seconds(10), "the writers to give up", writers.join_all()).await.concat();
    let log = server.events_on_disk().await;
    log.assert_dense();
    let kept: Vec<u64> = log.messages().map(|event| event.data["id"].as_u64().unwrap()).collect();
    assert!(acknowledged.iter().all(|id| kept.contains(id)), "every acknowledged message is on disk");
    server.restart().await;
    let last = *acknowledged.iter().max().unwrap();
    assert_eq!(people[0].get(&format!("/api/v1/messages/{last}")).await.expect(200)["text"], "to the last");
}

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
    let server = Server::options().set("--stall-timeout", "4s").set("--read-timeout", "5m").start().await;
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
        taken += slow.until("something", |heard| matches!(heard, Heard::Event(_))).await.len();
        (server.sockets() <= without_the_stalled).then_some(())
    })
    .await;
    writer.await.unwrap();
    let rest = slow.until_seq(bob.head().await).await.len();
    assert_eq!(taken + rest, 800, "slow is not stalled");
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
async fn a_websocket_belongs_to_the_first_who_says_who_he_is() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let text = "x".repeat(10_000);
    let notes = alice.direct(&[]).await;
    for _ in 0..100 {
        alice.say(notes, &text).await;
    }
    let mut websocket = WsClient::open(server.address, &StreamRequest::new(Credentials::None)).await.unwrap();
    // The database is busy, so that `auth` has to wait for it; and not for so long that it counts as lost.
    let mut crowd = Vec::new();
    for _ in 0..12 {
        let mut reader = Connection::open(server.address).await.unwrap();
        let token = &alice.access_token;
        let read = format!(
            "GET /api/v1/messages?limit=100 HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
            server.address
        );
        reader.send(read).await.unwrap();
        crowd.push(reader);
    }
    // All at once: what comes after `auth` waits for it.
    let frames = [
        json!({"op": "auth", "ref": 1, "token": alice.access_token}),
        json!({"op": "auth", "ref": 2, "token": bob.access_token}),
        json!({"op": "send", "ref": 3, "to": ["alice"], "text": "by whom?"}),
    ];
    websocket.send_all(frames.into_iter()).await;
    let mut replies = Vec::new();
    while replies.len() < 3 {
        match websocket.next().await {
            Heard::Reply(reply) => replies.push(reply),
            Heard::End(code) => panic!("the socket ended ({code:?})"),
            _ => {}
        }
    }
    let reply = |number: u64| replies.iter().find(|reply| reply["ref"] == number).unwrap();
    assert_eq!((reply(1)["ok"].as_bool(), reply(2)["ok"].as_bool()), (Some(true), Some(false)), "{replies:?}");
    assert_eq!(reply(3)["result"]["author"]["username"], "alice", "{replies:?}");
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

#[tokio::test]
async fn at_shutdown_a_websocket_that_has_not_said_who_it_is_hears_bye_too() {
    let mut server = Server::start().await;
    let mut waiting = WsClient::open(server.address, &StreamRequest::new(Credentials::None)).await.unwrap();
    let status = server.terminate(seconds(5)).await;
    assert!(status.success(), "{status}");
    let (heard, code) = waiting.until_end(seconds(5)).await;
    let Some(Heard::Control(bye)) = heard.last() else { panic!("the last words are bye: {heard:?}") };
    assert_eq!((bye.kind.as_str(), code), ("bye", Some(1001)));
}
