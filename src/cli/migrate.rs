//! `goldcrest migrate`: the schema brought up to date, without starting a server.

use super::failed::Failed;
use super::output;
use crate::config::{DataDir, DataDirError, Place};
use crate::store::{Database, Store, database_url};

/// Does it. A running server did it when it started, so the lock being held is an answer.
pub(super) async fn run(place: &Place) -> Result<(), Failed> {
    let data_dir = DataDir::open(&place.data_dir)?;
    let lock = data_dir.lock().map_err(|error| match error {
        held @ DataDirError::Held { .. } => {
            Failed::Input(format!("{held}. A server brings its database up to date when it starts"))
        }
        error => error.into(),
    })?;
    let url = place.database_url().map_or_else(|| database_url(data_dir.path()), str::to_owned);
    let steps = Store::migrate(&Database { url }).await?;
    drop(lock);
    for step in &steps {
        output::line(format_args!("applied {step}"))?;
    }
    if steps.is_empty() { output::line("the database is up to date") } else { Ok(()) }
}
