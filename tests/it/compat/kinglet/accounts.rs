//! Registering, and what others see of an account.

use http::Method;
use serde_json::json;

use super::{BASE, Bird, debug, form, log_in, wrong};
use crate::support::{Caller, Person, Server};

async fn register(caller: &Caller, name: &str, email: &str) -> crate::support::Answer {
    form(caller, Method::POST, "/users", &[], &json!({"user_name": name, "email": email})).await
}

#[tokio::test]
async fn an_account_waits_for_its_activation_whatever_others_have_to_do() {
    let server = debug().await;
    let bob = Bird::hatch(&server, "bob").await;
    let made = register(&server.stranger(), "ann", "ann@example.org").await.expect(201);
    let password = made["password"].as_str().unwrap();
    let refused = ("Invalid login.", "Username or password was not found in database.");
    wrong(&log_in(&server, "ann@example.org", password).await, 404, refused.0, refused.1);
    let native = json!({"username": "ann", "password": password});
    server.stranger().post("/api/v1/sessions", &native).await.refused(403, "not_activated");
    let sent = bob.post("/messages", &json!({"message_text": "@ann hello"})).await.expect(400);
    assert_eq!(sent["user_message"], "User 'ann' does not exist. ");
    wrong(&bob.get("/lists/request/ann").await, 400, "Invalid recipient username.", "Username was not found.");
    let digest = made["user_digest"].as_str().unwrap();
    for _ in 0..2 {
        server.stranger().get(&format!("{BASE}/users/activate/{digest}/")).await.expect(200);
    }
    log_in(&server, "ANN@example.org", password).await.expect(200);
    let me = Person::from_login(
        &server.stranger(),
        password,
        &server.stranger().post("/api/v1/sessions", &native).await.expect(201),
    );
    let me = me.get("/api/v1/me").await.expect(200);
    assert_eq!((&me["inbox"], &me["bio_visible"]), (&json!("contacts"), &json!("contacts")));
}

#[tokio::test]
async fn a_digest_that_activates_nothing_is_told_so() {
    let server = debug().await;
    let get = async |path: &str| server.stranger().get(&format!("{BASE}/users/activate{path}")).await;
    wrong(&get("").await, 400, "Missing data.", "No digest given.");
    wrong(&get("/").await, 400, "Missing data.", "No digest given.");
    for digest in ["nonsense", "%00", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let system = "Invalid data given or account does not exist.";
        wrong(&get(&format!("/{digest}")).await, 400, "ActivateAccount - Error activating account", system);
    }
}

#[tokio::test]
async fn a_name_and_an_address_belong_to_one() {
    let server = debug().await;
    let stranger = server.stranger();
    Bird::hatch(&server, "userA").await;
    let error = "CreateUser - Error creating account.";
    wrong(&register(&stranger, "USERA", "x@example.org").await, 400, error, " 'USERA'  already exists.");
    wrong(&register(&stranger, "b", "UserA@example.org").await, 400, error, " 'UserA@example.org'  already exists.");
    let long = "x".repeat(31);
    let name = "Username must contain fewer than 31 characters, and only letters, numbers, and underscores are allowed. <br />\n";
    for (data, lines) in [
        (json!({}), "Missing username.<br />\nMissing e-mail.<br />\n".to_owned()),
        (json!({"user_name": long, "email": "a@b.org"}), name.to_owned()),
        (json!({"user_name": "a-b", "email": "nonsense"}), format!("{name}E-mail has incorrect syntax.<br />\n")),
        (json!({"user_name": "a", "email": "a..b@c.org"}), "E-mail has incorrect syntax.<br />\n".to_owned()),
    ] {
        wrong(&form(&stranger, Method::POST, "/users", &[], &data).await, 400, "Invalid Input", &lines);
    }
    register(&stranger, &"x".repeat(30), "thirty@example.travel").await.expect(201);
    register(&stranger, "Ольга", "olga@example.org").await.expect(201);
}

#[tokio::test]
async fn where_registration_is_not_open_nobody_registers() {
    for (registration, said) in [("closed", "Registration is closed"), ("invite", "takes an invitation")] {
        let options = Server::options().set("--compat", "kinglet=debug").set("--registration", registration);
        let server = options.start().await;
        let refused = register(&server.stranger(), "ann", "ann@example.org").await.expect(403);
        assert!(refused["system_message"].as_str().unwrap().contains(said), "{refused}");
        assert_eq!(server.count("users", "1 = 1").await, 0);
    }
}

#[tokio::test]
async fn a_profile_is_seen_by_those_who_are_approved() {
    let server = debug().await;
    let (ann, bob) = (Bird::hatch(&server, "ann").await, Bird::hatch(&server, "bob").await);
    let bio = "I <b>am</b> ann\nhttp://example.org/";
    ann.put("/users", &json!({"email": ann.email, "desc_markup": bio})).await.expect(200);
    let hidden = async |name: &str| {
        let system = format!("You are not on {name}'s approved list of users.");
        wrong(&bob.get(&format!("/users/{name}")).await, 404, "Could not retrieve user information.", &system);
    };
    hidden("ann").await;
    hidden("nobody").await;
    // Asking is not being approved; being asked is.
    bob.get("/lists/request/ann").await.expect(200);
    hidden("ann").await;
    assert_eq!(ann.get("/users/bob").await.expect(200)["user_name"], "bob");
    ann.get("/lists/approve/bob").await.expect(200);
    let html = "I &lt;b&gt;am&lt;/b&gt; ann<br /><a title=\"http://example.org/\"  class=\"extlink\" href=\"http://example.org/\">example.org/</a>";
    let expected = json!({"status": 200, "description": "OK", "user_name": "ann", "desc_format": html});
    assert_eq!(bob.get("/users/ANN").await.expect(200), expected);
    ann.get("/lists/reject/bob").await.expect(200);
    hidden("ann").await;
    // Neither does another interface show it.
    let native = bob.native(&server).await;
    assert_eq!(native.get("/api/v1/users/ann").await.expect(200)["bio"], json!(null));
    // And of somebody who shows himself to all, only who was approved hears through this one.
    Person::register(&server, "cem").await;
    hidden("cem").await;
}

#[tokio::test]
async fn what_is_wrong_with_a_profile_is_told_and_changes_nothing() {
    let server = debug().await;
    let (ann, bob) = (Bird::hatch(&server, "ann").await, Bird::hatch(&server, "bob").await);
    wrong(&ann.put("/users", &json!({"desc_markup": "x"})).await, 400, "Invalid data.", "Missing e-mail. ");
    let taken = format!("E-mail address {} already exists.", bob.email);
    let data = json!({"email": bob.email, "desc_markup": "x"});
    wrong(&ann.put("/users", &data).await, 400, "Duplicate entry", &taken);
    for data in [
        json!({"email": "nonsense", "desc_markup": "x"}),
        json!({"email": ann.email, "desc_markup": "x".repeat(2_001)}),
    ] {
        assert_eq!(ann.put("/users", &data).await.expect(400)["user_message"], "Invalid data.");
    }
    let own = ann.get("/users/ann").await.expect(200);
    assert_eq!(
        (&own["email"], &own["desc_markup"], &own["desc_format"]),
        (&json!(ann.email), &json!(null), &json!(null))
    );
    // What is not said stays; an empty text takes it away.
    ann.put("/users", &json!({"email": ann.email, "desc_markup": "me"})).await.expect(200);
    ann.put("/users", &json!({"email": ann.email})).await.expect(200);
    assert_eq!(ann.get("/users/ann").await.expect(200)["desc_markup"], "me");
    ann.put("/users", &json!({"email": ann.email, "desc_markup": ""})).await.expect(200);
    assert_eq!(ann.get("/users/ann").await.expect(200)["desc_markup"], json!(null));
    let refused = server.stranger().put(&format!("{BASE}/users"), &json!({"email": "x@example.org"})).await;
    wrong(&refused, 400, "Not found", "Invalid request");
}
