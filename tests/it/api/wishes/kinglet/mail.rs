//! What is mailed: activating an account, a lost password, another address.

use serde_json::{Value, json};

use crate::support::deadline::PATIENCE;
use crate::support::{Answer, Caller, Person, Postbox, Server, eventually};

const PASSWORD: &str = "long enough";

async fn register(server: &Server) -> Answer {
    let body = json!({"username": "userA", "email": "usera@example.org", "password": PASSWORD});
    server.stranger().post("/api/v1/users", &body).await
}

async fn log_in(caller: &Caller, email: &str, password: &str) -> Answer {
    caller.post("/api/v1/sessions", &json!({"email": email, "password": password})).await
}

async fn redeem(caller: &Caller, purpose: &str, body: &Value) -> Answer {
    caller.post(&format!("/api/v1/links/{purpose}"), body).await
}

/// Somebody whose address is confirmed.
async fn confirmed(server: &Server, postbox: &mut Postbox) -> Person {
    let made = register(server).await.expect(201);
    let token = postbox.next_link("usera@example.org", "activate").await;
    redeem(&server.stranger(), "activate", &json!({"token": token})).await.expect(204);
    Person::from_login(&server.stranger(), PASSWORD, &made)
}

#[tokio::test]
async fn an_account_is_activated_by_a_mailed_link() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().set("--email", "required").start().await;
    let stranger = server.stranger();
    assert_eq!(register(&server).await.expect(201)["user"]["status"], "pending");
    let by_name = json!({"username": "userA", "password": PASSWORD});
    stranger.post("/api/v1/sessions", &by_name).await.refused(403, "not_activated");
    let token = postbox.next_link("usera@example.org", "activate").await;
    redeem(&stranger, "activate", &json!({"token": token})).await.expect(204);
    stranger.post("/api/v1/sessions", &by_name).await.expect(201);
}

#[tokio::test]
async fn a_user_logs_in_with_the_address() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    confirmed(&server, &mut postbox).await;
    let login = log_in(&server.stranger(), "userA@example.org", PASSWORD).await.expect(201);
    assert_eq!(login["user"]["username"], "userA");
    log_in(&server.stranger(), "userA@example.org", "wrong password").await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn a_lost_password_is_replaced_by_a_mailed_link() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    confirmed(&server, &mut postbox).await;
    let stranger = server.stranger();
    for who in [json!({"username": "nobody"}), json!({"username": "userA"})] {
        let answer = stranger.post("/api/v1/password-resets", &who).await;
        assert_eq!(answer.status, 202, "nobody learns who has an account: {}", answer.describe());
    }
    let token = postbox.next_link("usera@example.org", "password").await;
    log_in(&stranger, "usera@example.org", PASSWORD).await.expect(201);
    let wish = json!({"token": token, "password": "another horse"});
    redeem(&stranger, "password", &wish).await.expect(204);
    log_in(&stranger, "usera@example.org", PASSWORD).await.refused(401, "invalid_credentials");
    log_in(&stranger, "usera@example.org", "another horse").await.expect(201);
}

#[tokio::test]
async fn an_address_is_changed() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    let person = confirmed(&server, &mut postbox).await;
    let change = json!({"email": "testnew@example.org", "password": PASSWORD});
    person.put("/api/v1/me/email", &change).await.expect(202);
    let token = postbox.next_link("testnew@example.org", "email").await;
    log_in(&server.stranger(), "testnew@example.org", PASSWORD).await.refused(401, "invalid_credentials");
    redeem(&server.stranger(), "email", &json!({"token": token})).await.expect(204);
    assert_eq!(person.get("/api/v1/me").await.expect(200)["email"], "testnew@example.org");
    log_in(&server.stranger(), "testnew@example.org", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn where_nothing_is_mailed_the_operator_finds_the_link_in_the_log() {
    let options = Server::options().set("--mail", "log").set("--email", "required");
    let server = options.set("--public-url", "http://chat.example.org").start().await;
    assert_eq!(register(&server).await.expect(201)["user"]["status"], "pending");
    let start = "http://chat.example.org/links/activate?token=";
    let link = async || server.log().split_once(start).map(|(_, token)| token.to_owned());
    let token = eventually(PATIENCE, "the link", link).await;
    let token: String =
        token.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect();
    redeem(&server.stranger(), "activate", &json!({"token": token})).await.expect(204);
    log_in(&server.stranger(), "usera@example.org", PASSWORD).await.expect(201);
}
