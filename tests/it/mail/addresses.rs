//! Changing one's address, and taking it away.

use http::Method;
use serde_json::json;

use super::{PASSWORD, confirmed, log_in, redeem};
use crate::support::{Person, Postbox, Server};

#[tokio::test]
async fn another_address_counts_once_it_is_confirmed_and_the_old_one_is_told() {
    let mut postbox = Postbox::open().await;
    let mut server = postbox.options().start().await;
    let zoe = confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    let put = async |email: &str, password: &str| {
        zoe.put("/api/v1/me/email", &json!({"email": email, "password": password})).await
    };
    put("new@example.org", "wrong password").await.refused(401, "invalid_credentials");
    put("nonsense", PASSWORD).await.refused_field("invalid", "email");
    put("new@example.org", PASSWORD).await.expect(202);
    let token = postbox.next_link("new@example.org", "email").await;
    let me = zoe.get("/api/v1/me").await.expect(200);
    assert_eq!((&me["email"], &me["email_confirmed"]), (&json!("zoe@example.org"), &json!(true)), "not yet");
    server.kill().await;
    server.restart().await;
    redeem(&server, "email", &json!({"token": token})).await.expect(204);
    let told = postbox.next().await;
    assert_eq!(told.to, "zoe@example.org");
    assert!(told.text.contains("another e-mail address") && !told.text.contains("new@example.org"), "{told:?}");
    log_in(&server, json!({"email": "zoe@example.org"}), PASSWORD).await.refused(401, "invalid_credentials");
    log_in(&server, json!({"email": "new@example.org"}), PASSWORD).await.expect(201);
    redeem(&server, "email", &json!({"token": token})).await.refused(404, "link_invalid");
    let other = Person::register(&server, "other").await;
    let taken = json!({"email": "NEW@example.org", "password": other.password});
    other.put("/api/v1/me/email", &taken).await.refused(409, "email_taken");
}

#[tokio::test]
async fn an_address_can_be_taken_away() {
    let mut postbox = Postbox::open().await;
    let mut server = postbox.options().start().await;
    let zoe = confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    let delete =
        async |password: &str| zoe.call(Method::DELETE, "/api/v1/me/email", Some(&json!({"password": password}))).await;
    delete("wrong password").await.refused(401, "invalid_credentials");
    delete(PASSWORD).await.expect(204);
    let told = postbox.next().await;
    assert!(told.to == "zoe@example.org" && told.text.contains("no e-mail address any more"), "{told:?}");
    let me = zoe.get("/api/v1/me").await.expect(200);
    assert_eq!((&me["email"], &me["email_confirmed"]), (&json!(null), &json!(false)));
    log_in(&server, json!({"email": "zoe@example.org"}), PASSWORD).await.refused(401, "invalid_credentials");
    delete(PASSWORD).await.expect(204);
    server.kill().await;
    server.restart_with(postbox.options().set("--email", "required")).await;
    let zoe = zoe.login(&server).await;
    let body = json!({"password": PASSWORD});
    zoe.call(Method::DELETE, "/api/v1/me/email", Some(&body)).await.refused(409, "email_required");
}

#[tokio::test]
async fn without_mail_an_address_stays_a_wish() {
    let server = Server::start().await;
    let zoe = Person::register(&server, "zoe").await;
    let body = json!({"email": "zoe@example.org", "password": zoe.password});
    zoe.put("/api/v1/me/email", &body).await.refused(503, "mail_not_configured");
}
