//! How a stream ends: with its session, or with its token.

use std::time::Duration;

use serde_json::json;

use crate::support::raw::Connection;
use crate::support::{
    Credentials, Ear, Heard, Person, Poller, Server, SseClient, StreamRequest, WsClient, seconds, within,
};

const REVOKED: Option<u16> = Some(4403);
/// Far sooner than anything but what ends them could: a heartbeat comes every 20 s, and nothing is said.
const SOON: Duration = seconds(5);

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

    /// All of them end, and say why.
    async fn end(mut self) {
        let (sse, by_ticket, websocket, websocket_by_ticket) = tokio::join!(
            self.sse.until_end(SOON),
            self.sse_by_ticket.until_end(SOON),
            self.websocket.until_end(SOON),
            self.websocket_by_ticket.until_end(SOON)
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
    within(SOON, "the poll to end", poll).await.unwrap().ok();
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
    let server = Server::options().set("--access-token-lifetime", "8s").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    // A token with its whole life before it.
    let bob = bob.login(&server).await;
    let Streams { mut sse, mut sse_by_ticket, mut websocket, .. } = Streams::open(&bob).await;
    let mut renewed = WsClient::open(server.address, &bob.stream()).await.unwrap();

    let expiring = sse.until_control("expiring").await;
    assert!(expiring.number("in") <= 8, "{}", expiring.raw);
    renewed.until_control("expiring").await;
    // Tokens end on whole seconds: one that was made at once would end with the first.
    let mut refresh_token = bob.refresh_token.clone();
    let mut ends = std::collections::BTreeSet::new();
    while ends.len() < 7 {
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

    let (heard, _) = sse.until_end(seconds(20)).await;
    assert!(heard.iter().any(|heard| heard.is_control("expired")), "{heard:?}");
    let (heard, code) = websocket.until_end(seconds(5)).await;
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
    server.terminate(seconds(20)).await;
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
    stream.until_end(SOON).await;
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
