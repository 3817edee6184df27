//! Of whom it knows, what it tells of them, and who may become one of them.

use serde_json::{Value, json};

use super::{Calls, kitten, options, refused};
use crate::support::{Person, eventually, seconds};

#[tokio::test]
async fn it_knows_those_who_registered_here_or_wrote_on_the_board() {
    let (server, kitten) = kitten().await;
    let [bob, eve] = Person::register_all(&server, ["bob", "eve"]).await;
    let elsewhere = bob.channel("elsewhere").await;
    eve.join(elsewhere).await;
    bob.say(elsewhere, "hello").await;
    for (id, name) in [(bob.id, "bob"), (eve.id, "eve")] {
        let by_id = server.stranger().http("GET", &format!("/user/{id}"), &[]).await;
        assert_eq!(refused(&by_id, 404), format!("No user matching ID: {id}"));
        let by_name = kitten.http("GET", &format!("/user/{name}"), &[]).await;
        assert_eq!(refused(&by_name, 404), format!("No user matching username: {name}"));
    }
    bob.posts("hello").await;
    let by_name = server.stranger().http("GET", "/user/BOB", &[]).await.expect(200);
    assert_eq!(by_name, server.stranger().http("GET", &format!("/user/{}", bob.id), &[]).await.expect(200));
    refused(&server.stranger().http("GET", "/user/eve", &[]).await, 404);
}

#[tokio::test]
async fn a_name_of_digits_is_found_where_no_number_matches() {
    let (server, _) = kitten().await;
    let stranger = server.stranger();
    let bob = Person::register(&server, "bob").await;
    stranger.registers("1", "yarn").await;
    stranger.registers("4711", "yarn").await;
    let digits = stranger.registers(&bob.id.to_string(), "yarn").await;
    assert_eq!(stranger.http("GET", "/user/1", &[]).await.expect(200)["username"], "kitten");
    assert_eq!(stranger.http("GET", "/user/4711", &[]).await.expect(200)["username"], "4711");
    // Of whom the board does not know, there is no number either.
    assert_eq!(stranger.http("GET", &format!("/user/{}", bob.id), &[]).await.expect(200), digits);
}

#[tokio::test]
async fn a_bio_for_contacts_is_nobody_elses() {
    let server = options().start().await;
    let bob = Person::register(&server, "bob").await;
    let posted = bob.posts("hello").await;
    assert_eq!(posted["user"]["bio"], Value::Null, "there is none yet");
    let mut source = super::Source::open(&server).await;
    for (visible, expected) in [("everyone", json!("I am bob")), ("contacts", Value::Null)] {
        bob.patch("/api/v1/me", &json!({"bio": "I am bob", "bio_visible": visible})).await.expect(200);
        assert_eq!(server.stranger().http("GET", "/user/bob", &[]).await.expect(200)["bio"], expected);
        assert_eq!(server.stranger().http("GET", "/message/1", &[]).await.expect(200)["user"]["bio"], expected);
        assert_eq!(bob.http("GET", "/messages", &[]).await.expect(200)[0]["user"]["bio"], expected);
        // The stream looks authors up once in a second.
        eventually(seconds(10), "the bio in the stream", async || {
            bob.posts("hello").await;
            (source.on_message().await[0]["user"]["bio"] == expected).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn who_is_gone_is_known_by_no_name() {
    let (server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    let login = server.stranger().post("/api/v1/sessions", &json!({"username": "kitten", "password": "yarn"})).await;
    let native = Person::from_login(&server.stranger(), "yarn", &login.expect(201));
    let body = json!({"password": "yarn", "messages": "keep"});
    native.call(http::Method::DELETE, "/api/v1/me", Some(&body)).await.expect(204);
    for path in ["/user/1", "/user/kitten", "/user/deleted-user-1"] {
        refused(&server.stranger().http("GET", path, &[]).await, 404);
    }
    let left = server.stranger().http("GET", "/message/1", &[]).await.expect(200);
    assert_eq!((&left["user"]["username"], &left["user"]["bio"]), (&json!("deleted-user-1"), &Value::Null));
}

#[tokio::test]
async fn registration_is_closed_here_too() {
    for admission in ["closed", "invite"] {
        let server = options().set("--registration", admission).start().await;
        let items = [("username", "kitten"), ("password", "yarn")];
        refused(&server.stranger().http("POST", "/user", &items).await, 403);
        assert_eq!(server.count("users", "1 = 1").await, 0);
    }
}

#[tokio::test]
async fn registering_opens_no_session() {
    let (server, _) = kitten().await;
    assert_eq!(server.count("sessions", "1 = 1").await, 0);
}
