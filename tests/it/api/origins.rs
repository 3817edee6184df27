//! Pages that are not ours: what they may not do, and what the operator learns of them, enough to let them in, in a few lines.

use http::Method;
use serde_json::json;

use crate::support::deadline::PATIENCE;
use crate::support::{Ear, Person, Server, SseClient, WsClient, eventually};

fn named(server: &Server, origin: &str) -> usize {
    server.log().lines().filter(|line| line.contains("WARN") && line.contains(origin)).count()
}

#[tokio::test]
async fn a_refused_page_is_named_once_with_what_would_let_it_in() {
    let friend = "https://app.example.org";
    let server = Server::options().set("--allow-origins", friend).start().await;
    let alice = Person::register(&server, "alice").await;
    let stranger = "http://127.0.0.1:9000";
    // What a browser asks before a page may write, and all that the server hears of a page that may not.
    let ask = async |origin: &str| {
        let caller =
            server.stranger().with_header("origin", origin).with_header("access-control-request-method", "POST");
        caller
            .call(Method::OPTIONS, "/api/v1/messages", None)
            .await
            .header("access-control-allow-origin")
            .map(str::to_owned)
    };
    for _ in 0..3 {
        assert_eq!(ask(stranger).await, None);
        alice.with_header("origin", stranger).get("/stream").await.refused(403, "foreign_origin");
    }
    assert_eq!(ask(friend).await.as_deref(), Some(friend));
    let own = format!("http://localhost:{}", server.address.port());
    alice.with_header("origin", &own).get("/api/v1/me").await.expect(200);
    ask("null").await;
    let last = "opened from a file";
    eventually(PATIENCE, "the last line", async || (named(&server, last) > 0).then_some(())).await;
    assert_eq!(named(&server, &format!("--allow-origins {stranger} lets them in")), 1, "{}", server.log());
    assert_eq!(named(&server, last), 1, "{}", server.log());
    assert_eq!(named(&server, friend) + named(&server, &own), 0, "{}", server.log());
}

#[tokio::test]
async fn no_stranger_fills_the_log_with_origins() {
    let server = Server::start().await;
    for number in 0..150 {
        server.stranger().with_header("origin", &format!("https://evil{number}.example")).get("/healthz").await;
    }
    let long = format!("https://{}.example", "x".repeat(500));
    server.stranger().with_header("origin", &long).get("/healthz").await;
    let last = "no more foreign origins";
    eventually(PATIENCE, "the last line", async || (named(&server, last) > 0).then_some(())).await;
    assert_eq!(named(&server, "https://evil"), 100);
    assert_eq!(named(&server, last), 1);
    assert!(!server.log().contains("xxxx"));
}

#[tokio::test]
async fn a_foreign_origin_neither_writes_nor_listens() {
    let server = Server::options()
        .set("--public-url", "https://chat.example.org")
        .set("--allow-origins", "https://app.example.org")
        .start()
        .await;
    let alice = Person::register(&server, "alice").await;
    let message = json!({"to": ["alice"], "text": "hello"});
    for own in ["https://chat.example.org", "https://app.example.org"] {
        let caller = alice.with_header("origin", own);
        caller.post("/api/v1/messages", &message).await.expect(201);
        SseClient::open(server.address, &alice.stream().header("origin", own))
            .await
            .unwrap()
            .until_control("ready")
            .await;
        WsClient::open(server.address, &alice.stream().header("origin", own))
            .await
            .unwrap()
            .until_control("ready")
            .await;
    }
    for foreign in [
        "https://evil.example",
        "http://chat.example.org",
        "https://chat.example.org.evil.example",
        "https://chat.example.org:8443",
        "null",
        "rubbish",
    ] {
        let caller = alice.with_header("origin", foreign);
        caller.post("/api/v1/messages", &message).await.refused(403, "foreign_origin");
        caller.delete("/api/v1/sessions/current").await.refused(403, "foreign_origin");
        let login = json!({"username": "alice", "password": alice.password, "cookie": true});
        server
            .stranger()
            .with_header("origin", foreign)
            .post("/api/v1/sessions", &login)
            .await
            .refused(403, "foreign_origin");
        let request = alice.stream().header("origin", foreign);
        SseClient::open(server.address, &request)
            .await
            .err()
            .expect("no stream")
            .answer()
            .refused(403, "foreign_origin");
        WsClient::open(server.address, &request)
            .await
            .err()
            .expect("no stream")
            .answer()
            .refused(403, "foreign_origin");
    }
    alice.post("/api/v1/messages", &message).await.expect(201);

    let preflight = server
        .stranger()
        .with_header("origin", "https://app.example.org")
        .with_header("access-control-request-method", "POST");
    let answer = preflight.call(http::Method::OPTIONS, "/api/v1/messages", None).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.org"));
    let preflight = server
        .stranger()
        .with_header("origin", "https://evil.example")
        .with_header("access-control-request-method", "POST");
    let answer = preflight.call(http::Method::OPTIONS, "/api/v1/messages", None).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}
