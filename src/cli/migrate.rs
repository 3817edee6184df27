//! `goldcrest migrate`: the schema brought up to date, without starting a server.

use super::failed::Failed;
use super::stoppable::Stoppable;
use super::{offline, output};
use crate::config::{DataDir, DataDirError, Place};
use crate::store::{Database, Store, database_url};

/// How things are where it was ended on the way.
const HALF_WAY: &str = "the database may not be up to date. The step that was under way was rolled back or begins anew: run \
                        this again, or start the server, and it goes on from there";

/// Does it. A running server did it when it started, so the lock being held is an answer.
pub(super) async fn run(place: &Place) -> Result<(), Failed> {
    let new = offline::is_empty(place)?;
    let data_dir = DataDir::open(&place.data_dir)?;
    let lock = data_dir.lock().map_err(|error| match error {
        held @ DataDirError::Held { .. } => {
            Failed::Input(format!("{held}. A server brings its database up to date when it starts"))
        }
        error => error.into(),
    })?;
    let url = place.database_url().map_or_else(|| database_url(data_dir.path()), str::to_owned);
    let database = Database { url };
    let migrating = Box::pin(async { Ok(Store::migrate(&database).await?) });
    let steps = Stoppable::listen()?.or_stop(HALF_WAY, migrating).await?;
    drop(lock);
    if new {
        // Whoever named the wrong directory finds out here, and not when his server knows nobody.
        output::line(format_args!("there was no database in {}: this one is new", place.data_dir.display()))?;
    }
    for step in &steps {
        output::line(format_args!("applied {step}"))?;
    }
    if steps.is_empty() { output::line("the database is up to date") } else { Ok(()) }
}
