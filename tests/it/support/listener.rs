//! A listener over any of the three transports.

use super::{Caller, Ear, Heard, NotOpened, Poller, SseClient, StreamRequest, WsClient};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Sse,
    WebSocket,
    Polling,
}

pub const TRANSPORTS: [Transport; 3] = [Transport::Sse, Transport::WebSocket, Transport::Polling];

impl Transport {
    /// What to ask with to go on from a cursor, where the first time all after a place was asked for.
    pub fn resuming(self, request: StreamRequest, first: Option<u64>, cursor: Option<u64>) -> StreamRequest {
        match (self, cursor) {
            (_, None) => request,
            // A browser repeats its first URL and says in the header how far it came.
            (Transport::Sse, Some(cursor)) => request.after(first.unwrap_or(0)).last_event_id(cursor),
            (_, Some(cursor)) => request.after(cursor),
        }
    }
}

pub enum Listener {
    Sse(Box<SseClient>),
    WebSocket(Box<WsClient>),
    Polling(Box<Poller>),
}

impl Listener {
    pub async fn open(transport: Transport, caller: &Caller, request: &StreamRequest) -> Result<Self, NotOpened> {
        Ok(match transport {
            Transport::Sse => Self::Sse(Box::new(SseClient::open(caller.address, request).await?)),
            Transport::WebSocket => Self::WebSocket(Box::new(WsClient::open(caller.address, request).await?)),
            Transport::Polling => {
                let poller = Poller::new(caller, request);
                Self::Polling(Box::new(poller))
            }
        })
    }
}

impl Ear for Listener {
    async fn next(&mut self) -> Heard {
        match self {
            Self::Sse(client) => client.next().await,
            Self::WebSocket(client) => client.next().await,
            Self::Polling(client) => client.next().await,
        }
    }

    fn cursor(&self) -> Option<u64> {
        match self {
            Self::Sse(client) => client.cursor(),
            Self::WebSocket(client) => client.cursor(),
            Self::Polling(client) => client.cursor(),
        }
    }
}
