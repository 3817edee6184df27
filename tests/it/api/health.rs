//! The stream for whoever wants to know whether streams arrive.

use http::Method;

use crate::support::{Server, deadline::PATIENCE, within};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

#[tokio::test]
async fn a_probe_is_sent_event_by_event_and_ends() {
    let server = Server::options().set("--trusted-proxies", "127.0.0.1").start().await;
    // What is sent one after the other may arrive at once on a machine that has much else to do, though not each time.
    for _ in 0..5 {
        let whole = probed(&server).await;
        if whole >= Duration::from_millis(600) {
            return;
        }
    }
    panic!("they do not come one after the other");
}

/// How long it takes from the first event of a probe to its end.
async fn probed(server: &Server) -> Duration {
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let request = "GET /healthz/stream HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1, 192.0.2.2\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let (mut said, mut arrivals, mut buffer) = (String::new(), Vec::new(), [0; 4096]);
    while let count @ 1.. = within(PATIENCE, "more, or the end", socket.read(&mut buffer)).await.unwrap() {
        said.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        arrivals.push(Instant::now());
    }
    assert!(said.to_lowercase().contains("x-accel-buffering: no") && said.contains("text/event-stream"), "{said}");
    let events: Vec<Value> = said
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    assert_eq!(events.iter().map(|event| event["frame"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(events.iter().all(|event| event["instance"] == events[0]["instance"]), "{said}");
    assert_eq!((&events[0]["client"], &events[0]["hops"]), (&"192.0.2.2".into(), &2.into()), "{said}");
    assert_eq!(events[0]["trusted"], true, "{said}");
    arrivals.last().unwrap().duration_since(arrivals[0])
}

#[tokio::test]
async fn a_probe_is_counted_and_not_for_foreign_pages() {
    let server = Server::options().set("--max-streams-per-address", "1").start().await;
    let stranger = server.stranger();
    let first = TcpStream::connect(server.address).await.unwrap();
    let mut first = tokio::io::BufReader::new(first);
    first.write_all(b"GET /healthz/stream HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut byte = [0];
    within(PATIENCE, "the first byte", first.read_exact(&mut byte)).await.unwrap();
    stranger.get("/healthz/stream").await.refused(429, "too_many_streams");
    drop(first);
    let foreign = stranger.with_header("origin", "https://evil.example");
    foreign.get("/healthz/stream").await.refused(403, "foreign_origin");
    stranger.call(Method::POST, "/healthz/stream", None).await.refused(405, "method_not_allowed");
    let server = Server::options().set("--rate-limits", "on").start().await;
    let stranger = server.stranger();
    let refused = async {
        loop {
            let answer = stranger.call(Method::HEAD, "/healthz/stream", None).await;
            if answer.status != 200 {
                break answer;
            }
        }
    };
    assert_eq!(within(PATIENCE, "a refusal", refused).await.status, 429);
}
