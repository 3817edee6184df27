//! Leaving for good: what a deleted account still has to be taken out of.

use super::{ConversationId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of what somebody wrote who deletes his account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Legacy {
    /// It stays, under the name of a deleted account.
    #[default]
    Keep,
    /// Each message is deleted for all.
    Delete,
}

/// A deleted account on its way out of its conversations, as far as that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// Who.
    pub user: UserId,
    /// What becomes of his messages.
    pub legacy: Legacy,
    /// The last conversation that he has left.
    pub after: ConversationId,
}
