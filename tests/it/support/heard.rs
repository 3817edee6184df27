//! What a listener is told, in one shape for all transports.

use serde::Deserialize;
use serde_json::Value;

/// One event, with its envelope byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub seq: u64,
    pub kind: String,
    pub raw: String,
}

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.raw).expect("an envelope is JSON")
    }

    pub fn data(&self) -> Value {
        self.json()["data"].take()
    }
}

/// A frame without `seq` that is about the stream itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    pub kind: String,
    pub raw: String,
}

impl Control {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.raw).expect("a control frame is JSON")
    }

    pub fn number(&self, field: &str) -> u64 {
        self.json()[field].as_u64().unwrap_or_else(|| panic!("{field} is a number in {}", self.raw))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Event(Seen),
    /// `ready`, `reset`, `expiring`, `expired`, `bye`.
    Control(Control),
    /// The position, moved without an event.
    Heartbeat(u64),
    /// The answer to an operation on a WebSocket.
    Reply(Value),
    /// The stream is over; a WebSocket may say why with a code.
    End(Option<u16>),
}

impl Heard {
    pub fn is_control(&self, wanted: &str) -> bool {
        matches!(self, Heard::Control(control) if control.kind == wanted)
    }
}

/// The few fields of a frame that tell what it is.
#[derive(Deserialize)]
pub struct FrameHead {
    pub seq: Option<u64>,
    #[serde(rename = "type")]
    pub kind: String,
    pub position: Option<u64>,
}

impl FrameHead {
    pub fn of(raw: &str) -> Self {
        serde_json::from_str(raw).unwrap_or_else(|error| panic!("a frame is JSON with a type: {error}: {raw}"))
    }
}
