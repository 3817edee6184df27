//! Messages that their authors say anew: who hears so, and who may not.

use serde_json::{Value, json};

use super::deleting::{history, path, texts};
use crate::support::{Ear, Person, Server, SseClient};

#[tokio::test]
async fn an_author_says_it_anew_and_everybody_hears_so() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let said = alice.say(direct, "helo").await;
    let mut stream = SseClient::open(server.address, &bob.stream()).await.unwrap();
    stream.until_control("ready").await;
    let edited = alice.patch(&path(&said), &json!({"text": "hello"})).await.expect(200);
    assert_eq!(edited["text"], "hello");
    assert!(edited["edited_at"].is_string() && edited["created_at"] == said["created_at"], "{edited}");
    let heard = stream.until_seq(bob.head().await).await.pop().unwrap();
    assert_eq!((heard.kind.as_str(), heard.data()), ("message.updated", edited.clone()));
    let mut read = bob.get(&path(&said)).await.expect(200);
    read.as_object_mut().unwrap().remove("reply_count");
    assert_eq!(read, edited, "a list shows what the event says");
    assert_eq!(bob.get("/api/v1/conversations").await.expect(200)["items"][0]["last_message"], edited);

    let head = bob.head().await;
    assert_eq!(alice.patch(&path(&said), &json!({"text": "hello"})).await.expect(200), edited);
    assert_eq!(bob.head().await, head, "the same text is no change");
    let history: Vec<Value> = server.events_on_disk().await.events.iter().map(|event| event.data.clone()).collect();
    assert!(history.iter().any(|data| data["text"] == "helo"), "earlier events are history");
}

#[tokio::test]
async fn who_is_gone_does_not_read_what_is_said_anew() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let (group, channel) = (alice.group("group", &[&bob]).await, alice.channel("channel").await);
    bob.join(channel).await;
    let (first, root) = (alice.say(group, "first").await, alice.say(group, "@bob, listen").await);
    let public = alice.say(channel, "public").await;
    let body = json!({"conversation_id": group, "thread_id": root["id"], "text": "a reply"});
    let reply = alice.post("/api/v1/messages", &body).await.expect(201);
    let seen = alice.patch(&path(&first), &json!({"text": "while he is there"})).await.expect(200);
    alice.remove(group, &bob).await;
    bob.leave(channel).await;
    let head = bob.head().await;
    for (message, text) in [(&root, "@alice, he is gone"), (&reply, "good"), (&public, "still public")] {
        alice.patch(&path(message), &json!({"text": text})).await.expect(200);
    }
    let read = bob.get(&path(&root)).await.expect(200);
    assert_eq!((&read["text"], &read["mentions"]), (&json!(""), &json!([])));
    assert!(read["edited_at"].is_string() && read["deleted_at"].is_null(), "{read}");
    assert_eq!(bob.get(&path(&first)).await.expect(200)["text"], seen["text"]);
    assert_eq!(bob.get(&path(&public)).await.expect(200)["text"], "still public");
    assert_eq!(texts(&history(&bob, group).await), ["", "", "while he is there"]);
    for list in ["messages?limit=9", "messages?sender=alice", &format!("messages/{}/replies", root["id"]), "threads"] {
        let list = bob.get(&format!("/api/v1/{list}")).await.expect(200);
        assert!(!list.to_string().contains("gone") && !list.to_string().contains("good"), "{list}");
    }
    let taken = bob.post("/api/v1/messages/take", &json!({})).await.expect(200).to_string();
    assert!(!taken.contains("gone") && !taken.contains("good"), "{taken}");
    assert_eq!(alice.get(&path(&root)).await.expect(200)["text"], "@alice, he is gone");
    let events = bob.events_after(head).await;
    assert!(events.iter().all(|(kind, _)| kind != "message.updated"), "{events:?}");
    alice.add(group, &bob).await;
    assert_eq!(bob.get(&path(&root)).await.expect(200)["text"], "", "coming back he is told no more");
    alice.patch(&path(&root), &json!({"text": "welcome"})).await.expect(200);
    assert_eq!(bob.get(&path(&root)).await.expect(200)["text"], "welcome", "this he hears");
}

#[tokio::test]
async fn nobody_edits_what_he_did_not_write_or_where_he_may_not_write() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let group = alice.group("group", &[&bob]).await;
    let said = bob.say(group, "mine").await;
    let change = json!({"text": "yours"});
    alice.patch(&path(&said), &change).await.refused(403, "not_author");
    carol.patch(&path(&said), &change).await.refused(404, "not_found");
    bob.patch("/api/v1/messages/999", &change).await.refused(404, "not_found");
    bob.patch(&path(&said), &json!({"text": " "})).await.refused_field("invalid", "text");
    bob.patch(&path(&said), &json!({"text": "x".repeat(10_001)})).await.refused_field("invalid", "text");
    bob.patch(&path(&said), &json!({"text": "x", "author": 1})).await.refused_field("unknown_field", "author");
    alice.patch(&format!("/api/v1/conversations/{group}"), &json!({"post": "owners"})).await.expect(200);
    bob.patch(&path(&said), &change).await.refused(403, "not_owner");
    alice.patch(&format!("/api/v1/conversations/{group}"), &json!({"post": "members"})).await.expect(200);
    bob.leave(group).await;
    bob.patch(&path(&said), &change).await.refused(403, "not_member");
    alice.add(group, &bob).await;
    bob.patch(&path(&said), &change).await.expect(200);
    bob.delete(&path(&said)).await.expect(204);
    bob.patch(&path(&said), &change).await.refused(409, "message_deleted");
}
