//! The minute in which a refresh token may be used again, with the session's clock set back in the database file.

use serde_json::json;

use crate::support::{Answer, Person, Server};

async fn refresh(server: &Server, token: &str) -> Answer {
    server.stranger().post("/api/v1/sessions/refresh", &json!({"refresh_token": token})).await
}

/// Makes the last use of every refresh token so many seconds older than it is.
async fn long_ago(server: &Server, seconds: u64) {
    server.sql(&format!("UPDATE sessions SET refreshed_at = refreshed_at - {seconds}000")).await;
}

#[tokio::test]
async fn after_a_minute_a_used_refresh_token_is_a_stolen_one() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let answer = refresh(&server, &alice.refresh_token).await.expect(200);
    long_ago(&server, 30).await;
    refresh(&server, &alice.refresh_token).await.expect(200);
    long_ago(&server, 31).await;
    refresh(&server, &alice.refresh_token).await.refused(401, "unauthorized");
    let successor = answer["refresh_token"].as_str().unwrap();
    refresh(&server, successor).await.refused(401, "unauthorized");
    alice.get("/api/v1/me").await.refused(401, "unauthorized");
}
