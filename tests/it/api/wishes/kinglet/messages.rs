//! Messages: one stream of all, flat threads, pages, and what is new.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use super::super::{items, texts};
use crate::support::{Person, Server};

async fn reply(person: &Person, root: &Value, text: &str) -> Value {
    let body = json!({"conversation_id": root["conversation_id"], "thread_id": root["id"], "text": text});
    person.post("/api/v1/messages", &body).await.expect(201)
}

async fn send(person: &Person, to: &[&str], text: &str) -> Value {
    person.post("/api/v1/messages", &json!({"to": to, "text": text})).await.expect(201)
}

#[tokio::test]
async fn all_messages_sent_and_received_are_one_stream() {
    let server = Server::start().await;
    let [ann, ben, cem] = Person::register_all(&server, ["ann", "ben", "cem"]).await;
    let root = send(&ann, &["ben"], "one").await;
    send(&cem, &["ann"], "two").await;
    reply(&ben, &root, "three").await;
    send(&cem, &["ben"], "none of hers").await;
    let all = items(&ann, "/api/v1/messages").await;
    let said = |item: &Value| json!([item["author"]["username"], item["text"]]);
    assert_eq!(
        all.iter().map(said).collect::<Vec<_>>(),
        [json!(["ben", "three"]), json!(["cem", "two"]), json!(["ann", "one"])]
    );
    assert_eq!((&all[0]["thread_id"], &all[2]["thread_id"]), (&root["id"], &json!(null)), "what starts a thread shows");
    assert_eq!(all[2]["reply_count"], 1);
    assert!(all[0]["created_at"].is_string());
}

#[tokio::test]
async fn the_third_page_of_the_stream_is_shown() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    for number in 1..=8 {
        send(&ann, &["ann"], &number.to_string()).await;
    }
    let mut path = "/api/v1/messages?limit=3".to_owned();
    for _ in 1..3 {
        let page = ann.get(&path).await.expect(200);
        path = format!("/api/v1/messages?limit=3&before={}", page["next"].as_str().expect("there is more"));
    }
    let third = ann.get(&path).await.expect(200);
    assert_eq!(texts(&ann, &path).await, ["2", "1"]);
    assert!(third["next"].is_null(), "and that it is the last is said: {third}");
}

#[tokio::test]
async fn what_came_since_a_moment_is_found() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    send(&ben, &["ann"], "old").await;
    let last = send(&ben, &["ann"], "newer").await;
    server.sql(&format!("UPDATE messages SET created_at = created_at - 60000 WHERE id < {}", last["id"])).await;
    let since = last["created_at"].as_str().unwrap();
    let found = async |since: &str| texts(&ann, &format!("/api/v1/messages?box=inbox&since={since}")).await;
    assert_eq!(found(since).await, ["newer"]);
    assert_eq!(found("2999-01-01T00:00:00Z").await, [""; 0], "nothing new is an empty list");
    // And without clocks: what was said after the last one seen.
    let after = async |id: &Value| texts(&ann, &format!("/api/v1/messages?box=inbox&after={id}")).await;
    assert_eq!(after(&last["id"]).await, [""; 0]);
    send(&ben, &["ann"], "newest").await;
    assert_eq!(after(&last["id"]).await, ["newest"]);
}

#[tokio::test]
async fn a_message_has_a_page_of_its_own() {
    let server = Server::start().await;
    let [ann, ben, eve] = Person::register_all(&server, ["ann", "ben", "eve"]).await;
    let root = send(&ann, &["ben"], "hello").await;
    let answer = reply(&ben, &root, "hello yourself").await;
    let shown = ben.get(&format!("/api/v1/messages/{}", root["id"])).await.expect(200);
    assert_eq!(
        (&shown["author"]["id"], &shown["text"], &shown["thread_id"], &shown["reply_count"]),
        (&json!(ann.id), &json!("hello"), &json!(null), &json!(1))
    );
    assert_eq!(shown["created_at"], root["created_at"]);
    let shown = ann.get(&format!("/api/v1/messages/{}", answer["id"])).await.expect(200);
    assert_eq!(shown["thread_id"], root["id"], "from a reply the thread is found");
    eve.get(&format!("/api/v1/messages/{}", root["id"])).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_message_goes_to_several_people_or_to_oneself() {
    let server = Server::start().await;
    let [ann, ben, cem] = Person::register_all(&server, ["ann", "ben", "cem"]).await;
    let sent = send(&ann, &["ben", "cem"], "Hello. This is a test message.").await;
    for person in [&ben, &cem] {
        assert_eq!(texts(person, "/api/v1/messages?box=inbox").await, ["Hello. This is a test message."]);
    }
    let place = cem.get(&format!("/api/v1/conversations/{}", sent["conversation_id"])).await.expect(200);
    let mut names: Vec<&str> =
        place["members"].as_array().unwrap().iter().map(|it| it["user"]["username"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["ann", "ben", "cem"], "who received it is seen by all of them");
    let note = send(&ann, &["ann"], "sending a message to myself.").await;
    let place = ann.get(&format!("/api/v1/conversations/{}", note["conversation_id"])).await.expect(200);
    assert_eq!(place["members"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn names_with_an_at_sign_are_known_in_a_text() {
    let server = Server::start().await;
    let [ann, ben, cem] = Person::register_all(&server, ["ann", "ben", "cem"]).await;
    let sent = send(&ann, &["ben", "cem"], "@ben Hello. This is a test message.").await;
    assert_eq!(sent["mentions"], json!([{"id": ben.id, "username": "ben"}]));
    assert_eq!(items(&ben, "/api/v1/mentions").await[0]["id"], sent["id"]);
    assert_eq!(items(&cem, "/api/v1/mentions").await.len(), 0);
}

#[tokio::test]
async fn a_message_has_a_longest_length() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    for (length, status) in [(300, 201), (10_000, 201), (10_001, 422)] {
        let answer = ann.post("/api/v1/messages", &json!({"to": ["ann"], "text": "é".repeat(length)})).await;
        assert_eq!(answer.status, status, "{}", answer.describe());
        if status == 422 {
            answer.refused_field("invalid", "text");
        }
    }
}

#[tokio::test]
async fn a_reply_is_to_the_message_that_started_the_thread() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let root = send(&ann, &["ben"], "question").await;
    let answer = reply(&ben, &root, "answer").await;
    assert_eq!(answer["thread_id"], root["id"]);
    let nested =
        json!({"conversation_id": root["conversation_id"], "thread_id": answer["id"], "text": "to the answer"});
    ann.post("/api/v1/messages", &nested).await.refused_field("invalid", "thread_id");
    let nowhere = json!({"conversation_id": root["conversation_id"], "thread_id": 999, "text": "to nothing"});
    assert!((400..500).contains(&ann.post("/api/v1/messages", &nowhere).await.status));
}

#[tokio::test]
async fn a_thread_shows_its_replies_with_the_newest_at_its_end() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let root = send(&ann, &["ben"], "question").await;
    for (person, text) in [(&ben, "one"), (&ann, "two"), (&ben, "three")] {
        reply(person, &root, text).await;
    }
    let path = format!("/api/v1/messages/{}/replies", root["id"]);
    assert_eq!(texts(&ann, &path).await, ["one", "two", "three"]);
    let part = ann.get(&format!("{path}?limit=2")).await.expect(200);
    let rest = format!("{path}?limit=2&after={}", part["next"].as_str().expect("there is more"));
    assert_eq!(texts(&ann, &rest).await, ["three"]);
}

#[tokio::test]
async fn threads_are_listed_with_what_started_them_and_their_last_reply() {
    let server = Server::start().await;
    let [ann, ben, cem] = Person::register_all(&server, ["ann", "ben", "cem"]).await;
    let (hers, his) = (send(&ann, &["ben"], "by ann").await, send(&ben, &["ann"], "by ben").await);
    reply(&ben, &his, "on his own").await;
    let first = reply(&ann, &his, "on his").await;
    let last = reply(&ben, &hers, "on hers").await;
    let others = send(&ben, &["cem"], "without ann").await;
    reply(&cem, &others, "unheard").await;
    let threads = items(&ann, "/api/v1/threads").await;
    let shown = |thread: &Value| {
        let root = &thread["root"];
        json!([root["author"]["username"], root["text"], thread["reply_count"], thread["last_reply"]["id"]])
    };
    assert_eq!(
        threads.iter().map(shown).collect::<Vec<_>>(),
        [json!(["ann", "by ann", 1, last["id"]]), json!(["ben", "by ben", 2, first["id"]])]
    );
    assert_eq!(threads[0]["last_reply"]["author"]["username"], "ben");
    assert_eq!(threads[0]["last_activity_at"], last["created_at"]);
}

#[tokio::test]
async fn what_starts_a_discussion_is_listed_answered_or_not() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let (hers, his) = (send(&ann, &["ben"], "by ann").await, send(&ben, &["ann"], "by ben").await);
    reply(&ben, &hers, "an answer").await;
    let shown = |item: &Value| json!([item["id"], item["reply_count"]]);
    let roots = items(&ann, "/api/v1/messages?roots=true").await;
    assert_eq!(roots.iter().map(shown).collect::<Vec<_>>(), [json!([his["id"], 0]), json!([hers["id"], 1])]);
    assert_eq!(texts(&ann, "/api/v1/messages?roots=true&box=inbox").await, ["by ben"], "together with other filters");
    assert_eq!(texts(&ann, "/api/v1/messages?roots=false").await, ["an answer", "by ben", "by ann"]);
}

#[tokio::test]
async fn the_server_tells_its_time() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let time = async || {
        let answer = server.stranger().get("/healthz").await;
        let date = answer.header("date").expect("each answer has a date");
        OffsetDateTime::parse(date, &Rfc2822).unwrap_or_else(|error| panic!("{date}: {error}"))
    };
    let before = time().await;
    let sent = send(&ann, &["ann"], "now").await["created_at"].as_str().unwrap().to_owned();
    let said = OffsetDateTime::parse(&sent, &Rfc3339).unwrap();
    let after = time().await;
    // Whole seconds, and looked up once a second.
    assert!(before <= said && said <= after + time::Duration::seconds(2), "{before} {said} {after}");
}

#[tokio::test]
async fn a_refusal_has_words_for_people_and_for_programs() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let problem = ann.post("/api/v1/messages", &json!({"to": ["ann"], "text": ""})).await.refused(422, "invalid");
    assert_eq!((problem["status"].as_u64(), problem["field"].as_str()), (Some(422), Some("text")));
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{problem}");
}
