//! What has gone through the door and over the streams since the start, for whoever watches it.

use super::close::CloseReason;
use crate::meter::{Counter, Family, Level};

/// Why a listener ended that nobody sent away.
pub(super) const LEFT: &str = "left";

/// All connections, and the three ways to listen.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Connections that were accepted.
    pub accepted: Counter,
    /// Connections that are open, streams among them.
    pub connections: Level,
    /// Server-sent events.
    pub sse: Way,
    /// Every `WebSocket`.
    pub websocket: Way,
    /// Polls that are under way.
    pub long_poll: Way,
}

/// One way to listen.
#[derive(Debug, Default)]
pub struct Way {
    /// Streams that are open.
    pub open: Level,
    /// Streams that were opened.
    pub opened: Counter,
    /// Events that were handed to a socket, once for each who hears it.
    pub deliveries: Counter,
    /// Bytes that sockets have taken; of polls, those of their answers.
    pub bytes: Counter,
    /// Streams that ended, by the reason.
    pub ended: Family<&'static str, Counter>,
    /// Streams that were refused with a word on when to come back, by the reason.
    pub turned_away: Family<&'static str, Counter>,
}

impl Traffic {
    /// The ways by their names.
    pub fn ways(&self) -> [(&'static str, &Way); 3] {
        [("sse", &self.sse), ("websocket", &self.websocket), ("long_poll", &self.long_poll)]
    }
}

impl Way {
    /// Counts one who was not let in, and told why.
    pub fn turn_away(&self, reason: CloseReason) {
        self.turned_away.of(&reason.word()).one();
    }
}
