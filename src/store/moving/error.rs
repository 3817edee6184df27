//! Why a copy was not made, in words for whoever typed the command.

use super::super::open::OpenError;
use sea_orm::DbErr;

/// On which side it failed.
pub(super) enum Failure {
    Reading(DbErr),
    Writing(DbErr),
    /// Another copy writes there now.
    Overtaken,
}

/// Why nothing was copied, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// One of the two cannot be opened, or the target's schema cannot be brought up to date.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The source is of an earlier version.
    #[error(
        "the embedded database is of an earlier version of Goldcrest, and nothing is changed in it: make a backup (goldcrest \
         backup), bring it up to date with `goldcrest migrate`, and copy then"
    )]
    Earlier,
    /// The source is of a later version.
    #[error("the embedded database is from a newer Goldcrest (it has {0}): use that version or a later one")]
    Newer(String),
    /// The source has no tables yet.
    #[error(
        "the embedded database is empty: nothing is to be copied, and a server starts with --database-url as it is"
    )]
    Nothing,
    /// The source cannot be read.
    #[error("cannot read the embedded database: {0}")]
    Reading(DbErr),
    /// The source's clock and its rows do not tell the same story.
    #[error("the embedded database is damaged: {0}; `goldcrest doctor` says more")]
    Damaged(String),
    /// Somebody else prepares the target.
    #[error(
        "another process copies into the database at {0}, or brings it up to date: wait for it to end, or end it, and run \
         this again"
    )]
    Busy(String),
    /// The target has tables that are not ours, by names that are.
    #[error(
        "the database at {0} has a table {1} that is not Goldcrest's: make a database for Goldcrest alone (CREATE DATABASE), \
         and name that"
    )]
    Foreign(String, &'static str),
    /// It was done before.
    #[error(
        "all of it was copied to the database at {0} before, and nothing was written there since: start the server there"
    )]
    Done(String),
    /// The target is in use.
    #[error(
        "the database at {0} is not empty: there are {1}. Nothing there is replaced: make a new database (CREATE DATABASE), \
         and name that; or drop that one yourself, if nobody needs it"
    )]
    Occupied(String, String),
    /// The target cannot be written to, or read.
    #[error(
        "cannot copy {1} to the database at {0}: {2}. No server starts there now; run the same again, and it begins anew"
    )]
    Writing(String, &'static str, DbErr),
    /// What was read back is not what was written.
    #[error(
        "what the database at {0} gives back of the table {1} is not what was written: {2}. No server starts there now; does \
         somebody else write there?"
    )]
    Differs(String, &'static str, String),
    /// Another copy has taken the target over.
    #[error(
        "another copy into the database at {0} has begun meanwhile, and this one writes nothing more: let that one run to its end"
    )]
    Overtaken(String),
    /// The answer to the last step was lost, and with it the way to ask again.
    #[error(
        "all rows are in the database at {0}, but it went away in the last step, and whether that was done is not known ({1}). No \
         server starts on the embedded database now: run the same again once that database answers, which says so, or copies anew"
    )]
    Unknown(String, DbErr),
}
