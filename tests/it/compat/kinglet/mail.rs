//! What is mailed where nothing secret is answered: first passwords, lost ones, other addresses.

use http::Method;
use serde_json::{Value, json};

use super::{BASE, Bird, debug, fields, form, log_in, not_authenticated, wrong};
use crate::support::{Answer, Person, Postbox, Server};

async fn start(postbox: &Postbox) -> Server {
    postbox.options().set("--compat", "kinglet").start().await
}

async fn lost(server: &Server, name: &str, email: &str) -> Answer {
    let data = json!({"user_name": name, "email": email});
    form(&server.stranger(), Method::POST, "/users/password", &[], &data).await
}

/// The password in a letter, which has a line of its own.
fn password(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    lines[0].to_owned()
}

/// Registers and activates by mail, and logs in.
async fn hatch(server: &Server, postbox: &mut Postbox, name: &str) -> Bird {
    let (caller, email) = (server.stranger(), format!("{name}@example.org"));
    let data = json!({"user_name": name, "email": email});
    let made = form(&caller, Method::POST, "/users", &[], &data).await.expect(201);
    let mail = postbox.next().await;
    assert_eq!(mail.to, email);
    caller.get(&format!("{BASE}/users/activate/{}", mail.token("activate"))).await.expect(200);
    let password = password(&mail.text);
    let login = log_in(server, &email, &password).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (id, session) = (text(&made["user_id"]), text(&login["session_id"]));
    Bird { id, name: name.to_owned(), email, password, session, caller }
}

#[tokio::test]
async fn the_first_password_and_the_link_come_by_mail() {
    let mut postbox = Postbox::open().await;
    let server = start(&postbox).await;
    let stranger = server.stranger();
    let data = json!({"user_name": "zoe", "email": "zoe@example.org"});
    let made = form(&stranger, Method::POST, "/users", &[], &data).await.expect(201);
    assert_eq!(fields(&made), "description email status user_id user_name", "nothing secret is answered");
    let mail = postbox.next().await;
    assert_eq!((mail.to.as_str(), mail.sender.as_str()), ("zoe@example.org", "chat@example.org"));
    assert!(mail.text.contains("zoe") && mail.subject.contains("chat.example.org"), "{mail:?}");
    let (token, password) = (mail.token("activate"), password(&mail.text));
    assert_eq!(log_in(&server, "zoe@example.org", &password).await.status, 404);
    // Looking at the page in the letter does nothing; its button does, and the interface agrees afterwards.
    assert_eq!(stranger.get(&format!("/links/activate?token={token}")).await.status, 200);
    assert_eq!(log_in(&server, "zoe@example.org", &password).await.status, 404);
    let button = stranger.with_header("origin", "null");
    let pressed = button.send_body(
        Method::POST,
        "/links/activate",
        "application/x-www-form-urlencoded",
        format!("token={token}"),
    );
    assert_eq!(pressed.await.status, 200);
    log_in(&server, "zoe@example.org", &password).await.expect(200);
    for _ in 0..2 {
        let again = stranger.get(&format!("{BASE}/users/activate/{token}")).await.expect(200);
        assert_eq!(again["activate_account"], "true");
    }
    // Natively a link works once.
    let body = json!({"token": token});
    stranger.post("/api/v1/links/activate", &body).await.refused(404, "link_invalid");
}

#[tokio::test]
async fn without_mail_what_needs_it_says_what_to_configure() {
    let server = Server::options().set("--compat", "kinglet").start().await;
    let says = "mail_not_configured: the operator of this server can give --smtp-url, --mail-from and --public-url.";
    let user = "This server sends no mail, which this takes.";
    let data = json!({"user_name": "zoe", "email": "zoe@example.org"});
    wrong(&form(&server.stranger(), Method::POST, "/users", &[], &data).await, 503, user, says);
    wrong(&lost(&server, "zoe", "zoe@example.org").await, 503, user, says);
    assert_eq!(server.count("users", "1 = 1").await, 0);
    let arguments = ["user", "add", "zoe", "--email", "zoe@example.org", "--password-stdin"];
    server.command_with_input(&arguments, "correct horse").await;
    let login = log_in(&server, "zoe@example.org", "correct horse").await.expect(200);
    let zoe = Bird {
        id: "1".to_owned(),
        name: "zoe".to_owned(),
        email: "zoe@example.org".to_owned(),
        password: "correct horse".to_owned(),
        session: login["session_id"].as_str().unwrap().to_owned(),
        caller: server.stranger(),
    };
    wrong(&zoe.put("/users", &json!({"email": "new@example.org"})).await, 503, user, says);
    zoe.put("/users", &json!({"email": "ZOE@example.org", "desc_markup": "me"})).await.expect(200);
}

#[tokio::test]
async fn a_mailed_password_is_good_beside_the_other_until_it_is_used() {
    let mut postbox = Postbox::open().await;
    let server = start(&postbox).await;
    let zoe = hatch(&server, &mut postbox, "zoe").await;
    let unknown = ("Invalid input.", "Username and/or e-mail does not exist.");
    for (name, email) in
        [("nobody", zoe.email.as_str()), ("zoe", "other@example.org"), ("zoe", ""), ("", ""), ("a\0", "b")]
    {
        wrong(&lost(&server, name, email).await, 404, unknown.0, unknown.1);
    }
    let answer = lost(&server, "ZOE", "Zoe@example.org").await.expect(200);
    assert_eq!(answer, json!({"status": 200, "description": "OK", "email": "Zoe@example.org"}));
    let mail = postbox.next().await;
    assert_eq!(mail.to, zoe.email);
    let (spare, token) = (password(&mail.text), mail.token("password"));
    assert_ne!(spare, zoe.password);
    // The old one is good as before, and so is what rests on it.
    log_in(&server, &zoe.email, &zoe.password).await.expect(200);
    zoe.get("/messages").await.expect(200);
    assert_eq!(log_in(&server, &zoe.email, "neither of them").await.status, 404);
    let native = zoe.native(&server).await;
    let login = log_in(&server, &zoe.email, &spare).await.expect(200);
    assert_eq!(log_in(&server, &zoe.email, &zoe.password).await.status, 404, "now it is the password");
    not_authenticated(&zoe.get("/messages").await);
    assert_eq!(native.get("/api/v1/me").await.status, 401);
    zoe.with_session(login["session_id"].as_str().unwrap()).get("/messages").await.expect(200);
    log_in(&server, &zoe.email, &spare).await.expect(200);
    let body = json!({"token": token, "password": "stolen horse"});
    server.stranger().post("/api/v1/links/password", &body).await.refused(404, "link_invalid");
}

#[tokio::test]
async fn a_mailed_password_may_first_be_used_anywhere() {
    let server = debug().await;
    let zoe = Bird::hatch(&server, "zoe").await;
    let spare = lost(&server, "zoe", &zoe.email).await.expect(200)["new_password"].as_str().unwrap().to_owned();
    let body = json!({"username": "zoe", "password": spare});
    server.stranger().post("/api/v1/sessions", &body).await.expect(201);
    not_authenticated(&zoe.get("/messages").await);
    assert_eq!(log_in(&server, &zoe.email, &zoe.password).await.status, 404);
}

#[tokio::test]
async fn a_mailed_password_ends_after_a_day_and_with_whatever_overtakes_it() {
    let server = debug().await;
    let zoe = Bird::hatch(&server, "zoe").await;
    let spare =
        async || lost(&server, "zoe", &zoe.email).await.expect(200)["new_password"].as_str().unwrap().to_owned();
    let (first, second) = (spare().await, spare().await);
    assert_eq!(log_in(&server, &zoe.email, &first).await.status, 404, "only the last one counts");
    let day = 24 * 3_600 * 1_000;
    assert_eq!(server.count("users", &format!("spare_until - created_at BETWEEN {day} AND {day} + 60000")).await, 1);
    server.sql(&format!("UPDATE users SET spare_until = spare_until - {day} - 60000")).await;
    assert_eq!(log_in(&server, &zoe.email, &second).await.status, 404);
    // A password that somebody chose.
    let third = spare().await;
    let change = json!({"old_password": zoe.password, "new_password": "abcd12!@", "verify_password": "abcd12!@"});
    zoe.put("/users/password", &change).await.expect(200);
    assert_eq!(log_in(&server, &zoe.email, &third).await.status, 404);
    // Another address: that mail may be read by somebody else now.
    let fourth = spare().await;
    zoe.put("/users", &json!({"email": "new@example.org"})).await.expect(200);
    assert_eq!(log_in(&server, "new@example.org", &fourth).await.status, 404);
    log_in(&server, "new@example.org", "abcd12!@").await.expect(200);
}

#[tokio::test]
async fn the_link_in_the_letter_sets_a_password_of_ones_own() {
    let mut postbox = Postbox::open().await;
    let server = start(&postbox).await;
    let zoe = hatch(&server, &mut postbox, "zoe").await;
    lost(&server, "zoe", &zoe.email).await.expect(200);
    let mail = postbox.next().await;
    let body = json!({"token": mail.token("password"), "password": "another horse"});
    server.stranger().post("/api/v1/links/password", &body).await.expect(204);
    assert_eq!(log_in(&server, &zoe.email, &password(&mail.text)).await.status, 404, "the mailed one is overtaken");
    log_in(&server, &zoe.email, "another horse").await.expect(200);
}

#[tokio::test]
async fn nobodys_mailbox_is_filled_by_others() {
    let mut postbox = Postbox::open().await;
    let server = start(&postbox).await;
    let zoe = hatch(&server, &mut postbox, "zoe").await;
    let yan = hatch(&server, &mut postbox, "yan").await;
    for _ in 0..5 {
        lost(&server, "zoe", &zoe.email).await.expect(200);
    }
    let mut mails = Vec::new();
    for _ in 0..5 {
        mails.push(postbox.next().await);
    }
    // No more are sent, which is not told, and the last that was sent is good still. Native ones count with these.
    for _ in 0..3 {
        lost(&server, "zoe", &zoe.email).await.expect(200);
        let native = json!({"username": "zoe"});
        server.stranger().post("/api/v1/password-resets", &native).await.expect(202);
    }
    lost(&server, "yan", &yan.email).await.expect(200);
    assert_eq!(postbox.next().await.to, yan.email);
    let mut good = 0;
    for mail in &mails {
        good += u16::from(log_in(&server, &zoe.email, &password(&mail.text)).await.status == 200);
    }
    assert_eq!(good, 1);
}

#[tokio::test]
async fn who_waits_for_his_activation_is_mailed_it_again_with_a_password() {
    let mut postbox = Postbox::open().await;
    let server = start(&postbox).await;
    let data = json!({"user_name": "zoe", "email": "zoe@example.org"});
    form(&server.stranger(), Method::POST, "/users", &[], &data).await.expect(201);
    let first = postbox.next().await;
    lost(&server, "zoe", "zoe@example.org").await.expect(200);
    let second = postbox.next().await;
    assert_eq!(log_in(&server, "zoe@example.org", &password(&second.text)).await.status, 404);
    server.stranger().get(&format!("{BASE}/users/activate/{}", second.token("activate"))).await.expect(200);
    log_in(&server, "zoe@example.org", &password(&second.text)).await.expect(200);
    assert_eq!(log_in(&server, "zoe@example.org", &password(&first.text)).await.status, 404);
    // Whoever opens the older letter too hears that it is done.
    server.stranger().get(&format!("{BASE}/users/activate/{}", first.token("activate"))).await.expect(200);
}

#[tokio::test]
async fn another_address_counts_once_it_is_confirmed() {
    let mut postbox = Postbox::open().await;
    let server = start(&postbox).await;
    let zoe = hatch(&server, &mut postbox, "zoe").await;
    zoe.put("/users", &json!({"email": "new@example.org", "desc_markup": "me"})).await.expect(200);
    let own = zoe.get("/users/zoe").await.expect(200);
    assert_eq!((&own["email"], &own["desc_markup"]), (&json!(zoe.email), &json!("me")));
    let token = postbox.next_link("new@example.org", "email").await;
    server.stranger().post("/api/v1/links/email", &json!({"token": token})).await.expect(204);
    assert_eq!(postbox.next().await.to, zoe.email, "the old one is told");
    assert_eq!(zoe.get("/users/zoe").await.expect(200)["email"], "new@example.org");
    log_in(&server, "new@example.org", &zoe.password).await.expect(200);
    let native: Person = zoe.native(&server).await;
    assert_eq!(native.get("/api/v1/me").await.expect(200)["email_confirmed"], true);
}
