//! How a deed of the operator is done: by the server that runs, or by the command itself.

use super::failed::Failed;
use super::offline;
use crate::admin::{AskError, Outcome, Verb, ask};
use crate::config::data_dir::Lock;
use crate::config::{DataDir, DataDirError, Options};
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// How long a server is waited for that holds the directory and does not answer: it may be starting or stopping, or
/// be another command.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who did it, or is to do it.
pub(super) enum Reached {
    /// The server that runs did.
    Server(Outcome),
    /// None runs; whoever holds this does it.
    Nobody(Lock),
}

/// Does it.
pub(super) async fn carry_out(options: &Options, verb: Verb) -> Result<Outcome, Failed> {
    offline::check_place(options, &verb)?;
    let data_dir = DataDir::open(&options.place.data_dir)?;
    match reach(&data_dir, &verb).await? {
        Reached::Server(outcome) => Ok(outcome),
        Reached::Nobody(lock) => offline::carry_out(options, lock, verb).await,
    }
}

/// Has the running server do it, or takes the data directory where none runs.
pub(super) async fn reach(data_dir: &DataDir, verb: &Verb) -> Result<Reached, Failed> {
    let socket = data_dir.admin_socket();
    let give_up = Instant::now() + PATIENCE;
    loop {
        let nobody = match ask(&socket, verb).await {
            Ok(outcome) => return Ok(Reached::Server(outcome)),
            Err(AskError::Denied(denied)) => return Err(denied.into()),
            Err(AskError::BrokeOff(how)) => return Err(Failed::BrokeOff(how)),
            Err(AskError::Forbidden(error)) => {
                let socket = socket.display();
                return Err(Failed::Input(format!("cannot use {socket}: {error}. Run this as the server's user")));
            }
            Err(AskError::Nobody(error)) => error,
        };
        match data_dir.lock() {
            Ok(lock) => return Ok(Reached::Nobody(lock)),
            Err(held @ DataDirError::Held { .. }) if Instant::now() >= give_up => {
                return Err(Failed::NoAnswer { held, socket, source: nobody });
            }
            Err(DataDirError::Held { .. }) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The server answered, with something that does not fit the question.
pub(super) fn unexpected() -> Failed {
    Failed::BrokeOff(io::Error::from(io::ErrorKind::InvalidData).to_string())
}
