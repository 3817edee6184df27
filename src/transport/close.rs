//! Why streams end: one table for all transports.

use crate::live::Ending;
use std::time::Duration;

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

/// A `bye` after which to wait so many milliseconds. Waits are spread, so that not all come back at once.
fn bye(from: u64, to: u64) -> Farewell {
    Farewell::Bye(Duration::from_millis(rand::random_range(from..to)))
}

macro_rules! reasons {
    ($(
        $(#[doc = $line:literal])+
        $word:literal: $name:ident $(($given:ident as $example:literal))? => $farewell:expr, $code:expr, come back $advice:literal;
    )*) => {
        /// Why a stream ends.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum CloseReason {
            $($(#[doc = $line])+ $name $((reasons!(@code $given)))?,)*
        }

        impl CloseReason {
            /// All there are; one that may have several codes stands for all of its kind.
            pub const ALL: &[Self] = &[$(Self::$name $(($example))?),*];

            /// The word in the stream.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $word,)*
                }
            }

            /// What has happened, in words.
            pub fn says(self) -> &'static str {
                match self {
                    $(Self::$name { .. } => concat!($($line),+).trim_ascii(),)*
                }
            }

            /// Whether and how the client comes back.
            pub fn advice(self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $advice,)*
                }
            }

            /// The code of the WebSocket's close frame (RFC 6455, section 7.4; 4000 to 4999 are ours).
            pub fn code(self) -> u16 {
                match self {
                    $(Self::$name $(($given))? => $code,)*
                }
            }

            /// The last event before the end.
            pub fn farewell(self) -> Farewell {
                match self {
                    $(Self::$name { .. } => $farewell,)*
                }
            }
        }
    };
    (@code $given:ident) => { u16 };
}

// All that anybody reads of a reason is made out of its entry. `bye` means that the same credentials are good again
// later, `expired` that they are not.
reasons! {
    /// The server shuts down or restarts.
    "shutting_down": ShuttingDown => bye(500, 5_000), 1001, come back "yes, after `retry`";
    /// The server cannot read its database.
    "unavailable": Unavailable => bye(3_000, 10_000), 4503, come back "yes, after `retry`";
    /// The user or the address has as many streams as it may.
    "too_many_streams": TooManyStreams => bye(10_000, 30_000), 4429, come back "yes, after `retry`; close other streams first";
    /// The database was replaced by another. A `reset` comes before the `bye`.
    "history_replaced": HistoryReplaced => bye(1_000, 5_000), 1012, come back "yes, with fresh lists";
    /// What was followed by its name has another name now.
    "renamed": Renamed => bye(500, 2_000), 1012, come back "yes, for what has the name now";
    /// The access token ran out.
    "token_expired": TokenExpired => Farewell::Expired, 4408, come back "with a new access token";
    /// The ticket is too old to open a stream.
    "ticket_too_old": TicketTooOld => Farewell::Expired, 4408, come back "with a new ticket";
    /// The session was revoked, logged out, or its user suspended.
    "session_ended": SessionEnded => Farewell::Expired, 4403, come back "after a new login";
    /// The credentials are not good.
    "unauthorized": Unauthorized => Farewell::None, 4401, come back "with other credentials";
    /// A WebSocket without credentials began with something else than `auth`.
    "auth_required": AuthRequired => Farewell::None, 4401, come back "yes; send `auth` first";
    /// A WebSocket without credentials did not send `auth` in time.
    "auth_timeout": AuthTimeout => Farewell::None, 4401, come back "yes; send `auth` first";
    /// The other side broke RFC 6455; the code says how.
    "protocol_error": ProtocolError(code as 1002) => Farewell::None, code, come back "after mending the client";
}

impl CloseReason {
    /// The codes that a broken rule may have (RFC 6455, section 7.4.1).
    pub const PROTOCOL_ERRORS: [u16; 4] = [1002, 1003, 1007, 1009];
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
