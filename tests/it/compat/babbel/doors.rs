//! Who gets in: by name and password or a token as himself alone, or, where callers are trusted, as who has no password.

use base64::Engine as _;
use http::Method;
use serde_json::json;

use super::{FORM, PREFIX, User, mounted, open, refused, usual};
use crate::support::{Answer, Caller, Person, Server, eventually, seconds};

fn by_password(server: &Server, name: &str, password: &str) -> Caller {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    server.stranger().with_header("authorization", &format!("Basic {pair}"))
}

/// What a caller is told at each path of a user.
async fn everywhere(caller: &Caller, user: &str) -> Vec<Answer> {
    let user = User { name: user.to_owned(), caller: caller.clone() };
    let mut answers = Vec::new();
    for rest in ["/", "/messages/", "/messages?start=2000-01-01", "/message/", "/message/1/"] {
        answers.push(user.get(rest).await);
    }
    answers.push(user.form("receiver=ann&message=x").await);
    answers.push(user.delete("/message/1/", "").await);
    answers.push(user.delete("/message/", "{\"ids\": [1]}").await);
    answers
}

#[tokio::test]
async fn whoever_does_not_say_who_he_is_gets_nowhere() {
    let (server, [(_, ann)]) = usual(["ann"]).await;
    ann.say(&ann, "a note").await;
    let wrong = |value: &str| server.stranger().with_header("authorization", value);
    let callers = [
        (server.stranger(), 401),
        (by_password(&server, "ann", "wrong"), 401),
        (by_password(&server, "nobody", "password of ann"), 401),
        (wrong("Bearer x"), 401),
        (wrong("Basic !"), 401),
        (wrong("Token x"), 401),
    ];
    for (caller, status) in callers {
        for name in ["ann", "nobody"] {
            for answer in everywhere(&caller, name).await {
                refused(&answer, status);
                let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
                assert_eq!(challenges, ["Basic realm=\"Babbel\", charset=\"UTF-8\"", "Bearer realm=\"Babbel\""]);
            }
        }
    }
    assert_eq!(ann.unseen().await, ["a note"]);
}

#[tokio::test]
async fn whoever_says_so_acts_as_himself_alone() {
    let (server, [(ann, ann_there), (ben, _)]) = usual(["ann", "ben"]).await;
    ann_there.say(&ann_there, "a note").await;
    let ben_again = by_password(&server, "BEN", &ben.password);
    for caller in [&ben_again, &ben] {
        let others = everywhere(caller, "ann").await;
        let nobodys = everywhere(caller, "nobody").await;
        for (other, nobody) in others.iter().zip(&nobodys) {
            assert_eq!(refused(other, 403), refused(nobody, 403), "it is not told who there is");
        }
    }
    let user = User { name: "ben".to_owned(), caller: ben_again };
    user.form("receiver=ann&message=hello").await.expect(204);
    assert_eq!(ann_there.unseen().await, ["a note", "hello"]);
    assert_eq!(by_password(&server, "ann", &ann.password).get(&format!("{PREFIX}/ann/messages/")).await.status, 200);
}

#[tokio::test]
async fn a_key_does_what_it_is_for() {
    let (server, [(ann, _), (ben, ben_there)]) = usual(["ann", "ben"]).await;
    ben_there.say(&User { name: "ann".to_owned(), caller: server.stranger() }, "hello").await;
    let direct = ann.direct(&[&ben]).await;
    let key = async |scopes: serde_json::Value, conversation: Option<u64>| {
        let body = json!({"name": "a key", "scopes": scopes, "conversation_id": conversation});
        let made = ann.post("/api/v1/keys", &body).await.expect(201);
        User { name: "ann".to_owned(), caller: server.stranger().with_bearer(made["key"].as_str().unwrap()) }
    };
    let sends = key(json!(["send"]), None).await;
    sends.form("receiver=ben&message=by+a+key").await.expect(204);
    for rest in ["/messages/", "/messages/?start=2000-01-01", "/message/1/", "/"] {
        refused(&sends.get(rest).await, 403);
    }
    let reads = key(json!(["read"]), None).await;
    refused(&reads.form("receiver=ben&message=x").await, 403);
    refused(&reads.delete("/message/1/", "").await, 403);
    let elsewhere = key(json!(["read"]), Some(ann.group("group", &[]).await)).await;
    assert_eq!(elsewhere.unseen().await, super::NOTHING);
    refused(&elsewhere.get("/message/1/").await, 404);
    assert_eq!(key(json!(["read"]), Some(direct)).await.unseen().await, ["hello"]);
}

#[tokio::test]
async fn where_callers_are_trusted_users_with_passwords_are_not_theirs() {
    let (server, [open_user]) = open(["open"]).await;
    let ann = Person::register(&server, "ann").await;
    for answer in everywhere(&server.stranger(), "ann").await {
        refused(&answer, 401);
        assert!(answer.header("www-authenticate").is_some());
    }
    let herself = User { name: "ann".to_owned(), caller: by_password(&server, "ann", &ann.password) };
    open_user.say(&herself, "hello").await;
    assert_eq!(herself.unseen().await, ["hello"], "with her password she is herself");
    for answer in everywhere(&herself.caller, "open").await {
        refused(&answer, 403);
    }
    // Without a password and yet not made for this.
    server.sql("UPDATE users SET password_hash = NULL").await;
    refused(&server.stranger().get(&herself.path("/messages/")).await, 401);
    server.sql("UPDATE users SET password_hash = 'x' WHERE username = 'open'").await;
    refused(&open_user.get("/messages/").await, 401);
}

#[tokio::test]
async fn the_log_says_at_the_start_that_callers_are_trusted() {
    let (open, []) = open([]).await;
    let line = eventually(seconds(20), "it to be said", async || {
        open.log().lines().find(|line| line.contains("--compat babbel=open")).map(str::to_owned)
    })
    .await;
    assert!(line.contains("WARN"), "{line}");
    let usual = mounted("babbel").start().await;
    assert!(!usual.log().contains("WARN"), "{}", usual.log());
}

#[tokio::test]
async fn whoever_is_suspended_is_out_with_and_without_a_password() {
    let (server, [ann]) = open(["ann"]).await;
    let ben = Person::register(&server, "ben").await;
    let by_name = by_password(&server, "ben", &ben.password);
    assert_eq!(by_name.get(&format!("{PREFIX}/ben/messages/")).await.status, 200);
    for name in ["ann", "ben"] {
        server.command(&["user", "suspend", name]).await;
    }
    for answer in everywhere(&ann.caller, "ann").await.iter().chain(&everywhere(&by_name, "ben").await) {
        refused(answer, 403);
    }
    for answer in everywhere(&ben, "ben").await {
        refused(&answer, 401);
    }
}

#[tokio::test]
async fn guessing_passwords_is_bounded() {
    let server = mounted("babbel").set("--rate-limits", "on").start().await;
    let ann = Person::register(&server, "ann").await;
    let path = format!("{PREFIX}/ann/messages/");
    let mut statuses = Vec::new();
    for _ in 0..15 {
        let answer = by_password(&server, "ann", "wrong").get(&path).await;
        refused(&answer, answer.status);
        statuses.push(answer.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(ann.get(&path).await.status, 200, "who is in stays in");
}

#[tokio::test]
async fn pages_of_strangers_and_names_of_strangers_are_refused() {
    let (_server, [ann]) = open(["ann"]).await;
    ann.say(&ann, "a note").await;
    for (name, value) in [
        ("origin", "https://elsewhere.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("host", "elsewhere.example"),
    ] {
        for answer in everywhere(&ann.caller.with_header(name, value), "ann").await {
            refused(&answer, 403);
        }
    }
    assert_eq!(ann.unseen().await, ["a note"], "nothing was given or done");
    // A form on a page of this server's own.
    let own = ann.caller.with_header("origin", &format!("http://{}", ann.caller.address));
    let own = own.with_header("sec-fetch-site", "same-origin");
    own.send_body(Method::POST, &ann.path("/message/"), FORM, "receiver=ann&message=own").await.expect(204);
}

#[tokio::test]
async fn neither_texts_nor_passwords_nor_tokens_are_in_the_log() {
    let server = mounted("babbel=open").set("--log-level", "trace").start().await;
    let ann = Person::register(&server, "ann").await;
    let caller = by_password(&server, "ann", &ann.password);
    let user = User { name: "ann".to_owned(), caller };
    user.form("receiver=ann&message=marked-text-5a1e").await.expect(204);
    assert_eq!(user.unseen().await, ["marked-text-5a1e"]);
    user.caller.post(&user.path("/message/?receiver=ann&message=marked-query-77aa"), &json!({})).await.expect(204);
    user.get("/messages/?start=marked-moment-31d0").await;
    by_password(&server, "ann", "marked-guess-90bb").get(&user.path("/messages/")).await;
    ann.get(&user.path("/messages/")).await.expect(200);
    user.get("/").await;
    let log = server.log();
    assert!(log.contains("answered"), "the log is talkative");
    for secret in ["marked-", &ann.password, &ann.access_token] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
    assert!(log.contains("/compat/babbel/{user}/messages/"), "the route is told, not who asked");
}
