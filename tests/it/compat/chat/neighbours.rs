//! The same accounts, messages and events as everywhere else: what is done here is seen there, and the other way round.

use serde_json::{Value, json};

use super::{add_chat, add_message, add_user, call, chats, guarded, ids, messages, open, refused};
use crate::support::{Ear, NotOpened, Person, Server, SseClient, seconds};

#[tokio::test]
async fn a_message_and_a_chat_are_heard_on_native_streams() {
    let server = guarded().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let mut stream = SseClient::open(server.address, &ben.stream()).await.expect("a stream opens");
    let chat = add_chat(&ann, "chat", &[ann.id, ben.id]).await;
    let message = add_message(&ann, chat, ann.id, "heard").await;
    let heard = stream.until_text("heard").await;
    let kinds: Vec<&str> = heard.iter().map(|seen| seen.kind.as_str()).collect();
    assert_eq!(kinds, ["conversation.created", "message.created"]);
    let data = |place: usize| serde_json::from_str::<Value>(&heard[place].raw).unwrap()["data"].clone();
    assert_eq!((&data(0)["id"], &data(0)["kind"], &data(0)["name"]), (&json!(chat), &json!("group"), &json!("chat")));
    assert_eq!(data(1)["id"], message);
}

#[tokio::test]
async fn a_native_message_is_in_the_list_until_it_is_deleted() {
    let server = guarded().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let chat = add_chat(&ann, "chat", &[ann.id, ben.id]).await;
    let first = ben.say(chat, "by other means").await;
    let second = add_message(&ann, chat, ann.id, "hi").await;
    assert_eq!(messages(&ann, chat).await[0]["text"], "by other means");
    ben.delete(&format!("/api/v1/messages/{}", first["id"])).await.expect(204);
    assert_eq!(ids(&messages(&ann, chat).await), [second]);
}

#[tokio::test]
async fn no_other_conversation_is_seen() {
    let server = guarded().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let elsewhere = [ann.group("a group", &[&ben]).await, ann.direct(&[&ben]).await, ann.channel("news").await];
    let chat = add_chat(&ann, "a group", &[ann.id]).await;
    assert_eq!(ids(&chats(&ann, ann.id).await), [chat]);
    for other in elsewhere {
        refused(&call(&ann, "messages/get", &json!({"chat": other})).await, 404);
        refused(&call(&ann, "messages/add", &json!({"chat": other, "author": ann.id, "text": "hi"})).await, 404);
    }
    assert_eq!(server.count("messages", "true").await, 0);
}

#[tokio::test]
async fn a_chat_is_no_channel() {
    let server = guarded().await;
    let [ann, eve] = Person::register_all(&server, ["ann", "eve"]).await;
    add_chat(&ann, "secret", &[ann.id]).await;
    assert_eq!(eve.get("/api/v1/channels").await.expect(200)["items"], json!([]));
    for name in ["secret", "chat\u{1f}secret"] {
        let request = eve.stream().channel(name);
        let refusal = SseClient::open(server.address, &request).await.err().map(NotOpened::answer).expect("no stream");
        refusal.refused(404, "not_found");
    }
    // Nor does its name keep anybody from the same name elsewhere.
    eve.channel("secret").await;
    eve.group("secret", &[]).await;
}

#[tokio::test]
async fn a_chat_renamed_natively_takes_no_other_ones_name() {
    let server = guarded().await;
    let ann = Person::register(&server, "ann").await;
    let (first, second) = (add_chat(&ann, "first", &[ann.id]).await, add_chat(&ann, "second", &[ann.id]).await);
    let rename =
        async |name: &str| ann.patch(&format!("/api/v1/conversations/{second}"), &json!({ "name": name })).await;
    rename("FIRST").await.refused(409, "group_name_taken");
    rename("Second").await.expect(200);
    rename("third").await.expect(200);
    assert_eq!(add_chat(&ann, "second", &[ann.id]).await, second + 1, "its old name is free");
    refused(&call(&ann, "chats/add", &json!({"name": "third", "users": [ann.id]})).await, 409);
    assert_eq!(first, 1);
}

#[tokio::test]
async fn blocks_and_inboxes_hold() {
    let server = guarded().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let both = json!({"name": "both", "users": [ann.id, ben.id]});
    ben.block(&ann).await;
    refused(&call(&ann, "chats/add", &both).await, 403);
    ben.delete("/api/v1/blocks/ann").await.expect(204);
    ben.close_inbox().await;
    refused(&call(&ann, "chats/add", &both).await, 403);
    ann.ask(&ben).await.expect(201);
    ben.answer(&ann, "approved").await;
    call(&ann, "chats/add", &both).await.expect(201);
}

#[tokio::test]
async fn blocks_hold_for_trusted_callers_as_well() {
    let server = open().start().await;
    let anyone = server.stranger();
    let ann = Person::register(&server, "ann").await;
    let (ben, cat) = (add_user(&anyone, "ben").await, add_user(&anyone, "cat").await);
    ann.put("/api/v1/blocks/ben", &json!({})).await.expect(204);
    refused(&call(&anyone, "chats/add", &json!({"name": "c", "users": [ben, ann.id]})).await, 403);
    add_chat(&anyone, "c", &[cat, ann.id]).await;
}

#[tokio::test]
async fn whoever_deleted_his_account_is_nobody() {
    let server = open().start().await;
    let anyone = server.stranger();
    let (ann, ben) = (Person::register(&server, "ann").await, add_user(&anyone, "ben").await);
    let chat = add_chat(&anyone, "chat", &[ben, ann.id]).await;
    ann.say(chat, "left behind").await;
    ann.call(http::Method::DELETE, "/api/v1/me", Some(&json!({"password": ann.password}))).await.expect(204);
    refused(&call(&anyone, "chats/add", &json!({"name": "c", "users": [ben, ann.id]})).await, 404);
    refused(&call(&anyone, "chats/get", &json!({"user": ann.id})).await, 404);
    messages(&anyone, chat).await;
}

#[tokio::test]
async fn nothing_secret_is_in_the_log() {
    let mut server: Server = Server::options().set("--compat", "chat").set("--log-level", "trace").start().await;
    let secrets = ["secret-password", "secret-text", "secret-chat"];
    let ann = super::with_password(&server, "ann", secrets[0]);
    let id = add_user(&ann, "ann").await;
    let chat = add_chat(&ann, secrets[2], &[id]).await;
    add_message(&ann, chat, id, secrets[1]).await;
    call(&ann, "messages/add", &json!({"chat": "x", "author": id, "text": secrets[1]})).await;
    assert_eq!((messages(&ann, chat).await.len(), chats(&ann, id).await.len()), (1, 1));
    server.terminate(seconds(10)).await;
    let log = server.log();
    assert!(log.contains("/compat/chat/messages/add"), "{log}");
    for secret in secrets {
        assert_eq!(log.lines().find(|line| line.contains(secret)), None);
    }
}
