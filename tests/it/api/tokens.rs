//! Access tokens that are not what they should be, by keys that are not ours, or ours no more.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{Credentials, Ear, Person, Server, SseClient, StreamRequest, WsClient, eventually, seconds};

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
    server.terminate(seconds(20)).await;
    server.restart_with(options(&second, &first)).await;
    assert_eq!(alice.get("/api/v1/me").await.status, 200);
    server.terminate(seconds(20)).await;
    server.restart_with(options(&third, &second)).await;
    alice.get("/api/v1/me").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut server = Server::start().await;
    let file = server.data_dir().join("jwt.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    server.terminate(seconds(20)).await;
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
async fn a_token_that_was_found_good_before_ends_with_its_session_and_with_its_time() {
    let server = Server::options().set("--access-token-lifetime", "10s").start().await;
    let alice = Person::register(&server, "alice").await;
    let lost_device = alice.login(&server).await;
    for _ in 0..3 {
        lost_device.get("/api/v1/me").await.expect(200);
    }
    lost_device.logout().await;
    lost_device.get("/api/v1/me").await.refused(401, "unauthorized");
    let fresh = alice.login(&server).await;
    fresh.get("/api/v1/me").await.expect(200);
    let over = eventually(seconds(40), "the token to end", async || {
        let answer = fresh.call(Method::GET, "/api/v1/me", None).await;
        (answer.status != 200).then_some(answer)
    });
    over.await.refused(401, "token_expired");
    // One letter of it makes it another.
    let forged = format!("{}x", alice.login(&server).await.access_token);
    server.stranger().with_bearer(&forged).get("/api/v1/me").await.refused(401, "unauthorized");
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
