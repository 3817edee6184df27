//! What the operator learns of pages that are refused: enough to let them in, and not more than a few lines.

use http::Method;

use crate::support::deadline::PATIENCE;
use crate::support::{Person, Server, eventually};

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
