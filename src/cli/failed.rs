//! Why a command did not do what it was asked to.

use crate::admin::Denied;
use crate::app::StartError;
use crate::config::{DataDir, DataDirError};
use crate::store::{MoveError, OpenError};
use std::io;
use std::path::{Path, PathBuf};

/// The reason, in words for whoever typed the command.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The server, or what a command needs of it, did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The embedded database was not copied to a database server.
    #[error(transparent)]
    Copy(#[from] MoveError),
    /// A rule says no, or the server could not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// What was given to the command is not what it needs.
    #[error("{0}")]
    Input(String),
    /// A server runs here and its admin socket does not answer.
    #[error(
        "{held}, and it does not answer at {}: {source}. If it is starting or stopping, try again in a moment; \
         otherwise stop it first",
        socket.display()
    )]
    NoAnswer {
        /// Who holds the directory.
        held: DataDirError,
        /// Where it should answer.
        socket: PathBuf,
        /// What happened there.
        source: io::Error,
    },
    /// The admin socket took a command and broke off.
    #[error("the server broke off; whether it did this is not known: {0}")]
    BrokeOff(String),
    /// What the doctor has found, so many times.
    #[error("{}", unwell(*.0))]
    Unwell(usize),
    /// A server elsewhere did not do it.
    #[error("{0}")]
    Remote(String),
    /// Somebody asked the command to end before it was done.
    #[error("ended by {signal}: {left}")]
    Stopped {
        /// The signal by which he did.
        signal: &'static str,
        /// What is done, what is not, and how to go on.
        left: String,
    },
    /// The process could not be stopped later, so it does not start.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// What was printed could not be.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// Whoever read the output is gone, which ends the command in peace.
    #[error("nobody reads the output")]
    NobodyReads,
}

fn unwell(wrong: usize) -> String {
    if wrong == 1 { "one thing is wrong".to_owned() } else { format!("{wrong} things are wrong") }
}

impl Failed {
    /// What a failure to print means.
    pub(super) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::NobodyReads } else { Self::Output(error) }
    }

    /// There is nothing in this directory to work on.
    pub(super) fn no_database(place: &Path) -> Self {
        let otherwise = if DataDir::was_held(place) {
            // A node whose data is elsewhere leaves its lock there, and nothing else.
            "If the data of the server there is in a database server, give --database-url or --database-url-file as it has it; \
             otherwise name the server's directory with --data-dir"
        } else {
            "Name the server's directory with --data-dir"
        };
        Self::Input(format!("there is no database in {}. {otherwise}", place.display()))
    }
}
