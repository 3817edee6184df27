//! Babbel: an inbox that is emptied by reading it, intervals of time, deleting one or many.

use http::Method;
use serde_json::json;

use super::{items, texts};
use crate::support::{Person, Server};

#[tokio::test]
async fn a_message_is_sent_to_somebody_by_name() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let sent = ann.post("/api/v1/messages", &json!({"to": ["ben"], "text": "Cool rockets, man"})).await.expect(201);
    assert_eq!(texts(&ben, "/api/v1/messages?box=inbox").await, ["Cool rockets, man"]);
    // As scripts send it: the bare text, under what `curl --data` says of everything.
    let path = format!("/api/v1/conversations/{}/messages", sent["conversation_id"]);
    ann.send_body(Method::POST, &path, "application/x-www-form-urlencoded", "Hi, how are you?").await.expect(201);
    assert_eq!(texts(&ben, "/api/v1/messages?box=inbox").await, ["Hi, how are you?", "Cool rockets, man"]);
}

#[tokio::test]
async fn new_messages_are_given_once() {
    let server = Server::start().await;
    let [ann, ben, cem] = Person::register_all(&server, ["ann", "ben", "cem"]).await;
    for (person, text) in [(&ann, "one"), (&cem, "two"), (&ann, "three")] {
        person.post("/api/v1/messages", &json!({"to": ["ben"], "text": text})).await.expect(201);
    }
    let take = async || {
        let taken = ben.post("/api/v1/messages/take", &json!({})).await.expect(200);
        let taken = taken["items"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap().to_owned());
        taken.collect::<Vec<_>>()
    };
    assert_eq!(take().await, ["one", "two", "three"]);
    assert_eq!(take().await, [""; 0], "what was seen does not come again");
    cem.post("/api/v1/messages", &json!({"to": ["ben"], "text": "four"})).await.expect(201);
    assert_eq!(take().await, ["four"]);
    assert_eq!(texts(&ben, "/api/v1/messages").await, ["four", "three", "two", "one"], "it is still there");
}

#[tokio::test]
async fn a_message_is_read_by_its_number() {
    let server = Server::start().await;
    let [ann, ben, eve] = Person::register_all(&server, ["ann", "ben", "eve"]).await;
    let sent = ann.post("/api/v1/messages", &json!({"to": ["ben"], "text": "hello"})).await.expect(201);
    let path = format!("/api/v1/messages/{}", sent["id"]);
    let read = ben.get(&path).await.expect(200);
    assert_eq!((&read["id"], &read["author"]["username"]), (&sent["id"], &json!("ann")));
    assert_eq!((&read["text"], &read["created_at"]), (&json!("hello"), &sent["created_at"]));
    eve.get(&path).await.refused(404, "not_found");
}

#[tokio::test]
async fn messages_are_found_by_an_interval_of_time() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    for text in ["one", "two", "three", "four"] {
        ann.say(direct, text).await;
    }
    // 10:00, 11:00, 12:00 and 13:00 of 2016-10-08.
    server.sql("UPDATE messages SET created_at = 1475920800000 + (id - 1) * 3600000").await;
    let found = async |query: &str| texts(&ben, &format!("/api/v1/messages?{query}")).await;
    let start = "since=2016-10-08T11%3A00%3A00.000000%2B00%3A00";
    let end = "until=2016-10-08T14%3A59%3A59.735955%2B02%3A00";
    assert_eq!(found(&format!("{start}&{end}")).await, ["three", "two"]);
    assert_eq!(found(start).await, ["four", "three", "two"], "without an end");
    assert_eq!(found(end).await, ["three", "two", "one"], "without a beginning");
    assert_eq!(found("since=2016-10-08T12:00:00+02:00&until=2016-10-08T10:00:00.001Z").await, ["one"]);
}

#[tokio::test]
async fn the_form_of_a_moment_is_shown_by_an_example_that_is_good() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let problem = ann.get("/api/v1/messages?since=yesterday").await.refused(400, "malformed_request");
    assert_eq!(problem["field"], "since");
    let words = problem["detail"].as_str().unwrap().trim_end_matches('.').split_whitespace();
    let examples: Vec<&str> = words.filter(|word| word.contains('T') && word.contains(':')).collect();
    assert_eq!(examples.len(), 2, "by UTC, and with an offset: {problem}");
    for example in examples {
        let escaped: String = url::form_urlencoded::byte_serialize(example.as_bytes()).collect();
        ann.get(&format!("/api/v1/messages?since={escaped}")).await.expect(200);
    }
}

#[tokio::test]
async fn a_message_is_deleted() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    let (first, second) = (ann.say(direct, "one").await, ann.say(direct, "two").await);
    let answer = ben.delete(&format!("/api/v1/messages/{}", first["id"])).await;
    answer.expect(204);
    assert!(answer.body.is_empty(), "there is nothing to say");
    assert_eq!(texts(&ben, "/api/v1/messages").await, ["two"], "what one received is gone for oneself");
    assert_eq!(texts(&ann, "/api/v1/messages").await, ["two", "one"]);
    ann.delete(&format!("/api/v1/messages/{}", second["id"])).await.expect(204);
    assert_eq!(items(&ben, "/api/v1/messages").await[0]["deleted_at"].as_str().map(str::len), Some(24));
    assert_eq!(texts(&ben, "/api/v1/messages").await, [""], "what one sent is gone for all");
    ben.delete("/api/v1/messages/999").await.refused(404, "not_found");
}

#[tokio::test]
async fn many_messages_are_deleted_at_once() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    let mut ids = Vec::new();
    for text in ["one", "two", "three", "four"] {
        ids.push(ann.say(direct, text).await["id"].clone());
    }
    let body = json!({"ids": [ids[0], ids[1], ids[3], 999]});
    let done = ben.post("/api/v1/messages/delete", &body).await.expect(200);
    assert_eq!((&done["hidden"], &done["not_found"]), (&json!([ids[0], ids[1], ids[3]]), &json!([999])));
    assert_eq!(texts(&ben, "/api/v1/messages").await, ["three"]);
    assert_eq!(texts(&ann, "/api/v1/messages").await.len(), 4);
}
