//! Control frames: what a stream says of itself. They have no `seq` and are the same on all transports.

use super::close::{CloseReason, Farewell};
use crate::domain::Seq;
use crate::live::Gap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

/// How long a browser waits to come back after a stream that just ended, unless told otherwise.
pub const RETRY: Duration = Duration::from_secs(2);
/// How long a browser waits whose credentials are no longer good: it should be stopped and given new ones.
pub const LONG_RETRY: Duration = Duration::from_hours(1);

/// What describes a control frame.
#[derive(Debug, Clone, Copy)]
pub struct ControlType {
    /// Its `type`, and its `event:` over Server-Sent Events.
    pub kind: &'static str,
    /// What it means, line by line.
    pub says: &'static [&'static str],
    /// The schema of its fields beside `type`.
    pub fields: fn(&mut SchemaGenerator) -> Schema,
}

macro_rules! controls {
    ($($(#[doc = $line:literal])+ $kind:literal: $name:ident($fields:ident),)*) => {
        /// What a stream says of itself.
        #[derive(Debug, Clone, Copy, Serialize)]
        #[serde(tag = "type")]
        pub enum Control {
            $($(#[doc = $line])+ #[serde(rename = $kind)] $name($fields),)*
        }

        /// All control frames.
        pub const CONTROLS: &[ControlType] = &[$(ControlType {
            kind: $kind,
            says: &[$($line),+],
            fields: $fields::json_schema,
        }),*];

        impl Control {
            /// Its `type`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $kind,)*
                }
            }
        }
    };
}

controls! {
    /// Where the stream goes on from, and the last event of the server; the first one, but for a `reset`.
    "ready": Ready(Place),
    /// Events are missing before what comes next: before `ready`, or later on. Read the lists anew.
    "reset": Reset(Missing),
    /// Everything up to here has been sent; on Server-Sent Events a bare `id:` without an event.
    "heartbeat": Heartbeat(Beat),
    /// The access token ends in so many seconds (60 or fewer), and the stream with it; never with other credentials.
    "expiring": Expiring(Notice),
    /// The stream ends, and its credentials are not good any more.
    "expired": Expired(Over),
    /// The stream ends; come back after so many milliseconds with the same credentials.
    "bye": Bye(Break),
}

/// Where a stream is.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Place {
    /// Where the stream goes on from.
    pub position: Seq,
    /// The last event of the server.
    pub head: Seq,
}

/// That and why events are missing.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Missing {
    /// Where the stream goes on from.
    pub position: Seq,
    /// The last event of the server.
    pub head: Seq,
    /// Why.
    pub reason: GapReason,
}

/// How far the stream is.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Beat {
    /// Everything up to here has been sent.
    pub position: Seq,
}

/// That the credentials end soon.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Notice {
    /// Seconds until then.
    #[serde(rename = "in")]
    #[schemars(range(max = 60))]
    pub seconds: u64,
}

/// That the credentials are not good any more.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Over {
    /// Why.
    #[schemars(schema_with = "expiring_reasons")]
    pub reason: &'static str,
}

/// That the stream ends for now.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Break {
    /// Why.
    #[schemars(schema_with = "passing_reasons")]
    pub reason: &'static str,
    /// Milliseconds to wait.
    pub retry: u64,
}

/// Why events are missing.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The cursor is older than what is kept, or than a restored backup.
    HistoryExpired,
    /// The cursor is beyond the last event there is.
    BeyondHead,
    /// The `Last-Event-ID` is no number.
    MalformedCursor,
    /// The server's database was replaced while it ran.
    HistoryReplaced,
}

fn expiring_reasons(_: &mut SchemaGenerator) -> Schema {
    reasons(|farewell| matches!(farewell, Farewell::Expired))
}

fn passing_reasons(_: &mut SchemaGenerator) -> Schema {
    reasons(|farewell| matches!(farewell, Farewell::Bye(_)))
}

/// The reasons that are told in one kind of farewell.
fn reasons(told: fn(Farewell) -> bool) -> Schema {
    let told = CloseReason::ALL.iter().filter(|reason| told(reason.farewell()));
    let choices: Vec<_> = told.map(|reason| json!({ "const": reason.word(), "description": reason.says() })).collect();
    json_schema!({ "type": "string", "oneOf": choices })
}

impl Control {
    /// Where the stream goes on from.
    pub fn ready(position: Seq, head: Seq) -> Self {
        Self::Ready(Place { position, head })
    }

    /// All up to here has been sent.
    pub fn heartbeat(position: Seq) -> Self {
        Self::Heartbeat(Beat { position })
    }

    /// The credentials end in so many seconds.
    pub fn expiring(seconds: u64) -> Self {
        Self::Expiring(Notice { seconds })
    }

    /// Events are missing.
    pub fn reset(gap: Gap, position: Seq, head: Seq) -> Self {
        let reason = match gap {
            Gap::HistoryExpired => GapReason::HistoryExpired,
            Gap::BeyondHead => GapReason::BeyondHead,
            Gap::MalformedCursor => GapReason::MalformedCursor,
            Gap::HistoryReplaced => GapReason::HistoryReplaced,
        };
        Self::Reset(Missing { position, head, reason })
    }

    /// The last frame of a stream that ends, if it has one.
    pub fn farewell(reason: CloseReason) -> Option<Self> {
        match reason.farewell() {
            Farewell::Bye(wait) => {
                let retry = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                Some(Self::Bye(Break { reason: reason.word(), retry }))
            }
            Farewell::Expired => Some(Self::Expired(Over { reason: reason.word() })),
            Farewell::None => None,
        }
    }

    /// The frame as JSON.
    pub fn json(&self) -> String {
        // Numbers and words always have JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The frame as server-sent events. All but a bare heartbeat raise an event of their name; the `id:` is `position`,
    /// or there is none, and a browser's cursor stays where it is.
    pub fn sse(&self, position: Option<Seq>) -> String {
        let retry = match self {
            Self::Heartbeat(Beat { position }) => return format!("id: {position}\n\n"),
            Self::Ready(_) => Some(RETRY),
            Self::Reset(_) | Self::Expiring(_) => None,
            Self::Expired(_) => Some(LONG_RETRY),
            Self::Bye(Break { retry, .. }) => Some(Duration::from_millis(*retry)),
        };
        let retry = retry.map(|wait| format!("retry: {}\n", wait.as_millis())).unwrap_or_default();
        let id = position.map(|position| format!("id: {position}\n")).unwrap_or_default();
        format!("{retry}{id}event: {}\ndata: {}\n\n", self.kind(), self.json())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_moves_the_cursor_and_raises_no_event() {
        assert_eq!(Control::heartbeat(Seq(9)).sse(None), "id: 9\n\n");
    }

    #[test]
    fn ready_says_where_the_stream_goes_on_from() {
        let ready = Control::ready(Seq(5), Seq(9));
        let json = r#"{"type":"ready","position":5,"head":9}"#;
        assert_eq!(ready.sse(Some(Seq(5))), format!("retry: 2000\nid: 5\nevent: ready\ndata: {json}\n\n"));
    }

    #[test]
    fn who_must_get_new_credentials_is_told_to_wait_long() {
        let expired = Control::farewell(CloseReason::TicketTooOld).map(|frame| frame.sse(Some(Seq(1))));
        assert!(expired.is_some_and(|text| text.starts_with("retry: 3600000\nid: 1\nevent: expired\n")));
    }
}
