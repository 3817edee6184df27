//! Registering with an address: it counts, and where it is required the account does, once its link was used.

use serde_json::{Value, json};

use super::{PASSWORD, confirmed, log_in, press, redeem, register, told_of_wish};
use crate::support::deadline::PATIENCE;
use crate::support::{Answer, Ear, Person, Postbox, Server, SseClient, eventually};

#[tokio::test]
async fn an_account_waits_for_its_address_where_that_is_required() {
    let mut postbox = Postbox::open().await;
    let mut server = postbox.options().set("--email", "required").start().await;
    let answer = register(&server, "zoe", "zoe@example.org").await.expect(201);
    assert_eq!(answer["user"]["status"], "pending");
    assert!(answer.get("access_token").is_none() && answer.get("session_id").is_none(), "{answer}");
    let mail = postbox.next().await;
    assert_eq!((mail.to.as_str(), mail.sender.as_str()), ("zoe@example.org", "chat@example.org"));
    assert!(mail.subject.contains("chat.example.org") && mail.text.contains("zoe"), "{mail:?}");
    let token = mail.token("activate");

    let zoe = json!({"username": "zoe"});
    log_in(&server, zoe.clone(), "wrong password").await.refused(401, "invalid_credentials");
    log_in(&server, zoe.clone(), PASSWORD).await.refused(403, "not_activated");
    let by_address = json!({"email": "zoe@example.org"});
    log_in(&server, by_address.clone(), PASSWORD).await.refused(401, "invalid_credentials");
    register(&server, "ZOE", "other@example.org").await.refused(409, "username_taken");

    server.kill().await;
    server.restart().await;
    // Looking at the page is not pressing its button.
    let page = server.stranger().get(&format!("/links/activate?token={token}")).await;
    assert_eq!(page.status, 200, "{}", page.describe());
    log_in(&server, zoe.clone(), PASSWORD).await.refused(403, "not_activated");
    let pressed = press(&server, "activate", &[("token", &token)]).await;
    assert_eq!(pressed.status, 200, "{}", pressed.describe());

    server.kill().await;
    server.restart().await;
    let login = log_in(&server, by_address, PASSWORD).await.expect(201);
    let me = Person::from_login(&server.stranger(), PASSWORD, &login).get("/api/v1/me").await.expect(200);
    assert_eq!((me["status"].as_str(), me["email_confirmed"].as_bool()), (Some("active"), Some(true)));
    log_in(&server, zoe, PASSWORD).await.expect(201);
    redeem(&server, "activate", &json!({"token": token})).await.refused(404, "link_invalid");
    assert_eq!(press(&server, "activate", &[("token", &token)]).await.status, 404);
}

#[tokio::test]
async fn who_waits_is_not_seen_by_others() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    let bob = Person::register(&server, "bob").await;
    let mut server = server;
    server.kill().await;
    server.restart_with(postbox.options().set("--email", "required")).await;
    register(&server, "zoe", "zoe@example.org").await.expect(201);
    bob.get("/api/v1/users/zoe").await.refused(404, "not_found");
    let presence = bob.get("/api/v1/presence?user=zoe").await.expect(200);
    assert_eq!(presence["items"][0]["user"]["id"], json!(null), "nobody has that name yet");
    assert_eq!(bob.get("/api/v1/users?prefix=z").await.expect(200)["items"], json!([]));
    bob.post("/api/v1/messages", &json!({"to": ["zoe"], "text": "hello"})).await.refused(404, "not_found");
    let token = postbox.next_link("zoe@example.org", "activate").await;
    redeem(&server, "activate", &json!({"token": token})).await.expect(204);
    bob.get("/api/v1/users/zoe").await.expect(200);
}

#[tokio::test]
async fn an_address_belongs_to_the_first_who_confirms_it() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().set("--email", "required").start().await;
    let mut tokens = Vec::new();
    for name in ["ann", "ben"] {
        register(&server, name, "both@example.org").await.expect(201);
        tokens.push(postbox.next_link("both@example.org", "activate").await);
    }
    redeem(&server, "activate", &json!({"token": tokens[1]})).await.expect(204);
    redeem(&server, "activate", &json!({"token": tokens[0]})).await.refused(409, "email_taken");
    log_in(&server, json!({"email": "BOTH@example.org"}), PASSWORD).await.expect(201);
    log_in(&server, json!({"username": "ann"}), PASSWORD).await.refused(403, "not_activated");
}

/// What an answer says, without what differs between any two accounts.
fn shape(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    for own in ["access_token", "refresh_token", "session_id"] {
        if let Some(value) = body.get_mut(own) {
            *value = json!("its own");
        }
    }
    for own in ["id", "username", "email", "created_at"] {
        body["user"][own] = json!("its own");
    }
    (answer.status, body)
}

#[tokio::test]
async fn registering_does_not_tell_whether_somebody_has_an_address() {
    for required in ["optional", "required"] {
        let mut postbox = Postbox::open().await;
        let server = postbox.options().set("--email", required).start().await;
        let free = register(&server, "zoe", "zoe@example.org").await;
        let token = postbox.next_link("zoe@example.org", "activate").await;
        redeem(&server, "activate", &json!({"token": token})).await.expect(204);
        let taken = register(&server, "thief", "ZOE@example.org").await;
        assert_eq!(shape(&taken), shape(&free), "{required}");
        told_of_wish(&mut postbox, "zoe", "zoe@example.org").await;
        let by_address = log_in(&server, json!({"email": "zoe@example.org"}), PASSWORD).await.expect(201);
        assert_eq!(by_address["user"]["username"], "zoe");
    }
}

#[tokio::test]
async fn where_it_is_optional_an_address_is_a_wish_until_it_is_confirmed() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    let answer = register(&server, "zoe", "zoe@example.org").await.expect(201);
    let zoe = Person::from_login(&server.stranger(), PASSWORD, &answer);
    assert_eq!(zoe.get("/api/v1/me").await.expect(200)["email_confirmed"], false);
    let by_address = json!({"email": "zoe@example.org"});
    log_in(&server, by_address.clone(), PASSWORD).await.refused(401, "invalid_credentials");
    let mut stream = SseClient::open(server.address, &zoe.stream()).await.unwrap();
    stream.until_control("ready").await;
    let token = postbox.next_link("zoe@example.org", "activate").await;
    redeem(&server, "activate", &json!({"token": token})).await.expect(204);
    let heard = stream.until_seq(zoe.head().await).await;
    let updated = heard.iter().find(|seen| seen.kind == "user.updated").expect("the confirmation is heard of").data();
    assert_eq!((&updated["email"], &updated["email_confirmed"]), (&json!("zoe@example.org"), &json!(true)));
    log_in(&server, by_address, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn an_address_is_wanted_and_can_be_written_to_where_it_is_required() {
    let postbox = Postbox::open().await;
    let server = postbox.options().set("--email", "required").start().await;
    let body = json!({"username": "zoe", "password": PASSWORD});
    server.stranger().post("/api/v1/users", &body).await.refused_field("invalid", "email");
    for bad in ["nonsense", "a..b@example.org", "a@b", "zoe@example.org\r\nBcc: x@example.org"] {
        register(&server, "zoe", bad).await.refused_field("invalid", "email");
    }
    let silent = Server::options().set("--email", "required").start().await;
    register(&silent, "zoe", "zoe@example.org").await.refused(503, "mail_not_configured");
    assert!(silent.log().contains("--smtp-url"), "the operator is told: {}", silent.log());
}

#[tokio::test]
async fn a_name_that_was_never_activated_is_free_again() {
    let mut postbox = Postbox::open().await;
    let mut server = postbox.options().set("--email", "required").start().await;
    for name in ["zoe", "yan"] {
        let address = format!("{name}@example.org");
        register(&server, name, &address).await.expect(201);
        postbox.next_link(&address, "activate").await;
    }
    server.kill().await;
    // Four days pass; the second link was made later.
    server.sql("UPDATE users SET created_at = created_at - 345600000").await;
    server.sql("UPDATE links SET expires_at = expires_at - 345600000 WHERE user_id = 1").await;
    server.restart().await;
    let again = async || (register(&server, "zoe", "new@example.org").await.status == 201).then_some(());
    eventually(PATIENCE, "the name to be free", again).await;
    register(&server, "yan", "new@example.org").await.refused(409, "username_taken");
}

#[tokio::test]
async fn the_link_comes_again_to_who_asks_by_name() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().set("--email", "required").start().await;
    register(&server, "zoe", "zoe@example.org").await.expect(201);
    postbox.next_link("zoe@example.org", "activate").await;
    super::ask_for_reset(&server.stranger(), &json!({"username": "zoe"})).await.expect(202);
    let token = postbox.next_link("zoe@example.org", "activate").await;
    redeem(&server, "activate", &json!({"token": token})).await.expect(204);
    log_in(&server, json!({"username": "zoe"}), PASSWORD).await.expect(201);
}

#[tokio::test]
async fn unknown_used_expired_and_misused_links_are_all_the_same() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    super::ask_for_reset(&server.stranger(), &json!({"username": "zoe"})).await.expect(202);
    let token = postbox.next_link("zoe@example.org", "password").await;
    assert_eq!(token.len(), 22, "128 bits: {token}");
    let body = |token: &str| json!({"token": token, "password": "another horse"});
    let unknown = redeem(&server, "password", &body("AAAAAAAAAAAAAAAAAAAAAA")).await;
    unknown.refused(404, "link_invalid");
    let mut others = vec![redeem(&server, "password", &body("x")).await, redeem(&server, "password", &body("")).await];
    for misused in ["activate", "email"] {
        others.push(redeem(&server, misused, &json!({"token": token})).await);
    }
    server.sql("UPDATE links SET expires_at = 1").await;
    others.push(redeem(&server, "password", &body(&token)).await);
    assert_eq!(server.stranger().get(&format!("/links/password?token={token}")).await.status, 404);
    for other in others {
        assert_eq!((other.status, &other.body), (404, &unknown.body), "{}", other.describe());
    }
    redeem(&server, "nonsense", &json!({"token": token})).await.refused(404, "not_found");
    assert_eq!(server.stranger().get("/links/nonsense?token=x").await.status, 404);
}
