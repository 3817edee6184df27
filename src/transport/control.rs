//! Control frames: what a stream says of itself. They have no `seq` and are the same on all transports.

use super::close::{CloseReason, Farewell};
use crate::domain::Seq;
use crate::live::Gap;
use serde::Serialize;
use std::time::Duration;

/// How long a browser waits to come back after a stream that just ended, unless told otherwise.
pub const RETRY: Duration = Duration::from_secs(2);
/// How long a browser waits whose credentials are no longer good: it should be stopped and given new ones.
pub const LONG_RETRY: Duration = Duration::from_hours(1);

/// What a stream says of itself.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Control {
    /// The first frame: where the stream goes on from, and the last event that the server has applied.
    Ready {
        /// Where the stream goes on from.
        position: Seq,
        /// The last event applied.
        head: Seq,
    },
    /// Events are missing between the cursor and the position. Read the lists anew.
    Reset {
        /// Where the stream goes on from.
        position: Seq,
        /// The last event applied.
        head: Seq,
        /// Why.
        reason: &'static str,
    },
    /// All up to here has been sent. On SSE it is a bare `id:`, which moves a browser's cursor without an event.
    Heartbeat {
        /// Up to where.
        position: Seq,
    },
    /// The access token will run out, and the stream with it.
    Expiring {
        /// Seconds until then.
        #[serde(rename = "in")]
        seconds: u64,
    },
    /// The stream ends, and its credentials are no longer good.
    Expired {
        /// Why.
        reason: &'static str,
    },
    /// The stream ends, and the same credentials are good again after about so long.
    Bye {
        /// Why.
        reason: &'static str,
        /// Milliseconds to wait.
        retry: u64,
    },
}

impl Control {
    /// Events are missing.
    pub fn reset(gap: Gap, position: Seq, head: Seq) -> Self {
        let reason = match gap {
            Gap::HistoryExpired => "history_expired",
            Gap::BeyondHead => "beyond_head",
            Gap::MalformedCursor => "malformed_cursor",
            Gap::HistoryReplaced => "history_replaced",
        };
        Self::Reset { position, head, reason }
    }

    /// The last frame of a stream that ends, if it has one.
    pub fn farewell(reason: CloseReason) -> Option<Self> {
        match reason.farewell() {
            Farewell::Bye(wait) => {
                let retry = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                Some(Self::Bye { reason: reason.word(), retry })
            }
            Farewell::Expired => Some(Self::Expired { reason: reason.word() }),
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
        let (name, retry) = match self {
            Self::Heartbeat { position } => return format!("id: {position}\n\n"),
            Self::Ready { .. } => ("ready", Some(RETRY)),
            Self::Reset { .. } => ("reset", None),
            Self::Expiring { .. } => ("expiring", None),
            Self::Expired { .. } => ("expired", Some(LONG_RETRY)),
            Self::Bye { retry, .. } => ("bye", Some(Duration::from_millis(*retry))),
        };
        let retry = retry.map(|wait| format!("retry: {}\n", wait.as_millis())).unwrap_or_default();
        let id = position.map(|position| format!("id: {position}\n")).unwrap_or_default();
        format!("{retry}{id}event: {name}\ndata: {}\n\n", self.json())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_moves_the_cursor_and_raises_no_event() {
        assert_eq!(Control::Heartbeat { position: Seq(9) }.sse(None), "id: 9\n\n");
    }

    #[test]
    fn ready_says_where_the_stream_goes_on_from() {
        let ready = Control::Ready { position: Seq(5), head: Seq(9) };
        let json = r#"{"type":"ready","position":5,"head":9}"#;
        assert_eq!(ready.sse(Some(Seq(5))), format!("retry: 2000\nid: 5\nevent: ready\ndata: {json}\n\n"));
    }

    #[test]
    fn who_must_get_new_credentials_is_told_to_wait_long() {
        let expired = Control::farewell(CloseReason::TicketTooOld).map(|frame| frame.sse(Some(Seq(1))));
        assert!(expired.is_some_and(|text| text.starts_with("retry: 3600000\nid: 1\nevent: expired\n")));
    }
}
