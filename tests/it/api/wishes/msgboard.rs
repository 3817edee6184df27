//! msgboard: one board that everybody reads and that a browser follows.

use serde_json::{Value, json};

use super::{items, texts};
use crate::support::{Caller, Ear, Person, Seen, Server, SseClient};

/// A server whose channels anybody may read, and on it a board and somebody with an API key that posts there.
async fn board() -> (Server, Person, Person, u64, Caller) {
    let server = Server::options().switch("--anonymous-channels").start().await;
    let [owner, kitten] = Person::register_all(&server, ["owner", "kitten"]).await;
    let board = owner.channel("board").await;
    kitten.join(board).await;
    let key = kitten.post("/api/v1/keys", &json!({"name": "script", "scopes": ["send"]})).await.expect(201);
    let script = server.stranger().with_bearer(key["key"].as_str().unwrap());
    (server, owner, kitten, board, script)
}

async fn post(caller: &Caller, board: u64, text: &str) -> Value {
    caller.post(&format!("/api/v1/conversations/{board}/messages"), &json!({"text": text})).await.expect(201)
}

#[tokio::test]
async fn a_user_is_made_with_a_name_a_password_and_a_bio() {
    let server = Server::start().await;
    let body = json!({"username": "kitten", "password": "yarn and more", "bio": "A cute ittle kitten."});
    let made = server.stranger().post("/api/v1/users", &body).await.expect(201);
    assert_eq!(made["user"]["username"], "kitten");
    let reader = Person::register(&server, "reader").await;
    assert_eq!(reader.get("/api/v1/users/kitten").await.expect(200)["bio"], "A cute ittle kitten.");
    server.stranger().post("/api/v1/users", &body).await.refused(409, "username_taken");
}

#[tokio::test]
async fn a_user_is_found_by_name_and_by_number() {
    let server = Server::start().await;
    let [reader, kitten] = Person::register_all(&server, ["reader", "kitten"]).await;
    let by_name = reader.get("/api/v1/users/kitten").await.expect(200);
    assert_eq!((by_name["id"].as_u64(), by_name["username"].as_str()), (Some(kitten.id), Some("kitten")));
    // Names may consist of digits, so numbers have a path of their own.
    let digits = Person::register(&server, &kitten.id.to_string()).await;
    assert_eq!(reader.get(&format!("/api/v1/users/by-id/{}", kitten.id)).await.expect(200), by_name);
    assert_eq!(reader.get(&format!("/api/v1/users/{}", kitten.id)).await.expect(200)["id"], digits.id);
    for nobody in ["/api/v1/users/nobody", "/api/v1/users/by-id/69", "/api/v1/users/by-id/kitten"] {
        reader.get(nobody).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn messages_are_read_in_ranges() {
    let (server, _, kitten, board, _) = board().await;
    for number in 1..=25 {
        kitten.say(board, &number.to_string()).await;
    }
    let stranger = server.stranger();
    let path = format!("/api/v1/conversations/{board}/messages?limit=10");
    let (mut cursor, mut ranges) = (String::new(), Vec::new());
    loop {
        let range = stranger.get(&format!("{path}{cursor}")).await.expect(200);
        ranges.push(range["items"].as_array().unwrap().iter().map(|it| it["text"].clone()).collect::<Vec<_>>());
        let Some(next) = range["next"].as_str() else { break };
        cursor = format!("&before={next}");
    }
    let all: Vec<Value> = (1..=25).rev().map(|number| json!(number.to_string())).collect();
    assert_eq!(ranges, all.chunks(10).collect::<Vec<_>>());
    assert_eq!(texts(&stranger, &format!("{path}&after=0")).await.first().map(String::as_str), Some("1"));
}

#[tokio::test]
async fn a_message_is_posted_on_a_board() {
    let (server, _, kitten, board, script) = board().await;
    let posted = post(&script, board, "I love kittens!").await;
    assert_eq!(posted["author"], json!({"id": kitten.id, "username": "kitten"}));
    assert_eq!(texts(&kitten, &format!("/api/v1/conversations/{board}/messages")).await, ["I love kittens!"]);
    let path = format!("/api/v1/conversations/{board}/messages");
    server.stranger().post(&path, &json!({"text": "x"})).await.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_message_is_edited_by_its_author() {
    let (_server, owner, _, board, script) = board().await;
    let path = format!("/api/v1/messages/{}", post(&script, board, "old").await["id"]);
    owner.patch(&path, &json!({"text": "mine"})).await.refused(403, "not_author");
    assert_eq!(script.patch(&path, &json!({"text": "New text!"})).await.expect(200)["text"], "New text!");
    let read = owner.get(&path).await.expect(200);
    assert_eq!((read["text"].as_str(), read["edited_at"].is_string()), (Some("New text!"), true));
}

#[tokio::test]
async fn a_message_is_deleted_by_its_author() {
    let (server, owner, _, board, script) = board().await;
    let reader = Person::register(&server, "reader").await;
    let path = format!("/api/v1/messages/{}", post(&script, board, "hello").await["id"]);
    reader.delete(&format!("{path}?for=all")).await.refused(403, "not_author");
    assert_eq!(owner.get(&path).await.expect(200)["text"], "hello");
    script.delete(&path).await.expect(204);
    let left = owner.get(&path).await.expect(200);
    assert_eq!((left["text"].as_str(), left["deleted_at"].is_string()), (Some(""), true));
}

#[tokio::test]
async fn a_board_is_read_without_an_account() {
    let (server, owner, kitten, board, script) = board().await;
    let root = post(&script, board, "I love kittens!").await;
    let reply = json!({"conversation_id": board, "thread_id": root["id"], "text": "me too"});
    owner.post("/api/v1/messages", &reply).await.expect(201);
    let private = kitten.say(kitten.group("private", &[]).await, "secret").await;
    let stranger = server.stranger();
    let listed = items(&stranger, "/api/v1/channels").await;
    assert_eq!((listed.len(), &listed[0]["id"], &listed[0]["name"]), (1, &json!(board), &json!("board")));
    let path = format!("/api/v1/messages/{}", root["id"]);
    assert_eq!(stranger.get(&path).await.expect(200)["text"], "I love kittens!");
    assert_eq!(texts(&stranger, &format!("{path}/replies")).await, ["me too"]);
    stranger.get(&format!("/api/v1/messages/{}", private["id"])).await.refused(404, "not_found");
    stranger.get("/api/v1/messages/999").await.refused(404, "not_found");
}

#[tokio::test]
async fn an_event_source_hears_what_is_new_on_a_board() {
    let (server, _, kitten, board, script) = board().await;
    post(&script, board, "before").await;
    let request = server.stranger().stream().channel("board");
    let mut stream = SseClient::open(server.address, &request).await.unwrap();
    stream.until_control("ready").await;
    kitten.say(kitten.group("private", &[]).await, "secret").await;
    let posted = post(&script, board, "after").await;
    let heard = stream.until_text("after").await;
    assert_eq!(heard.iter().map(Seen::data).collect::<Vec<_>>(), [posted], "only what is new, and only here");
    drop(stream);
    post(&script, board, "meanwhile").await;
    let again = request.last_event_id(heard[0].seq);
    let mut stream = SseClient::open(server.address, &again).await.unwrap();
    assert_eq!(stream.until_text("meanwhile").await.len(), 1, "who comes back misses nothing");
}
