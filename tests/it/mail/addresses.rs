//! Changing one's address, and taking it away.

use http::Method;
use serde_json::json;

use super::{PASSWORD, confirmed, log_in, redeem, told_of_wish};
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
}

#[tokio::test]
async fn asking_for_an_address_does_not_tell_whether_somebody_has_it() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await;
    let other = Person::register(&server, "other").await;
    let ask =
        async |email: &str| other.put("/api/v1/me/email", &json!({"email": email, "password": other.password})).await;
    // As often as mails are sent at a time, and once more.
    for number in 0..6 {
        let wanted = if number == 5 { 409 } else { 202 };
        let taken = ask("ZOE@example.org").await;
        assert_eq!(taken.status, wanted, "{number}: {}", taken.describe());
        if number < 5 {
            told_of_wish(&mut postbox, "zoe", "zoe@example.org").await;
        }
    }
    log_in(&server, json!({"email": "zoe@example.org"}), PASSWORD).await.expect(201);
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

#[tokio::test]
async fn a_link_to_another_address_ends_with_what_it_was_asked_for_by() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    let password = json!({"current_password": PASSWORD, "new_password": "another horse"});
    let ways = ["himself", "operator", "link", "suspended", "suspended for a while"];
    let mut people = Vec::new();
    for number in 0..ways.len() {
        people
            .push(confirmed(&server, &mut postbox, &format!("zoe{number}"), &format!("zoe{number}@example.org")).await);
    }
    for (zoe, way) in people.iter().zip(ways) {
        let (name, own) = (&zoe.name, format!("{}@example.org", zoe.name));
        // Somebody has learnt the password.
        let body = json!({"email": "thief@example.org", "password": PASSWORD});
        zoe.put("/api/v1/me/email", &body).await.expect(202);
        let token = until_link(&mut postbox, "thief@example.org", "email").await;
        match way {
            "himself" => drop(zoe.put("/api/v1/me/password", &password).await.expect(204)),
            "operator" => {
                server.command_with_input(&["user", "passwd", name, "--password-stdin"], "another horse").await;
            }
            "link" => {
                super::ask_for_reset(&server.stranger(), &json!({"username": name})).await.expect(202);
                let token = until_link(&mut postbox, &own, "password").await;
                redeem(&server, "password", &json!({"token": token, "password": "another horse"})).await.expect(204);
            }
            _ => drop(server.command(&["user", "suspend", name]).await),
        }
        if way == "suspended for a while" {
            server.command(&["user", "unsuspend", name]).await;
        }
        let answer = redeem(&server, "email", &json!({"token": token})).await;
        assert_eq!(answer.status, 404, "{way}: {}", answer.describe());
    }
}

/// The next letter to this address with a link for this, whatever else is mailed meanwhile.
async fn until_link(postbox: &mut Postbox, to: &str, purpose: &str) -> String {
    loop {
        let mail = postbox.next().await;
        if mail.to == to && mail.text.contains(&format!("/links/{purpose}?")) {
            return mail.token(purpose);
        }
    }
}

#[tokio::test]
async fn who_is_shut_out_confirms_nothing() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    super::register(&server, "zoe", "zoe@example.org").await.expect(201);
    let token = postbox.next_link("zoe@example.org", "activate").await;
    server.command(&["user", "suspend", "zoe"]).await;
    redeem(&server, "activate", &json!({"token": token})).await.refused(404, "link_invalid");
}

#[tokio::test]
async fn an_address_that_was_only_asked_for_is_taken_back() {
    let mut postbox = Postbox::open().await;
    let server = postbox.options().start().await;
    let zoe = Person::register(&server, "zoe").await;
    let body = json!({"email": "typo@example.org", "password": zoe.password});
    zoe.put("/api/v1/me/email", &body).await.expect(202);
    let token = postbox.next_link("typo@example.org", "email").await;
    let body = json!({"password": zoe.password});
    zoe.call(Method::DELETE, "/api/v1/me/email", Some(&body)).await.expect(204);
    redeem(&server, "email", &json!({"token": token})).await.refused(404, "link_invalid");
}

#[tokio::test]
async fn a_mailed_password_is_void_once_the_password_or_the_address_is_another() {
    let mut postbox = Postbox::open().await;
    let mut server = postbox.options().start().await;
    let [zoe, yan, xia] = [
        confirmed(&server, &mut postbox, "zoe", "zoe@example.org").await,
        confirmed(&server, &mut postbox, "yan", "yan@example.org").await,
        confirmed(&server, &mut postbox, "xia", "xia@example.org").await,
    ];
    server.kill().await;
    server.sql("UPDATE users SET spare_password_hash = 'a hash', spare_until = 9000000000000, open = TRUE").await;
    server.restart().await;
    super::ask_for_reset(&server.stranger(), &json!({"username": "zoe"})).await.expect(202);
    let token = postbox.next_link("zoe@example.org", "password").await;
    redeem(&server, "password", &json!({"token": token, "password": "another horse"})).await.expect(204);
    let body = json!({"email": "new@example.org", "password": PASSWORD});
    yan.put("/api/v1/me/email", &body).await.expect(202);
    let token = until_link(&mut postbox, "new@example.org", "email").await;
    redeem(&server, "email", &json!({"token": token})).await.expect(204);
    xia.call(Method::DELETE, "/api/v1/me/email", Some(&json!({"password": PASSWORD}))).await.expect(204);
    for person in [&zoe, &yan, &xia] {
        let kept = format!("id = {} AND spare_password_hash IS NOT NULL", person.id);
        assert_eq!(server.count("users", &kept).await, 0, "{}", person.name);
    }
    assert_eq!(server.count("users", &format!("id = {} AND open", zoe.id)).await, 0, "he has a password again");
}
