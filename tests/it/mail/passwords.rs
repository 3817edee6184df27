//! Setting a new password by a mailed link.

use goldcrest::domain::Timestamp;
use serde_json::json;

use super::{PASSWORD, ask_for_reset, confirmed, log_in, press, redeem, register};
use crate::support::{Ear, Person, Postbox, Server, SseClient, seconds};

#[tokio::test]
async fn a_mailed_link_sets_a_new_password_and_ends_all_sessions() {
    let mut postbox = Postbox::open().await;
    let mut server = postbox.options().start().await;
    let zoe = confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    let key = zoe.post("/api/v1/keys", &json!({"name": "script", "scopes": ["read"]})).await.expect(201);
    ask_for_reset(&server.stranger(), &json!({"email": "ZOE@example.org"})).await.expect(202);
    let token = postbox.next_link("zoe@example.org", "password").await;
    server.kill().await;
    server.restart().await;
    let zoe = zoe.login(&server).await;
    let mut stream = SseClient::open(server.address, &zoe.stream()).await.unwrap();
    stream.until_control("ready").await;

    let body = |password: &str| json!({"token": token, "password": password});
    redeem(&server, "password", &json!({"token": token})).await.refused_field("invalid", "password");
    redeem(&server, "password", &body("short")).await.refused_field("invalid", "password");
    zoe.get("/api/v1/me").await.expect(200);
    redeem(&server, "password", &body("another horse")).await.expect(204);
    stream.until_end(seconds(10)).await;
    zoe.get("/api/v1/me").await.refused(401, "unauthorized");
    log_in(&server, json!({"username": "zoe"}), PASSWORD).await.refused(401, "invalid_credentials");
    log_in(&server, json!({"username": "zoe"}), "another horse").await.expect(201);
    let script = server.stranger().with_bearer(key["key"].as_str().unwrap());
    script.get("/api/v1/conversations").await.expect(200);
    redeem(&server, "password", &body("third horse")).await.refused(404, "link_invalid");
}

#[tokio::test]
async fn the_form_sets_it_too_and_says_what_is_wrong() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    ask_for_reset(&server.stranger(), &json!({"username": "zoe"})).await.expect(202);
    let token = postbox.next_link("zoe@example.org", "password").await;
    let short = press(&server, "password", &[("token", &token), ("password", "short")]).await;
    let page = String::from_utf8(short.body.clone()).unwrap();
    assert_eq!(short.status, 422, "{page}");
    assert!(page.contains("at least 8 characters") && page.contains(&format!("value=\"{token}\"")), "{page}");
    let done = press(&server, "password", &[("token", &token), ("password", "another horse")]).await;
    assert_eq!(done.status, 200, "{}", done.describe());
    log_in(&server, json!({"username": "zoe"}), "another horse").await.expect(201);
}

#[tokio::test]
async fn nobody_learns_who_has_an_account_or_an_address() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    register(&server, "wish", "wish@example.org").await.expect(201);
    postbox.next_link("wish@example.org", "activate").await;
    let stranger = server.stranger();
    let mut answers = Vec::new();
    for who in [
        json!({"username": "nobody"}),
        json!({"username": "not a name"}),
        json!({"email": "nobody@example.org"}),
        // An address that is not confirmed gets no mail.
        json!({"email": "wish@example.org"}),
        json!({"username": "wish"}),
        json!({"username": "zoe"}),
    ] {
        let answer = ask_for_reset(&stranger, &who).await;
        assert_eq!(answer.status, 202, "{who}: {}", answer.describe());
        answers.push(answer.body);
    }
    assert!(answers.iter().all(|body| body == &answers[0]));
    // They are done in order, so the one mail that comes is the first that came of them.
    postbox.next_link("zoe@example.org", "password").await;
    ask_for_reset(&stranger, &json!({})).await.refused_field("invalid", "username");
    let silent = Server::start().await;
    for who in [json!({"username": "nobody"}), json!({"email": "nobody@example.org"})] {
        ask_for_reset(&silent.stranger(), &who).await.refused(503, "mail_not_configured");
    }
}

#[tokio::test]
async fn nobodys_mailbox_is_filled_by_others() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    confirmed(&server, &mut postbox, "yan", "yan@example.org").await;
    for _ in 0..8 {
        ask_for_reset(&server.stranger(), &json!({"username": "zoe"})).await.expect(202);
    }
    ask_for_reset(&server.stranger(), &json!({"username": "yan"})).await.expect(202);
    let mut to = Vec::new();
    while to.last().is_none_or(|to| to != "yan@example.org") {
        to.push(postbox.next().await.to);
    }
    // Letters overtake each other by a little, but there are no more than these.
    assert!(to.len() <= 6, "{to:?}");
}

#[tokio::test]
async fn a_link_is_void_once_the_password_or_the_address_is_another() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    let zoe = confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    let link = async |postbox: &mut Postbox, to: &str| {
        ask_for_reset(&server.stranger(), &json!({"username": "zoe"})).await.expect(202);
        postbox.next_link(to, "password").await
    };
    let body = |token: &str| json!({"token": token, "password": "stolen horse"});
    let token = link(&mut postbox, "zoe@example.org").await;
    let change = json!({"current_password": PASSWORD, "new_password": "another horse"});
    zoe.put("/api/v1/me/password", &change).await.expect(204);
    told(&mut postbox, "zoe@example.org").await;
    redeem(&server, "password", &body(&token)).await.refused(404, "link_invalid");
    let token = link(&mut postbox, "zoe@example.org").await;
    let change = json!({"email": "new@example.org", "password": "another horse"});
    zoe.put("/api/v1/me/email", &change).await.expect(202);
    let confirm = postbox.next_link("new@example.org", "email").await;
    redeem(&server, "email", &json!({"token": confirm})).await.expect(204);
    redeem(&server, "password", &body(&token)).await.refused(404, "link_invalid");
}

#[tokio::test]
async fn who_is_shut_out_gets_in_by_no_link() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    ask_for_reset(&server.stranger(), &json!({"username": "zoe"})).await.expect(202);
    let token = postbox.next_link("zoe@example.org", "password").await;
    server.command(&["user", "suspend", "zoe"]).await;
    let body = json!({"token": token, "password": "another horse"});
    redeem(&server, "password", &body).await.refused(404, "link_invalid");
    log_in(&server, json!({"username": "zoe"}), PASSWORD).await.refused(403, "suspended");
}

/// The next letter, which tells somebody that his password is another.
async fn told(postbox: &mut Postbox, to: &str) -> String {
    let mail = postbox.next().await;
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), (to, "Your password at chat.example.org was changed"));
    mail.text
}

#[tokio::test]
async fn the_owner_is_told_when_his_password_became_another_and_what_to_do() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    let zoe = confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    // Nobody has confirmed this one, so nothing goes there but the link that does.
    let register = register(&server, "wish", "wish@example.org").await.expect(201);
    let wish = Person::from_login(&server.stranger(), PASSWORD, &register);
    postbox.next_link("wish@example.org", "activate").await;
    let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    wish.put("/api/v1/me/password", &change(PASSWORD, "marked horse")).await.expect(204);
    zoe.put("/api/v1/me/password", &change("wrong horse", "marked horse")).await.refused(401, "invalid_credentials");
    let before = Timestamp::now();
    let mut changed = Vec::new();
    zoe.put("/api/v1/me/password", &change(PASSWORD, "marked horse")).await.expect(204);
    changed.push(told(&mut postbox, "zoe@example.org").await);
    ask_for_reset(&server.stranger(), &json!({"username": "zoe"})).await.expect(202);
    let token = postbox.next_link("zoe@example.org", "password").await;
    redeem(&server, "password", &json!({"token": token, "password": "marked mare"})).await.expect(204);
    changed.push(told(&mut postbox, "zoe@example.org").await);
    server.command_with_input(&["user", "passwd", "zoe", "--password-stdin"], "marked foal").await;
    changed.push(told(&mut postbox, "zoe@example.org").await);
    let moments = [before, Timestamp::now()].map(|at| at.to_string()[..16].replace('T', " at "));
    for text in changed {
        assert!(text.contains("Hello zoe,") && text.contains("It ends all sessions"), "{text}");
        let (_, when) = text.split_once("was changed on ").expect("it says when");
        let (when, _) = when.split_once(" UTC.").expect("it says when by which clock");
        assert!(*moments[0] <= *when && *when <= *moments[1], "{when} is not between {moments:?}");
        assert!(!text.contains("marked") && !text.contains(&token), "{text}");
    }
}
