//! What becomes of the connection when a body was not read.

use crate::support::raw::Connection;
use crate::support::{Server, seconds, within};

/// A request that is refused for where it comes from, before anybody looks at its body.
fn refused_early(path: &str, length: usize, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\nContent-Length: {length}\r\n\
         Content-Type: application/json\r\n{more}\r\n"
    )
}

const PATHS: [&str; 2] = ["/api/v1/users", "/compat/oms/api/auth/register"];

#[tokio::test]
async fn whoever_still_sends_is_told_that_the_connection_ends() {
    let server = Server::options().set("--compat", "oms").start().await;
    for path in PATHS {
        for (begun, more) in [("", ""), ("{\"username\"", ""), ("", "Expect: 100-continue\r\n")] {
            let mut connection = Connection::open(server.address).await.unwrap();
            connection.send(refused_early(path, 200_000, more) + begun).await.unwrap();
            let answer = within(seconds(10), "the answer", connection.answer()).await.unwrap();
            assert_eq!((answer.status, answer.header("connection")), (403, Some("close")), "{path} {begun} {more}");
            while within(seconds(10), "the end", connection.read_more()).await.is_ok_and(|more| more) {}
            assert_eq!(connection.unread, b"");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_there_already_ends_no_connection() {
    let server = Server::options().set("--compat", "oms").start().await;
    for path in PATHS {
        let mut connection = Connection::open(server.address).await.unwrap();
        for body in ["{}".to_owned(), "x".repeat(5_000)] {
            for _ in 0..3 {
                connection.send(refused_early(path, body.len(), "") + &body).await.unwrap();
                let answer = within(seconds(10), "the answer", connection.answer()).await.unwrap();
                assert_eq!((answer.status, answer.header("connection")), (403, None), "{path} {}", body.len());
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_ends_the_connection() {
    let server = Server::start().await;
    let mut connection = Connection::open(server.address).await.unwrap();
    let head =
        "POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\nContent-Type: application/json\r\n\r\n";
    connection.send(head.to_owned() + &"x".repeat(300_000)).await.unwrap();
    let answer = within(seconds(10), "the answer", connection.answer()).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
}
