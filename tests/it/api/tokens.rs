//! Tokens that are not what they should be, origins that are not ours, and refresh tokens used twice.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{Credentials, Ear, Person, Server, SseClient, StreamRequest, WsClient, seconds};

/// A token taken apart: its header and what it claims.
pub fn parts(token: &str) -> (Value, Value) {
    let part = |index: usize| {
        let text = token.split('.').nth(index).expect("a token has three parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("a part is base64url")).expect("a part is JSON")
    };
    (part(0), part(1))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.", part(header), part(claims))
}

pub fn sign(algorithm: Algorithm, kid: Option<&str>, claims: &Value, key: &[u8]) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key)).expect("a token is signed")
}

/// Refused on every transport that takes a token.
async fn refused_everywhere(server: &Server, what: &str, token: &str) {
    let caller = server.stranger().with_bearer(token);
    let answer = caller.get("/api/v1/me").await;
    assert_eq!(answer.status, 401, "{what}: {}", answer.describe());
    assert_eq!(caller.get("/api/v1/events").await.status, 401, "{what}");
    let request = caller.stream();
    assert_eq!(SseClient::open(server.address, &request).await.err().expect(what).answer().status, 401, "{what}");
    assert_eq!(WsClient::open(server.address, &request).await.err().expect(what).answer().status, 401, "{what}");
    let mut websocket = WsClient::open(server.address, &StreamRequest::new(Credentials::None)).await.unwrap();
    websocket.send(&json!({"op": "auth", "ref": 1, "token": token})).await;
    // Of an access token that was good, a client learns that it only has to refresh it.
    let code = if what == "expired" { 4408 } else { 4401 };
    assert_eq!(websocket.until_end(seconds(5)).await.1, Some(code), "{what}");
}

#[tokio::test]
async fn only_a_token_of_this_server_for_this_server_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let key_file = home.path().join("jwt.key");
    let key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    std::fs::write(&key_file, key).unwrap();
    std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let server = Server::options().set("--jwt-key-file", key_file.to_str().unwrap()).start().await;
    let alice = Person::register(&server, "alice").await;
    let (header, claims) = parts(&alice.access_token);
    assert_eq!(header["alg"], "HS256");
    for claim in ["sub", "sid", "aud", "exp"] {
        assert!(!claims[claim].is_null(), "{claim} in {claims}");
    }
    let kid = header["kid"].as_str().expect("a token names its key");
    let secret = signing_key(key);
    let again = sign(Algorithm::HS256, Some(kid), &claims, &secret);
    assert_eq!(
        server.stranger().with_bearer(&again).get("/api/v1/me").await.status,
        200,
        "the test signs as the server does"
    );

    let with = |claim: &str, value: Value| {
        let mut changed = claims.clone();
        changed[claim] = value;
        changed
    };
    #[expect(clippy::disallowed_methods, reason = "a forger has a clock of his own")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut without_expiry = claims.clone();
    without_expiry.as_object_mut().unwrap().remove("exp");
    let mut without_audience = claims.clone();
    without_audience.as_object_mut().unwrap().remove("aud");
    let (head, _) = alice.access_token.rsplit_once('.').unwrap();
    for (what, token) in [
        ("alg none", unsigned(&json!({"alg": "none", "typ": "JWT", "kid": kid}), &claims)),
        ("alg None", unsigned(&json!({"alg": "None", "typ": "JWT"}), &claims)),
        ("no signature", format!("{head}.")),
        ("HS384 with our key", sign(Algorithm::HS384, Some(kid), &claims, &secret)),
        ("HS512 with our key", sign(Algorithm::HS512, Some(kid), &claims, &secret)),
        ("another key", sign(Algorithm::HS256, Some(kid), &claims, b"another key, quite as long as ours is")),
        (
            "another key and kid",
            sign(Algorithm::HS256, Some("theirs"), &claims, b"another key, quite as long as ours is"),
        ),
        ("an empty key", sign(Algorithm::HS256, Some(kid), &claims, b"")),
        ("another audience", sign(Algorithm::HS256, Some(kid), &with("aud", json!("elsewhere")), &secret)),
        ("no audience", sign(Algorithm::HS256, Some(kid), &without_audience, &secret)),
        ("expired", sign(Algorithm::HS256, Some(kid), &with("exp", json!(now - 120)), &secret)),
        ("no expiry", sign(Algorithm::HS256, Some(kid), &without_expiry, &secret)),
        ("another session", sign(Algorithm::HS256, Some(kid), &with("sid", json!("no-such-session")), &secret)),
        ("a refresh token", alice.refresh_token.clone()),
        (
            "claims of another signature",
            format!(
                "{}.{}",
                unsigned(&header, &with("sub", json!("2"))).trim_end_matches('.'),
                alice.access_token.rsplit_once('.').unwrap().1
            ),
        ),
    ] {
        refused_everywhere(&server, what, &token).await;
    }
}

/// The bytes that a key file stands for.
pub fn signing_key(file: &str) -> Vec<u8> {
    file.trim_end().as_bytes().to_vec()
}

#[tokio::test]
async fn the_previous_key_is_taken_and_one_before_it_is_not() {
    let home = tempfile::tempdir().unwrap();
    let key = |name: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, name.repeat(12)).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (first, second, third) = (key("first"), key("second"), key("third"));
    let options =
        |now: &str, before: &str| Server::options().set("--jwt-key-file", now).set("--jwt-previous-key-file", before);
    let mut server = Server::options().set("--jwt-key-file", &first).start().await;
    let alice = Person::register(&server, "alice").await;
    server.terminate(seconds(5)).await;
    server.restart_with(options(&second, &first)).await;
    assert_eq!(alice.get("/api/v1/me").await.status, 200);
    server.terminate(seconds(5)).await;
    server.restart_with(options(&third, &second)).await;
    alice.get("/api/v1/me").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut server = Server::start().await;
    let file = server.data_dir().join("jwt.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    server.terminate(seconds(5)).await;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    server.fails_to_start().await;
    assert!(server.log().contains("jwt.key"), "it says which file: {}", server.log());
}

#[tokio::test]
async fn an_access_token_in_a_url_is_refused() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let token = &alice.access_token;
    for (caller, what) in [(server.stranger(), "alone"), ((*alice).clone(), "beside the header")] {
        for parameter in ["access_token", "token", "ticket"] {
            let url = |path: &str| format!("{path}?{parameter}={token}");
            let answers = [caller.get(&url("/stream")).await, caller.get(&url("/api/v1/events")).await];
            for answer in answers {
                let expected = if parameter == "access_token" { 400..=400 } else { 400..=401 };
                // A Bearer header beside a parameter that means nothing to a REST call is as good as ever.
                let harmless = what == "beside the header" && parameter != "access_token";
                assert!(expected.contains(&answer.status) || harmless, "{parameter} {what}: {}", answer.describe());
                if answer.status == 400 {
                    answer.refused(400, "token_in_url");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_origin_neither_writes_nor_listens() {
    let server = Server::options()
        .set("--public-url", "https://chat.example.org")
        .set("--allow-origins", "https://app.example.org")
        .start()
        .await;
    let alice = Person::register(&server, "alice").await;
    let message = json!({"to": ["alice"], "text": "hello"});
    for own in ["https://chat.example.org", "https://app.example.org"] {
        let caller = alice.with_header("origin", own);
        caller.post("/api/v1/messages", &message).await.expect(201);
        SseClient::open(server.address, &alice.stream().header("origin", own))
            .await
            .unwrap()
            .until_control("ready")
            .await;
        WsClient::open(server.address, &alice.stream().header("origin", own))
            .await
            .unwrap()
            .until_control("ready")
            .await;
    }
    for foreign in [
        "https://evil.example",
        "http://chat.example.org",
        "https://chat.example.org.evil.example",
        "https://chat.example.org:8443",
        "null",
        "rubbish",
    ] {
        let caller = alice.with_header("origin", foreign);
        caller.post("/api/v1/messages", &message).await.refused(403, "foreign_origin");
        caller.delete("/api/v1/sessions/current").await.refused(403, "foreign_origin");
        let login = json!({"username": "alice", "password": alice.password, "cookie": true});
        server
            .stranger()
            .with_header("origin", foreign)
            .post("/api/v1/sessions", &login)
            .await
            .refused(403, "foreign_origin");
        let request = alice.stream().header("origin", foreign);
        SseClient::open(server.address, &request)
            .await
            .err()
            .expect("no stream")
            .answer()
            .refused(403, "foreign_origin");
        WsClient::open(server.address, &request)
            .await
            .err()
            .expect("no stream")
            .answer()
            .refused(403, "foreign_origin");
    }
    alice.post("/api/v1/messages", &message).await.expect(201);

    let preflight = server
        .stranger()
        .with_header("origin", "https://app.example.org")
        .with_header("access-control-request-method", "POST");
    let answer = preflight.call(http::Method::OPTIONS, "/api/v1/messages", None).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.org"));
    let preflight = server
        .stranger()
        .with_header("origin", "https://evil.example")
        .with_header("access-control-request-method", "POST");
    let answer = preflight.call(http::Method::OPTIONS, "/api/v1/messages", None).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

async fn refresh(server: &Server, token: &str) -> crate::support::Answer {
    server.stranger().post("/api/v1/sessions/refresh", &json!({"refresh_token": token})).await
}

fn successor(login: &Value) -> String {
    login["refresh_token"].as_str().expect("a refresh token").to_owned()
}

#[tokio::test]
async fn refresh_tokens_rotate() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let mut token = alice.refresh_token.clone();
    for _ in 0..5 {
        let answer = refresh(&server, &token).await.expect(200);
        assert_eq!(answer["token_type"], "Bearer");
        assert!(answer["expires_in"].as_u64().unwrap() > 0);
        let access = answer["access_token"].as_str().unwrap();
        assert_eq!(server.stranger().with_bearer(access).get("/api/v1/me").await.expect(200)["username"], "alice");
        assert_ne!(successor(&answer), token);
        token = successor(&answer);
    }
    alice.logout().await;
    refresh(&server, &token).await.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_may_be_asked_again() {
    let mut server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    refresh(&server, &alice.refresh_token).await.expect(200);
    refresh(&server, &alice.refresh_token).await.expect(200);
    server.kill().await;
    server.restart().await;
    let after_the_restart = successor(&refresh(&server, &alice.refresh_token).await.expect(200));
    assert_eq!(alice.get("/api/v1/me").await.status, 200, "nobody was logged out");
    let next = refresh(&server, &after_the_restart).await.expect(200);
    assert_eq!(
        server.stranger().with_bearer(next["access_token"].as_str().unwrap()).get("/api/v1/me").await.status,
        200
    );
}

#[tokio::test]
async fn a_refresh_token_used_again_after_its_successor_revokes_the_session() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let elsewhere = alice.login(&server).await;
    let mut stream = SseClient::open(server.address, &alice.stream()).await.unwrap();
    stream.until_control("ready").await;
    let second = successor(&refresh(&server, &alice.refresh_token).await.expect(200));
    let third = successor(&refresh(&server, &second).await.expect(200));
    refresh(&server, &alice.refresh_token).await.refused(401, "unauthorized");
    stream.until_end(seconds(1)).await;
    refresh(&server, &third).await.refused(401, "unauthorized");
    alice.get("/api/v1/me").await.refused(401, "unauthorized");
    assert_eq!(elsewhere.get("/api/v1/me").await.status, 200, "the other session is not concerned");
}

#[tokio::test]
async fn of_two_refreshes_at_once_neither_ends_the_session() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let (one, other) = tokio::join!(refresh(&server, &alice.refresh_token), refresh(&server, &alice.refresh_token));
    let (one, other) = (one.expect(200), other.expect(200));
    for answer in [&one, &other] {
        assert_eq!(
            server.stranger().with_bearer(answer["access_token"].as_str().unwrap()).get("/api/v1/me").await.status,
            200
        );
    }
}

#[tokio::test]
async fn an_api_key_may_do_what_its_scopes_say() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let other = alice.group("other", &[&bob]).await;
    let key = async |scopes: Value, conversation: Option<u64>| {
        let mut body = json!({"name": "a key", "scopes": scopes});
        if let Some(conversation) = conversation {
            body["conversation_id"] = json!(conversation);
        }
        let made = alice.post("/api/v1/keys", &body).await.expect(201);
        let key = made["key"].as_str().unwrap().to_owned();
        assert!(key.starts_with("gck_"));
        (server.stranger().with_bearer(&key), made["id"].clone())
    };
    let (reader, _) = key(json!(["read"]), None).await;
    reader.get(&format!("/api/v1/conversations/{direct}/messages")).await.expect(200);
    reader
        .post("/api/v1/messages", &json!({"conversation_id": direct, "text": "x"}))
        .await
        .refused(403, "insufficient_scope");
    let mut stream = SseClient::open(server.address, &reader.stream()).await.unwrap();
    stream.until_control("ready").await;

    let (sender, sender_id) = key(json!(["send"]), Some(direct)).await;
    let message = sender
        .send_body(http::Method::POST, &format!("/api/v1/conversations/{direct}/messages"), "text/plain", "backup done")
        .await
        .expect(201);
    assert_eq!(
        (message["text"].as_str(), message["author"]["username"].as_str()),
        (Some("backup done"), Some("alice"))
    );
    stream.until_text("backup done").await;
    let elsewhere = sender.post("/api/v1/messages", &json!({"conversation_id": other, "text": "x"})).await;
    assert!(matches!(elsewhere.status, 403 | 404), "{}", elsewhere.describe());
    sender.get(&format!("/api/v1/conversations/{direct}/messages")).await.refused(403, "insufficient_scope");
    for (method, path) in [
        ("POST", "/api/v1/keys"),
        ("GET", "/api/v1/sessions"),
        ("PATCH", "/api/v1/me"),
        ("POST", "/api/v1/conversations"),
    ] {
        let answer = sender.call(method.parse().unwrap(), path, (method != "GET").then(|| json!({})).as_ref()).await;
        answer.refused(403, "insufficient_scope");
    }
    let listed = alice.get("/api/v1/keys").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert!(
        listed["items"].as_array().unwrap().iter().all(|key| key.get("key").is_none()),
        "a key is shown once: {listed}"
    );
    alice.delete(&format!("/api/v1/keys/{}", crate::support::person::id_text(&sender_id))).await.expect(204);
    sender
        .post("/api/v1/messages", &json!({"conversation_id": direct, "text": "x"}))
        .await
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn a_revoked_key_ends_its_streams() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let made = alice.post("/api/v1/keys", &json!({"name": "a key", "scopes": ["read"]})).await.expect(201);
    let request = StreamRequest::new(Credentials::Bearer(made["key"].as_str().unwrap().to_owned()));
    let mut stream = SseClient::open(server.address, &request).await.unwrap();
    stream.until_control("ready").await;
    alice.delete(&format!("/api/v1/keys/{}", crate::support::person::id_text(&made["id"]))).await.expect(204);
    stream.until_end(seconds(1)).await;
}

#[tokio::test]
async fn what_is_revoked_stays_revoked_when_no_access_token_is_left() {
    let server = Server::options().set("--access-token-lifetime", "1s").start().await;
    let alice = Person::register(&server, "alice").await;
    // The cookie lasts for longer than any access token, however busy the machine.
    let login = json!({"username": "alice", "password": alice.password, "cookie": true});
    let set_cookie = server.stranger().post("/api/v1/sessions", &login).await.header("set-cookie").unwrap().to_owned();
    let browser = server.stranger().with_header("cookie", set_cookie.split(';').next().unwrap());
    let made = browser.post("/api/v1/keys", &json!({"name": "a key", "scopes": ["read"]})).await.expect(201);
    let key = server.stranger().with_bearer(made["key"].as_str().unwrap());
    key.get("/api/v1/conversations").await.expect(200);
    browser.delete(&format!("/api/v1/keys/{}", crate::support::person::id_text(&made["id"]))).await.expect(204);
    browser.delete("/api/v1/sessions/current").await.expect(204);
    // For as long as two access tokens last, one after the other, and beyond.
    for _ in 0..2 {
        let fresh = alice.login(&server).await;
        let mut lasts = true;
        while lasts {
            lasts = fresh.get("/api/v1/me").await.status == 200;
            key.get("/api/v1/conversations").await.refused(401, "unauthorized");
            browser.get("/api/v1/me").await.refused(401, "unauthorized");
        }
    }
}

#[tokio::test]
async fn a_session_revoked_while_its_request_arrives_changes_nothing() {
    let server = Server::start().await;
    let bob = Person::register(&server, "bob").await;
    let body = r#"{"name":"late","scopes":["read"]}"#;
    let (begun, rest) = body.split_at(5);
    let mut connection = crate::support::raw::Connection::open(server.address).await.unwrap();
    let head = format!(
        "POST /api/v1/keys HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        server.address,
        bob.access_token,
        body.len()
    );
    connection.send(head + begun).await.unwrap();
    // Whoever is answered here came after: the credentials of the head have been found good.
    for _ in 0..5 {
        bob.get("/api/v1/me").await.expect(200);
    }
    bob.logout().await;
    connection.send(rest).await.unwrap();
    let answer = connection.answer().await.unwrap();
    assert_eq!(answer.status, 401, "{}", answer.describe());
}
