//! Who may register: anybody, whoever has an invitation, or nobody.

use serde_json::{Value, json};

use crate::support::{Answer, Person, Server, seconds};

async fn register(server: &Server, name: &str, invitation: &Value) -> Answer {
    let mut body = json!({"username": name, "password": "long enough"});
    if !invitation.is_null() {
        body["invitation"] = invitation.clone();
    }
    server.stranger().post("/api/v1/users", &body).await
}

#[tokio::test]
async fn an_invitation_lets_in_as_many_as_it_says() {
    let mut server = Server::options().set("--registration", "invite").start().await;
    let root = Person::administrator(&server, "root").await;
    let made =
        root.post("/api/v1/invitations", &json!({"name": "friends", "uses": 2, "expires_in": 3600})).await.expect(201);
    let token = made["token"].clone();
    assert_eq!(token.as_str().map(str::len), Some(22), "128 bits: {made}");
    assert_eq!((&made["uses_left"], &made["used"], &made["url"]), (&json!(2), &json!(0), &json!(null)), "{made}");
    assert_eq!(made["created_by"]["username"], "root");
    for wrong in [json!(null), json!(""), json!("nonsense"), json!("AAAAAAAAAAAAAAAAAAAAAA")] {
        let problem = register(&server, "ann", &wrong).await.refused(403, "invitation_invalid");
        assert_eq!(problem["field"], "invitation");
    }
    register(&server, "ann", &token).await.expect(201);
    // What is refused otherwise uses none.
    register(&server, "ANN", &token).await.refused(409, "username_taken");
    server.kill().await;
    server.restart().await;
    let (ben, cem) = tokio::join!(register(&server, "ben", &token), register(&server, "cem", &token));
    let mut statuses = [ben.status, cem.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403], "two at once do not both have the last use");
    let root = root.login(&server).await;
    let list = root.get("/api/v1/invitations").await.expect(200);
    let item = &list["items"][0];
    assert_eq!((&item["name"], &item["uses_left"], &item["used"]), (&json!("friends"), &json!(0), &json!(2)));
    assert!(item.get("token").is_none() && item.get("url").is_none(), "it is shown once: {item}");
}

#[tokio::test]
async fn an_invitation_ends_and_can_be_taken_back() {
    let server =
        Server::options().set("--registration", "invite").set("--public-url", "https://chat.example.org").start().await;
    let root = Person::administrator(&server, "root").await;
    let first = root.post("/api/v1/invitations", &json!({})).await.expect(201);
    assert_eq!(first["url"], format!("https://chat.example.org/invitations/{}", first["token"].as_str().unwrap()));
    let second = root.post("/api/v1/invitations", &json!({"name": "x", "uses": 1000})).await.expect(201);
    root.delete(&format!("/api/v1/invitations/{}", second["id"])).await.expect(204);
    root.delete(&format!("/api/v1/invitations/{}", second["id"])).await.refused(404, "not_found");
    register(&server, "ann", &second["token"]).await.refused(403, "invitation_invalid");
    server.sql("UPDATE invitations SET expires_at = 1").await;
    register(&server, "ann", &first["token"]).await.refused(403, "invitation_invalid");
    let third = root.post("/api/v1/invitations", &json!({})).await.expect(201);
    assert_eq!(third["id"], 3, "a number is never given twice");
    let page = root.get("/api/v1/invitations?limit=1").await.expect(200);
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!(3), &json!("3")));
    let rest = root.get("/api/v1/invitations?cursor=3").await.expect(200);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["items"][0]["id"]), (1, &json!(1)));
    root.get("/api/v1/invitations?cursor=x").await.refused(400, "malformed_request");
    for (body, field) in [
        (json!({"uses": 0}), "uses"),
        (json!({"uses": 1001}), "uses"),
        (json!({"expires_in": 0}), "expires_in"),
        (json!({"expires_in": u64::MAX}), "expires_in"),
        (json!({"name": "two\nlines"}), "name"),
    ] {
        root.post("/api/v1/invitations", &body).await.refused_field("invalid", field);
    }
}

#[tokio::test]
async fn only_administrators_invite() {
    let server = Server::start().await;
    let root = Person::administrator(&server, "root").await;
    let ann = Person::register(&server, "ann").await;
    root.post("/api/v1/invitations", &json!({})).await.expect(201);
    ann.post("/api/v1/invitations", &json!({})).await.refused(403, "not_admin");
    ann.get("/api/v1/invitations").await.refused(403, "not_admin");
    ann.delete("/api/v1/invitations/1").await.refused(403, "not_admin");
    let key = root.post("/api/v1/keys", &json!({"name": "key", "scopes": ["read", "send"]})).await.expect(201);
    let script = server.stranger().with_bearer(key["key"].as_str().unwrap());
    script.post("/api/v1/invitations", &json!({})).await.refused(403, "insufficient_scope");
}

#[tokio::test]
async fn a_login_page_learns_what_it_must_know() {
    let mut server = Server::start().await;
    let about = server.stranger().get("/api/v1/server").await.expect(200);
    let expected = json!({
        "version": env!("CARGO_PKG_VERSION"), "registration": "open", "email": "optional", "password_min_length": 8, "mail": false,
        "public_url": null, "foreign": false,
    });
    assert_eq!(about, expected);
    server.terminate(seconds(20)).await;
    let options = Server::options().set("--registration", "invite").set("--email", "required");
    let options = options.set("--mail", "log").set("--public-url", "https://chat.example.org");
    server.restart_with(options.set("--password-min-length", "12")).await;
    let about = server.stranger().get("/api/v1/server").await.expect(200);
    assert_eq!(
        (&about["registration"], &about["email"], &about["password_min_length"], &about["mail"]),
        (&json!("invite"), &json!("required"), &json!(12), &json!(true))
    );
    assert_eq!(about["public_url"], "https://chat.example.org/");
    server.terminate(seconds(20)).await;
    server.restart_with(Server::options().set("--registration", "closed")).await;
    assert_eq!(server.stranger().get("/api/v1/server").await.expect(200)["registration"], "closed");
    register(&server, "ann", &json!(null)).await.refused(403, "registration_closed");
}

#[tokio::test]
async fn the_operator_invites_at_the_machine() {
    let mut server = Server::options().set("--registration", "invite").start().await;
    let token = server.command(&["user", "invite", "--uses", "2", "--expires-in", "1h"]).await;
    register(&server, "ann", &json!(token.trim())).await.expect(201);
    let root = Person::administrator(&server, "root").await;
    let item = root.get("/api/v1/invitations").await.expect(200)["items"][0].clone();
    assert_eq!((&item["created_by"], &item["uses_left"]), (&json!(null), &json!(1)));
    server.kill().await;
    let offline = server.command(&["user", "invite"]).await;
    server.restart().await;
    register(&server, "ben", &json!(offline.trim())).await.expect(201);
    register(&server, "cem", &json!(token.trim())).await.expect(201);
}

#[tokio::test]
async fn an_invitation_ends_with_the_administrator_who_made_it() {
    let server = Server::options().set("--registration", "invite").start().await;
    let root = Person::administrator(&server, "root").await;
    let made = root.post("/api/v1/invitations", &json!({"uses": 1000})).await.expect(201);
    register(&server, "ann", &made["token"]).await.expect(201);
    server.command(&["user", "suspend", "root"]).await;
    register(&server, "ben", &made["token"]).await.refused(403, "invitation_invalid");
    server.command(&["user", "unsuspend", "root"]).await;
    register(&server, "ben", &made["token"]).await.expect(201);
    server.command(&["user", "delete", "root"]).await;
    register(&server, "cem", &made["token"]).await.refused(403, "invitation_invalid");
}
