//! Traces as a collector of OpenTelemetry gets them.

use crate::support::deadline::PATIENCE;
use crate::support::{FreeAddress, Person, Server, eventually, seconds};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use prost::Message;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a request that somebody else began says of its trace.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// The head of a request, and its body.
type Body = (String, Vec<u8>);

/// A collector that keeps what it gets.
#[derive(Clone, Default)]
struct Collector {
    bodies: Arc<Mutex<Vec<Body>>>,
}

impl Collector {
    async fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (collector, address) = (Self::default(), listener.local_addr().unwrap());
        let keeper = collector.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let keeper = keeper.clone();
                tokio::spawn(async move { keeper.take(socket).await });
            }
        });
        (collector, address)
    }

    async fn take(&self, socket: TcpStream) -> Option<()> {
        let mut socket = BufReader::new(socket);
        loop {
            let (mut head, mut line) = (String::new(), String::new());
            while line != "\r\n" {
                line.clear();
                if socket.read_line(&mut line).await.ok()? == 0 {
                    return None;
                }
                head.push_str(&line.to_lowercase());
            }
            let (_, length) = head.split_once("content-length: ")?;
            let mut body = vec![0; length.lines().next()?.trim().parse().ok()?];
            socket.read_exact(&mut body).await.ok()?;
            self.bodies.lock().push((head, body));
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.ok()?;
        }
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock();
        let requests = bodies.iter().map(|(head, body)| {
            assert!(head.starts_with("post /v1/traces "), "{head}");
            assert!(head.contains("content-type: application/x-protobuf"), "{head}");
            ExportTraceServiceRequest::decode(body.as_slice()).expect("OTLP")
        });
        let resources = requests.flat_map(|request| request.resource_spans).collect::<Vec<_>>();
        for resource in &resources {
            let about = resource.resource.as_ref().unwrap();
            assert!(about.attributes.iter().any(|one| one.key == "service.name"), "{about:?}");
        }
        resources.into_iter().flat_map(|it| it.scope_spans).flat_map(|it| it.spans).collect()
    }

    /// Whether a text is anywhere in what came.
    fn has(&self, text: &str) -> bool {
        let holds = |body: &[u8]| body.windows(text.len()).any(|part| part == text.as_bytes());
        self.bodies.lock().iter().any(|(_, body)| holds(body))
    }
}

fn text(span: &Span, key: &str) -> String {
    let value = span.attributes.iter().find(|one| one.key == key).and_then(|one| one.value.clone());
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} of {span:?} is {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[tokio::test]
async fn a_collector_gets_the_spans_of_a_request_and_of_its_batch_and_no_word_of_anybody() {
    let (collector, address) = Collector::start().await;
    let url = format!("http://{address}");
    let options = Server::options().set("--otlp-url", &url).set("--trusted-proxies", "127.0.0.1");
    let mut server = options.start().await;
    let alice = Person::register(&server, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    let body = serde_json::json!({"conversation_id": notes, "text": "a-word-of-mine"});
    let asked = alice.with_header("traceparent", &format!("00-{TRACE}-{CALLER}-00"));
    let answer = asked.post("/api/v1/messages?q=asked-for", &body).await;
    answer.expect(201);
    let name = "POST /api/v1/messages";
    let found = eventually(PATIENCE, "the span of the request", async || {
        collector.spans().into_iter().find(|span| span.name == name)
    })
    .await;
    assert_eq!((hex(&found.trace_id), hex(&found.parent_span_id)), (TRACE.to_owned(), CALLER.to_owned()));
    assert_eq!(text(&found, "http.route"), "/api/v1/messages");
    assert_eq!(text(&found, "http.response.status_code"), "201");
    assert_eq!(text(&found, "request.id"), answer.header("x-request-id").unwrap());
    assert!(found.end_time_unix_nano > found.start_time_unix_nano);
    assert!(server.terminate(seconds(20)).await.success(), "what is left is sent before it ends");
    let spans = collector.spans();
    let within = |span: &&Span| span.name == "write" && span.parent_span_id == found.span_id;
    let write = spans.iter().find(within).expect("the wait for the write is part of the request");
    let batch =
        spans.iter().find(|span| span.name == "batch" && span.links.iter().any(|link| link.span_id == write.span_id));
    let batch = batch.expect("the batch says whose wait it ended");
    assert_eq!((text(batch, "changes"), text(batch, "outcome")), ("1".to_owned(), "committed".to_owned()));
    assert!(spans.iter().any(|span| span.name == "commit" && span.parent_span_id == batch.span_id));
    for private in ["alice", "a-word-of-mine", "asked-for", "127.0.0.1", "Bearer"] {
        assert!(!collector.has(private), "{private}");
    }
    assert!(spans.iter().all(|span| span.events.is_empty()), "no line of the log goes there");
    let log = server.log();
    assert!(log.contains("client.address=127.0.0.1") && !log.contains("otel."), "{log}");
}

#[tokio::test]
async fn nobody_but_a_trusted_proxy_says_to_which_trace_a_request_belongs() {
    let (collector, address) = Collector::start().await;
    // Of so few traces none is sent but one whose number is chosen for it.
    let options = Server::options().set("--otlp-url", &format!("http://{address}")).set("--otlp-ratio", "0.000000001");
    let chosen = "00000000000000010000000000000001";
    let traceparent = format!("00-{chosen}-{CALLER}-01");
    for (proxies, believed) in [("192.0.2.1", false), ("127.0.0.1", true)] {
        let mut server = options.clone().set("--trusted-proxies", proxies).start().await;
        server.stranger().with_header("traceparent", &traceparent).get("/api/v1/me").await.refused(401, "unauthorized");
        assert!(server.terminate(seconds(20)).await.success(), "what is left is sent before it ends");
        let sent = collector.spans().iter().any(|span| hex(&span.trace_id) == chosen);
        assert_eq!(sent, believed, "{proxies}");
    }
}

#[tokio::test]
async fn a_collector_that_is_not_there_holds_nobody_up() {
    let gone = FreeAddress::take();
    let mut server = Server::options().set("--otlp-url", &format!("http://{}", gone.address)).start().await;
    let alice = Person::register(&server, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    alice.say(notes, "said all the same").await;
    eventually(PATIENCE, "a word on it", async || server.log().contains("traces cannot be sent").then_some(())).await;
    assert!(server.terminate(seconds(20)).await.success());
    assert_eq!(server.log().matches("traces cannot be sent").count(), 1, "{}", server.log());
}

#[tokio::test]
async fn no_part_of_the_traces_is_sent_if_none_is_wanted() {
    let (collector, address) = Collector::start().await;
    let options = Server::options().set("--otlp-url", &format!("http://{address}")).set("--otlp-ratio", "0");
    let mut server = options.set("--trusted-proxies", "127.0.0.1").start().await;
    let alice = Person::register(&server, "alice").await;
    // Nobody who asks decides otherwise.
    alice.with_header("traceparent", &format!("00-{TRACE}-{CALLER}-01")).get("/api/v1/me").await.expect(200);
    assert!(server.terminate(seconds(20)).await.success());
    assert_eq!(collector.spans().len(), 0);
}
