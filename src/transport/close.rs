//! Why streams end: one table for all transports.
//!
//! | reason | last event | WebSocket code | come back |
//! |---|---|---|---|
//! | `shutting_down` | `bye` | 1001 | yes, after `retry` |
//! | `unavailable` | `bye` | 4503 | yes, after `retry` |
//! | `too_many_streams` | `bye` | 4429 | yes, after `retry`; close other streams first |
//! | `history_replaced` | `reset`, `bye` | 1012 | yes, with fresh lists |
//! | `token_expired` | `expired` | 4408 | with a new access token |
//! | `ticket_too_old` | `expired` | 4408 | with a new ticket |
//! | `session_ended` | `expired` | 4403 | after a new login |
//! | `unauthorized` | none | 4401 | with other credentials |
//! | `auth_timeout` | none | 4401 | yes; send `auth` first |
//! | `protocol_error` | none | 1002, 1003, 1007 or 1009 | after mending the client |
//! | `stalled` | none | none: the socket took no byte | yes |
//!
//! `bye` means that the same credentials are good again later, `expired` that they are not.

use crate::live::Ending;
use std::time::Duration;

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The server shuts down or restarts.
    ShuttingDown,
    /// The server cannot read its database.
    Unavailable,
    /// The user or the address has as many streams as it may.
    TooManyStreams,
    /// The database was replaced by another.
    HistoryReplaced,
    /// The access token ran out.
    TokenExpired,
    /// The ticket is too old to open a stream.
    TicketTooOld,
    /// The session was revoked, logged out, or its user suspended.
    SessionEnded,
    /// The credentials are not good.
    Unauthorized,
    /// A WebSocket without credentials did not send `auth` in time.
    AuthTimeout,
    /// The other side broke RFC 6455; the code says how.
    ProtocolError(u16),
}

/// The last event of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The same credentials are good again, after about so long.
    Bye(Duration),
    /// They are not.
    Expired,
    /// The close code says it all.
    None,
}

impl CloseReason {
    /// The word in the stream.
    pub fn word(self) -> &'static str {
        match self {
            Self::ShuttingDown => "shutting_down",
            Self::Unavailable => "unavailable",
            Self::TooManyStreams => "too_many_streams",
            Self::HistoryReplaced => "history_replaced",
            Self::TokenExpired => "token_expired",
            Self::TicketTooOld => "ticket_too_old",
            Self::SessionEnded => "session_ended",
            Self::Unauthorized => "unauthorized",
            Self::AuthTimeout => "auth_timeout",
            Self::ProtocolError(_) => "protocol_error",
        }
    }

    /// The code of the WebSocket's close frame (RFC 6455, section 7.4; 4000 to 4999 are ours).
    pub fn code(self) -> u16 {
        match self {
            Self::ShuttingDown => 1001,
            Self::HistoryReplaced => 1012,
            Self::Unauthorized | Self::AuthTimeout => 4401,
            Self::SessionEnded => 4403,
            Self::TokenExpired | Self::TicketTooOld => 4408,
            Self::TooManyStreams => 4429,
            Self::Unavailable => 4503,
            Self::ProtocolError(code) => code,
        }
    }

    /// The last event before the end. Waits are spread, so that not all come back at once.
    pub fn farewell(self) -> Farewell {
        let spread = |from: u64, to: u64| Farewell::Bye(Duration::from_millis(rand::random_range(from..to)));
        match self {
            Self::ShuttingDown => spread(500, 5_000),
            Self::Unavailable => spread(3_000, 10_000),
            Self::HistoryReplaced => spread(1_000, 5_000),
            Self::TooManyStreams => spread(10_000, 30_000),
            Self::TokenExpired | Self::TicketTooOld | Self::SessionEnded => Farewell::Expired,
            Self::Unauthorized | Self::AuthTimeout | Self::ProtocolError(_) => Farewell::None,
        }
    }
}

impl From<Ending> for CloseReason {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Revoked => Self::SessionEnded,
            Ending::Expired => Self::TokenExpired,
            Ending::ShuttingDown => Self::ShuttingDown,
            Ending::DatabaseLost => Self::Unavailable,
            Ending::HistoryReplaced => Self::HistoryReplaced,
        }
    }
}
