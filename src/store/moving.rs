//! The way from the embedded database into a database server: everything is copied there, and nothing serves from it before
//! all of it was read back and compared.
//!
//! While a copy goes on, the clock row of the target is set aside under another number. It comes back, with the numbers of the
//! source, in the last transaction of all; without it no server starts, and the next copy sees that one was broken off.

mod tables;

use super::clock::{Clock, ROW, SET_ASIDE};
use super::entity::clock;
use super::migrating::take_turn_soon;
use super::open::{Database, OpenError, Use, place};
use super::sequencer::immediate;
use super::{inspect, open};
use crate::domain::Seq;
use migration::{Migrator, MigratorTrait, SchemaManager};
use sea_orm::sea_query::{Alias, Table};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QuerySelect, TransactionTrait,
};
use std::path::Path;
use tables::{CLOCK, Failure, Source, Sum, TABLES, has_rows};

/// A copy on its way.
pub struct Moving {
    source: Source,
    target: DatabaseConnection,
    place: String,
    clock: clock::Model,
    rows: u64,
}

/// What has just been done, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many rows of all tables were written, the last of them into this one.
    Copying(&'static str, u64),
    /// All rows of a table were written.
    Copied(&'static str, u64),
    /// So many rows of all tables were read back and compared, the last of them of this one.
    Comparing(&'static str, u64),
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Rows, in all tables.
    pub rows: u64,
    /// The last event, after which the target goes on.
    pub head: Seq,
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
}

/// What is found in a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Nothing of anybody's.
    Empty,
    /// What a copy has left that was broken off.
    Half,
}

impl Moving {
    /// Opens both ends, and makes the target ready: it must be empty, or hold no more than a copy that was broken off has left
    /// there. The caller holds the data directory. From here on no server starts on the target before [`Self::finish`].
    pub async fn begin(data_dir: &Path, to: &Database) -> Result<Self, MoveError> {
        let from = inspect::embedded_for_reading(data_dir);
        let found = inspect::inspect(&from).await?;
        if let Some(step) = found.steps.unknown.into_iter().next() {
            return Err(MoveError::Newer(step));
        }
        if found.steps.taken == 0 {
            return Err(MoveError::Nothing);
        }
        if !found.steps.pending.is_empty() {
            return Err(MoveError::Earlier);
        }
        let source = inspect::connect(&from).await?;
        let clock = clock::Entity::find_by_id(ROW).one(&source).await.map_err(MoveError::Reading)?;
        let clock = clock.ok_or_else(|| MoveError::Damaged("its clock row is missing".to_owned()))?;
        let newest = inspect::number(&source, "SELECT seq FROM events ORDER BY seq DESC LIMIT 1");
        let newest = newest.await.map_err(MoveError::Reading)?;
        if newest.is_some_and(|newest| newest != clock.head) {
            return Err(MoveError::Damaged("its clock and its log of events do not agree".to_owned()));
        }
        let mut rows = 0;
        for table in TABLES {
            let count = inspect::number(&source, &format!("SELECT COUNT(*) FROM \"{}\"", table.name)).await;
            let count = count.map_err(MoveError::Reading)?.unwrap_or_default();
            rows += u64::try_from(count).unwrap_or_default();
        }
        let target = open::connect(to, Use::Preparing).await?;
        let moving = Self { source, target, place: place(&to.url), clock, rows };
        match moving.prepare().await {
            Ok(()) => Ok(moving),
            Err(error) => {
                moving.close().await;
                Err(error)
            }
        }
    }

    /// How many rows there are in all tables.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Where it goes, without the name and the password in the URL.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Copies all tables, and reads them back: each must give the rows that were read from the source, all of them, with the
    /// same in every column.
    pub async fn carry(&self, tell: &mut (dyn FnMut(Progress) + Send)) -> Result<(), MoveError> {
        let mut sums = Vec::with_capacity(TABLES.len());
        let mut before = 0;
        for table in TABLES {
            let mut told = |rows| tell(Progress::Copying(table.name, before + rows));
            let sum = (table.copy)(&self.source, &self.target, &mut told).await.map_err(|failure| match failure {
                Failure::Reading(error) => MoveError::Reading(error),
                Failure::Writing(error) => self.not_written(table.name, error),
            })?;
            tell(Progress::Copied(table.name, sum.rows));
            before += sum.rows;
            sums.push((table, sum));
        }
        before = 0;
        for (table, sum) in sums {
            let mut told = |rows| tell(Progress::Comparing(table.name, before + rows));
            let read = (table.sum)(&self.target, &mut told).await;
            let read = read.map_err(|error| self.not_written(table.name, error))?;
            if read != sum {
                return Err(self.differs(table.name, &sum, &read));
            }
            before += read.rows;
        }
        Ok(())
    }

    /// Gives the target its clock, from when on it is a database that a server goes on with.
    pub async fn finish(self) -> Result<Moved, MoveError> {
        let finished = self.set_going().await.map_err(|error| self.not_written(CLOCK, error));
        let found = match &finished {
            Ok(_) => Clock::read(&self.target).await.map_err(|error| self.not_written(CLOCK, error)),
            Err(_) => Ok(Clock::from(self.clock.clone())),
        };
        let given = match (finished, found) {
            (Ok(given), Ok(found)) if Clock::from(given.clone()) != found => Err(MoveError::Differs(
                self.place.clone(),
                CLOCK,
                format!("its head is {}, and was {}", found.head, given.head),
            )),
            (Ok(_), Err(error)) => Err(error),
            (finished, _) => finished,
        };
        let moved = given.map(|given| Moved { rows: self.rows, head: Seq(given.head) });
        self.close().await;
        moved
    }

    /// Ends both connections, and with them the turn at the target.
    pub async fn close(self) {
        for closed in [self.source.close().await, self.target.close().await] {
            if let Err(error) = closed {
                tracing::warn!(%error, "a database did not close cleanly");
            }
        }
    }

    async fn prepare(&self) -> Result<(), MoveError> {
        if !take_turn_soon(&self.target).await.map_err(OpenError::Migrate)? {
            return Err(MoveError::Busy(self.place.clone()));
        }
        let found = self.look().await?;
        Migrator::up(&self.target, None).await.map_err(OpenError::Migrate)?;
        self.set_aside().await?;
        for table in TABLES.iter().filter(|table| found == Found::Half || table.name == "commits") {
            let emptied = Table::truncate().table(Alias::new(table.name)).to_owned();
            self.target.execute(&emptied).await.map_err(|error| self.not_written(table.name, error))?;
        }
        Ok(())
    }

    /// What the target holds already. Nothing is changed there before this is known.
    async fn look(&self) -> Result<Found, MoveError> {
        let reading = |error| MoveError::Open(OpenError::Migrate(error));
        let manager = SchemaManager::new(&self.target);
        let is_ours = manager.has_table("seaql_migrations").await.map_err(reading)?;
        let mut occupied = None;
        for name in TABLES.iter().map(|table| table.name).chain([CLOCK]) {
            if !manager.has_table(name).await.map_err(reading)? {
                continue;
            }
            if !is_ours {
                return Err(MoveError::Foreign(self.place.clone(), name));
            }
            // A server that was started there and never used has noted some batches without an event.
            let counts = ![CLOCK, "commits"].contains(&name);
            if counts && occupied.is_none() && has_rows(&self.target, name).await.map_err(reading)? {
                occupied = Some(format!("rows in {name}"));
            }
        }
        if !is_ours || !manager.has_table(CLOCK).await.map_err(reading)? {
            return Ok(Found::Empty);
        }
        // Its schema may be of an earlier version: only what has always been there is asked for.
        let column_of = async |column: &str, id: i64| {
            let query = format!("SELECT {column} FROM clock WHERE id = {id}");
            inspect::number(&self.target, &query).await.map_err(reading)
        };
        let head = column_of("head", ROW).await?;
        if head == Some(self.clock.head) && column_of("batch", ROW).await? == Some(self.clock.batch) && head != Some(0)
        {
            return Err(MoveError::Done(self.place.clone()));
        }
        match (head, column_of("head", SET_ASIDE).await?, occupied) {
            (None, Some(_), _) => Ok(Found::Half),
            (Some(head), _, _) if head != 0 => {
                Err(MoveError::Occupied(self.place.clone(), format!("{head} events on its clock")))
            }
            (_, _, Some(rows)) => Err(MoveError::Occupied(self.place.clone(), rows)),
            _ => Ok(Found::Empty),
        }
    }

    /// Takes the clock away from whoever may start there, or writes there already.
    async fn set_aside(&self) -> Result<(), MoveError> {
        let failed = |error| self.not_written(CLOCK, error);
        let db = self.target.begin_with_options(immediate()).await.map_err(failed)?;
        let row = clock::Entity::find_by_id(ROW).lock_exclusive().one(&db).await.map_err(failed)?;
        if let Some(row) = row.filter(|row| row.head != 0) {
            return Err(MoveError::Occupied(self.place.clone(), format!("{} events on its clock", row.head)));
        }
        clock::Entity::delete_many().exec(&db).await.map_err(failed)?;
        self.write_clock(&db, clock::Model { id: SET_ASIDE, ..self.clock.clone() }).await.map_err(failed)?;
        db.commit().await.map_err(failed)
    }

    async fn set_going(&self) -> Result<clock::Model, DbErr> {
        if self.target.get_database_backend() == DbBackend::Postgres {
            // It plans by what it knows of its tables, which of new ones is nothing.
            self.target.execute_unprepared("ANALYZE").await?;
        }
        // A database of its own has a line of its own: nobody takes the one for the other over NATS.
        let clock = clock::Model { line: rand::random(), ..self.clock.clone() };
        let db = self.target.begin_with_options(immediate()).await?;
        let aside = clock::Entity::delete_many().filter(clock::Column::Id.eq(SET_ASIDE)).exec(&db).await?;
        if aside.rows_affected != 1 {
            return Err(DbErr::Custom("somebody else has changed the clock row meanwhile".to_owned()));
        }
        self.write_clock(&db, clock.clone()).await?;
        db.commit().await?;
        Ok(clock)
    }

    async fn write_clock(&self, db: &impl ConnectionTrait, row: clock::Model) -> Result<(), DbErr> {
        clock::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(db).await.map(drop)
    }

    fn not_written(&self, table: &'static str, error: DbErr) -> MoveError {
        MoveError::Writing(self.place.clone(), table, error)
    }

    fn differs(&self, table: &'static str, written: &Sum, read: &Sum) -> MoveError {
        let how = if written.rows == read.rows {
            format!("there are {} rows, and some of them say something else", read.rows)
        } else {
            format!("there are {} rows, and were {}", read.rows, written.rows)
        };
        MoveError::Differs(self.place.clone(), table, how)
    }
}
