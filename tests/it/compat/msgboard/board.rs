//! The board: ranges, forms, what is seen of the rest of the server, and that it is nobody's.

use http::Method;
use serde_json::json;

use super::{AT, Calls, basic, kitten, options, refused};
use crate::support::{Caller, Chance, Ear, Person, Server, SseClient};

#[tokio::test]
async fn a_range_is_asked_for_in_json_in_a_form_or_in_the_query() {
    let (server, kitten) = kitten().await;
    for number in 1..=5 {
        kitten.posts(&number.to_string()).await;
    }
    let stranger = server.stranger();
    let path = format!("{AT}/messages");
    let expected = stranger.get(&format!("{path}?limit=2&offset=1")).await.expect(200);
    assert_eq!(
        (&expected[0]["text"], &expected[1]["text"], expected.as_array().map(Vec::len)),
        (&json!("2"), &json!("3"), Some(2))
    );
    let parts = "--x\r\ncontent-disposition: form-data; name=\"limit\"\r\n\r\n2\r\n--x\r\ncontent-disposition: form-data; name=\"offset\"\r\n\r\n1\r\n--x--\r\n";
    for (kind, body) in [
        ("application/json", r#"{"limit": 2, "offset": 1}"#),
        ("application/json", r#"{"limit": "2", "offset": " 1"}"#),
        ("text/plain", r#"{"limit": 2, "offset": 1}"#),
        ("application/x-www-form-urlencoded", r#"{"limit": 2, "offset": 1}"#),
        ("application/x-www-form-urlencoded", "limit=2&offset=1"),
        ("multipart/form-data; boundary=x", parts),
    ] {
        let range = stranger.send_body(Method::GET, &path, kind, body).await.expect(200);
        assert_eq!(range, expected, "{kind} {body}");
    }
    // The body is nearer than the query.
    let path = format!("{path}?offset=3&limit=2");
    let both = stranger.send_body(Method::GET, &path, "application/json", r#"{"offset": 1}"#);
    assert_eq!(both.await.expect(200), expected);
}

#[tokio::test]
async fn unasked_the_newest_20_come_oldest_first() {
    let (server, kitten) = kitten().await;
    for number in 1..=25 {
        kitten.posts(&number.to_string()).await;
    }
    let numbers = |from: u32, to: u32| (from..=to).map(|number| number.to_string()).collect::<Vec<_>>();
    let stranger = server.stranger();
    assert_eq!(stranger.texts("").await, numbers(6, 25));
    assert_eq!(stranger.texts("?limit=20").await, numbers(1, 20), "a limit alone counts from the oldest");
    assert_eq!(stranger.texts("?offset=3").await, numbers(4, 23));
    assert_eq!(stranger.texts("?offset=24&limit=20").await, numbers(25, 25));
    assert!(stranger.texts("?offset=25").await.is_empty() && stranger.texts("?limit=0").await.is_empty());
    // What is deleted is not counted either.
    kitten.http("DELETE", "/message/2", &[]).await.expect(200);
    assert_eq!(stranger.texts("?offset=1&limit=2").await, ["3", "4"]);
    assert_eq!(stranger.texts("").await, numbers(6, 25));
}

#[tokio::test]
async fn a_range_is_bounded() {
    let server = options().start().await;
    let too_many = server.stranger().http("GET", "/messages", &[("limit", "21")]).await;
    assert_eq!(refused(&too_many, 400), "You may only request 20 messages at once.");
    for query in
        ["limit=-1", "limit=x", "limit=", "offset=-1", "offset=1.5", "offset=100001", "offset=99999999999999999999"]
    {
        refused(&server.stranger().http("GET", &format!("/messages?{query}"), &[]).await, 400);
    }
    for body in [json!({"limit": 1.5}), json!({"limit": [1]}), json!({"offset": true}), json!({"limit": -1})] {
        refused(&server.stranger().call(Method::GET, &format!("{AT}/messages"), Some(&body)).await, 400);
    }
}

#[tokio::test]
async fn a_form_is_as_good_as_json() {
    let server = options().start().await;
    let stranger = server.stranger();
    let form = "application/x-www-form-urlencoded";
    let user =
        stranger.send_body(Method::POST, &format!("{AT}/user"), form, "username=kitten&password=yarn&bio=A+cat").await;
    assert_eq!(user.expect(200)["bio"], "A cat");
    let kitten = stranger.auth("kitten", "yarn");
    let posted = kitten.send_body(Method::POST, &format!("{AT}/message"), form, "text=i+love+kittens").await;
    assert_eq!(posted.expect(200)["text"], "i love kittens");
    // `curl --data` says that its JSON is a form.
    let edited = kitten.send_body(Method::PUT, &format!("{AT}/message/1"), form, r#" {"text": "New text!"}"#).await;
    assert_eq!(edited.expect(200)["text"], "New text!");
    let number = kitten.send_body(Method::PUT, &format!("{AT}/message/1"), "application/json", r#"{"text": 5}"#).await;
    assert_eq!(number.expect(200)["text"], "5");
}

/// The channel, as its members see it.
async fn board_of(person: &Person) -> u64 {
    let channels = person.get("/api/v1/channels").await.expect(200);
    let board = channels["items"].as_array().unwrap().iter().find(|it| it["name"] == "board").expect("the board");
    board["id"].as_u64().unwrap()
}

#[tokio::test]
async fn what_is_said_on_it_is_heard_in_native_streams_and_the_other_way_round() {
    let (server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    let bob = Person::register(&server, "bob").await;
    let board = board_of(&bob).await;
    bob.join(board).await;
    let mut native = SseClient::open(server.address, &bob.stream()).await.unwrap();
    native.until_control("ready").await;
    kitten.posts("I love kittens!").await;
    let heard = native.until_text("I love kittens!").await;
    assert_eq!(heard.last().unwrap().json()["conversation_id"], board);
    let said = bob.say(board, "me too").await;
    let seen = server.stranger().http("GET", &format!("/message/{}", said["id"]), &[]).await.expect(200);
    assert_eq!((&seen["text"], &seen["user"]["username"]), (&json!("me too"), &json!("bob")));
    assert_eq!(server.stranger().texts("").await, ["i love kittens", "I love kittens!", "me too"]);
}

#[tokio::test]
async fn nothing_else_is_seen_or_changed_through_it() {
    let (server, kitten) = kitten().await;
    let login = server.stranger().post("/api/v1/sessions", &json!({"username": "kitten", "password": "yarn"})).await;
    let native = Person::from_login(&server.stranger(), "yarn", &login.expect(201));
    let elsewhere = native.channel("elsewhere").await;
    let notes = native.direct(&[]).await;
    kitten.posts("on the board").await;
    for place in [elsewhere, notes] {
        let id = native.say(place, "not on the board").await["id"].clone();
        let path = format!("/message/{id}");
        refused(&server.stranger().http("GET", &path, &[]).await, 404);
        refused(&kitten.http("GET", &path, &[]).await, 404);
        refused(&kitten.http("PUT", &path, &[("text", "x")]).await, 404);
        refused(&kitten.http("DELETE", &path, &[]).await, 404);
    }
    assert_eq!(kitten.texts("").await, ["on the board"]);
}

#[tokio::test]
async fn anybody_reads_the_board_and_no_other_channel() {
    let (server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    server.stranger().get("/api/v1/channels").await.refused(401, "unauthorized");
    assert_eq!(server.stranger().texts("").await, ["i love kittens"]);
    // Wrong credentials are not asked for where none are.
    assert_eq!(server.stranger().auth("kitten", "wrong").texts("").await, ["i love kittens"]);
}

#[tokio::test]
async fn first_posts_at_once_make_one_board() {
    let server = options().start().await;
    // With tokens, so that no hash keeps them apart.
    let people = Person::register_all(&server, ["ann", "bob", "cat", "dan", "eve", "fay"]).await;
    let posting = people.iter().flat_map(|person| [person, person]).map(|person| person.posts("first"));
    let listening = futures_util::future::join_all((0..4).map(|_| super::Source::open(&server)));
    let (posted, _) = tokio::join!(futures_util::future::join_all(posting), listening);
    let mut ids: Vec<u64> = posted.iter().map(|message| message["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=12).collect::<Vec<_>>());
    assert_eq!(server.count("conversations", "1 = 1").await, 1);
    assert_eq!(server.count("stays", "role = 'member'").await, 6);
    server.events_on_disk().await.assert_dense();
}

#[tokio::test]
async fn the_board_is_nobodys() {
    let (server, kitten) = kitten().await;
    let [ann, bob] = Person::register_all(&server, ["ann", "bob"]).await;
    // Whoever listens first makes it, and whoever comes first or is left does not get it.
    super::Source::open(&server).await;
    let board = board_of(&ann).await;
    ann.join(board).await;
    kitten.posts("i love kittens").await;
    bob.join(board).await;
    ann.leave(board).await;
    assert_eq!(server.count("stays", "role = 'owner'").await, 0);
    ann.join(board).await;
    let path = format!("/api/v1/conversations/{board}");
    ann.patch(&path, &json!({"name": "mine"})).await.refused(403, "not_owner");
    assert_eq!(server.count("stays", "role = 'owner'").await, 0);
}

#[tokio::test]
async fn a_channel_that_is_called_so_already_is_the_board() {
    let server = options().start().await;
    let ann = Person::register(&server, "ann").await;
    let board = ann.channel("Board").await;
    ann.say(board, "welcome").await;
    server.stranger().registers("kitten", "yarn").await;
    let kitten = server.stranger().auth("kitten", "yarn");
    kitten.posts("i love kittens").await;
    assert_eq!(server.stranger().texts("").await, ["welcome", "i love kittens"]);
    // Its owner has a say.
    ann.patch(&format!("/api/v1/conversations/{board}"), &json!({"post": "owners"})).await.expect(200);
    refused(&kitten.http("POST", "/message", &[("text", "more")]).await, 403);
}

#[tokio::test]
async fn whoever_left_comes_back_by_posting() {
    let (server, kitten) = kitten().await;
    kitten.posts("one").await;
    let login = server.stranger().post("/api/v1/sessions", &json!({"username": "kitten", "password": "yarn"})).await;
    let native = Person::from_login(&server.stranger(), "yarn", &login.expect(201));
    native.leave(board_of(&native).await).await;
    kitten.posts("two").await;
    assert_eq!(server.count("stays", "left_seq IS NULL").await, 1);
}

#[tokio::test]
async fn any_text_comes_back_as_it_was() {
    let (server, kitten) = kitten().await;
    let mut source = super::Source::open(&server).await;
    let mut chance = Chance::for_test("any_text_comes_back_as_it_was");
    let mut texts: Vec<String> =
        ["<b>bold</b> & 'so'", "🐱\u{200d}\u{2028}\r\n\u{1}x", "مرحبا \u{202e}kitten"].map(str::to_owned).to_vec();
    texts.extend((0..5).map(|_| format!("x{}", chance.text(40))));
    for text in &texts {
        let posted = kitten.posts(text).await;
        assert_eq!(posted["text"], **text);
        assert_eq!(source.on_message().await, json!([posted]));
    }
    assert_eq!(server.stranger().texts("").await, texts);
}

/// A key of kitten's with this scope, bound to a conversation.
async fn key(native: &Person, scope: &str, conversation: Option<u64>) -> Caller {
    let body = json!({"name": "script", "scopes": [scope], "conversation_id": conversation});
    let made = native.post("/api/v1/keys", &body).await.expect(201);
    native.with_bearer(made["key"].as_str().unwrap())
}

#[tokio::test]
async fn bearers_write_as_far_as_they_reach() {
    let (server, kitten) = kitten().await;
    let bob = Person::register(&server, "bob").await;
    let elsewhere = bob.channel("elsewhere").await;
    let sends = key(&bob, "send", None).await;
    super::Source::open(&server).await;
    refused(&sends.http("POST", "/message", &[("text", "a key does not join")]).await, 403);
    bob.posts("by token").await;
    sends.posts("by key").await;
    key(&bob, "send", Some(board_of(&bob).await)).await.posts("by the board's key").await;
    // For a key that is for another place there is no such message.
    for (key, status) in [(key(&bob, "read", None).await, 403), (key(&bob, "send", Some(elsewhere)).await, 404)] {
        refused(&key.http("POST", "/message", &[("text", "no")]).await, 403);
        refused(&key.http("PUT", "/message/1", &[("text", "no")]).await, status);
        refused(&key.http("DELETE", "/message/1", &[]).await, status);
    }
    refused(&server.stranger().with_bearer("nonsense").http("POST", "/message", &[("text", "no")]).await, 401);
    kitten.posts("last").await;
    assert_eq!(kitten.texts("").await, ["by token", "by key", "by the board's key", "last"]);
}

#[tokio::test]
async fn what_is_secret_is_not_in_the_log() {
    let server = options().set("--log-level", "trace").start().await;
    let stranger = server.stranger();
    stranger.registers("kitten", "a-secret-of-yarn").await;
    let kitten = stranger.auth("kitten", "a-secret-of-yarn");
    kitten.posts("a-secret-of-kittens").await;
    stranger
        .auth("kitten", "a-secret-of-dogs")
        .http("POST", "/message", &[("text", "a-secret-of-cats")])
        .await
        .expect(401);
    let log = server.log();
    assert!(log.contains("/compat/msgboard/message") && log.contains("wrong password"), "it logs");
    let encoded = basic("kitten", "a-secret-of-yarn");
    assert!(!log.contains("a-secret") && !log.contains(encoded.trim_start_matches("Basic ")), "{log}");
}

#[tokio::test]
async fn without_a_store_it_says_so() {
    let (server, kitten): (Server, Caller) = kitten().await;
    kitten.posts("i love kittens").await;
    server.sql("ALTER TABLE messages RENAME TO lost").await;
    for (method, path) in [("GET", "/messages"), ("GET", "/message/1"), ("PUT", "/message/1"), ("DELETE", "/message/1")]
    {
        let answer = kitten.http(method, path, &[("text", "x")]).await;
        assert!(
            answer.status == 503 && answer.header("retry-after").is_some(),
            "{method} {path} {}",
            answer.describe()
        );
        assert!(!refused(&answer, 503).contains("table"), "what exactly is for the log");
    }
    assert!((500..600).contains(&kitten.http("POST", "/message", &[("text", "x")]).await.status));
}
