//! Refresh tokens used again, after a minute and after years, with the rows changed in the database file; and made-up ones.

use serde_json::json;

use crate::support::{Answer, Person, Server, seconds, within};

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

#[tokio::test]
async fn a_refresh_token_of_years_ago_is_still_a_stolen_one() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    refresh(&server, &alice.refresh_token).await.expect(200);
    server.sql("UPDATE sessions SET refresh_generation = refresh_generation + 1000000").await;
    refresh(&server, &alice.refresh_token).await.refused(401, "unauthorized");
    alice.get("/api/v1/me").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_made_up_refresh_token_costs_nothing_and_harms_nobody() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    server.sql("UPDATE sessions SET refresh_generation = 29000").await;
    let made_up = |generation: i64, secret: &str| format!("gcr_{}_{generation}_{secret}", alice.session);
    let (secret, longer) = ("A".repeat(43), "A".repeat(86));
    for generation in [0, 1, 28_999, 29_000, 29_001, -1, -900, i64::MIN, i64::MAX] {
        for secret in [&secret, &longer, "", "AAAA"] {
            refresh(&server, &made_up(generation, secret)).await.refused(401, "unauthorized");
        }
    }
    within(seconds(5), "the refusals of many", async {
        for _ in 0..300 {
            refresh(&server, &made_up(0, &longer)).await.refused(401, "unauthorized");
        }
    })
    .await;
    alice.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_whose_key_is_gone_is_good_once_more() {
    let mut server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    server.terminate(seconds(5)).await;
    server.database().lose_key();
    server.restart().await;
    alice.get("/api/v1/me").await.refused(401, "unauthorized");
    let next = refresh(&server, &alice.refresh_token).await.expect(200);
    refresh(&server, next["refresh_token"].as_str().unwrap()).await.expect(200);
}
