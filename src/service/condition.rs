//! How this server is, for its operator.

use super::Services;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a running server says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Condition {
    /// The version of the program that runs.
    pub version: String,
    /// What tells this run from every other.
    pub instance: String,
    /// The number of its process.
    pub process: u32,
    /// Streams that are open.
    pub streams: usize,
    /// Whether its database is another than the one that it began with.
    pub replaced: bool,
    /// Whether its database answers.
    pub database_answers: bool,
    /// Settings of the connection that writes, by the names that the database has for them; none if it did not say.
    pub writer: BTreeMap<String, String>,
}

impl Services {
    /// How this server is at the moment.
    pub async fn condition(&self) -> Condition {
        let writer = self.store().writer_settings().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the settings of the writing connection cannot be read");
            BTreeMap::new()
        });
        let follower = self.follower();
        Condition {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: self.instance().to_owned(),
            process: std::process::id(),
            streams: follower.hub().streams(),
            replaced: follower.is_replaced(),
            database_answers: follower.database_answers(),
            writer,
        }
    }
}
