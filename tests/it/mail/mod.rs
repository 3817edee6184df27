//! What is mailed, to a real mail server, and what the links in it do.

mod activation;
mod addresses;
mod pages;
mod passwords;
mod sending;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Person, Postbox, Server};

const PASSWORD: &str = "correct horse";

/// Somebody who registers with an address.
async fn register(server: &Server, name: &str, email: &str) -> Answer {
    let body = json!({"username": name, "password": PASSWORD, "email": email});
    server.stranger().post("/api/v1/users", &body).await
}

async fn log_in(server: &Server, who: Value, password: &str) -> Answer {
    let mut body = who;
    body["password"] = password.into();
    server.stranger().post("/api/v1/sessions", &body).await
}

/// Uses a link as a program does.
async fn redeem(server: &Server, purpose: &str, body: &Value) -> Answer {
    server.stranger().post(&format!("/api/v1/links/{purpose}"), body).await
}

/// Presses the button of a link's page, as a browser does: its policy of referrers makes the origin `null`.
async fn press(server: &Server, purpose: &str, fields: &[(&str, &str)]) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let browser = server.stranger().with_header("origin", "null");
    browser.send_body(Method::POST, &format!("/links/{purpose}"), "application/x-www-form-urlencoded", form).await
}

/// Somebody with a confirmed address.
async fn confirmed(server: &Server, postbox: &mut Postbox, name: &str, email: &str) -> Person {
    let answer = register(server, name, email).await.expect(201);
    let token = postbox.next_link(email, "activate").await;
    redeem(server, "activate", &json!({"token": token})).await.expect(204);
    Person::from_login(&server.stranger(), PASSWORD, &answer)
}

async fn ask_for_reset(caller: &Caller, who: &Value) -> Answer {
    caller.post("/api/v1/password-resets", who).await
}

/// The next letter tells the owner of an address that somebody else asks for it, and holds no link.
async fn told_of_wish(postbox: &mut Postbox, name: &str, email: &str) {
    let mail = postbox.next().await;
    assert_eq!(mail.to, email, "{mail:?}");
    assert!(mail.subject.contains("asks for your e-mail address") && mail.text.contains(name), "{mail:?}");
    assert!(!mail.text.contains("/links/"), "{mail:?}");
}
