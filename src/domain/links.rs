//! Mailed links: what each is good for, and for how long.

use super::{Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Links of one sort that one user may have open at a time, so that nobody's mailbox is filled by somebody else.
pub const AT_A_TIME: u64 = 5;

/// What a link does when it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "LinkPurpose")]
pub enum Purpose {
    /// Confirms the address that somebody registered with, and activates the account if it waits for that.
    Activate,
    /// Sets a new password.
    Password,
    /// Confirms the address that somebody changes to.
    Email,
}

impl Purpose {
    /// The word for it in paths.
    pub fn word(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Password => "password",
            Self::Email => "email",
        }
    }

    /// How long a link is good.
    pub fn lasts(self) -> Duration {
        match self {
            Self::Activate => Duration::from_hours(72),
            Self::Password | Self::Email => Duration::from_hours(1),
        }
    }
}

/// A link that was mailed. What is mailed is a secret, of which only the hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The SHA-256 of the secret, in hexadecimal.
    pub secret_hash: String,
    /// For whom.
    pub user: UserId,
    /// What it does.
    pub purpose: Purpose,
    /// The address that it was mailed to.
    pub email: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was used, if it is one of those that are remembered until they end.
    pub used_at: Option<Timestamp>,
}

impl Link {
    /// Whether it does this at this moment.
    pub fn is_good(&self, purpose: Purpose, now: Timestamp) -> bool {
        self.purpose == purpose && self.used_at.is_none() && now < self.expires_at
    }

    /// Whether it has done this already, and would otherwise still be good.
    pub fn was_used(&self, purpose: Purpose, now: Timestamp) -> bool {
        self.purpose == purpose && self.used_at.is_some() && now < self.expires_at
    }
}
