//! A listener, and speaker, over WebSocket.

use std::collections::HashMap;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use http::HeaderMap;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::heard::{FrameHead, is_passing};
use super::{Answer, Control, Ear, Heard, NotOpened, Passing, Seen, StreamRequest, raw};

pub struct WsClient {
    pub headers: HeaderMap,
    /// What the close frame said, once it came.
    pub close_reason: Option<String>,
    socket: WebSocketStream<TcpStream>,
    cursor: Option<u64>,
    /// What was asked last under each `ref`, by its `op`.
    asked: HashMap<String, HashMap<String, Value>>,
}

impl WsClient {
    pub async fn open(address: SocketAddr, request: &StreamRequest) -> Result<Self, NotOpened> {
        let unreachable = |error: std::io::Error| NotOpened::Unreachable(error.to_string());
        let stream = if request.narrow { raw::narrow(address).await } else { TcpStream::connect(address).await }
            .map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let mut handshake =
            format!("ws://{address}{}", request.target("/ws")).into_client_request().expect("a WebSocket address");
        for (name, value) in request.all_headers() {
            handshake.headers_mut().append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        match tokio_tungstenite::client_async(handshake, stream).await {
            Ok((socket, response)) => {
                let headers = response.headers().clone();
                Ok(Self { headers, close_reason: None, socket, cursor: None, asked: HashMap::new() })
            }
            Err(Error::Http(response)) => {
                let (parts, body) = response.into_parts();
                Err(NotOpened::Answered(Answer {
                    status: parts.status.as_u16(),
                    headers: parts.headers,
                    body: body.unwrap_or_default(),
                }))
            }
            Err(error) => Err(NotOpened::Unreachable(error.to_string())),
        }
    }

    pub async fn send(&mut self, operation: &Value) {
        self.try_send(operation).await.expect("the WebSocket takes a frame");
    }

    pub async fn try_send(&mut self, operation: &Value) -> Result<(), Error> {
        self.note(operation);
        self.socket.send(Message::text(operation.to_string())).await
    }

    /// Keeps what the reply is to be compared with.
    fn note(&mut self, operation: &Value) {
        let word = operation["op"].as_str().unwrap_or_default().to_owned();
        self.asked.entry(operation["ref"].to_string()).or_default().insert(word, operation.clone());
    }

    pub async fn send_message(&mut self, message: Message) -> Result<(), Error> {
        if let Message::Text(text) = &message
            && let Ok(operation) = serde_json::from_str(text.as_str())
        {
            self.note(&operation);
        }
        self.socket.send(message).await
    }

    /// Hands several operations over in one go.
    pub async fn send_all(&mut self, operations: impl IntoIterator<Item = Value>) {
        for operation in operations {
            self.note(&operation);
            self.socket.feed(Message::text(operation.to_string())).await.expect("the WebSocket takes a frame");
        }
        self.socket.flush().await.expect("the WebSocket takes frames");
    }

    /// Sends an operation and waits for its reply; what else is heard meanwhile goes into `aside`.
    pub async fn ask(&mut self, operation: &Value, aside: &mut Vec<Heard>) -> Value {
        self.send(operation).await;
        loop {
            match self.next().await {
                Heard::Reply(reply) if reply["ref"] == operation["ref"] => return reply,
                Heard::End(code) => panic!("the WebSocket ended ({code:?}) before it replied to {operation}"),
                other => aside.push(other),
            }
        }
    }

    fn understand(&mut self, raw: &str) -> Heard {
        let frame = FrameHead::of(raw);
        if frame.kind == "reply" {
            let reply: Value = serde_json::from_str(raw).unwrap();
            let asked = self.asked.get(&reply["ref"].to_string());
            super::spoken::replied(asked.unwrap_or(&HashMap::new()), &reply);
            return Heard::Reply(reply);
        }
        super::spoken::heard("websocket", raw);
        match (frame.seq, frame.kind.as_str()) {
            (Some(seq), _) => {
                self.cursor = Some(seq);
                Heard::Event(Seen { seq, kind: frame.kind, raw: raw.to_owned() })
            }
            (None, "heartbeat") => {
                self.cursor = frame.position;
                Heard::Heartbeat(frame.position.expect("a heartbeat has a position"))
            }
            (None, kind) if is_passing(kind) => Heard::Passing(Passing { kind: frame.kind, raw: raw.to_owned() }),
            (None, kind) => {
                if matches!(kind, "ready" | "reset") {
                    self.cursor = Some(frame.position.expect("ready and reset have a position"));
                }
                Heard::Control(Control { kind: frame.kind, raw: raw.to_owned() })
            }
        }
    }
}

impl Ear for WsClient {
    async fn next(&mut self) -> Heard {
        loop {
            let text = match self.socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => {
                    self.close_reason = frame.as_ref().map(|frame| frame.reason.to_string());
                    return Heard::End(frame.map(|frame| frame.code.into()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(other)) => panic!("nobody sends {other:?}"),
                Some(Err(_)) | None => return Heard::End(None),
            };
            return self.understand(text.as_str());
        }
    }

    fn cursor(&self) -> Option<u64> {
        self.cursor
    }
}
