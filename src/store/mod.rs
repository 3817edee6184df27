//! What is kept: the database, and the one task that writes to it. `SeaORM` lives here only.

mod batch;
mod blocks;
mod clock;
mod contacts;
mod conversations;
mod copy;
mod departures;
mod entity;
mod events;
mod given_back;
mod hidden;
mod inspect;
mod invitations;
mod links;
mod lookup;
mod mentions;
mod messages;
mod migrating;
mod moving;
mod open;
mod pairs;
mod patience;
mod presence;
mod receipts;
mod renumber;
mod replaced;
mod script;
mod sequencer;
mod sessions;
mod sizes;
mod snapshot;
mod stays;
#[cfg(test)]
pub(crate) mod tests;
mod threads;
mod unreachable;
mod users;
mod words;

pub use batch::{Abort, Batch, Forgotten, NewConversation, NewMessage, NewSession, Wants};
pub use clock::Clock;
pub use conversations::Activity;
pub use copy::{CopyError, copy, examine};
pub use events::{PAGE_ROWS as LOG_PAGE_ROWS, Page as LogPage};
pub use inspect::{
    CONNECTIONS, Inspection, Kind, Line, Pages, Steps, embedded_for_reading, inspect, keeps_log, look_at_pages,
};
pub use messages::{Directs, Kept, MessageFilter, MessagePage};
pub use moving::{MoveError, Moved, Moving, Progress};
pub use open::{Database, OpenError, Store, database_url};
pub use presence::Regards;
pub use receipts::{Position, Unread};
pub use renumber::{EndedKey, Logins, Renumbered};
pub use sequencer::{Change, HandOver, LastTold, Sequencer, SubmitError, Written};
pub use snapshot::Snapshot;
pub use users::UserFilter;

/// The database did not do what was asked of it. What exactly is for the log, not for callers.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StoreError(#[from] sea_orm::DbErr);

impl StoreError {
    /// Whether the database answers others, and there was no connection left to ask it by.
    pub fn is_busy(&self) -> bool {
        patience::is_busy(&self.0)
    }
}

/// Reads a word that only this server writes; anything else in the column is a damaged database.
fn word<T: serde::de::DeserializeOwned>(column: &str, word: &str) -> Result<T, sea_orm::DbErr> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|_| sea_orm::DbErr::Custom(format!("the column {column} holds the unknown word {word:?}")))
}

/// The word by which such a value is kept.
fn to_word<T: serde::Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
