//! API keys: what their scopes let them do, what a key without the scope, or for one conversation only, is told, and how they end.

use serde_json::{Value, json};

use crate::support::{Caller, Credentials, Ear, Person, Server, SseClient, StreamRequest, seconds};

async fn key(server: &Server, owner: &Person, scopes: Value, conversation: Option<u64>) -> Caller {
    let mut body = json!({"name": "a key", "scopes": scopes});
    if let Some(conversation) = conversation {
        body["conversation_id"] = json!(conversation);
    }
    let made = owner.post("/api/v1/keys", &body).await.expect(201);
    server.stranger().with_bearer(made["key"].as_str().unwrap())
}

#[tokio::test]
async fn only_a_key_that_reads_everything_looks_people_up_and_none_changes_the_account() {
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
        key.patch("/api/v1/me", &json!({"bio": "a bot"})).await.refused(403, "insufficient_scope");
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

#[tokio::test]
async fn every_key_is_told_whose_it_is_and_nothing_private() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    alice.patch("/api/v1/me", &json!({"bio": "for my contacts", "bio_visible": "contacts"})).await.expect(200);
    for (scopes, conversation) in [(json!(["read"]), None), (json!(["send"]), Some(direct))] {
        let key = key(&server, &alice, scopes.clone(), conversation).await;
        for caller in [key.clone(), key.with_header("authorization", &format!("Token {}", key.bearer().unwrap()))] {
            let me = caller.get("/api/v1/me").await.expect(200);
            let fields: Vec<&String> = me.as_object().unwrap().keys().collect();
            assert_eq!(fields, ["id", "username", "created_at", "key"], "{me}");
            assert_eq!((&me["id"], &me["username"]), (&json!(alice.id), &json!("alice")));
            assert_eq!((&me["key"]["scopes"], &me["key"]["conversation_id"]), (&scopes, &json!(conversation)));
        }
    }
    assert_eq!(alice.get("/api/v1/me").await.expect(200)["bio"], "for my contacts");
}

#[tokio::test]
async fn a_key_that_does_not_reach_so_far_is_told_what_would() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let [direct, other] = [alice.direct(&[&bob]).await, alice.group("other", &[&bob]).await];
    let detail = async |key: &Caller, path: &str, body: &Value| {
        let problem = key.post(path, body).await.refused(403, "insufficient_scope");
        problem["detail"].as_str().unwrap().to_owned()
    };
    let reading = key(&server, &alice, json!(["read"]), None).await;
    let bound = key(&server, &alice, json!(["read", "send"]), Some(direct)).await;
    let say = json!({"conversation_id": other, "text": "x"});
    let said = detail(&reading, "/api/v1/messages", &say).await;
    assert!(said.contains("the scope `send`"), "{said}");
    let said = detail(&bound, "/api/v1/messages", &say).await;
    assert!(said.contains("for one conversation alone"), "{said}");
    let said = detail(&bound, "/api/v1/conversations", &json!({"kind": "group", "name": "x"})).await;
    assert!(said.contains("No API key can do this") && said.contains("Log in"), "{said}");
}

#[tokio::test]
async fn an_api_key_may_do_what_its_scopes_say() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let other = alice.group("other", &[&bob]).await;
    let key = async |scopes: Value, conversation: Option<u64>| {
        let mut body = json!({"name": "a key", "scopes": scopes});
        if let Some(conversation) = conversation {
            body["conversation_id"] = json!(conversation);
        }
        let made = alice.post("/api/v1/keys", &body).await.expect(201);
        let key = made["key"].as_str().unwrap().to_owned();
        assert!(key.starts_with("gck_"));
        (server.stranger().with_bearer(&key), made["id"].clone())
    };
    let (reader, _) = key(json!(["read"]), None).await;
    reader.get(&format!("/api/v1/conversations/{direct}/messages")).await.expect(200);
    reader
        .post("/api/v1/messages", &json!({"conversation_id": direct, "text": "x"}))
        .await
        .refused(403, "insufficient_scope");
    let mut stream = SseClient::open(server.address, &reader.stream()).await.unwrap();
    stream.until_control("ready").await;

    let (sender, sender_id) = key(json!(["send"]), Some(direct)).await;
    let message = sender
        .send_body(http::Method::POST, &format!("/api/v1/conversations/{direct}/messages"), "text/plain", "backup done")
        .await
        .expect(201);
    assert_eq!(
        (message["text"].as_str(), message["author"]["username"].as_str()),
        (Some("backup done"), Some("alice"))
    );
    stream.until_text("backup done").await;
    let elsewhere = sender.post("/api/v1/messages", &json!({"conversation_id": other, "text": "x"})).await;
    assert!(matches!(elsewhere.status, 403 | 404), "{}", elsewhere.describe());
    sender.get(&format!("/api/v1/conversations/{direct}/messages")).await.refused(403, "insufficient_scope");
    for (method, path) in [
        ("POST", "/api/v1/keys"),
        ("GET", "/api/v1/sessions"),
        ("PATCH", "/api/v1/me"),
        ("POST", "/api/v1/conversations"),
    ] {
        let answer = sender.call(method.parse().unwrap(), path, (method != "GET").then(|| json!({})).as_ref()).await;
        answer.refused(403, "insufficient_scope");
    }
    let listed = alice.get("/api/v1/keys").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert!(
        listed["items"].as_array().unwrap().iter().all(|key| key.get("key").is_none()),
        "a key is shown once: {listed}"
    );
    alice.delete(&format!("/api/v1/keys/{}", crate::support::person::id_text(&sender_id))).await.expect(204);
    sender
        .post("/api/v1/messages", &json!({"conversation_id": direct, "text": "x"}))
        .await
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn a_revoked_key_ends_its_streams() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let made = alice.post("/api/v1/keys", &json!({"name": "a key", "scopes": ["read"]})).await.expect(201);
    let request = StreamRequest::new(Credentials::Bearer(made["key"].as_str().unwrap().to_owned()));
    let mut stream = SseClient::open(server.address, &request).await.unwrap();
    stream.until_control("ready").await;
    alice.delete(&format!("/api/v1/keys/{}", crate::support::person::id_text(&made["id"]))).await.expect(204);
    stream.until_end(seconds(10)).await;
}
