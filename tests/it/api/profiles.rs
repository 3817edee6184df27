//! What people show of themselves, and finding them by the beginning of their names.

use serde_json::{Value, json};

use crate::support::{Ear, Person, Server, SseClient};

#[tokio::test]
async fn a_bio_may_be_for_contacts_only() {
    let mut server = Server::start().await;
    let [ann, ben, cem] = Person::register_all(&server, ["ann", "ben", "cem"]).await;
    let body = json!({"bio": "about me", "bio_visible": "contacts"});
    let me = ann.patch("/api/v1/me", &body).await.expect(200);
    assert_eq!(
        (&me["bio"], &me["bio_visible"], &me["inbox"]),
        (&json!("about me"), &json!("contacts"), &json!("everyone"))
    );
    server.kill().await;
    let contact = |other: u64, state: &str| {
        format!(
            "INSERT INTO contacts (owner_id, other_id, state, asked, created_at) VALUES ({}, {other}, '{state}', TRUE, 1)",
            ann.id
        )
    };
    server.sql(&contact(ben.id, "approved")).await;
    server.sql(&contact(cem.id, "pending")).await;
    server.restart().await;
    let bio = async |who: &Person| who.get("/api/v1/users/ann").await.expect(200)["bio"].clone();
    assert_eq!(bio(&ann.login(&server).await).await, "about me", "one's own");
    assert_eq!(bio(&ben.login(&server).await).await, "about me", "an approved contact's");
    let cem = cem.login(&server).await;
    assert_eq!(bio(&cem).await, Value::Null, "who asked and waits");
    let ann = ann.login(&server).await;
    ann.patch("/api/v1/me", &json!({"bio_visible": "everyone"})).await.expect(200);
    assert_eq!(bio(&cem).await, "about me");
}

#[tokio::test]
async fn settings_are_changed_one_by_one_and_heard_of() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let mut stream = SseClient::open(server.address, &ann.stream()).await.unwrap();
    stream.until_control("ready").await;
    ann.patch("/api/v1/me", &json!({"bio": "about me"})).await.expect(200);
    let me = ann.patch("/api/v1/me", &json!({"inbox": "contacts"})).await.expect(200);
    assert_eq!(
        (&me["bio"], &me["inbox"], &me["bio_visible"]),
        (&json!("about me"), &json!("contacts"), &json!("everyone"))
    );
    let head = ann.head().await;
    let last = stream.until_seq(head).await.pop().unwrap().data();
    for field in ["id", "username", "email", "email_confirmed", "bio", "bio_visible", "inbox"] {
        assert_eq!(last[field], me[field], "{field}: what is heard is what is shown");
    }
    ann.patch("/api/v1/me", &json!({"inbox": "contacts"})).await.expect(200);
    assert_eq!(ann.head().await, head, "what changes nothing is no event");
    ann.patch("/api/v1/me", &json!({"inbox": "nobody"})).await.refused_field("invalid", "inbox");
    ann.patch("/api/v1/me", &json!({"admin": true})).await.refused_field("unknown_field", "admin");
}

#[tokio::test]
async fn names_are_completed() {
    let server = Server::start().await;
    let [ann, ..] = Person::register_all(
        &server,
        ["ann", "Anton", "an_other", "anna%", "bob"].map(|name| name.trim_end_matches('%')),
    )
    .await;
    server.command(&["user", "suspend", "Anton"]).await;
    Person::register(&server, "Ännchen").await;
    let found = async |query: &str| {
        let page = ann.get(&format!("/api/v1/users?{query}")).await.expect(200);
        let names = page["items"].as_array().unwrap().iter().map(|item| item["username"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), page["next"].clone())
    };
    assert_eq!(found("prefix=AN").await.0, ["an_other", "ann", "anna"], "in any case, and only who can be reached");
    assert_eq!(found("prefix=an_").await.0, ["an_other"], "an underscore is one");
    assert_eq!(found("prefix=%C3%A4n").await.0, ["Ännchen"]);
    assert_eq!(found("prefix=a%25").await.0, [""; 0]);
    let (first, next) = found("prefix=an&limit=2").await;
    assert_eq!((first, &next), (vec!["an_other".to_owned(), "ann".to_owned()], &json!("ann")));
    assert_eq!(found("prefix=an&limit=2&cursor=ann").await.0, ["anna"]);
    ann.get("/api/v1/users?prefix=").await.refused_field("invalid", "prefix");
    ann.get("/api/v1/users").await.refused(400, "malformed_request");
    ann.get("/api/v1/users?prefix=a%00").await.refused_field("invalid", "prefix");
    let item = ann.get("/api/v1/users?prefix=bob").await.expect(200)["items"][0].clone();
    assert_eq!(item.as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "username"], "no more than a name");
}

#[tokio::test]
async fn logins_are_told_in_the_log() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let login = async |name: &str, password: &str| {
        server.stranger().post("/api/v1/sessions", &json!({"username": name, "password": password})).await
    };
    login("ann", &ann.password).await.expect(201);
    login("ANN", "wrong password").await.refused(401, "invalid_credentials");
    login("my-secret-typed-as-a-name", "wrong password").await.refused(401, "invalid_credentials");
    let log = server.log();
    let line = |words: &[&str]| log.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(line(&["logged in", "user.id=1", "client.address=127.0.0.1"]), "{log}");
    assert!(line(&["login refused: wrong password", "user.id=1", "\"ann\"", "client.address=127.0.0.1"]), "{log}");
    assert!(line(&["login refused: nobody", "client.address=127.0.0.1"]), "{log}");
    assert!(!log.contains("my-secret"), "{log}");
}
