//! What is refused wherever it comes, what is said when the server fails, and what the log does not say.

use http::Method;
use serde_json::json;

use super::{API, Client, options, refused};
use crate::support::{lacks, seconds};

#[tokio::test]
async fn what_is_no_route_or_no_method_is_told_in_its_words() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let nothing = json!({"detail": "The endpoint does not exist."});
    for path in ["/message/", "/message/sent/", "/message/1", "/auth/register/", "/block/", "/nowhere", ""] {
        for caller in [&alice.caller, &server.stranger()] {
            refused(&caller.get(&format!("{API}{path}")).await, 404, &nothing);
        }
    }
    for (method, path) in [
        (Method::PUT, "/message"),
        (Method::DELETE, "/message/sent"),
        (Method::POST, "/message/received"),
        (Method::PATCH, "/block"),
        (Method::GET, "/auth/login"),
        (Method::DELETE, "/auth/register"),
    ] {
        let answer = alice.caller.call(method.clone(), &format!("{API}{path}"), None).await;
        refused(&answer, 405, &json!({"detail": format!("Method \"{method}\" not allowed.")}));
        assert!(answer.header("allow").is_some(), "{method} {path}");
    }
    // Who asks is looked at before what he asks.
    let answer = server.stranger().put(&format!("{API}/message"), &json!({})).await;
    refused(&answer, 401, &json!({"detail": "Authentication credentials were not provided."}));
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_refused_in_its_words() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let unsupported = json!({"detail": "Unsupported media type \"text/plain\" in request."});
    for path in ["/auth/register", "/auth/login", "/message", "/block"] {
        let send = async |kind, body: &str| {
            alice.caller.send_body(Method::POST, &format!("{API}{path}"), kind, body.as_bytes()).await
        };
        refused(&send("text/plain", "receiver=bob").await, 415, &unsupported);
        for broken in ["{", "{\"username\": \"\\ud800\"}", "nonsense"] {
            let said = send("application/json", broken).await.expect(400);
            assert!(said["detail"].as_str().is_some_and(|said| said.starts_with("JSON parse error - ")), "{said}");
        }
        send("multipart/form-data", "no boundary").await.expect(400);
        let huge = send("application/json", &" ".repeat(256 * 1024 + 1)).await;
        assert!(huge.expect(413)["detail"].is_string());
        // An empty body has no fields, whatever it is called.
        let said = send("text/plain", "").await;
        assert_eq!((said.status, said.json()["detail"].is_null()), (400, true), "{}", said.describe());
    }
}

#[tokio::test]
async fn a_server_error_tells_nothing() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let unused = Client::login(&server, "alice", "pass").await;
    alice.send("alice", "x").await;
    server.sql("ALTER TABLE messages RENAME TO gone").await;
    let wrong = json!({"detail": "Something went wrong"});
    refused(&alice.get("/message").await, 500, &wrong);
    refused(&alice.post("/message", &json!({"receiver": "alice", "content": "x"})).await, 500, &wrong);
    // Whether a token is good cannot be told without a database either.
    server.sql("ALTER TABLE sessions RENAME TO gone_too").await;
    refused(&unused.get("/block").await, 500, &wrong);
    assert!(lacks(&server.log(), "sessions"), "the operator is told why");
}

#[tokio::test]
async fn nothing_secret_gets_into_the_log() {
    for level in ["debug", "trace"] {
        let mut server = options().set("--log-level", level).start().await;
        let account = json!({"username": "alice", "password": "marked-password", "email": "marked@example.org"});
        let welcome = server.stranger().post(&format!("{API}/auth/register"), &account).await.expect(201);
        let alice = Client::with(&server, &welcome);
        let wrong = json!({"username": "alice", "password": "marked-wrong"});
        server.stranger().post(&format!("{API}/auth/login"), &wrong).await.expect(400);
        alice.send("alice", "marked-content").await;
        alice.get("/message/sent?receiver=alice&marked-query=1").await.expect(200);
        alice.post("/auth/logout", &json!({})).await.expect(204);
        server.terminate(seconds(10)).await;
        let log = server.log();
        assert!(log.contains("/compat/oms/api/message"), "the log is talkative: {log}");
        for secret in ["marked", &alice.token] {
            assert_eq!(log.lines().find(|line| line.contains(secret)), None);
        }
    }
}
