//! `POST /api/message`: what is sent, to whom, and who hears it.

use http::Method;
use serde_json::json;

use super::{API, Client, options, refused};
use crate::support::{Chance, Ear, Person, SseClient};

#[tokio::test]
async fn the_sample_of_its_readme_is_sent() {
    let server = options().start().await;
    let sender = Client::register(&server, "sender").await;
    let receiver = Client::register(&server, "receiver_username").await;
    let body = r#"{"receiver": "receiver_username", "content": "Hello, receiver!"}"#;
    let sent = sender.caller.send_body(Method::POST, &format!("{API}/message"), "application/json", body).await;
    let mut sent = sent.expect(201);
    let created = sent["created"].take().as_str().unwrap().to_owned();
    assert_eq!(
        sent,
        json!({"sender": "sender", "receiver": "receiver_username", "content": "Hello, receiver!", "created": null})
    );
    // 2026-11-21T01:43:28.317930Z
    assert!(created.len() == 27 && created.ends_with('Z') && created.as_bytes()[19] == b'.', "{created}");
    let list = receiver.get("/message/received").await.expect(200);
    sent["created"] = json!(created);
    assert_eq!(list, json!({"count": 1, "next": null, "previous": null, "results": [sent]}));
}

#[tokio::test]
async fn what_is_said_is_looked_at_first_and_then_to_whom() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let bob = Client::register(&server, "bob").await;
    bob.post("/block", &json!({"blocked": "alice"})).await.expect(201);
    let (required, nobody) = ("This field is required.", json!({"detail": "Receiver does not exist."}));
    for (body, status, wrong) in [
        (json!({}), 400, json!({"content": [required]})),
        (json!({"receiver": "nobody"}), 400, json!({"content": [required]})),
        (json!({"receiver": "nobody", "content": " \n"}), 400, json!({"content": ["This field may not be blank."]})),
        (json!({"receiver": "bob", "content": null}), 400, json!({"content": ["This field may not be null."]})),
        (json!({"receiver": "bob", "content": false}), 400, json!({"content": ["Not a valid string."]})),
        (json!({"receiver": "bob", "content": {"a": 1}}), 400, json!({"content": ["Not a valid string."]})),
        (json!({"receiver": "bob", "content": "a\0b"}), 400, json!({"content": ["Null characters are not allowed."]})),
        (
            json!({"receiver": "bob", "content": "é".repeat(10_001)}),
            400,
            json!({
                "content": ["Ensure this field has no more than 10000 characters."],
            }),
        ),
        (json!({"content": "hi"}), 400, json!({"receiver": [required]})),
        (json!({"receiver": ["bob"], "content": "hi"}), 400, json!({"receiver": ["Not a valid string."]})),
        (json!({"receiver": "nobody", "content": "hi"}), 400, nobody.clone()),
        (json!({"receiver": "no body", "content": "hi"}), 400, nobody.clone()),
        (json!({"receiver": "", "content": "hi"}), 400, nobody.clone()),
        (json!({"receiver": null, "content": "hi"}), 400, nobody),
        (json!({"receiver": "bob", "content": "hi"}), 403, json!({"detail": "You are blocked by bob"})),
    ] {
        refused(&alice.post("/message", &body).await, status, &wrong);
    }
    assert_eq!(alice.get("/message").await.expect(200)["count"], 0, "nothing was sent");
}

#[tokio::test]
async fn what_was_said_comes_back_as_it_was_but_for_the_space_around_it() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let mut chance = Chance::for_test("oms contents");
    let mut said = Vec::new();
    for length in [1, 30, 300, 9_999] {
        let text = chance.text(length);
        let sent = alice.send("alice", &text).await;
        assert_eq!(sent["content"], text.trim());
        said.push(text.trim().to_owned());
    }
    for (content, kept) in [(json!(" \t x \n"), "x"), (json!(17), "17"), (json!("<b>&amp;</b>"), "<b>&amp;</b>")] {
        let body = json!({"receiver": "alice", "content": content, "sender": "bob", "created": "1999-01-01"});
        let sent = alice.post("/message", &body).await.expect(201);
        assert_eq!((&sent["content"], &sent["sender"]), (&json!(kept), &json!("alice")));
        said.push(kept.to_owned());
    }
    assert_eq!(alice.contents("/message").await, said);
}

#[tokio::test]
async fn a_message_is_heard_in_the_native_stream() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let bob = Person::register(&server, "bob").await;
    let mut stream = SseClient::open(server.address, &bob.stream()).await.expect("a stream");
    alice.send("BOB", "heard").await;
    let heard = stream.until_text("heard").await.pop().expect("it was heard").data();
    assert_eq!(heard["author"]["username"], "alice");
}

#[tokio::test]
async fn what_was_settled_natively_holds_here() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let [bob, carol] = Person::register_all(&server, ["bob", "carol"]).await;
    let as_alice = server.stranger().post("/api/v1/sessions", &json!({"username": "alice", "password": "pass"})).await;
    let as_alice = Person::from_login(&server.stranger(), "pass", &as_alice.expect(201));
    bob.block(&as_alice).await;
    refused(
        &alice.post("/message", &json!({"receiver": "bob", "content": "hi"})).await,
        403,
        &json!({"detail": "You are blocked by bob"}),
    );
    carol.close_inbox().await;
    let closed = alice.post("/message", &json!({"receiver": "carol", "content": "hi"})).await.expect(403);
    assert!(closed["detail"].as_str().unwrap().contains("contacts"), "{closed}");
    carol.answer(&as_alice, "approved").await;
    alice.send("carol", "hi").await;
}
