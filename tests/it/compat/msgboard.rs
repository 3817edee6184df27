//! msgboard: one public board, written to with a name and a password in each request, and read by anybody.

mod abuse;
mod board;
mod document;
mod passwords;
mod people;
mod stream;

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use crate::support::deadline::PATIENCE;
use crate::support::raw::{Connection, Framing};
use crate::support::{Answer, Caller, Options, Parsed, Server, SseParser, within};

/// Where the paths of its document begin.
const AT: &str = "/compat/msgboard";

fn options() -> Options {
    Server::options().set("--compat", "msgboard")
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// What its document calls with, and others that send the same.
trait Calls {
    /// `http METHOD PATH name=value …`: a JSON object of texts.
    async fn http(&self, method: &str, path: &str, items: &[(&str, &str)]) -> Answer;
    /// `--auth NAME:PASSWORD`
    fn auth(&self, name: &str, password: &str) -> Caller;
    /// A new user.
    async fn registers(&self, name: &str, password: &str) -> Value;
    /// Puts something on the board.
    async fn posts(&self, text: &str) -> Value;
    /// The board.
    async fn texts(&self, query: &str) -> Vec<String>;
}

impl Calls for Caller {
    async fn http(&self, method: &str, path: &str, items: &[(&str, &str)]) -> Answer {
        let method: Method = method.parse().unwrap();
        let body: serde_json::Map<String, Value> =
            items.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let body = (!items.is_empty()).then(|| Value::Object(body));
        self.call(method, &format!("{AT}{path}"), body.as_ref()).await
    }

    fn auth(&self, name: &str, password: &str) -> Caller {
        self.with_header("authorization", &basic(name, password))
    }

    async fn registers(&self, name: &str, password: &str) -> Value {
        self.http("POST", "/user", &[("username", name), ("password", password)]).await.expect(200)
    }

    async fn posts(&self, text: &str) -> Value {
        self.http("POST", "/message", &[("text", text)]).await.expect(200)
    }

    async fn texts(&self, query: &str) -> Vec<String> {
        let list = self.http("GET", &format!("/messages{query}"), &[]).await.expect(200);
        list.as_array().expect("an array").iter().map(|it| it["text"].as_str().unwrap().to_owned()).collect()
    }
}

/// A refusal in its own words.
#[track_caller]
fn refused(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.describe());
    let body = answer.json();
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(1), "{}", answer.describe());
    body["message"].as_str().unwrap_or_else(|| panic!("a message: {}", answer.describe())).to_owned()
}

/// A server on which kitten is the first user, and kitten.
async fn kitten() -> (Server, Caller) {
    let server = options().start().await;
    let stranger = server.stranger();
    stranger.registers("kitten", "yarn").await;
    let kitten = stranger.auth("kitten", "yarn");
    (server, kitten)
}

/// An `EventSource` on the board.
struct Source {
    connection: Connection,
    framing: Framing,
    parser: SseParser,
    parsed: VecDeque<Parsed>,
    /// What a browser would come back with, as of what was given so far.
    cursor: String,
}

impl Source {
    async fn open(server: &Server) -> Self {
        Self::open_from(server, None).await
    }

    /// As a browser comes back.
    async fn open_from(server: &Server, last_event_id: Option<&str>) -> Self {
        let connection = Connection::open(server.address).await.expect("a connection");
        Self::over(connection, server, last_event_id).await
    }

    async fn over(mut connection: Connection, server: &Server, last_event_id: Option<&str>) -> Self {
        let cursor = last_event_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let head = format!("GET {AT}/stream HTTP/1.1\r\nHost: {}\r\n{cursor}\r\n", server.address);
        connection.send(head).await.expect("it takes a request");
        let (status, headers) = within(PATIENCE, "the head", connection.head()).await.expect("a response head");
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
        let framing = Framing::of(status, &headers);
        Self { connection, framing, parser: SseParser::default(), parsed: VecDeque::new(), cursor: String::new() }
    }

    /// The next block of any kind; none at the end.
    async fn next(&mut self) -> Option<Parsed> {
        within(PATIENCE, "something on the stream", async {
            loop {
                if let Some(parsed) = self.parsed.pop_front() {
                    let (Parsed::Event { id, .. } | Parsed::Id(id)) = &parsed;
                    self.cursor.clone_from(id);
                    return Some(parsed);
                }
                let mut body = Vec::new();
                self.framing.decode(&mut self.connection.unread, &mut body);
                self.parsed.extend(self.parser.feed(&body));
                let over = self.framing.is_over();
                if self.parsed.is_empty() && (over || !self.connection.read_more().await.unwrap_or(false)) {
                    return None;
                }
            }
        })
        .await
    }

    /// What `onmessage` is called with next: the events without a name.
    async fn on_message(&mut self) -> Value {
        loop {
            match self.next().await.expect("the stream goes on") {
                Parsed::Event { kind, data, .. } if kind == "message" => {
                    return serde_json::from_str(&data).expect("the data is JSON");
                }
                Parsed::Event { kind, data, .. } => panic!("nobody listens to {kind}: {data}"),
                Parsed::Id(_) => {}
            }
        }
    }

    /// The text of the next message, which is the only one in its array.
    async fn text(&mut self) -> String {
        let message = self.on_message().await;
        assert_eq!(message.as_array().map(Vec::len), Some(1), "{message}");
        message[0]["text"].as_str().expect("a text").to_owned()
    }
}
