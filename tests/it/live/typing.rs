//! Who hears that somebody types, and who may say so.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::listener::TRANSPORTS;
use crate::support::{Ear, Heard, Listener, Person, Server, SseClient, WsClient, seconds, within};

/// What is heard before the message of this text.
async fn before_text(ear: &mut impl Ear, text: &str) -> Vec<Heard> {
    ear.until(
        text,
        |heard| matches!(heard, Heard::Event(seen) if seen.kind == "message.created" && seen.data()["text"] == text),
    )
    .await
}

fn typing_in(heard: &[Heard]) -> Vec<Value> {
    let passing = heard.iter().filter_map(|heard| heard.clone().passing());
    passing.filter(|passing| passing.kind.starts_with("typing.")).map(|passing| passing.json()).collect()
}

impl Person {
    async fn types_in(&self, conversation: u64, body: &Value) -> crate::support::Answer {
        self.post(&format!("/api/v1/conversations/{conversation}/typing"), body).await
    }
}

#[tokio::test]
async fn the_others_in_a_conversation_hear_it_over_all_transports() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let group = alice.group("team", &[&bob]).await;
    let elsewhere = alice.group("elsewhere", &[&bob, &carol]).await;
    let mut own = SseClient::open(server.address, &bob.stream()).await.unwrap();
    let mut stranger = SseClient::open(server.address, &carol.stream()).await.unwrap();
    own.until_control("ready").await;
    stranger.until_control("ready").await;
    for transport in TRANSPORTS {
        let head = alice.head().await;
        let mut ear = Listener::open(transport, &alice, &alice.stream().after(head)).await.unwrap();
        if let Listener::Polling(poller) = &mut ear {
            poller.wait = 20;
        } else {
            ear.until_control("ready").await;
        }
        // A poll hears what passes while it waits, and when it begins to nobody is told: it is said until it is heard.
        let saying = async {
            loop {
                bob.types_in(group, &json!({})).await.expect(204);
                bob.types_in(group, &json!({"stopped": true})).await.expect(204);
            }
        };
        let heard = async {
            let started = ear.until_passing("typing.started").await;
            (started, ear.until_passing("typing.stopped").await)
        };
        let (started, stopped) = tokio::select! {
            heard = heard => heard,
            () = saying => unreachable!("it is said for ever"),
        };
        let bob_himself = json!({"id": bob.id, "username": "bob"});
        assert_eq!(started["data"], json!({"user": bob_himself, "expires_in": 6}), "{transport:?}");
        assert_eq!(stopped["data"], json!({"user": bob_himself}), "{transport:?}");
        for said in [&started, &stopped] {
            assert_eq!(said["conversation_id"], group);
            assert!(said.get("seq").is_none() && said["at"].as_str().unwrap().ends_with('Z'), "{said}");
        }
    }
    // Nothing of it is kept, and neither he himself nor who is not in it hears it.
    bob.say(elsewhere, "the end").await;
    assert_eq!(typing_in(&before_text(&mut own, "the end").await), [json!(null); 0]);
    assert_eq!(typing_in(&before_text(&mut stranger, "the end").await), [json!(null); 0]);
    let kept = alice.get("/api/v1/events?after=0&limit=1000").await.expect(200).to_string();
    assert!(!kept.contains("typing"), "{kept}");
}

#[tokio::test]
async fn it_is_an_operation_of_a_websocket_and_repeats_are_dropped() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let mut ear = SseClient::open(server.address, &alice.stream()).await.unwrap();
    ear.until_control("ready").await;
    let mut socket = WsClient::open(server.address, &bob.stream()).await.unwrap();
    let mut aside = Vec::new();
    for repeat in 0..5 {
        let reply = socket.ask(&json!({"op": "typing", "ref": repeat, "conversation_id": direct}), &mut aside).await;
        assert_eq!(reply, json!({"type": "reply", "ref": repeat, "ok": true, "result": {"conversation_id": direct}}));
    }
    let stop = json!({"op": "typing", "ref": "s", "conversation_id": direct, "stopped": true});
    assert_eq!(socket.ask(&stop, &mut aside).await["ok"], true);
    bob.say(direct, "what he typed").await;
    // What he types after that is something else, however soon.
    assert_eq!(
        socket.ask(&json!({"op": "typing", "ref": "t", "conversation_id": direct}), &mut aside).await["ok"],
        true
    );
    let kinds = |heard: &[Heard]| -> Vec<String> {
        typing_in(heard).iter().map(|said| said["type"].as_str().unwrap().to_owned()).collect()
    };
    let before = before_text(&mut ear, "what he typed").await;
    assert!(kinds(&before).iter().filter(|kind| *kind == "typing.started").count() <= 1, "{before:?}");
    ear.until_passing("typing.started").await;

    let reply =
        socket.ask(&json!({"op": "typing", "ref": "x", "conversation_id": direct, "loud": true}), &mut aside).await;
    assert_eq!((&reply["error"]["code"], &reply["error"]["field"]), (&json!("unknown_field"), &json!("loud")));
    let mut listener = WsClient::open(server.address, &bob.stream_by_ticket().await).await.unwrap();
    let reply = listener.ask(&json!({"op": "typing", "ref": 1, "conversation_id": direct}), &mut aside).await;
    assert_eq!(reply["error"]["code"], "insufficient_scope");
}

#[tokio::test]
async fn who_may_not_write_there_may_not_type_there() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let direct = alice.direct(&[&bob]).await;
    let group = alice.group("team", &[&bob]).await;
    let channel = alice.channel("news").await;
    let answer = alice.patch(&format!("/api/v1/conversations/{channel}"), &json!({"post": "owners"})).await;
    answer.expect(200);
    bob.join(channel).await;
    let here = json!({});
    carol.types_in(group, &here).await.refused(404, "not_found");
    carol.types_in(channel, &here).await.refused(403, "not_member");
    bob.types_in(channel, &here).await.refused(403, "not_owner");
    bob.types_in(9_999, &here).await.refused(404, "not_found");
    bob.types_in(group, &here).await.expect(204);
    // A repeat is answered at once, and so is whoever was let in a moment ago; but not when he says something else.
    alice.remove(group, &bob).await;
    bob.types_in(group, &json!({"stopped": true})).await.refused(404, "not_found");
    alice.block(&bob).await;
    bob.types_in(direct, &here).await.refused(403, "blocked");
    alice.types_in(direct, &here).await.expect(204);
    alice.delete("/api/v1/blocks/bob").await.expect(204);
    alice.close_inbox().await;
    bob.types_in(direct, &here).await.refused(403, "not_a_contact");
    alice.answer(&bob, "approved").await;
    bob.types_in(direct, &here).await.expect(204);
    let key = bob.post("/api/v1/keys", &json!({"name": "reader", "scopes": ["read"]})).await.expect(201);
    let reader = server.stranger().with_bearer(key["key"].as_str().unwrap());
    let target = format!("/api/v1/conversations/{direct}/typing");
    reader.post(&target, &here).await.refused(403, "insufficient_scope");
    bob.post(&target, &json!({"stopped": "yes"})).await.refused(422, "invalid");
    server.command(&["user", "suspend", "bob"]).await;
    bob.post(&target, &here).await.refused(401, "unauthorized");
}

#[tokio::test]
async fn who_has_left_hears_it_no_longer() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let group = alice.group("team", &[&bob, &carol]).await;
    let direct = bob.direct(&[&carol]).await;
    let mut ear = SseClient::open(server.address, &carol.stream()).await.unwrap();
    ear.until_control("ready").await;
    bob.types_in(group, &json!({})).await.expect(204);
    ear.until_passing("typing.started").await;
    carol.leave(group).await;
    alice.types_in(group, &json!({})).await.expect(204);
    bob.types_in(group, &json!({"stopped": true})).await.expect(204);
    bob.say(direct, "the end").await;
    assert_eq!(typing_in(&before_text(&mut ear, "the end").await), [json!(null); 0]);
    // Whoever only follows a channel does not hear it either.
    let channel = alice.channel("news").await;
    bob.join(channel).await;
    let mut follower = SseClient::open(server.address, &carol.stream().channel("news")).await.unwrap();
    follower.until_control("ready").await;
    bob.types_in(channel, &json!({})).await.expect(204);
    alice.say(channel, "news").await;
    assert_eq!(typing_in(&before_text(&mut follower, "news").await), [json!(null); 0]);
}

#[tokio::test]
async fn a_stream_that_lags_is_not_told_of_it_late() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("team", &[&bob]).await;
    let from = alice.head().await;
    for number in 0..300 {
        alice.say(group, &format!("message {number}")).await;
    }
    // It opens behind what has happened: what passes while it reads on comes after that, or not at all.
    let mut ear = SseClient::open(server.address, &bob.stream().after(from)).await.unwrap();
    alice.types_in(group, &json!({})).await.expect(204);
    let heard = before_text(&mut ear, "message 299").await;
    assert_eq!(typing_in(&heard), [json!(null); 0]);
    let seqs: Vec<u64> = heard.into_iter().filter_map(Heard::event).map(|seen| seen.seq).collect();
    assert_eq!(seqs, server.events_on_disk().await.visible(bob.id, &[], from), "all of it, in order");
    assert_eq!(ear.cursor(), seqs.last().copied());
}

#[tokio::test]
async fn typing_is_metered() {
    let server = Server::options().set("--rate-limits", "on").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let mut socket = WsClient::open(server.address, &bob.stream()).await.unwrap();
    let refused = within(seconds(20), "the bucket to be empty", async {
        let mut aside = Vec::new();
        for count in 0..200 {
            let reply = socket.ask(&json!({"op": "typing", "ref": count, "conversation_id": direct}), &mut aside).await;
            if reply["ok"] == false {
                return reply;
            }
        }
        panic!("nobody counts");
    })
    .await;
    assert_eq!(refused["error"]["code"], "too_many_requests");
    // Four more a second are let through.
    let path = format!("/api/v1/conversations/{direct}/typing");
    let body = json!({});
    let answers = join_all((0..20).map(|_| bob.post(&path, &body))).await;
    answers.iter().find(|answer| answer.status == 429).expect("it counts here too").refused(429, "too_many_requests");
}
