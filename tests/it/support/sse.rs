//! A listener over Server-Sent Events that keeps its cursor as a browser does.

use std::collections::VecDeque;
use std::fmt::{Display, Write as _};
use std::net::SocketAddr;

use http::HeaderMap;

use super::heard::{FrameHead, is_passing};
use super::raw::{Connection, Framing};
use super::{Answer, Control, Ear, Heard, Parsed, Passing, Seen, SseParser};

#[derive(Debug, Clone)]
pub enum Credentials {
    None,
    Bearer(String),
    Ticket(String),
    Cookie(String),
}

/// What a listener asks for when it opens a stream, on any transport.
#[derive(Debug, Clone)]
pub struct StreamRequest {
    pub credentials: Credentials,
    /// `?after=`, as it is written.
    pub after: Option<String>,
    /// The header that a browser sends when it comes back.
    pub last_event_id: Option<String>,
    pub channels: Vec<String>,
    pub headers: Vec<(String, String)>,
    /// A receive buffer so small that not reading is felt at once.
    pub narrow: bool,
}

impl StreamRequest {
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, after: None, last_event_id: None, channels: Vec::new(), headers: Vec::new(), narrow: false }
    }

    #[must_use]
    pub fn after(mut self, after: impl Display) -> Self {
        self.after = Some(after.to_string());
        self
    }

    #[must_use]
    pub fn last_event_id(mut self, id: impl Display) -> Self {
        self.last_event_id = Some(id.to_string());
        self
    }

    #[must_use]
    pub fn channel(mut self, name: &str) -> Self {
        self.channels.push(name.to_owned());
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn narrow(mut self) -> Self {
        self.narrow = true;
        self
    }

    /// Path and query for `/stream`, `/ws` or the events of the REST API.
    pub fn target(&self, path: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Credentials::Ticket(ticket) = &self.credentials {
            query.append_pair("ticket", ticket);
        }
        if let Some(after) = &self.after {
            query.append_pair("after", after);
        }
        for channel in &self.channels {
            query.append_pair("channel", channel);
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// The headers that the credentials and the cursor need.
    pub fn all_headers(&self) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        match &self.credentials {
            Credentials::Bearer(token) => headers.push(("authorization".to_owned(), format!("Bearer {token}"))),
            Credentials::Cookie(cookie) => headers.push(("cookie".to_owned(), cookie.clone())),
            Credentials::None | Credentials::Ticket(_) => {}
        }
        if let Some(id) = &self.last_event_id {
            headers.push(("last-event-id".to_owned(), id.clone()));
        }
        headers
    }
}

/// Why there is no stream.
#[derive(Debug)]
pub enum NotOpened {
    /// Another status than the one that opens it.
    Answered(Answer),
    /// Nobody was there, or he hung up.
    Unreachable(String),
}

impl NotOpened {
    #[track_caller]
    pub fn answer(self) -> Answer {
        match self {
            NotOpened::Answered(answer) => answer,
            NotOpened::Unreachable(why) => panic!("no answer at all: {why}"),
        }
    }
}

pub struct SseClient {
    pub headers: HeaderMap,
    /// Every byte of the body so far, if `keep_bytes` was asked for.
    pub captured: Option<Vec<u8>>,
    connection: Connection,
    framing: Framing,
    parser: SseParser,
    heard: VecDeque<(Heard, Option<u64>)>,
    cursor: Option<u64>,
}

impl SseClient {
    pub async fn open(address: SocketAddr, request: &StreamRequest) -> Result<Self, NotOpened> {
        let unreachable = |error: std::io::Error| NotOpened::Unreachable(error.to_string());
        let mut connection =
            if request.narrow { Connection::open_narrow(address).await } else { Connection::open(address).await }
                .map_err(unreachable)?;
        let mut head =
            format!("GET {} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n", request.target("/stream"));
        for (name, value) in request.all_headers() {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        head.push_str("\r\n");
        connection.send(head).await.map_err(unreachable)?;
        let (status, headers) = connection.head().await.map_err(unreachable)?;
        if status != 200 {
            let body = connection.rest(status, &headers).await.map_err(unreachable)?;
            return Err(NotOpened::Answered(Answer { status, headers, body }));
        }
        assert_eq!(headers["content-type"].to_str().unwrap(), "text/event-stream");
        let framing = Framing::of(status, &headers);
        Ok(Self {
            headers,
            captured: None,
            connection,
            framing,
            parser: SseParser::default(),
            heard: VecDeque::new(),
            cursor: None,
        })
    }

    /// Opens and keeps every byte of the body.
    pub async fn open_captured(address: SocketAddr, request: &StreamRequest) -> Result<Self, NotOpened> {
        let mut client = Self::open(address, request).await?;
        client.captured = Some(Vec::new());
        Ok(client)
    }

    pub fn retry(&self) -> Option<std::time::Duration> {
        self.parser.retry()
    }

    fn understand(parsed: Parsed) -> (Heard, Option<u64>) {
        let number =
            |id: &str| (!id.is_empty()).then(|| id.parse().unwrap_or_else(|_| panic!("an id is a number: {id:?}")));
        match parsed {
            Parsed::Id(id) => {
                let position = number(&id).expect("a heartbeat has a position");
                (Heard::Heartbeat(position), Some(position))
            }
            Parsed::Event { kind, data, id } => {
                let frame = FrameHead::of(&data);
                super::spoken::heard("sse", &data);
                assert_eq!(frame.kind, kind, "the event's name is the envelope's type");
                if let Some(seq) = frame.seq {
                    assert_eq!(number(&id), Some(seq), "the id of an event is its seq");
                    return (Heard::Event(Seen { seq, kind, raw: data }), Some(seq));
                }
                if matches!(kind.as_str(), "ready" | "reset") {
                    assert_eq!(number(&id), frame.position, "the id of {kind} is its position");
                }
                if is_passing(&kind) {
                    return (Heard::Passing(Passing { kind, raw: data }), number(&id));
                }
                (Heard::Control(Control { kind, raw: data }), number(&id))
            }
        }
    }
}

impl Ear for SseClient {
    async fn next(&mut self) -> Heard {
        loop {
            if let Some((heard, cursor)) = self.heard.pop_front() {
                self.cursor = cursor;
                return heard;
            }
            let mut body = Vec::new();
            self.framing.decode(&mut self.connection.unread, &mut body);
            if let Some(captured) = &mut self.captured {
                captured.extend_from_slice(&body);
            }
            for parsed in self.parser.feed(&body) {
                self.heard.push_back(Self::understand(parsed));
            }
            if self.heard.is_empty() && (self.framing.is_over() || !self.connection.read_more().await.unwrap_or(false))
            {
                return Heard::End(None);
            }
        }
    }

    fn cursor(&self) -> Option<u64> {
        self.cursor
    }
}
