//! The numbers by which things are known, each a type of its own.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

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
