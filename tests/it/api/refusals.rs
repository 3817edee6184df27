//! What bad bodies, fields, texts, numbers and queries get.

use http::Method;
use serde_json::{Value, json};

use crate::support::raw::Connection;
use crate::support::{Chance, Ear, Person, Server, SseClient};

/// Calls that take a JSON object, each with one that would be taken.
fn calls(direct: u64, group: u64) -> Vec<(Method, String, Value)> {
    vec![
        (
            Method::POST,
            "/api/v1/users".into(),
            json!({"username": "carol", "password": "long enough", "email": "carol@example.org", "bio": "hello"}),
        ),
        (Method::POST, "/api/v1/sessions".into(), json!({"username": "alice", "password": "long enough"})),
        (Method::POST, "/api/v1/sessions/refresh".into(), json!({"refresh_token": "rubbish"})),
        (Method::PATCH, "/api/v1/me".into(), json!({"bio": "hello"})),
        (
            Method::PUT,
            "/api/v1/me/password".into(),
            json!({"current_password": "long enough", "new_password": "long enough"}),
        ),
        (Method::POST, "/api/v1/keys".into(), json!({"name": "a key", "scopes": ["read"]})),
        (Method::POST, "/api/v1/conversations".into(), json!({"kind": "group", "name": "a group", "members": ["bob"]})),
        (Method::PATCH, format!("/api/v1/conversations/{group}"), json!({"name": "another"})),
        (Method::POST, format!("/api/v1/conversations/{group}/members"), json!({"username": "bob"})),
        (Method::PATCH, format!("/api/v1/conversations/{group}/members/bob"), json!({"role": "owner"})),
        (Method::POST, format!("/api/v1/conversations/{direct}/messages"), json!({"text": "hello", "client_id": "c"})),
        (Method::POST, "/api/v1/messages".into(), json!({"to": ["bob"], "text": "hello"})),
    ]
}

async fn house(server: &Server) -> (Person, Person, u64, u64) {
    let [alice, bob] = Person::register_all(server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let group = alice.group("group", &[&bob]).await;
    (alice, bob, direct, group)
}

#[tokio::test]
async fn what_is_not_json_or_not_the_right_json_is_refused_and_nothing_is_half_done() {
    let server = Server::start().await;
    let (alice, _, direct, group) = house(&server).await;
    let head = alice.head().await;
    for (method, path, good) in calls(direct, group) {
        for rubbish in
            ["", "{", "nonsense", "{\"text\":}", "[1,]", "{} {}", "\u{feff}{}", "{\"a\":\"\\ud83d\"", "'single'"]
        {
            let answer = alice.send_body(method.clone(), &path, "application/json", rubbish).await;
            assert_eq!(answer.status, 400, "{method} {path} {rubbish:?}: {}", answer.describe());
            assert_eq!(rubbish.is_empty(), answer.describe().contains("There is no body."), "{}", answer.describe());
            answer.refused(400, "malformed_json");
        }
        alice
            .send_body(method.clone(), &path, "application/json", b"{\"text\":\"\xff\xfe\"}".to_vec())
            .await
            .refused(400, "malformed_json");
        let in_order = Value::Array(good.as_object().unwrap().values().cloned().collect()).to_string();
        for shape in ["[]", "null", "7", "\"text\"", &in_order] {
            let answer = alice.send_body(method.clone(), &path, "application/json", shape).await;
            assert_eq!(answer.status, 422, "{method} {path} {shape}: {}", answer.describe());
        }
        alice
            .send_body(method.clone(), &path, "application/xml", good.to_string())
            .await
            .refused(415, "unsupported_media_type");

        let mut unknown = good.clone();
        unknown["no_such_field"] = json!(1);
        alice.call(method.clone(), &path, Some(&unknown)).await.refused_field("unknown_field", "no_such_field");
        for field in good.as_object().unwrap().keys() {
            let mut wrong = good.clone();
            wrong[field] = json!({"an": "object"});
            let answer = alice.call(method.clone(), &path, Some(&wrong)).await;
            assert_eq!(answer.status, 422, "{method} {path} {wrong}: {}", answer.describe());
            answer.refused_field("invalid", field);
        }
        alice
            .send_body(method.clone(), &path, "application/json", vec![b' '; 256 * 1024 + 1])
            .await
            .refused(413, "body_too_large");
    }
    assert_eq!(alice.head().await, head, "nothing was done");
}

#[tokio::test]
async fn a_field_that_must_be_there_is_named_when_it_is_not() {
    let server = Server::start().await;
    let (alice, _, direct, _) = house(&server).await;
    for (path, body, missing) in [
        ("/api/v1/users".to_owned(), json!({"username": "carol"}), "password"),
        ("/api/v1/users".to_owned(), json!({"password": "long enough"}), "username"),
        ("/api/v1/sessions/refresh".to_owned(), json!({}), "refresh_token"),
        ("/api/v1/keys".to_owned(), json!({"scopes": ["read"]}), "name"),
        ("/api/v1/conversations".to_owned(), json!({"members": ["bob"]}), "kind"),
        ("/api/v1/messages".to_owned(), json!({"to": ["bob"]}), "text"),
        (format!("/api/v1/conversations/{direct}/messages"), json!({"client_id": "c"}), "text"),
    ] {
        alice.post(&path, &body).await.refused_field("invalid", missing);
    }
}

#[tokio::test]
async fn the_largest_body_that_is_allowed_is_read() {
    let server = Server::start().await;
    let (alice, _, direct, _) = house(&server).await;
    let mut body = json!({"conversation_id": direct, "text": "padded"}).to_string();
    body.extend(std::iter::repeat_n(' ', 256 * 1024 - body.len()));
    assert_eq!(
        alice.send_body(Method::POST, "/api/v1/messages", "application/json", body).await.expect(201)["text"],
        "padded"
    );
    // One that does not say how long it is, is counted as it comes.
    let head = format!(
        "POST /api/v1/messages HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        server.address, alice.access_token
    );
    let mut connection = Connection::open(server.address).await.unwrap();
    connection.send(head).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for _ in 0..5 {
        drop(connection.send(&chunk).await);
    }
    connection.answer().await.unwrap().refused(413, "body_too_large");
}

#[tokio::test]
async fn texts_are_from_one_to_ten_thousand_characters() {
    let server = Server::start().await;
    let (alice, _, direct, _) = house(&server).await;
    let path = format!("/api/v1/conversations/{direct}/messages");
    alice.post(&path, &json!({"text": ""})).await.refused_field("invalid", "text");
    for character in ["x", "é", "😀"] {
        alice.post(&path, &json!({"text": character.repeat(10_001)})).await.refused_field("invalid", "text");
        let longest = character.repeat(10_000);
        assert_eq!(
            alice.post(&path, &json!({"text": longest})).await.expect(201)["text"],
            longest,
            "10,000 Unicode scalar values, not bytes"
        );
    }
    alice.send_body(Method::POST, &path, "text/plain", "").await.refused_field("invalid", "text");
    alice.send_body(Method::POST, &path, "text/plain", "x".repeat(10_001)).await.refused_field("invalid", "text");
}

#[tokio::test]
async fn nul_and_lone_surrogates_are_refused_and_all_else_comes_back_as_it_was() {
    let mut chance = Chance::for_test("unicode");
    let server = Server::start().await;
    let (alice, bob, direct, _) = house(&server).await;
    let path = format!("/api/v1/conversations/{direct}/messages");
    let head = alice.head().await;
    alice
        .send_body(Method::POST, &path, "application/json", r#"{"text":"a\u0000b"}"#)
        .await
        .refused_field("invalid", "text");
    alice.send_body(Method::POST, &path, "text/plain", "a\0b").await.refused_field("invalid", "text");
    for lone in [r#"{"text":"\ud83d"}"#, r#"{"text":"\ud83dx"}"#, r#"{"text":"\ude00"}"#, r#"{"text":"\ude00\ud83d"}"#]
    {
        let answer = alice.send_body(Method::POST, &path, "application/json", lone).await;
        assert!(matches!(answer.status, 400 | 422), "{lone}: {}", answer.describe());
    }
    for surrogate in [b"\xed\xa0\xbd".as_slice(), b"\xff", b"\xc0\x80", b"\xf4\x90\x80\x80"] {
        let answer = alice.send_body(Method::POST, &path, "text/plain", surrogate).await;
        assert!(matches!(answer.status, 400 | 422), "{surrogate:?}: {}", answer.describe());
    }
    alice
        .post("/api/v1/users", &json!({"username": "nul\0", "password": "long enough"}))
        .await
        .refused_field("invalid", "username");
    alice.patch("/api/v1/me", &json!({"bio": "nul\0"})).await.refused_field("invalid", "bio");
    let login = json!({"email": "nul\0@example.org", "password": "long enough"});
    server.stranger().post("/api/v1/sessions", &login).await.refused(401, "invalid_credentials");
    alice
        .post("/api/v1/conversations", &json!({"kind": "group", "name": "nul\0", "members": []}))
        .await
        .refused_field("invalid", "name");
    alice
        .post("/api/v1/messages", &json!({"conversation_id": direct, "text": "x", "client_id": "nul\0"}))
        .await
        .refused_field("invalid", "client_id");
    assert_eq!(alice.head().await, head, "nothing was done");

    let mut stream = SseClient::open(server.address, &bob.stream()).await.unwrap();
    stream.until_control("ready").await;
    for round in 0..50 {
        let length = chance.between(1, 200);
        let text = chance.text(length);
        let message = if round % 2 == 0 {
            alice.post(&path, &json!({"text": text})).await
        } else {
            alice.send_body(Method::POST, &path, "text/plain; charset=utf-8", text.clone()).await
        };
        let message = message.expect(201);
        assert_eq!(message["text"], text);
        assert_eq!(bob.get(&format!("/api/v1/messages/{}", message["id"])).await.expect(200)["text"], text);
        stream.until_text(&text).await;
    }
}

#[tokio::test]
async fn what_is_unknown_and_what_is_not_yours_to_see_get_the_same_answer() {
    let server = Server::start().await;
    let (alice, _, direct, group) = house(&server).await;
    let secret = alice.say(direct, "between us").await["id"].clone();
    let key = alice.post("/api/v1/keys", &json!({"name": "mine", "scopes": ["read"]})).await.expect(201)["id"].clone();
    let mallory = Person::register(&server, "mallory").await;
    let unknown = 999_999;
    let body = json!({"text": "x"});
    for (method, path, id, body) in [
        (Method::GET, "/api/v1/messages/{}", secret.to_string(), None),
        (Method::GET, "/api/v1/conversations/{}", direct.to_string(), None),
        (Method::GET, "/api/v1/conversations/{}", group.to_string(), None),
        (Method::GET, "/api/v1/conversations/{}/messages", group.to_string(), None),
        (Method::POST, "/api/v1/conversations/{}/messages", group.to_string(), Some(&body)),
        (Method::PATCH, "/api/v1/conversations/{}", group.to_string(), Some(&json!({"name": "mine now"}))),
        (Method::POST, "/api/v1/conversations/{}/members", group.to_string(), Some(&json!({"username": "mallory"}))),
        (Method::DELETE, "/api/v1/conversations/{}/members/bob", group.to_string(), None),
        (Method::PATCH, "/api/v1/conversations/{}/members/bob", group.to_string(), Some(&json!({"role": "owner"}))),
        (Method::DELETE, "/api/v1/keys/{}", crate::support::person::id_text(&key), None),
        (Method::DELETE, "/api/v1/sessions/{}", alice.session.clone(), None),
    ] {
        let others = mallory.call(method.clone(), &path.replace("{}", &id), body).await;
        let unknown = mallory.call(method.clone(), &path.replace("{}", &unknown.to_string()), body).await;
        others.refused(404, "not_found");
        assert_eq!(others.body, unknown.body, "{method} {path}");
    }
    let others = mallory.post("/api/v1/messages", &json!({"conversation_id": group, "text": "x"})).await;
    let unknown = mallory.post("/api/v1/messages", &json!({"conversation_id": unknown, "text": "x"})).await;
    others.refused(404, "not_found");
    assert_eq!(others.body, unknown.body);
    let others = mallory.get(&format!("/api/v1/messages?conversation_id={group}")).await;
    assert!(others.status == 404 || others.expect(200)["items"] == json!([]), "{}", others.describe());
    mallory.get("/api/v1/users/nobody").await.refused(404, "not_found");
    for channel in ["nothing", "group"] {
        let refused = SseClient::open(server.address, &mallory.stream().channel(channel))
            .await
            .err()
            .expect("no stream")
            .answer();
        refused.refused(404, "not_found");
        mallory.get(&format!("/api/v1/events?channel={channel}")).await.refused(404, "not_found");
    }
    for strange in ["abc", "-1", "1.5", "99999999999999999999999", "0"] {
        let answer = mallory.get(&format!("/api/v1/messages/{strange}")).await;
        assert!(matches!(answer.status, 400 | 404), "{strange}: {}", answer.describe());
    }
}

#[tokio::test]
async fn what_is_not_allowed_says_why() {
    let server = Server::start().await;
    let (alice, bob, _, group) = house(&server).await;
    let channel = alice
        .post("/api/v1/conversations", &json!({"kind": "channel", "name": "news", "post": "owners"}))
        .await
        .expect(201)["id"]
        .clone();
    let carol = Person::register(&server, "carol").await;
    bob.patch(&format!("/api/v1/conversations/{group}"), &json!({"name": "mine"})).await.refused(403, "not_owner");
    bob.post(&format!("/api/v1/conversations/{group}/members"), &json!({"username": "carol"}))
        .await
        .refused(403, "not_owner");
    bob.delete(&format!("/api/v1/conversations/{group}/members/alice")).await.refused(403, "not_owner");
    bob.patch(&format!("/api/v1/conversations/{group}/members/bob"), &json!({"role": "owner"}))
        .await
        .refused(403, "not_owner");
    carol.post("/api/v1/messages", &json!({"conversation_id": channel, "text": "x"})).await.refused(403, "not_member");
    carol.post(&format!("/api/v1/conversations/{channel}/members"), &json!({})).await.expect(201);
    carol.post("/api/v1/messages", &json!({"conversation_id": channel, "text": "x"})).await.refused(403, "not_owner");
    carol.post(&format!("/api/v1/conversations/{channel}/members"), &json!({})).await.refused(409, "already_member");
    carol
        .post("/api/v1/conversations", &json!({"kind": "channel", "name": "NEWS"}))
        .await
        .refused(409, "channel_name_taken");
    let closed = Server::options().set("--registration", "closed").start().await;
    closed
        .stranger()
        .post("/api/v1/users", &json!({"username": "x", "password": "long enough"}))
        .await
        .refused(403, "registration_closed");
}

#[tokio::test]
async fn queries_are_checked_as_bodies_are() {
    let server = Server::start().await;
    let (alice, _, direct, _) = house(&server).await;
    for query in ["limit=0", "limit=201", "limit=abc", "limit=-1", "before=abc", "after=abc"] {
        alice.get(&format!("/api/v1/conversations/{direct}/messages?{query}")).await.refused(400, "malformed_request");
        alice.get(&format!("/api/v1/messages?{query}")).await.refused(400, "malformed_request");
    }
    for query in ["limit=0", "limit=201", "cursor=%00", "cursor=1%00-1", "cursor=news%00"] {
        alice.get(&format!("/api/v1/conversations?{query}")).await.refused(400, "malformed_request");
        alice.get(&format!("/api/v1/channels?{query}")).await.refused(400, "malformed_request");
    }
    for query in ["limit=0", "limit=1001", "wait=61", "wait=-1", "wait=abc"] {
        alice.get(&format!("/api/v1/events?{query}")).await.refused(400, "malformed_request");
    }
    alice.get("/api/v1/messages?box=attic").await.refused(400, "malformed_request");
}

#[tokio::test]
async fn a_number_may_be_written_with_a_point_if_it_is_whole() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let direct = alice.direct(&[&alice]).await;
    let post = async |id: &str| {
        let body = format!(r#"{{"conversation_id":{id},"text":"hello"}}"#);
        alice.send_body(http::Method::POST, "/api/v1/messages", "application/json", body).await
    };
    post(&format!("{direct}.0")).await.expect(201);
    post(&format!("{direct}e0")).await.expect(201);
    for wrong in ["1.5", "-1", "-1.0", "1e300", "9223372036854775808", "\"1\""] {
        post(wrong).await.refused_field("invalid", "conversation_id");
    }
}

#[tokio::test]
async fn a_refusal_is_in_words_for_whoever_calls() {
    let server = Server::start().await;
    let (alice, _, direct, _) = house(&server).await;
    let detail = |problem: &Value| problem["detail"].as_str().unwrap().to_owned();
    for (path, body, field, said) in [
        ("messages", json!({"to": ["bob"]}), "text", "`text` is missing."),
        ("messages", json!({"to": "bob", "text": "x"}), "to", "This takes a list."),
        ("messages", json!({"text": "x"}), "to", "Give `to` or `conversation_id`."),
        (
            "messages",
            json!({"to": ["bob"], "conversation_id": direct, "text": "x"}),
            "to",
            "Give either `to` or `conversation_id`, not both.",
        ),
        ("conversations", json!({"kind": "room"}), "kind", "This takes `direct`, `group` or `channel`."),
    ] {
        let problem = alice.post(&format!("/api/v1/{path}"), &body).await.refused(422, "invalid");
        assert_eq!((problem["field"].as_str(), detail(&problem)), (Some(field), said.to_owned()), "{body}");
        assert_eq!(problem["title"], "Unprocessable Content", "as in RFC 9110");
    }
    let large = alice.send_body(Method::POST, "/api/v1/messages", "application/json", vec![b' '; 256 * 1024 + 1]).await;
    assert_eq!(large.refused(413, "body_too_large")["title"], "Content Too Large");

    for (query, field, said) in [
        ("messages?limit=abc", "limit", "This takes a whole number."),
        ("messages?limit=", "limit", "This takes a whole number."),
        ("messages?limit=0", "limit", "`limit` is at least 1."),
        ("messages?box=attic", "box", "This takes `all`, `inbox` or `sent`."),
        ("conversations?colour=red", "colour", "There is no parameter `colour` here, only `cursor` and `limit`."),
        ("events?wait=abc", "wait", "`wait` is not a number."),
    ] {
        let problem = alice.get(&format!("/api/v1/{query}")).await.refused(400, "malformed_request");
        assert_eq!((problem["field"].as_str(), detail(&problem)), (Some(field), said.to_owned()), "{query}");
    }

    for path in ["conversations/abc/messages", "conversations/abc", "conversations/abc/members/bob"] {
        let method = if path.ends_with("bob") { Method::DELETE } else { Method::GET };
        let problem = alice.call(method, &format!("/api/v1/{path}"), None).await.refused(404, "not_found");
        assert!(detail(&problem).contains("`abc` in this path is not a number"), "{path}: {problem}");
    }

    for (caller, path) in [
        (server.stranger(), "/api/v1/me"),
        (server.stranger(), "/stream"),
        (server.stranger().with_header("authorization", "Basic YTpi"), "/api/v1/me"),
        (server.stranger().with_header("authorization", &alice.access_token), "/api/v1/me"),
    ] {
        let problem = caller.get(path).await.refused(401, "unauthorized");
        assert!(detail(&problem).contains("`Authorization: Bearer …`"), "{path}: {problem}");
    }
}
