//! Blocks: their list, who hears of them, and what the log says. What they stand in the way of is in `reach`.

use serde_json::json;

use crate::support::{Ear, Person, Server, SseClient, WsClient, seconds};

#[tokio::test]
async fn only_who_blocks_hears_of_it() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    let start = ann.head().await;
    let mut ann_hears = SseClient::open(server.address, &ann.stream().after(start)).await.unwrap();
    ann.block(&ben).await;
    let head = ann.head().await;
    ann.block(&ben).await;
    assert_eq!(ann.head().await, head, "a second time changes nothing");
    let list = ann.get("/api/v1/blocks").await.expect(200);
    assert_eq!(list["items"][0]["user"], json!({"id": ben.id, "username": "ben"}));
    assert_eq!((list["items"].as_array().unwrap().len(), &list["next"]), (1, &json!(null)));
    ann.delete("/api/v1/blocks/ben").await.expect(204);
    ann.delete("/api/v1/blocks/ben").await.refused(404, "not_found");
    assert_eq!(ann.get("/api/v1/blocks").await.expect(200)["items"], json!([]));
    ann.say(direct, "no hard feelings").await;
    let heard = ann_hears.until_text("no hard feelings").await;
    let kinds: Vec<&str> = heard.iter().map(|seen| seen.kind.as_str()).collect();
    assert_eq!(kinds, ["block.created", "block.deleted", "message.created"]);
    assert_eq!(heard[0].data(), list["items"][0], "the event is what the list shows");
    assert_eq!(heard[1].data(), json!({"user": {"id": ben.id, "username": "ben"}}));
    let by_ben: Vec<String> = ben.events_after(start).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(by_ben, ["message.created"]);
    assert_eq!(ben.get("/api/v1/blocks").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn blocks_are_listed_in_parts_the_newest_first() {
    let server = Server::start().await;
    let [ann, bea, cat, dan] = Person::register_all(&server, ["ann", "bea", "cat", "dan"]).await;
    for person in [&bea, &cat, &dan] {
        ann.block(person).await;
    }
    let first = ann.get("/api/v1/blocks?limit=2").await.expect(200);
    let next = first["next"].as_str().expect("there is more");
    let second = ann.get(&format!("/api/v1/blocks?limit=2&cursor={next}")).await.expect(200);
    assert!(second["next"].is_null(), "{second}");
    let names: Vec<&str> = [&first, &second]
        .into_iter()
        .flat_map(|part| part["items"].as_array().unwrap())
        .map(|item| item["user"]["username"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["dan", "cat", "bea"]);
    ann.get("/api/v1/blocks?cursor=x").await.refused(400, "malformed_request");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    ann.put("/api/v1/blocks/ann", &json!({})).await.refused_field("invalid", "username");
    ann.put("/api/v1/blocks/nobody", &json!({})).await.refused(404, "not_found");
    ann.delete("/api/v1/blocks/nobody").await.refused(404, "not_found");
    let key = ann.post("/api/v1/keys", &json!({"name": "", "scopes": ["read", "send"]})).await.expect(201);
    let robot = server.stranger().with_bearer(key["key"].as_str().unwrap());
    robot.get("/api/v1/blocks").await.refused(403, "insufficient_scope");
    robot.put("/api/v1/blocks/ann", &json!({})).await.refused(403, "insufficient_scope");
    robot.delete("/api/v1/blocks/ann").await.refused(403, "insufficient_scope");
}

#[tokio::test]
async fn the_log_says_who_was_kept_from_whom_and_from_where_but_not_what_he_said() {
    let mut server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ben.direct(&[&ann]).await;
    ann.block(&ben).await;
    ben.post("/api/v1/messages", &json!({"to": ["ann"], "text": "unheard by post"})).await.refused(403, "blocked");
    let mut socket = WsClient::open(server.address, &ben.stream()).await.unwrap();
    socket.until_control("ready").await;
    let send = json!({"op": "send", "ref": 1, "conversation_id": direct, "text": "unheard by socket"});
    let reply = socket.ask(&send, &mut Vec::new()).await;
    assert_eq!((&reply["error"]["code"], &reply["error"]["username"]), (&json!("blocked"), &json!("ann")));
    ann.delete("/api/v1/blocks/ben").await.expect(204);
    let (ann, ben) = (ann.id, ben.id);
    drop(socket);
    server.terminate(seconds(10)).await;
    let log = server.log();
    let lines = |words: &str| -> Vec<&str> { log.lines().filter(|line| line.contains(words)).collect() };
    for (words, user, field, other, count) in [
        ("blocked a user", ann, "blocked.id", ben, 1 + 1),
        ("unblocked a user", ann, "blocked.id", ben, 1),
        ("refused: blocked", ben, "blocked_by.id", ann, 2),
    ] {
        let found = lines(words);
        assert_eq!(found.len(), count, "{words}: {log}");
        for line in found {
            assert!(line.contains(&format!("user.id={user}")) && line.contains(&format!("{field}={other}")), "{line}");
            assert!(line.contains("client.address=127.0.0.1"), "{line}");
        }
    }
    assert!(!log.contains("unheard"), "{log}");
}
