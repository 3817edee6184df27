//! Doing the operator's work without a server: the command holds the data directory and is the server for that long.

use super::failed::Failed;
use super::stoppable::Stoppable;
use crate::admin::{Outcome, Verb};
use crate::app;
use crate::config::data_dir::Lock;
use crate::config::{DataDir, Options, Place};

/// Whether there is something to work on. Only a new account may found a server; everything else in an empty place
/// means that it is the wrong place.
pub(super) fn check_place(options: &Options, verb: &Verb) -> Result<(), Failed> {
    let founds = matches!(verb, Verb::AddUser { .. });
    if founds || !is_empty(&options.place)? { Ok(()) } else { Err(Failed::no_database(&options.place.data_dir)) }
}

/// Whether nothing is there yet.
pub(super) fn is_empty(place: &Place) -> Result<bool, Failed> {
    Ok(place.database_url().is_none() && !DataDir::has_database(&place.data_dir)?)
}

/// Does it here, where no server runs, as the lock proves.
pub(super) async fn carry_out(options: &Options, lock: Lock, verb: Verb) -> Result<Outcome, Failed> {
    // It waits for its turn at the schema, and for a database server.
    let composing = Box::pin(async { Ok(app::compose(options, app::WaysOut::default()).await?) });
    let mut asked = Stoppable::listen()?;
    let composed = asked.or_stop("nothing was done", composing).await?;
    let doing = Box::pin(async { Ok(verb.carry_out(&composed.services).await) });
    let outcome = asked.or_stop("whether it was done is not known", doing).await?;
    composed.close().await;
    drop(lock);
    Ok(outcome?)
}
