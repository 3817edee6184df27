//! Who may do what: everybody as himself, or, where callers are trusted, for those who were made for that.

use serde_json::json;

use super::{add_chat, add_message, add_user, call, chats, guarded, ids, messages, open, refused, with_password};
use crate::support::raw::exchange;
use crate::support::{Caller, Person, Server};

/// Registers through the protocol.
async fn registered(server: &Server, name: &str) -> (Caller, u64) {
    let caller = with_password(server, name, "four");
    let id = add_user(&caller, name).await;
    (caller, id)
}

#[tokio::test]
async fn who_shows_a_name_and_a_password_registers_by_them() {
    let server = guarded().await;
    let (ann, id) = registered(&server, "ann").await;
    assert_eq!(id, 1);
    assert_eq!(chats(&ann, id).await.len(), 0);
    let native = server.stranger().post("/api/v1/sessions", &json!({"username": "ann", "password": "four"})).await;
    assert_eq!(native.expect(201)["user"]["id"], id);
    assert_eq!(server.count("sessions", "user_id = 1").await, 1, "registering itself opened no session");
}

#[tokio::test]
async fn nobody_registers_another_name_than_he_shows() {
    let server = guarded().await;
    let ann = with_password(&server, "ann", "four");
    refused(&call(&ann, "users/add", &json!({"username": "ben"})).await, 403);
    assert_eq!(server.count("users", "true").await, 0);
    // A password has at least four characters.
    let short = with_password(&server, "ann", "abc");
    let said = refused(&call(&short, "users/add", &json!({"username": "ann"})).await, 400);
    assert!(said["password"].is_array(), "{said}");
}

#[tokio::test]
async fn a_stranger_is_asked_who_he_is() {
    let server = guarded().await;
    let (ann, id) = registered(&server, "ann").await;
    let chat = add_chat(&ann, "chat", &[id]).await;
    let wrong = with_password(&server, "ann", "wrong");
    for (path, body) in [
        ("users/add", json!({"username": "eve"})),
        ("chats/add", json!({"name": "c", "users": [id]})),
        ("messages/add", json!({"chat": chat, "author": id, "text": "hi"})),
        ("chats/get", json!({"user": id})),
        ("messages/get", json!({"chat": chat})),
    ] {
        for caller in [server.stranger(), server.stranger().with_header("authorization", "Basic !")] {
            let answer = call(&caller, path, &body).await;
            refused(&answer, 401);
            assert!(answer.header("www-authenticate").is_some_and(|how| how.starts_with("Basic ")), "{path}");
        }
        if path != "users/add" {
            refused(&call(&wrong, path, &body).await, 401);
        }
    }
    assert_eq!(server.count("messages", "true").await, 0);
}

#[tokio::test]
async fn nobody_acts_as_another() {
    let server = guarded().await;
    let ((ann, ann_id), (ben, ben_id)) = (registered(&server, "ann").await, registered(&server, "ben").await);
    let chat = add_chat(&ann, "chat", &[ann_id, ben_id]).await;
    refused(&call(&ben, "messages/add", &json!({"chat": chat, "author": ann_id, "text": "hi"})).await, 403);
    refused(&call(&ben, "chats/get", &json!({"user": ann_id})).await, 403);
    refused(&call(&ben, "chats/add", &json!({"name": "other", "users": [ann_id]})).await, 403);
    refused(&call(&ben, "chats/add", &json!({"name": "other", "users": []})).await, 403);
    add_message(&ben, chat, ben_id, "hi").await;
    assert_eq!(messages(&ann, chat).await.len(), 1);
}

#[tokio::test]
async fn only_members_read_and_write() {
    let server = guarded().await;
    let ((ann, ann_id), (eve, eve_id)) = (registered(&server, "ann").await, registered(&server, "eve").await);
    let chat = add_chat(&ann, "chat", &[ann_id]).await;
    refused(&call(&eve, "messages/get", &json!({"chat": chat})).await, 403);
    let message = json!({"chat": chat, "author": eve_id, "text": "hi"});
    assert_eq!(refused(&call(&eve, "messages/add", &message).await, 403), json!(["author must be in a chat"]));
}

#[tokio::test]
async fn who_has_left_a_chat_reads_it_no_more() {
    let server = guarded().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let chat = add_chat(&ann, "chat", &[ann.id, ben.id]).await;
    assert_eq!(ids(&chats(&ben, ben.id).await), [chat]);
    ben.leave(chat).await;
    refused(&call(&ben, "messages/get", &json!({"chat": chat})).await, 403);
    assert_eq!(chats(&ben, ben.id).await.len(), 0);
}

#[tokio::test]
async fn a_native_token_serves_as_well() {
    let server = guarded().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let chat = add_chat(&ann, "chat", &[ben.id, ann.id]).await;
    add_message(&ben, chat, ben.id, "hi").await;
    assert_eq!(messages(&ann, chat).await.len(), 1);
    let members = ann.get(&format!("/api/v1/conversations/{chat}")).await.expect(200)["members"].clone();
    let role = |id: u64| members.as_array().unwrap().iter().find(|it| it["user"]["id"] == id).unwrap()["role"].clone();
    assert_eq!((role(ann.id), role(ben.id)), (json!("owner"), json!("member")), "who makes a chat owns it");
}

#[tokio::test]
async fn trusted_callers_make_users_who_have_no_password() {
    let server = open().start().await;
    add_user(&server.stranger(), "ann").await;
    for password in ["", "null", "ann"] {
        let login = json!({"username": "ann", "password": password});
        server.stranger().post("/api/v1/sessions", &login).await.refused(401, "invalid_credentials");
        refused(&call(&with_password(&server, "ann", password), "chats/get", &json!({"user": 1})).await, 401);
    }
    assert!(server.log().contains("WARN --compat chat=open"), "it is said aloud at the start");
    // From then on he has one, nobody else acts for him, and he himself may.
    server.command_with_input(&["user", "passwd", "ann", "--password-stdin"], "long enough").await;
    refused(&call(&server.stranger(), "chats/get", &json!({"user": 1})).await, 401);
    assert_eq!(chats(&with_password(&server, "ann", "long enough"), 1).await.len(), 0);
}

#[tokio::test]
async fn trusted_callers_act_for_nobody_who_has_a_password() {
    let server = open().start().await;
    let anyone = server.stranger();
    let ann = Person::register(&server, "ann").await;
    let chat = add_chat(&ann, "chat", &[ann.id]).await;
    let secret = add_message(&ann, chat, ann.id, "between us").await;
    for (path, body) in [
        ("chats/add", json!({"name": "c", "users": [ann.id]})),
        ("messages/add", json!({"chat": chat, "author": ann.id, "text": "hi"})),
        ("chats/get", json!({"user": ann.id})),
        ("messages/get", json!({"chat": chat})),
    ] {
        refused(&call(&anyone, path, &body).await, 401);
    }
    assert_eq!(ids(&messages(&ann, chat).await), [secret]);
    // An account without a password that was not made for it is none of theirs either.
    server.sql("UPDATE users SET password_hash = NULL").await;
    refused(&call(&anyone, "chats/get", &json!({"user": ann.id})).await, 401);
}

#[tokio::test]
async fn the_first_user_without_a_password_makes_a_chat_for_trusted_callers() {
    let server = open().start().await;
    let ann = Person::register(&server, "ann").await;
    let anyone = server.stranger();
    let (ben, cat) = (add_user(&anyone, "ben").await, add_user(&anyone, "cat").await);
    let chat = add_chat(&anyone, "chat", &[ann.id, ben, cat]).await;
    let members = ann.get(&format!("/api/v1/conversations/{chat}")).await.expect(200)["members"].clone();
    let owners = members.as_array().unwrap().iter().filter(|it| it["role"] == "owner");
    assert_eq!(owners.map(|it| it["user"]["username"].as_str().unwrap()).collect::<Vec<_>>(), ["ben"]);
    ann.say(chat, "hi").await;
    assert_eq!(messages(&anyone, chat).await[0]["author"], ann.id);
}

#[tokio::test]
async fn whoever_is_suspended_is_refused() {
    let server = guarded().await;
    let (ann, id) = registered(&server, "ann").await;
    let chat = add_chat(&ann, "chat", &[id]).await;
    server.command(&["user", "suspend", "ann"]).await;
    refused(&call(&ann, "messages/add", &json!({"chat": chat, "author": id, "text": "hi"})).await, 403);
    let server = open().start().await;
    let anyone = server.stranger();
    let ben = add_user(&anyone, "ben").await;
    let chat = add_chat(&anyone, "chat", &[ben]).await;
    server.command(&["user", "suspend", "ben"]).await;
    refused(&call(&anyone, "messages/add", &json!({"chat": chat, "author": ben, "text": "hi"})).await, 403);
    refused(&call(&anyone, "chats/get", &json!({"user": ben})).await, 403);
}

#[tokio::test]
async fn a_foreign_name_and_a_foreign_page_are_refused() {
    let server = open().start().await;
    let body = r#"{"username":"eve"}"#;
    for (header, value) in [("Host", "evil.example"), ("Origin", "https://evil.example")] {
        let host = if header == "Host" { String::new() } else { format!("Host: {}\r\n", server.address) };
        let request = format!(
            "POST /compat/chat/users/add HTTP/1.1\r\n{host}{header}: {value}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        refused(&exchange(server.address, request).await.unwrap(), 403);
    }
    assert_eq!(server.count("users", "true").await, 0);
}

#[tokio::test]
async fn registration_is_for_whom_the_operator_says() {
    for mode in ["chat", "chat=open"] {
        let server = Server::options().set("--compat", mode).set("--registration", "closed").start().await;
        let ann = with_password(&server, "ann", "four");
        refused(&call(&ann, "users/add", &json!({"username": "ann"})).await, 403);
        let status = call(&server.stranger(), "users/add", &json!({"username": "ann"})).await.status;
        assert_eq!(status, if mode == "chat" { 401 } else { 403 });
    }
}

#[tokio::test]
async fn who_asks_for_too_much_is_told_when_to_come_again() {
    let server = Server::options().set("--compat", "chat=open").set("--rate-limits", "on").start().await;
    let add = async |caller: &Caller, name: String| call(caller, "users/add", &json!({"username": name})).await;
    // One address may be a whole backend's. Only where a password is hashed does registering count by itself.
    for number in 0..20 {
        add(&server.stranger(), format!("user_{number}")).await.expect(201);
    }
    let mut last = None;
    for number in 0..11 {
        let name = format!("guarded_{number}");
        last = Some(add(&with_password(&server, &name, "four"), name).await);
    }
    let last = last.unwrap();
    refused(&last, 429);
    assert!(last.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|it| it > 0)));
}

#[tokio::test]
async fn where_an_address_is_required_nobody_registers_without_one() {
    let server = open().set("--email", "required").start().await;
    for caller in [server.stranger(), with_password(&server, "ann", "four")] {
        let said = refused(&call(&caller, "users/add", &json!({"username": "ann"})).await, 400);
        assert_eq!(said, json!({"email": ["Registering here takes an e-mail address."]}));
    }
    assert_eq!(server.count("users", "true").await, 0);
    // The operator answers for whom he adds.
    server.command(&["user", "add", "ann", "--open"]).await;
    assert_eq!(chats(&server.stranger(), 1).await.len(), 0);
}
