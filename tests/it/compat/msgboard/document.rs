//! Each call of its document as it is written there, with what the document says comes of it; and its tests' claims.

use serde_json::{Value, json};

use super::{AT, Calls, Source, kitten, options, refused};

/// The object without its moment, which must be one with microseconds.
fn without_created(mut object: Value) -> Value {
    let created = object.as_object_mut().expect("an object").remove("created").expect("a moment");
    let created = created.as_str().expect("a text");
    let shape: String = created.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000Z", "{created}");
    object
}

#[tokio::test]
async fn http_post_user_username_kitten_password_yarn() {
    let server = options().start().await;
    let made = server.stranger().http("POST", "/user", &[("username", "kitten"), ("password", "yarn")]).await;
    assert_eq!(without_created(made.expect(200)), json!({"id": 1, "username": "kitten", "bio": null}));
    assert_eq!(made.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn http_post_user_with_a_bio() {
    let server = options().start().await;
    let items = [("username", "kitten"), ("password", "yarn"), ("bio", "A cute ittle kitten.")];
    let made = server.stranger().http("POST", "/user", &items).await.expect(200);
    assert_eq!(without_created(made), json!({"id": 1, "username": "kitten", "bio": "A cute ittle kitten."}));
}

#[tokio::test]
async fn http_get_user_1_and_user_kitten() {
    let server = options().start().await;
    let stranger = server.stranger();
    let made = stranger.registers("kitten", "yarn").await;
    assert_eq!(stranger.http("GET", "/user/1", &[]).await.expect(200), made);
    assert_eq!(stranger.http("GET", "/user/kitten", &[]).await.expect(200), made);
}

#[tokio::test]
async fn http_post_message_text_auth_kitten_yarn() {
    let (_server, kitten) = kitten().await;
    for (id, text) in [(1, "i love kittens"), (2, "I love kittens!")] {
        let mut posted = without_created(kitten.http("POST", "/message", &[("text", text)]).await.expect(200));
        let user = without_created(posted["user"].take());
        assert_eq!(user, json!({"id": 1, "username": "kitten", "bio": null}));
        assert_eq!(posted, json!({"id": id, "text": text, "user": null}));
    }
}

#[tokio::test]
async fn http_get_messages_limit_10_offset_20() {
    let (server, kitten) = kitten().await;
    for number in 1..=35 {
        kitten.posts(&number.to_string()).await;
    }
    // Without credentials: httpie sends what is written so in the body, also of a GET.
    let range = server.stranger().http("GET", "/messages", &[("limit", "10"), ("offset", "20")]).await.expect(200);
    let texts: Vec<&str> = range.as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(texts, (21..=30).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(range[0], server.stranger().http("GET", "/message/21", &[]).await.expect(200));
}

#[tokio::test]
async fn http_put_message_1_text_auth_kitten_yarn() {
    let (server, kitten) = kitten().await;
    let posted = kitten.posts("i love kittens").await;
    let edited = kitten.http("PUT", "/message/1", &[("text", "New text!")]).await.expect(200);
    assert_eq!(edited, json!({"id": 1, "text": "New text!", "user": posted["user"], "created": posted["created"]}));
    assert_eq!(server.stranger().http("GET", "/message/1", &[]).await.expect(200), edited);
}

#[tokio::test]
async fn http_delete_message_1_auth_kitten_yarn() {
    let (server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    kitten.posts("and yarn").await;
    assert_eq!(kitten.http("DELETE", "/message/1", &[]).await.expect(200), json!({}));
    let gone = server.stranger().http("GET", "/message/1", &[]).await;
    assert_eq!(refused(&gone, 404), "Cannot find message by id: 1");
    assert_eq!(server.stranger().texts("").await, ["and yarn"]);
}

#[tokio::test]
async fn http_get_message_1() {
    let (server, kitten) = kitten().await;
    let posted = kitten.posts("i love kittens").await;
    assert_eq!(server.stranger().http("GET", "/message/1", &[]).await.expect(200), posted);
}

#[tokio::test]
async fn listen_with_event_source_to_get_new_message_events() {
    let (server, kitten) = kitten().await;
    let mut source = Source::open(&server).await;
    let posted = kitten.posts("i love kittens").await;
    assert_eq!(source.on_message().await, json!([posted]));
}

#[tokio::test]
async fn a_board_without_messages_is_empty() {
    let server = options().start().await;
    let stranger = server.stranger();
    assert_eq!(
        stranger
            .call(http::Method::GET, &format!("{AT}/messages"), Some(&json!({"limit": 10, "offset": 0})))
            .await
            .expect(200),
        json!([])
    );
    assert_eq!(server.count("conversations", "1 = 1").await, 0, "reading makes nothing");
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let (server, _) = kitten().await;
    for name in ["kitten", "KITTEN"] {
        let answer = server.stranger().http("POST", "/user", &[("username", name), ("password", "yarn")]).await;
        assert_eq!(refused(&answer, 400), format!("A user already exists with username: {name}"));
    }
}

#[tokio::test]
async fn a_user_needs_a_name_and_a_password() {
    let server = options().start().await;
    for items in [&[][..], &[("username", "kitten")], &[("password", "yarn")]] {
        let answer = server.stranger().http("POST", "/user", items).await;
        assert_eq!(refused(&answer, 400), "Must specify username and password.", "{items:?}");
    }
    // What was long enough there is long enough here; less is not, and an empty name is none.
    for (name, password) in [("kitten", "yar"), ("", "yarn"), ("", "")] {
        refused(&server.stranger().http("POST", "/user", &[("username", name), ("password", password)]).await, 400);
    }
}

#[tokio::test]
async fn who_is_not_there_is_said_in_its_words() {
    let server = options().start().await;
    for (path, status, message) in [
        ("/user", 400, "Must specify user_id or username."),
        ("/user/69", 404, "No user matching ID: 69"),
        ("/user/0", 404, "No user matching ID: 0"),
        ("/user/99999999999999999999", 404, "No user matching ID: 99999999999999999999"),
        ("/user/notauser", 404, "No user matching username: notauser"),
        ("/message/999", 404, "Cannot find message by id: 999"),
        ("/message/99999999999999999999", 404, "Cannot find message by id: 99999999999999999999"),
        ("/message/-1", 404, "Cannot find message by id: -1"),
        ("/message", 400, "Must specify the message's id."),
    ] {
        assert_eq!(refused(&server.stranger().http("GET", path, &[]).await, status), message, "{path}");
    }
}

#[tokio::test]
async fn a_message_needs_a_text() {
    let (_server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    for (method, path) in [("POST", "/message"), ("PUT", "/message/1")] {
        for items in [&[][..], &[("txt", "i love kittens")]] {
            assert_eq!(refused(&kitten.http(method, path, items).await, 400), "'text' is a required property");
        }
        refused(&kitten.http(method, path, &[("text", " ")]).await, 400);
    }
}

#[tokio::test]
async fn what_is_not_there_cannot_be_changed() {
    let (_server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    kitten.http("DELETE", "/message/1", &[]).await.expect(200);
    for id in ["1", "5555", "x"] {
        let path = format!("/message/{id}");
        let edited = kitten.http("PUT", &path, &[("text", "New text!")]).await;
        assert_eq!(refused(&edited, 404), format!("Cannot find message by id: {id}"));
        assert_eq!(refused(&kitten.http("DELETE", &path, &[]).await, 404), format!("No post by id {id}"));
    }
    for method in ["PUT", "DELETE"] {
        refused(&kitten.http(method, "/message", &[("text", "New text!")]).await, 400);
    }
}

#[tokio::test]
async fn anothers_message_is_left_alone() {
    let (server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    server.stranger().registers("dog", "bone").await;
    let dog = server.stranger().auth("dog", "bone");
    let edited = dog.http("PUT", "/message/1", &[("text", "I love dogs!")]).await;
    assert_eq!(refused(&edited, 403), "You are not this message's author.");
    assert_eq!(refused(&dog.http("DELETE", "/message/1", &[]).await, 403), "You're not the author of message 1");
    assert_eq!(server.stranger().texts("").await, ["i love kittens"]);
}

#[tokio::test]
async fn what_is_not_routed_is_refused_in_its_words() {
    let server = options().start().await;
    for path in ["/nothing", "/user/", "/user/1/x", "/messages/1", "/message/", "/stream/"] {
        refused(&server.stranger().http("GET", path, &[]).await, 404);
    }
    for (method, path) in [("DELETE", "/user/1"), ("PUT", "/user"), ("POST", "/messages"), ("PATCH", "/message/1")] {
        refused(&server.stranger().http(method, path, &[]).await, 405);
    }
}

#[tokio::test]
async fn an_address_of_its_own_has_the_paths_of_the_document() {
    let server = options().set("--compat-listen", "msgboard=127.0.0.1:0").start().await;
    let mut there = server.stranger();
    there.address = server.own_addresses["msgboard"];
    there.post("/user", &json!({"username": "kitten", "password": "yarn"})).await.expect(200);
    let posted = there.auth("kitten", "yarn").post("/message", &json!({"text": "i love kittens"})).await.expect(200);
    assert_eq!(server.stranger().http("GET", "/message/1", &[]).await.expect(200), posted);
}
