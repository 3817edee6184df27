//! Blocks: whom somebody does not want to be reached by.

use super::Timestamp;
use super::users::UserRef;
use schemars::JsonSchema;
use serde::Serialize;

/// A block as the one who made it sees it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Block")]
pub struct BlockView {
    /// The one who is blocked.
    pub user: UserRef,
    /// Since when.
    pub created_at: Timestamp,
}
