//! What is refused, whatever is sent, and that nothing secret gets into the log.

use http::Method;
use serde_json::json;

use super::{BASE, Bird, debug, form, messages_are, wrong};
use crate::support::raw::exchange;
use crate::support::{Server, lacks, seconds};

#[tokio::test]
async fn what_there_is_not_is_told_in_kinglets_words() {
    let server = debug().await;
    let get = async |path: &str| server.stranger().get(&format!("{BASE}{path}")).await;
    for (path, function) in [
        ("/foo", "foo"),
        ("/foo/bar/?user_name=x", "foo"),
        ("/messages/1/foo", "messages"),
        ("/<b>", "%3Cb%3E"),
        ("/", ""),
    ] {
        wrong(&get(path).await, 404, &format!("Invalid function: {function}."), "It's not supported.");
    }
    let ann = Bird::hatch(&server, "ann").await;
    for (method, path) in [
        (Method::DELETE, "/messages/1"),
        (Method::PATCH, "/users"),
        (Method::POST, "/lists/requests"),
        (Method::PUT, "/messages"),
        (Method::POST, "/time"),
    ] {
        let path = format!("{BASE}{path}/?{}", ann.query());
        let said = ann.caller.call(method, &path, None).await.expect(405);
        messages_are(&said, "Not found", "This route does not know this method.");
        assert_eq!(said["status"], "405");
    }
    server.stranger().get("/compat/kinglet/nothing").await.expect(404);
}

/// Whatever comes is answered in JSON and not with a failure.
#[tokio::test]
async fn no_input_is_too_odd_to_be_answered() {
    let mut server = debug().await;
    let ann = Bird::hatch(&server, "ann").await;
    ann.say("@ann hello").await;
    let odd: [&[u8]; 14] = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"json=",
        b"json=[1]",
        b"json=%7B&json=%7B%7D",
        b"%ff=%fe&json=%00",
        b"\xff\xfe\x00",
        br#"{"user_name":[1],"email":{"a":1},"password":null,"message_text":7,"user_id":"x"}"#,
        br#"{"user_name":"\ud800","email":"x"}"#,
        br#"{"email":"a\u0000b@c.org","user_name":"a\u0000","password":"\u0000","desc_markup":"\u0000","reply_to_id":1e99}"#,
        br#"{"user_id":1,"user_id":1,"email":"x","old_password":true,"new_password":1,"verify_password":1}"#,
    ];
    let paths = [
        "/users",
        "/users/login",
        "/users/password",
        "/messages",
        "/messages/1/replies",
        "/messages/x/replies",
        "/users/ann",
        "/lists/request/ann",
    ];
    let kinds = [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/plain",
        "image/png",
    ];
    for path in paths {
        for method in [Method::POST, Method::PUT, Method::GET, Method::DELETE] {
            for (number, body) in odd.iter().enumerate() {
                let kind = kinds[number % kinds.len()];
                for path in [format!("{BASE}{path}"), format!("{BASE}{path}/?{}", ann.query())] {
                    let answer = ann.caller.send_body(method.clone(), &path, kind, *body).await;
                    assert!(answer.status < 500, "{method} {path} {kind} {body:?}: {}", answer.describe());
                    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.describe());
                    let said = answer.json();
                    assert!(
                        answer.status < 300 || said["user_message"].is_string() && said["system_message"].is_string(),
                        "{said}"
                    );
                }
            }
        }
    }
    let huge = "x".repeat(300 * 1024);
    for path in ["/users", "/messages"] {
        let answer =
            ann.caller.send_body(Method::POST, &format!("{BASE}{path}"), "application/json", huge.clone()).await;
        assert_eq!(answer.expect(413)["status"], "413");
    }
    for path in ["/users/%ff", "/users/%00/logout", "/messages/%f0%9f", "/users/activate/%ff%fe", "/lists/approve/%c3"]
    {
        let answer = ann.get(path).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.describe());
        assert!(answer.json()["user_message"].is_string());
    }
    let query = format!(
        "GET {BASE}/messages/?user_name=%ff&user_id=%ff&session_id=%ff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(exchange(server.address, query).await.unwrap().status, 401);
    server.terminate(seconds(10)).await;
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[tokio::test]
async fn a_failing_database_is_a_runtime_error() {
    let mut server = debug().await;
    let ann = Bird::hatch(&server, "ann").await;
    server.sql("ALTER TABLE stays RENAME TO gone").await;
    let answer = ann.get("/messages").await;
    let said = answer.expect(500);
    assert_eq!((&said["status"], &said["description"]), (&json!("500"), &json!("Internal Server Error")));
    assert_eq!(said["user_message"], "Runtime Error:");
    assert!(!said.to_string().contains("stays"), "{said}");
    server.terminate(seconds(10)).await;
    assert!(lacks(&server.log(), "stays"), "{}", server.log());
}

#[tokio::test]
async fn there_are_limits_here_too() {
    let options = Server::options().set("--compat", "kinglet=debug").set("--rate-limits", "on");
    let server = options.start().await;
    let ann = Bird::hatch(&server, "ann").await;
    let refused = async |path: &str, data: serde_json::Value| {
        for _ in 0..12 {
            let answer = form(&server.stranger(), Method::POST, path, &[], &data).await;
            if answer.status == 429 {
                assert!(answer.header("retry-after").is_some() && answer.header("ratelimit").is_some());
                let said = answer.json();
                assert_eq!((&said["status"], &said["user_message"]), (&json!("429"), &json!("Too many requests.")));
                return;
            }
        }
        panic!("{path} has no limit");
    };
    refused("/users/login", json!({"email": ann.email, "password": "a guess"})).await;
    refused("/users/password", json!({"user_name": "nobody", "email": "x@example.org"})).await;
    refused("/users", json!({"user_name": "ann", "email": "x@example.org"})).await;
    let mut sent = 0;
    while ann.post("/messages", &json!({"message_text": "@ann x"})).await.status == 201 {
        sent += 1;
        assert!(sent < 400, "sending has no limit");
    }
}

#[tokio::test]
async fn pages_of_strangers_do_nothing_here() {
    let server = debug().await;
    let ann = Bird::hatch(&server, "ann").await;
    let evil = ann.caller.with_header("origin", "https://evil.example");
    evil.get(&format!("{BASE}/messages/?{}", ann.query())).await.expect(403);
    let cross = ann.caller.with_header("sec-fetch-site", "cross-site");
    let said = cross.get(&format!("{BASE}/users/ann/logout/?{}", ann.query())).await.expect(403);
    assert_eq!(said["user_message"], "Invalid access.");
    ann.get("/messages").await.expect(200);
}

#[tokio::test]
async fn what_the_debug_mode_does_is_said_loudly() {
    let mut server = debug().await;
    let ann = Bird::hatch(&server, "ann").await;
    server.terminate(seconds(10)).await;
    let log = server.log();
    let warned = log.lines().any(|line| line.contains("WARN") && line.contains("--compat kinglet=debug"));
    assert!(warned && log.contains("passwords and activation links are answered"), "{log}");
    assert!(!log.contains(&ann.password) && !log.contains(&ann.session), "{log}");
}

#[tokio::test]
async fn nothing_secret_gets_into_the_log() {
    let options = Server::options().set("--compat", "kinglet=debug").set("--log-level", "trace");
    let mut server = options.start().await;
    let [ann, bob] = Bird::flock(&server, ["ann", "bob"]).await;
    let id = ann.say("@bob marked-text-17ab").await;
    bob.reply(&id, "marked-reply-88f0").await.expect(201);
    ann.put("/users", &json!({"email": "marked-address-3c@example.org", "desc_markup": "marked-bio-5e21"}))
        .await
        .expect(200);
    let lost = json!({"user_name": "bob", "email": bob.email});
    let lost = form(&server.stranger(), Method::POST, "/users/password", &[], &lost).await.expect(200);
    let change =
        json!({"old_password": ann.password, "new_password": "marked-pass-90", "verify_password": "marked-pass-90"});
    let changed = ann.put("/users/password", &change).await.expect(200);
    super::log_in(&server, "bob@example.org", "marked-guess-4d").await.expect(404);
    ann.get("/messages/threads").await.expect(200);
    ann.get("/users/ann/logout").await.expect(200);
    server.terminate(seconds(10)).await;
    let log = server.log();
    assert!(log.lines().count() > 20, "the log is talkative: {log}");
    let secrets = [
        &ann.password,
        &ann.session,
        &bob.password,
        &bob.session,
        "marked-",
        lost["new_password"].as_str().unwrap(),
        changed["session_id"].as_str().unwrap(),
        &ann.email,
    ];
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}
