//! Refresh tokens used again: at once, after a minute and after years, with the rows changed in the database; and made-up ones.

use serde_json::{Value, json};

use crate::support::{Answer, Ear, Person, Server, SseClient, seconds};

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
    let before = server.processor_time();
    for _ in 0..300 {
        refresh(&server, &made_up(0, &longer)).await.refused(401, "unauthorized");
    }
    let used = server.processor_time().saturating_sub(before);
    assert!(used < seconds(5), "the refusals of many took {used:?}");
    alice.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_whose_key_is_gone_is_good_once_more() {
    let mut server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    server.terminate(seconds(20)).await;
    server.database().lose_key();
    server.restart().await;
    alice.get("/api/v1/me").await.refused(401, "unauthorized");
    let next = refresh(&server, &alice.refresh_token).await.expect(200);
    refresh(&server, next["refresh_token"].as_str().unwrap()).await.expect(200);
}

fn successor(login: &Value) -> String {
    login["refresh_token"].as_str().expect("a refresh token").to_owned()
}

#[tokio::test]
async fn refresh_tokens_rotate() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let mut token = alice.refresh_token.clone();
    for _ in 0..5 {
        let answer = refresh(&server, &token).await.expect(200);
        assert_eq!(answer["token_type"], "Bearer");
        assert!(answer["expires_in"].as_u64().unwrap() > 0);
        let access = answer["access_token"].as_str().unwrap();
        assert_eq!(server.stranger().with_bearer(access).get("/api/v1/me").await.expect(200)["username"], "alice");
        assert_ne!(successor(&answer), token);
        token = successor(&answer);
    }
    alice.logout().await;
    refresh(&server, &token).await.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_may_be_asked_again() {
    let mut server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    refresh(&server, &alice.refresh_token).await.expect(200);
    refresh(&server, &alice.refresh_token).await.expect(200);
    server.kill().await;
    server.restart().await;
    let after_the_restart = successor(&refresh(&server, &alice.refresh_token).await.expect(200));
    assert_eq!(alice.get("/api/v1/me").await.status, 200, "nobody was logged out");
    let next = refresh(&server, &after_the_restart).await.expect(200);
    assert_eq!(
        server.stranger().with_bearer(next["access_token"].as_str().unwrap()).get("/api/v1/me").await.status,
        200
    );
}

#[tokio::test]
async fn a_refresh_token_used_again_after_its_successor_revokes_the_session() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let elsewhere = alice.login(&server).await;
    let mut stream = SseClient::open(server.address, &alice.stream()).await.unwrap();
    stream.until_control("ready").await;
    let second = successor(&refresh(&server, &alice.refresh_token).await.expect(200));
    let third = successor(&refresh(&server, &second).await.expect(200));
    refresh(&server, &alice.refresh_token).await.refused(401, "unauthorized");
    stream.until_end(seconds(10)).await;
    refresh(&server, &third).await.refused(401, "unauthorized");
    alice.get("/api/v1/me").await.refused(401, "unauthorized");
    assert_eq!(elsewhere.get("/api/v1/me").await.status, 200, "the other session is not concerned");
}

#[tokio::test]
async fn of_two_refreshes_at_once_neither_ends_the_session() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let (one, other) = tokio::join!(refresh(&server, &alice.refresh_token), refresh(&server, &alice.refresh_token));
    let (one, other) = (one.expect(200), other.expect(200));
    for answer in [&one, &other] {
        assert_eq!(
            server.stranger().with_bearer(answer["access_token"].as_str().unwrap()).get("/api/v1/me").await.status,
            200
        );
    }
}
