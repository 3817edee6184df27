//! `/api/block`: blocking, whom one has blocked, and taking it back.

use serde_json::json;

use super::{API, Client, options, refused};
use crate::support::Person;

#[tokio::test]
async fn a_block_is_one_way_and_made_once() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let bob = Client::register(&server, "bob").await;
    let made = bob.post("/block", &json!({"blocked": "Alice"})).await;
    assert_eq!(made.expect(201), json!({"blocking_user": "bob", "blocked_user": "alice"}));
    for (body, wrong) in [
        (json!({"blocked": "alice"}), json!({"detail": "User alice has already been blocked."})),
        (json!({}), json!({"blocked": ["This field is required."]})),
        (json!({"blocked": {"a": 1}}), json!({"blocked": ["Not a valid string."]})),
        (json!({"blocked": "nobody"}), json!({"detail": "User to be blocked does not exist."})),
        (json!({"blocked": null}), json!({"detail": "User to be blocked does not exist."})),
        (json!({"blocked": "bob"}), json!({"detail": "You cannot block yourself."})),
    ] {
        refused(&bob.post("/block", &body).await, 400, &wrong);
    }
    let hi = json!({"receiver": "bob", "content": "hi"});
    refused(&alice.post("/message", &hi).await, 403, &json!({"detail": "You are blocked by bob"}));
    bob.send("alice", "the blocker can still write").await;
    assert_eq!(alice.get("/block").await.expect(200)["count"], 0);
}

#[tokio::test]
async fn a_block_is_taken_back_by_name() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let bob = Client::register(&server, "bob").await;
    bob.post("/block", &json!({"blocked": "alice"})).await.expect(201);
    let answer = bob.caller.delete(&format!("{API}/block/alice")).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    alice.send("bob", "hi again").await;
    for name in ["alice", "nobody", "%ff", "a%00b"] {
        refused(&bob.caller.delete(&format!("{API}/block/{name}")).await, 404, &json!({"detail": "Not found."}));
    }
    refused(&bob.get("/block/alice").await, 405, &json!({"detail": "Method \"GET\" not allowed."}));
}

#[tokio::test]
async fn blocks_are_listed_by_page_the_oldest_first_and_are_the_native_ones() {
    let server = options().start().await;
    let bob = Person::register(&server, "bob").await;
    let client = Client::login(&server, "bob", &bob.password).await;
    for number in 0..21 {
        let name = format!("user{number}");
        server.command(&["user", "add", &name, "--open"]).await;
        client.post("/block", &json!({"blocked": name})).await.expect(201);
    }
    let first = client.get("/block").await.expect(200);
    assert_eq!((&first["count"], first["results"].as_array().unwrap().len()), (&json!(21), 20));
    assert_eq!(first["results"][0], json!({"blocking_user": "bob", "blocked_user": "user0"}));
    assert_eq!(first["next"], format!("http://{}{API}/block?page=2", server.address));
    let last = client.get("/block?page=last").await.expect(200);
    assert_eq!(last["results"], json!([{"blocking_user": "bob", "blocked_user": "user20"}]));
    assert_eq!(bob.get("/api/v1/blocks").await.expect(200)["items"][0]["user"]["username"], "user20");
}
