//! What goes wrong: methods and paths that there are not, bodies that are nothing, and a store that fails.

use http::Method;
use serde_json::json;

use super::{FORM, PREFIX, open, refused};
use crate::support::raw::exchange;

#[tokio::test]
async fn what_there_is_not_is_told_in_json() {
    let (server, [ann]) = open(["ann"]).await;
    for path in ["/ann/elsewhere/", "/ann/message/1/2/", "/ann//messages/", "//messages/"] {
        refused(&ann.caller.get(&format!("{PREFIX}{path}")).await, 404);
    }
    for (method, rest, allowed) in [
        (Method::PUT, "/messages/", "GET,HEAD"),
        (Method::POST, "/messages/", "GET,HEAD"),
        (Method::DELETE, "/messages/", "GET,HEAD"),
        (Method::PATCH, "/message/", "GET,HEAD,POST,DELETE"),
        (Method::POST, "/message/1/", "GET,HEAD,DELETE"),
        (Method::POST, "/", "GET,HEAD"),
    ] {
        let answer = ann.call(method.clone(), rest).await;
        let message = refused(&answer, 405);
        assert!(message.is_string(), "{message}");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {rest}");
    }
    refused(&ann.caller.post(&format!("{PREFIX}/dates/"), &json!({})).await, 405);
    let path = format!("GET {PREFIX}/%ff/messages/ HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    refused(&exchange(server.address, path).await.unwrap(), 400);
}

#[tokio::test]
async fn nothing_that_is_sent_makes_the_server_fail() {
    let (server, [ann]) = open(["ann"]).await;
    let kinds =
        [FORM, "application/json", "multipart/form-data", "multipart/form-data; boundary=b", "text/plain", "\u{7f}"];
    let mut bodies: Vec<Vec<u8>> = [
        "",
        "{}",
        "[]",
        "null",
        "5",
        "\"x\"",
        "{",
        "{\"ids\":",
        "{\"ids\": [[[[]]]]}",
        "{\"ids\": 1e999}",
        "{\"receiver\": {}, \"message\": []}",
        "{\"receiver\": true}",
        "receiver",
        "=&=&;",
        "%",
        "receiver=%zz&message=%",
        "--b\r\n\r\n",
        "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        "--b--",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    bodies.push(vec![0xff, 0xfe, 0, 1, 0x80]);
    bodies.push(vec![b'['; 100_000]);
    bodies.push(format!("{{\"ids\": {}1{}}}", "[".repeat(500), "]".repeat(500)).into_bytes());
    bodies.push(vec![b'x'; 300_000]);
    for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE, Method::PUT, Method::OPTIONS] {
        for rest in
            ["/", "/messages", "/message", "/message/1", "/message/\u{1f426}", "/message/%00", "/messages?start=%00"]
        {
            for kind in kinds {
                for body in &bodies {
                    let path = ann.path(rest).replace('\u{1f426}', "%F0%9F%90%A6");
                    let head = format!(
                        "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                         Connection: close\r\n\r\n",
                        server.address,
                        body.len()
                    );
                    // Large ones once each are enough.
                    if body.len() > 1_000 && (kind != FORM && kind != "application/json") {
                        continue;
                    }
                    let request = [head.as_bytes(), body].concat();
                    let what =
                        || format!("{method} {path} {kind} {:?}", String::from_utf8_lossy(&body[..body.len().min(60)]));
                    let answer = if method == Method::HEAD {
                        head_of(&server, &request).await
                    } else {
                        exchange(server.address, request).await.map(|answer| answer.status)
                    };
                    let status = answer.unwrap_or_else(|error| panic!("{}: {error}", what()));
                    assert!(status < 500, "{}: {status}", what());
                }
            }
        }
    }
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

/// The status alone: the head tells of a body that does not come.
async fn head_of(server: &crate::support::Server, request: &[u8]) -> std::io::Result<u16> {
    let mut connection = crate::support::raw::Connection::open(server.address).await?;
    drop(connection.send(request).await);
    Ok(connection.head().await?.0)
}

#[tokio::test]
async fn a_store_that_fails_is_told_as_a_failure_of_the_server() {
    let (server, [ann]) = open(["ann"]).await;
    ann.say(&ann, "a note").await;
    server.sql("ALTER TABLE messages RENAME TO elsewhere").await;
    for rest in ["/messages/", "/messages/?start=2000-01-01", "/message/1/", "/"] {
        let answer = ann.get(rest).await;
        assert!(matches!(answer.status, 500 | 503), "{}", answer.describe());
        let message = refused(&answer, answer.status);
        assert!(!message.as_str().unwrap().contains("elsewhere") && !message.as_str().unwrap().contains("table"));
    }
    server.sql("ALTER TABLE elsewhere RENAME TO messages").await;
    assert_eq!(ann.unseen().await, ["a note"]);
    // A name that breaks the one statement that writes.
    server.sql("ALTER TABLE hidden RENAME TO elsewhere").await;
    let answer = ann.delete("/message/1/", "").await;
    assert!(matches!(answer.status, 500 | 503), "{}", answer.describe());
    refused(&answer, answer.status);
}
