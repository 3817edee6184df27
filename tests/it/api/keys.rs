//! API keys at the routes about people: what a key without the scope, or for one conversation only, is told there.

use serde_json::{Value, json};

use crate::support::{Caller, Person, Server};

async fn key(server: &Server, owner: &Person, scopes: Value, conversation: Option<u64>) -> Caller {
    let mut body = json!({"name": "a key", "scopes": scopes});
    if let Some(conversation) = conversation {
        body["conversation_id"] = json!(conversation);
    }
    let made = owner.post("/api/v1/keys", &body).await.expect(201);
    server.stranger().with_bearer(made["key"].as_str().unwrap())
}

#[tokio::test]
async fn only_a_key_that_reads_everything_looks_people_up_and_none_sees_the_account() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    for (scopes, conversation, looks_up) in [
        (json!(["send"]), None, false),
        (json!(["send"]), Some(direct), false),
        (json!(["read"]), Some(direct), false),
        (json!(["read", "send"]), Some(direct), false),
        (json!(["read"]), None, true),
        (json!(["read", "send"]), None, true),
    ] {
        let what = format!("{scopes} for {conversation:?}");
        let key = key(&server, &alice, scopes, conversation).await;
        let me = key.get("/api/v1/me").await.refused(403, "insufficient_scope");
        assert!(me.get("email").is_none(), "{what}: {me}");
        for name in ["bob", "alice"] {
            let seen = key.get(&format!("/api/v1/users/{name}")).await;
            if looks_up {
                assert_eq!(seen.expect(200)["username"], name, "{what}");
            } else {
                seen.refused(403, "insufficient_scope");
            }
        }
        // Whether somebody is here is part of it.
        let nobody = key.get("/api/v1/users/nobody").await;
        assert_eq!(nobody.status, if looks_up { 404 } else { 403 }, "{what}: {}", nobody.describe());
        for list in ["/api/v1/conversations", "/api/v1/channels"] {
            let answer = key.get(list).await;
            assert_eq!(answer.status, if looks_up { 200 } else { 403 }, "{list} {what}: {}", answer.describe());
        }
    }
}
