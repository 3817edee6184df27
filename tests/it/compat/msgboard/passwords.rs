//! Names and passwords with each request: what is refused, what is counted, and how long a good one is remembered.

use serde_json::json;

use super::{Calls, kitten, options, refused};
use crate::support::{Answer, Caller, Person, Server};

async fn posting(caller: &Caller) -> Answer {
    caller.http("POST", "/message", &[("text", "i love kittens")]).await
}

/// The same account with a session of ours.
async fn native(server: &Server) -> Person {
    let login = server.stranger().post("/api/v1/sessions", &json!({"username": "kitten", "password": "yarn"})).await;
    Person::from_login(&server.stranger(), "yarn", &login.expect(201))
}

#[tokio::test]
async fn writing_takes_credentials_that_are_good() {
    let (server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    let stranger = server.stranger();
    let dog = stranger.auth("dog", "yarn");
    let wrong = stranger.auth("kitten", "wool");
    let mut callers = vec![stranger.clone(), dog, wrong, stranger.auth("", ""), stranger.auth("kitten", "")];
    for header in ["Basic", "Basic !", "Basic a2l0dGVu", "Token abc", "Digest x", "yarn", "Bearer"] {
        callers.push(stranger.with_header("authorization", header));
    }
    for caller in callers {
        for (method, path) in [("POST", "/message"), ("PUT", "/message/1"), ("DELETE", "/message/1")] {
            let answer = caller.http(method, path, &[("text", "mine")]).await;
            assert_eq!(refused(&answer, 401), "Unauthorized Access");
            assert_eq!(answer.header("www-authenticate"), Some(r#"Basic realm="Authentication Required""#));
        }
    }
    assert_eq!(stranger.texts("").await, ["i love kittens"]);
}

#[tokio::test]
async fn guesses_count_against_the_limits_of_logging_in() {
    let server = options().set("--rate-limits", "on").start().await;
    let stranger = server.stranger();
    stranger.registers("kitten", "yarn").await;
    stranger.registers("dog", "bone").await;
    let (kitten, dog) = (stranger.auth("kitten", "yarn"), stranger.auth("dog", "bone"));
    dog.posts("woof").await;
    let mut guesses = 0;
    let late = loop {
        let answer = posting(&stranger.auth("kitten", "wool")).await;
        if answer.status != 401 {
            break answer;
        }
        guesses += 1;
        assert!(guesses < 30, "guessing goes on");
    };
    refused(&late, 429);
    assert!(late.header("retry-after").is_some() && guesses >= 5, "{guesses} {}", late.describe());
    // No password is looked at any more, so that a right one is not told from a wrong one either.
    // One more is let through every ten seconds.
    let (one, other) = tokio::join!(posting(&kitten), posting(&kitten));
    refused([one, other].iter().find(|answer| answer.status != 200).expect("one of them is too many"), 429);
    // Who had shown his before goes on, and so do those who show none.
    dog.posts("still here").await;
    assert_eq!(stranger.texts("").await, ["woof", "still here"]);
}

#[tokio::test]
async fn posting_and_registering_are_bounded() {
    let server = options().set("--rate-limits", "on").start().await;
    let stranger = server.stranger();
    let mut made = 0;
    let late = loop {
        let name = format!("kitten{made}");
        let answer = stranger.http("POST", "/user", &[("username", &name), ("password", "yarn")]).await;
        if answer.status != 200 {
            break answer;
        }
        made += 1;
        assert!(made < 100, "registering goes on");
    };
    refused(&late, 429);
    assert!(late.header("retry-after").is_some());
    let kitten = stranger.auth("kitten0", "yarn");
    kitten.posts("i love kittens").await;
    for (method, path) in [("POST", "/message"), ("PUT", "/message/1")] {
        let answer = kitten.http(method, path, &[("text", "New text!")]).await;
        let policies = answer.header("ratelimit-policy").expect("it is counted");
        assert!(policies.contains(r#""sends""#) && answer.status == 200, "{method} {policies}");
    }
}

#[tokio::test]
async fn a_changed_password_is_no_longer_good() {
    let (server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    let body = json!({"current_password": "yarn", "new_password": "a ball of yarn"});
    native(&server).await.put("/api/v1/me/password", &body).await.expect(204);
    refused(&posting(&kitten).await, 401);
    server.stranger().auth("kitten", "a ball of yarn").posts("again").await;
}

#[tokio::test]
async fn who_is_suspended_writes_no_more() {
    let (server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    server.command(&["user", "suspend", "kitten"]).await;
    for (method, path) in [("POST", "/message"), ("PUT", "/message/1"), ("DELETE", "/message/1")] {
        refused(&kitten.http(method, path, &[("text", "mine")]).await, 403);
    }
    assert_eq!(server.stranger().texts("").await, ["i love kittens"]);
    refused(&posting(&server.stranger().auth("kitten", "wool")).await, 401);
}

#[tokio::test]
async fn who_is_deleted_is_nobody() {
    let (server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    let body = json!({"password": "yarn", "messages": "keep"});
    native(&server).await.call(http::Method::DELETE, "/api/v1/me", Some(&body)).await.expect(204);
    refused(&posting(&kitten).await, 401);
}
