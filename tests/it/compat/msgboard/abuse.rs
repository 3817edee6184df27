//! What no client of its would send: nothing of it makes a 500, a panic or a dropped connection.

use http::Method;
use serde_json::json;

use super::{AT, Calls, basic, kitten};
use crate::support::raw::exchange;
use crate::support::{Answer, Caller};

const PATHS: &[&str] = &[
    "/user",
    "/user/1",
    "/user/%00",
    "/user/%ff",
    "/user/..%2f",
    "/user/1%20",
    "/messages",
    "/messages?limit=%00",
    "/messages?limit=1&limit=&offset=%ff",
    "/message",
    "/message/1",
    "/message/1.0",
    "/message/%31",
    "/message/٣",
    "/message/-0",
    "/message/9223372036854775807",
    "/message/9223372036854775808",
    "/nothing",
];

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FAX"];

fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = "[".repeat(20_000);
    let nul = json!({"username": "a\0b", "password": "y\0rn", "bio": "\0", "text": "a\0b", "limit": "\0"});
    let odd = json!({"username": {}, "password": [], "bio": 1.5, "text": {"text": []}, "limit": {}, "offset": -0.0});
    let long = "x".repeat(100_000);
    let long = json!({"username": long, "password": long, "bio": long, "text": long, "limit": long, "offset": long});
    vec![
        ("application/json", Vec::new()),
        ("application/json", b"null".to_vec()),
        ("application/json", b"[]".to_vec()),
        ("application/json", b"{".to_vec()),
        ("application/json", b"\xff\xfe{}".to_vec()),
        ("application/json", br#"{"text": "\ud800", "username": "\ud800", "password": "yarn"}"#.to_vec()),
        ("application/json", br#"{"limit": 1e999, "text": 1e999}"#.to_vec()),
        ("application/json", deep.into_bytes()),
        ("application/json", nul.to_string().into_bytes()),
        ("application/json", odd.to_string().into_bytes()),
        ("application/json; charset=utf-16", long.to_string().into_bytes()),
        ("application/json", vec![b' '; 300_000]),
        ("application/x-www-form-urlencoded", b"text=%ff%00&username=%ff&password=%00%00%00%00&limit=%".to_vec()),
        ("application/x-www-form-urlencoded", vec![b'&'; 100_000]),
        ("multipart/form-data", b"--x\r\n".to_vec()),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\ncontent-disposition: form-data; name=\"text\"\r\n\r\n\xff".to_vec(),
        ),
        ("multipart/form-data; boundary=", b"{}".to_vec()),
        ("text/plain", b"hello".to_vec()),
        ("image/png", vec![0; 64]),
    ]
}

fn check(what: &str, answer: &Answer) {
    assert!((200..500).contains(&answer.status), "{what}: {}", answer.describe());
    let says_why = answer.status < 400 || answer.body.is_empty() || answer.json()["message"].is_string();
    assert!(says_why, "{what}: {}", answer.describe());
}

#[tokio::test]
async fn nothing_makes_a_500_or_hangs_up() {
    let (server, kitten) = kitten().await;
    kitten.posts("i love kittens").await;
    // Whose body was not wanted to its end cannot go on with the same connection.
    let alone = |caller: &Caller| caller.with_header("connection", "close");
    let callers: [(&str, Caller); 2] = [("a stranger", alone(&server.stranger())), ("kitten", alone(&kitten))];
    for path in PATHS {
        for method in METHODS {
            for (who, caller) in &callers {
                // A deletion that succeeds would leave less to try.
                if *method == "DELETE" && *who == "kitten" {
                    continue;
                }
                for (kind, body) in bodies() {
                    let method = Method::from_bytes(method.as_bytes()).unwrap();
                    let what = format!("{who}: {method} {path} with {} bytes of {kind}", body.len());
                    check(&what, &caller.send_body(method, &format!("{AT}{path}"), kind, body).await);
                }
            }
        }
    }
    assert!(!server.log().contains("panicked"));
    assert_eq!(kitten.posts("still here").await["text"], "still here");
}

#[tokio::test]
async fn odd_headers_are_refused_in_words() {
    let (server, _) = kitten().await;
    let credentials = basic("kitten", "yarn");
    for header in [
        "Authorization: Basic \u{e9}",
        "Authorization: Basic //79/Q==",
        &format!("Authorization: {credentials}{credentials}"),
        &format!("Authorization: {credentials}\r\nContent-Type: \u{e9}"),
        &format!("Authorization: {credentials}\r\nContent-Type:"),
        &format!("Authorization: {credentials}\r\nContent-Type: multipart/form-data; boundary=\""),
    ] {
        let body = "text=x";
        let request = format!(
            "POST {AT}/message HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{header}\r\n\r\n{body}",
            server.address,
            body.len()
        );
        let answer = exchange(server.address, request).await.expect("an answer");
        check(header, &answer);
        assert!(answer.status >= 400, "{header}: {}", answer.describe());
    }
}
