//! Deleting: one, many, both at once, and what is left of what one may not delete.

use futures_util::future::join_all;
use http::Method;
use serde_json::json;

use super::{NOTHING, User, mounted, open, refused, usual};

#[tokio::test]
async fn numbers_come_from_the_path_and_the_body_whatever_that_is_called() {
    let (_server, [ann]) = open(["ann"]).await;
    for number in 1..=9 {
        ann.say(&ann, &number.to_string()).await;
    }
    let path = |rest: &str| ann.path(rest);
    let body = r#"{"ids": [2, "3", null, 4.5, -1, true, "x", "", "-1", [5], {"id": 5}, 99999999999999999999, 2]}"#;
    ann.caller.send_body(Method::DELETE, &path("/message/1/"), "text/html", body).await.expect(204);
    assert_eq!(ann.all().await, ["4", "5", "6", "7", "8", "9"]);
    for (rest, body) in [("/message/4", "not JSON"), ("/message/5", "[6]"), ("/message/6", "{\"id\": [7]}")] {
        ann.delete(rest, body).await.expect(204);
    }
    assert_eq!(ann.all().await, ["7", "8", "9"]);
    ann.call(Method::DELETE, "/message/7/").await.expect(204);
    ann.delete("/message/", "{\"ids\": [8, 1, 77]}").await.expect(204);
    assert_eq!(ann.all().await, ["9"], "it works if it deletes at least one");
}

#[tokio::test]
async fn what_deletes_nothing_is_refused() {
    let (_server, [ann]) = open(["ann"]).await;
    ann.say(&ann, "one").await;
    ann.say(&ann, "two").await;
    ann.delete("/message/1/", "").await.expect(204);
    refused(&ann.delete("/message/1/", "").await, 400);
    for body in ["", "{}", "[]", "x", "{\"ids\": []}", "{\"ids\": [1, 99]}", "{\"ids\": [null]}", "{\"ids\": [2"] {
        refused(&ann.delete("/message/", body).await, 400);
    }
    for body in ["{\"ids\": 2}", "{\"ids\": \"2\"}", "{\"ids\": {\"2\": 2}}", "{\"ids\": null}"] {
        let message = refused(&ann.delete("/message/2/", body).await, 400);
        assert!(message.as_str().unwrap().contains("`ids`"), "{message}");
    }
    assert_eq!(ann.all().await, ["two"]);
}

#[tokio::test]
async fn only_the_receiver_deletes_and_only_for_himself() {
    let (server, [(ann, ann_there), (ben, ben_there), (_, eve_there)]) = usual(["ann", "ben", "eve"]).await;
    ann_there.say(&ben_there, "one").await;
    ann_there.say(&ben_there, "two").await;
    for other in [&ann_there, &eve_there] {
        refused(&other.delete("/message/1/", "").await, 400);
        refused(&other.delete("/message/", "{\"ids\": [1, 2]}").await, 400);
    }
    assert_eq!(ben_there.all().await, ["one", "two"]);
    ben_there.delete("/message/1/", "").await.expect(204);
    assert_eq!(ben_there.unseen().await, ["two"], "it is not new either");
    refused(&ben_there.get("/message/1/").await, 404);
    ben.get("/api/v1/messages/1").await.refused(404, "not_found");
    assert_eq!(ann.get("/api/v1/messages/1").await.expect(200)["text"], "one");
    // A note is hidden too, not deleted.
    ann_there.say(&ann_there, "a note").await;
    ann_there.delete("/message/3/", "").await.expect(204);
    assert_eq!(ann_there.unseen().await, NOTHING);
    assert_eq!(server.count("messages", "deleted_at IS NOT NULL").await, 0);
}

#[tokio::test]
async fn no_key_deletes_what_was_received() {
    let (server, [(ann, ann_there), (_, ben_there)]) = usual(["ann", "ben"]).await;
    ben_there.say(&ann_there, "received").await;
    let wish = json!({"name": "a key", "scopes": ["read", "send"]});
    let made = ann.post("/api/v1/keys", &wish).await.expect(201);
    let caller = server.stranger().with_bearer(made["key"].as_str().unwrap());
    let by_key = User { name: ann.name.clone(), caller };
    refused(&by_key.delete("/message/1/", "").await, 403);
    assert_eq!(ann_there.all().await, ["received"]);
}

#[tokio::test]
async fn more_are_deleted_than_one_change_takes() {
    let (_server, [ann]) = open(["ann"]).await;
    for _ in 0..11 {
        futures_util::future::join_all((0..50).map(|_| ann.say(&ann, "x"))).await;
    }
    let ids: Vec<u64> = (1..=20_000).collect();
    ann.delete("/message/", &json!({"ids": ids}).to_string()).await.expect(204);
    assert_eq!(ann.all().await, NOTHING);
}

#[tokio::test]
async fn deleting_counts_by_how_much_is_named() {
    let server = mounted("babbel=open").set("--rate-limits", "on").start().await;
    server.command(&["user", "add", "ann", "--open"]).await;
    let ann = User { name: "ann".to_owned(), caller: server.stranger() };
    ann.say(&ann, "x").await;
    let ids: Vec<u64> = (1..=20_000).collect();
    let body = json!({"ids": ids}).to_string();
    let answer = ann.delete("/message/", &body).await;
    answer.expect(204);
    assert_eq!(answer.header("ratelimit").unwrap().matches("\"sends\"").count(), 1, "{:?}", answer.headers);
    for _ in 0..20 {
        let answer = ann.delete("/message/", &body).await;
        if answer.status == 429 {
            return;
        }
        refused(&answer, 400);
    }
    panic!("four hundred thousand messages were looked for");
}

#[tokio::test]
async fn what_is_deleted_twice_at_once_is_deleted_once() {
    let (_server, [ann]) = open(["ann"]).await;
    for id in 1..=20 {
        ann.say(&ann, "x").await;
        let path = format!("/message/{id}/");
        let answers = join_all((0..6).map(|_| ann.delete(&path, ""))).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 400, 400, 400, 400, 400], "message {id}");
    }
}
