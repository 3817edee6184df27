//! How a server is listened to and told something, as bytes: all that the generator knows of it.

use std::net::SocketAddr;

/// How listeners hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Server-Sent Events.
    Sse,
    /// WebSocket.
    Ws,
}

impl Transport {
    /// As it is written in the names of scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::Ws => "ws",
        }
    }
}

/// How one becomes a listener.
#[derive(Debug, Clone)]
pub struct Listening {
    /// Where to connect to: listeners are spread over these, in turn.
    pub addresses: Vec<SocketAddr>,
    /// Heads of requests, complete but for the empty line, used in turn: as many as there are people.
    pub heads: Vec<String>,
    /// What is received when the stream is live. Empty: the head of the answer.
    pub live_at: String,
}

impl Listening {
    /// What one listener says to be one.
    pub fn request(&self, listener: usize, more: &str) -> Vec<u8> {
        format!("{}{more}\r\n", self.heads[listener % self.heads.len()]).into_bytes()
    }
}

/// How something is said in one conversation: the text stands between two parts of a body.
#[derive(Debug, Clone)]
pub struct Saying {
    /// The head of the request, complete but for `Content-Length` and the empty line.
    pub head: String,
    /// What stands before the text.
    pub before: Vec<u8>,
    /// What stands behind it.
    pub after: Vec<u8>,
}

impl Saying {
    /// The request that says a text.
    pub fn request(&self, text: &str, into: &mut Vec<u8>) {
        let length = self.before.len() + text.len() + self.after.len();
        into.clear();
        into.extend_from_slice(format!("{}content-length: {length}\r\n\r\n", self.head).as_bytes());
        into.extend_from_slice(&self.before);
        into.extend_from_slice(text.as_bytes());
        into.extend_from_slice(&self.after);
    }
}

/// What a client adds to a request to make it a WebSocket's handshake. Nobody checks the answer to the key.
pub const UPGRADE: &str = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                           sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
