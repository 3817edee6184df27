//! OMS: tokens, sent and received messages, blocking, filters and pages, and what the log says of all that.

use serde_json::{Value, json};

use super::{items, texts};
use crate::support::{Caller, Person, Server, lacks, seconds};

#[tokio::test]
async fn registering_gives_the_first_token() {
    let server = Server::options().set("--access-token-lifetime", "10h").start().await;
    let stranger = server.stranger();
    let body = json!({"username": "rcvr", "password": "long enough", "email": "rcvr@example.org"});
    let made = stranger.post("/api/v1/users", &body).await.expect(201);
    assert_eq!((made["token_type"].as_str(), made["expires_in"].as_u64()), (Some("Bearer"), Some(10 * 3600)));
    let token = made["access_token"].as_str().unwrap();
    // Some write the name of the old scheme; both are understood.
    for scheme in ["Token", "Bearer"] {
        let caller = stranger.with_header("authorization", &format!("{scheme} {token}"));
        assert_eq!(caller.get("/api/v1/me").await.expect(200)["username"], "rcvr");
    }
    let again = json!({"username": "RCVR", "password": "long enough"});
    stranger.post("/api/v1/users", &again).await.refused(409, "username_taken");
    stranger.get("/api/v1/messages").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn logging_in_gives_a_token_or_says_what_is_wrong() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let log_in = async |body: Value| server.stranger().post("/api/v1/sessions", &body).await;
    let login = log_in(json!({"username": "ann", "password": ann.password})).await.expect(201);
    let device = server.stranger().with_bearer(login["access_token"].as_str().unwrap());
    assert_eq!(device.get("/api/v1/me").await.expect(200)["username"], "ann");
    log_in(json!({"username": "ann"})).await.refused_field("invalid", "password");
    log_in(json!({"password": "long enough"})).await.refused_field("invalid", "username");
    log_in(json!({"username": "ann", "password": "wrong password"})).await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn logging_out_ends_the_token() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let telephone = ann.login(&server).await;
    ann.delete("/api/v1/sessions/current").await.expect(204);
    ann.get("/api/v1/messages").await.refused(401, "unauthorized");
    telephone.get("/api/v1/messages").await.expect(200);
}

#[tokio::test]
async fn a_message_is_sent_to_a_receiver_who_exists() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let send = async |to: &str| ann.post("/api/v1/messages", &json!({"to": [to], "text": "Hello, receiver!"})).await;
    send("ben").await.expect(201);
    assert_eq!(texts(&ben, "/api/v1/messages?box=inbox").await, ["Hello, receiver!"]);
    let problem = send("nobody").await.refused(404, "not_found");
    assert_eq!((&problem["field"], &problem["unknown"]), (&json!("to"), &json!(["nobody"])));
}

#[tokio::test]
async fn past_messages_are_listed_sent_received_or_both() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    for (person, text) in [(&ann, "one"), (&ben, "two"), (&ann, "three")] {
        person.say(direct, text).await;
    }
    assert_eq!(texts(&ann, "/api/v1/messages").await, ["three", "two", "one"]);
    assert_eq!(texts(&ann, "/api/v1/messages?box=sent").await, ["three", "one"]);
    assert_eq!(texts(&ann, "/api/v1/messages?box=inbox").await, ["two"]);
    assert_eq!(texts(&ben, "/api/v1/messages?box=inbox").await, ["three", "one"]);
}

#[tokio::test]
async fn somebody_is_blocked_and_what_he_sends_refused() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    ann.put("/api/v1/blocks/ben", &json!({})).await.expect(204);
    let send = json!({"to": ["ann"], "text": "unheard"});
    assert_eq!(ben.post("/api/v1/messages", &send).await.refused(403, "blocked")["username"], "ann");
    assert_eq!(items(&ann, "/api/v1/blocks").await[0]["user"]["username"], "ben");
    ann.put("/api/v1/blocks/ben", &json!({})).await.expect(204);
    assert_eq!(items(&ann, "/api/v1/blocks").await.len(), 1, "a second time changes nothing");
    ann.put("/api/v1/blocks/nobody", &json!({})).await.refused(404, "not_found");
    ann.delete("/api/v1/blocks/ben").await.expect(204);
    ben.say(direct, "heard").await;
    assert_eq!(texts(&ann, "/api/v1/messages?box=inbox").await, ["heard"]);
}

/// On 30 and 31 March 2020, so many minutes after midnight: five messages to rcvr, one to other, and an answer.
async fn march(server: &Server) -> [Person; 3] {
    let [ann, rcvr, other] = Person::register_all(server, ["ann", "rcvr", "other"]).await;
    let direct = ann.direct(&[&rcvr]).await;
    for number in 1..=5 {
        ann.say(direct, &number.to_string()).await;
    }
    ann.say(ann.direct(&[&other]).await, "6, to other").await;
    rcvr.say(direct, "7, by rcvr").await;
    ann.say(direct, "8, the next day").await;
    server.sql("UPDATE messages SET created_at = 1585526400000 + id * 60000").await;
    server.sql("UPDATE messages SET created_at = created_at + 86400000 WHERE id = 8").await;
    [ann, rcvr, other]
}

#[tokio::test]
async fn messages_are_filtered_by_name_and_date() {
    let server = Server::start().await;
    let [ann, rcvr, _] = march(&server).await;
    let sent = async |query: &str| texts(&ann, &format!("/api/v1/messages?box=sent&{query}")).await;
    assert_eq!(sent("recipient=rcvr&date=2020-03-30").await, ["5", "4", "3", "2", "1"]);
    assert_eq!(sent("recipient=other").await, ["6, to other"]);
    assert_eq!(sent("date=2020-03-31").await, ["8, the next day"]);
    assert_eq!(sent("date=2020-03-29").await, [""; 0]);
    assert_eq!(texts(&ann, "/api/v1/messages?box=inbox&sender=rcvr&date=2020-03-30").await, ["7, by rcvr"]);
    assert_eq!(texts(&rcvr, "/api/v1/messages?box=inbox&sender=ann&date=2020-03-31").await, ["8, the next day"]);
}

#[tokio::test]
async fn filtered_messages_come_in_pages() {
    let server = Server::start().await;
    let [ann, ..] = march(&server).await;
    let first_page = "/api/v1/messages?box=sent&recipient=rcvr&date=2020-03-30&limit=2";
    let (mut path, mut pages) = (first_page.to_owned(), Vec::new());
    loop {
        let page = ann.get(&path).await.expect(200);
        pages.push(page["items"].as_array().unwrap().iter().map(|it| it["text"].clone()).collect::<Vec<_>>());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{first_page}&before={next}");
    }
    assert_eq!(json!(pages), json!([["5", "4"], ["3", "2"], ["1"]]));
}

#[tokio::test]
async fn a_filter_that_makes_no_sense_is_refused_by_its_name() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let refused = async |query: &str, status: u16, code: &str| {
        ann.get(&format!("/api/v1/messages?{query}")).await.refused(status, code)
    };
    assert_eq!(refused("recipient=nobody", 404, "not_found").await["field"], "recipient");
    assert_eq!(refused("date=30-03-2020", 400, "malformed_request").await["field"], "date");
    for wrong in ["limit=none", "limit=0", "before=x", "receiver=ann"] {
        let (name, _) = wrong.split_once('=').unwrap();
        let problem = refused(wrong, 400, "malformed_request").await;
        assert_eq!(problem["field"], name, "{problem}");
    }
}

#[tokio::test]
async fn what_fails_inside_is_told_to_the_log_alone() {
    let mut server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    server.sql("ALTER TABLE blocks RENAME TO gone").await;
    let answer = ann.get("/api/v1/blocks").await;
    answer.refused(503, "unavailable");
    assert!(!String::from_utf8_lossy(&answer.body).contains("blocks"), "{}", answer.describe());
    server.terminate(seconds(10)).await;
    assert!(lacks(&server.log(), "blocks"), "{}", server.log());
}

#[tokio::test]
async fn the_log_tells_of_logins_messages_and_blocks() {
    let mut server = Server::options().set("--log-level", "goldcrest=debug").start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let log_in = async |caller: &Caller, password: &str| {
        caller.post("/api/v1/sessions", &json!({"username": "ann", "password": password})).await.status
    };
    assert_eq!(log_in(&server.stranger(), &ann.password).await, 201);
    assert_eq!(log_in(&server.stranger(), "guessed horse").await, 401);
    let direct = ann.direct(&[&ben]).await;
    let sent = ann.say(direct, "a secret").await["id"].clone();
    ben.block(&ann).await;
    ann.post("/api/v1/messages", &json!({"to": ["ben"], "text": "a secret"})).await.refused(403, "blocked");
    server.terminate(seconds(10)).await;
    let log = server.log();
    let (ann, ben) = (format!("user.id={}", ann.id), format!("user.id={}", ben.id));
    let message = format!("message.id={sent}");
    for words in [
        vec!["logged in", &ann],
        vec!["login refused"],
        vec!["sent", &ann, &message],
        vec!["refused: blocked", &ann],
        vec!["blocked a user", &ben],
        vec!["answered", "http.route=/api/v1/messages", "http.status=201"],
    ] {
        assert!(log.lines().any(|line| words.iter().all(|word| line.contains(word))), "{words:?}: {log}");
    }
    assert!(!log.contains("a secret") && !log.contains("guessed horse"), "{log}");
}
