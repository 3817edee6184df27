//! Each call as Babbel's README writes it; only scheme, host and prefix are others.

use std::process::Stdio;

use http::Method;
use serde_json::json;
use tokio::process::Command;

use super::{FORM, NOTHING, User, open};
use crate::support::deadline::PATIENCE;
use crate::support::{Server, within};

/// What bash prints for a script, in which Babbel's host is this server's and each call of curl ends with its status.
async fn bash(server: &Server, script: &str) -> String {
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_goldcrest")).parent().unwrap().display();
    let place = format!(
        "exec 2>&1\nunset \"${{!GOLDCREST_@}}\"\nexport GOLDCREST_DATA_DIR='{}'\nPATH={programs}:$PATH\n\
         curl() {{ command curl -sS -w '\\n%{{http_code}}\\n' \"$@\"; }}\n",
        server.data_dir().display()
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &(place + script)]).env("no_proxy", "*");
    bash.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = within(PATIENCE, "bash to end", bash.spawn().unwrap().wait_with_output()).await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

async fn as_written(server: &Server, line: &str) -> String {
    let line = line.replace("http://example.com", &format!("http://{}/compat/babbel", server.address));
    bash(server, &line).await
}

/// A server on which user1 has received messages 1 to 30 from user2.
async fn thirty_messages() -> (Server, User, User) {
    let (server, [one, two]) = open(["user1", "user2"]).await;
    for number in 1..=30 {
        two.say(&one, &format!("message {number}")).await;
    }
    (server, one, two)
}

#[tokio::test]
async fn curl_sends_a_message() {
    let (server, [_, two]) = open(["user1", "user2"]).await;
    let line = "curl -X POST http://example.com/user1/message/ --data \"receiver=user2&message=Hi+how+are+you?\"";
    assert_eq!(as_written(&server, line).await, "\n204\n", "nothing is said");
    let new = two.list("/messages/").await;
    assert_eq!(new.len(), 1);
    let timestamp = new[0]["timestamp"].as_str().unwrap();
    assert_eq!(new[0], json!({"id": 1, "sender": "user1", "message": "Hi how are you?", "timestamp": timestamp}));
    let form: String = timestamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00 00:00:00");
}

#[tokio::test]
async fn curl_deletes_messages_28_29_and_30() {
    let (server, one, _) = thirty_messages().await;
    let line = r#"curl -LX DELETE http://example.com/user1/message/ --data "{\"ids\": [28,29,30]}""#;
    assert_eq!(as_written(&server, line).await, "\n204\n");
    assert_eq!(one.ids("/messages/").await, (1..=27).collect::<Vec<u64>>());
}

#[tokio::test]
async fn curl_deletes_message_18() {
    let (server, one, _) = thirty_messages().await;
    let said = as_written(&server, "curl -ILX DELETE http://example.com/user1/message/18/").await;
    assert!(said.starts_with("HTTP/1.1 204 No Content") && said.ends_with("\n204\n"), "{said}");
    assert_eq!(one.ids("/messages/").await, (1..=30).filter(|id| *id != 18).collect::<Vec<u64>>());
}

#[tokio::test]
async fn curl_gets_all_messages_of_an_interval() {
    let (server, ..) = thirty_messages().await;
    // Message 1 at noon of the first of the month, and one each day.
    server.sql("UPDATE messages SET created_at = 1475323200000 + (id - 1) * 86400000").await;
    let line = "curl \"http://example.com/user1/messages/?start=2016-10-05T10%3A23%3A29.000000%2B00%3A00\
                &end=2016-10-28T10%3A23%3A50.828699%2B00%3A00\"";
    let said = as_written(&server, line).await;
    let (list, status) = said.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(status, "200");
    let list: Vec<serde_json::Value> = serde_json::from_str(list).unwrap();
    let ids: Vec<u64> = list.iter().map(|message| message["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (5..=27).collect::<Vec<u64>>());
    assert_eq!(list[0]["timestamp"], "2016-10-05 12:00:00");
}

#[tokio::test]
async fn new_messages_are_given_once() {
    let (_server, [ann, ben]) = open(["ann", "ben"]).await;
    assert_eq!(ben.get("/messages/").await.expect(200), json!([]), "if there are none, an empty list");
    ann.say(&ben, "one").await;
    ann.say(&ben, "two").await;
    assert_eq!(ben.unseen().await, ["one", "two"]);
    assert_eq!(ben.unseen().await, NOTHING);
    ann.say(&ben, "three").await;
    assert_eq!(ben.texts("/message/").await, ["three"], "the other path is the same");
    assert_eq!(ben.unseen().await, NOTHING);
}

#[tokio::test]
async fn a_specific_message_is_given_by_its_number() {
    let (_server, [ann, ben]) = open(["ann", "ben"]).await;
    ann.say(&ben, "one").await;
    ann.say(&ben, "two").await;
    let message = ben.get("/message/2/").await.expect(200);
    assert_eq!((&message["id"], &message["sender"], &message["message"]), (&json!(2), &json!("ann"), &json!("two")));
    assert_eq!(message.as_object().unwrap().len(), 4);
    assert_eq!(ben.list("/messages/").await[1], message, "it is the same in a list, and was not seen by this");
}

#[tokio::test]
async fn an_interval_is_named_as_the_document_writes_it() {
    let (server, [ann, ben]) = open(["ann", "ben"]).await;
    for text in ["before", "then", "after"] {
        ann.say(&ben, text).await;
    }
    // A second apart around the document's moment.
    server.sql("UPDATE messages SET created_at = 1475943444735 + (id - 1) * 1000").await;
    let moment = "2016-10-08T16%3A17%3A25.735955%2B00%3A00";
    let between = format!("/messages?start={moment}&end={moment}");
    assert_eq!(ben.texts(&between).await, ["then"]);
    assert_eq!(ben.texts(&format!("/messages?end={moment}")).await, ["before", "then"], "all up until the end");
    assert_eq!(ben.texts(&format!("/messages?start={moment}")).await, ["then", "after"], "all from the start on");
}

#[tokio::test]
async fn messages_are_deleted_in_bulk_with_a_json_body() {
    let (_server, [ann, ben]) = open(["ann", "ben"]).await;
    for number in 1..=5 {
        ann.say(&ben, &number.to_string()).await;
    }
    let answer = ben.caller.call(Method::DELETE, &ben.path("/message/"), Some(&json!({"ids": [1, 2, 3, 4]}))).await;
    answer.expect(204);
    assert!(answer.body.is_empty());
    assert_eq!(ben.unseen().await, ["5"]);
}

#[tokio::test]
async fn a_message_is_sent_by_the_form_that_the_document_shows() {
    let (_server, [ann, elon]) = open(["ann", "elonmusk"]).await;
    let body = "receiver=elonmusk&message=Cool+rockets,+man";
    ann.caller.send_body(Method::POST, "/compat/babbel/ann/message/", FORM, body).await.expect(204);
    assert_eq!(elon.unseen().await, ["Cool rockets, man"]);
}

#[tokio::test]
async fn the_examples_of_moments_can_be_used_as_they_are() {
    let (_server, [ann]) = open(["ann"]).await;
    ann.say(&ann, "a note").await;
    let examples = ann.caller.get("/compat/babbel/dates/").await.expect(200);
    let examples = examples.as_array().unwrap();
    assert!(examples.len() > 2);
    for example in examples {
        let moment = example["encoded"].as_str().unwrap();
        let decoded: Vec<_> = url::form_urlencoded::parse(moment.as_bytes()).collect();
        assert_eq!(decoded[0].0, example["timestamp"].as_str().unwrap());
        ann.list(&format!("/messages/?start={moment}&end={moment}")).await;
    }
    let hour_ago = examples.iter().find(|example| example["description"] == "an hour ago").unwrap();
    let start = hour_ago["encoded"].as_str().unwrap();
    assert_eq!(ann.texts(&format!("/messages/?start={start}")).await, ["a note"]);
}
