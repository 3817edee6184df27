//! The numbers by which things are known, each a type of its own.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A number as it is written, before it is known to be one of ours.
#[derive(Deserialize)]
#[serde(transparent)]
struct Number(i64);

macro_rules! ids {
    ($($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(try_from = "Number", into = "i64")]
        pub struct $name(pub i64);

        impl TryFrom<Number> for $name {
            type Error = &'static str;

            fn try_from(Number(number): Number) -> Result<Self, Self::Error> {
                if number < 0 { Err("it is a number from 0 on") } else { Ok(Self(number)) }
            }
        }

        impl From<$name> for i64 {
            fn from($name(number): $name) -> Self {
                number
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let says = concat!($($doc),*).trim();
                json_schema!({ "type": "integer", "minimum": 0, "maximum": i64::MAX, "description": says })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A user: 1, 2, 3 … out of the clock row.
    UserId,
    /// A conversation: 1, 2, 3 … out of the clock row.
    ConversationId,
    /// A message: a dense line of its own, because the older systems' clients count so.
    MessageId,
    /// A login on one device, a web app's cookie, or an API key: whatever can be revoked by itself.
    SessionId,
    /// An invitation to register.
    InvitationId,
    /// The place of an event on the one gap-free number line of the server. 0 is before all events.
    Seq,
}

impl Seq {
    /// The place right after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The place right before this one.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0 - 1)
    }
}
