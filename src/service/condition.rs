//! How this server is, for its operator.

use super::Services;
use crate::meter::Counter;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A node whose streams are later than this by what the database holds is not given more of them.
const LATE: Duration = Duration::from_secs(10);

/// Attempts to log in with a password.
#[derive(Debug, Default)]
pub struct Logins {
    /// Those that worked.
    pub accepted: Counter,
    /// Those that did not.
    pub refused: Counter,
}

/// Why the server is not to be given work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unready {
    /// Its database is another than the one that it began with. It does not get ready again by itself.
    Replaced,
    /// It was asked to stop.
    Stopping,
    /// Its database does not answer.
    DatabaseLost,
    /// For so long it has not told its streams of what the database holds.
    Behind(Duration),
}

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
    /// Whether the server can be given work, and if not, why.
    pub fn readiness(&self) -> Result<(), Unready> {
        let follower = self.follower();
        let behind = follower.behind();
        if follower.is_replaced() {
            Err(Unready::Replaced)
        } else if self.inner.leaving.load(Ordering::Acquire) || follower.hub().is_closed() {
            Err(Unready::Stopping)
        } else if !follower.database_answers() {
            Err(Unready::DatabaseLost)
        } else if behind > LATE {
            Err(Unready::Behind(behind))
        } else {
            Ok(())
        }
    }

    /// From here on the server counts as about to stop, though it still serves.
    pub fn leave(&self) {
        self.inner.leaving.store(true, Ordering::Release);
    }

    /// How often somebody tried to log in.
    pub fn logins(&self) -> &Logins {
        &self.inner.logins
    }

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
