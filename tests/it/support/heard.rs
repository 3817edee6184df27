//! What a listener is told, in one shape for all transports.

use std::future::Future;

use serde::Deserialize;
use serde_json::Value;

use super::deadline::PATIENCE;
use super::within;

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

/// Something that is so for now, with its envelope byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    pub kind: String,
    pub raw: String,
}

impl Passing {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.raw).expect("an envelope is JSON")
    }

    /// Whether it says of somebody that he is there, or is not.
    pub fn says(&self, name: &str, online: bool) -> bool {
        let data = &self.json()["data"];
        self.kind == "presence.changed" && data["user"]["username"] == name && data["online"] == online
    }
}

/// Whether a frame without `seq` is an event all the same: those have a dot in their names.
pub fn is_passing(kind: &str) -> bool {
    kind.contains('.')
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Event(Seen),
    /// `ready`, `reset`, `expiring`, `expired`, `bye`.
    Control(Control),
    /// Typing and presence, which have no place on the line.
    Passing(Passing),
    /// The position, moved without an event.
    Heartbeat(u64),
    /// The answer to an operation on a WebSocket.
    Reply(Value),
    /// The stream is over; a WebSocket may say why with a code.
    End(Option<u16>),
}

impl Heard {
    pub fn event(self) -> Option<Seen> {
        match self {
            Heard::Event(seen) => Some(seen),
            _ => None,
        }
    }

    pub fn passing(self) -> Option<Passing> {
        match self {
            Heard::Passing(passing) => Some(passing),
            _ => None,
        }
    }

    pub fn is_control(&self, wanted: &str) -> bool {
        matches!(self, Heard::Control(control) if control.kind == wanted)
    }
}

/// One stream, listened to.
pub trait Ear {
    /// The next thing heard. Dropped half-way it loses nothing.
    fn next(&mut self) -> impl Future<Output = Heard> + Send;

    /// Where to resume, as of what `next` has given so far.
    fn cursor(&self) -> Option<u64>;

    /// Everything heard up to and with the thing that is wanted.
    async fn until(&mut self, what: &str, mut wanted: impl FnMut(&Heard) -> bool) -> Vec<Heard> {
        let mut all = Vec::new();
        within(PATIENCE, what, async {
            loop {
                let heard = self.next().await;
                let (found, over) = (wanted(&heard), matches!(heard, Heard::End(_)));
                all.push(heard);
                if found {
                    return;
                }
                assert!(!over, "the stream ended before {what}: {all:?}");
            }
        })
        .await;
        all
    }

    async fn until_control(&mut self, kind: &str) -> Control {
        match self.until(kind, |heard| heard.is_control(kind)).await.pop() {
            Some(Heard::Control(control)) => control,
            _ => unreachable!("it was waited for"),
        }
    }

    /// The events up to and with this one.
    async fn until_seq(&mut self, seq: u64) -> Vec<Seen> {
        let heard =
            self.until(&format!("event {seq}"), |heard| matches!(heard, Heard::Event(seen) if seen.seq >= seq)).await;
        heard.into_iter().filter_map(Heard::event).collect()
    }

    /// The events up to and with the message of this text.
    async fn until_text(&mut self, text: &str) -> Vec<Seen> {
        let heard = self.until(text, |heard| matches!(heard, Heard::Event(seen) if seen.kind == "message.created" && seen.data()["text"] == text)).await;
        heard.into_iter().filter_map(Heard::event).collect()
    }

    /// What passes of this kind, the next that is heard.
    async fn until_passing(&mut self, kind: &str) -> Value {
        let wanted = |heard: &Heard| matches!(heard, Heard::Passing(passing) if passing.kind == kind);
        match self.until(kind, wanted).await.pop() {
            Some(Heard::Passing(passing)) => passing.json(),
            _ => unreachable!("it was waited for"),
        }
    }

    /// The data of the next word on somebody's presence.
    async fn until_presence(&mut self, name: &str) -> Value {
        let of_him = |passing: &Passing| {
            passing.kind == "presence.changed" && passing.json()["data"]["user"]["username"] == name
        };
        let what = format!("a word on the presence of {name}");
        match self.until(&what, |heard| matches!(heard, Heard::Passing(passing) if of_him(passing))).await.pop() {
            Some(Heard::Passing(passing)) => passing.json()["data"].take(),
            _ => unreachable!("it was waited for"),
        }
    }

    /// What is heard until the stream is over, which it must be within this time; and the code of the end.
    async fn until_end(&mut self, limit: std::time::Duration) -> (Vec<Heard>, Option<u16>) {
        within(limit, "the stream to end", async {
            let mut all = Vec::new();
            loop {
                match self.next().await {
                    Heard::End(code) => return (all, code),
                    heard => all.push(heard),
                }
            }
        })
        .await
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
