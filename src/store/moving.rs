//! The way from the embedded database into a database server: everything is copied there, and nothing serves from it before
//! all of it was read back and compared.
//!
//! While a copy goes on, the clock row of the target is set aside under another number. It comes back, with the numbers of the
//! source, in the last transaction of all; without it no server starts, and the next copy sees that one was broken off.

mod claim;
mod error;
mod finish;
mod tables;

use super::clock::{ROW, SET_ASIDE};
use super::entity::clock;
use super::migrating::take_turn_soon;
use super::open::{Database, OpenError, Use, place};
use super::patience::{Patient, within};
use super::sequencer::immediate;
use super::{inspect, open};
use crate::domain::Seq;
use claim::{Claim, Connection, write_clock};
use error::Failure;
use migration::{Migrator, MigratorTrait, SchemaManager};
use sea_orm::sea_query::{Alias, Query, Table};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, QuerySelect};
use std::path::Path;
use std::time::Duration;
use tables::{CLOCK, Sum, TABLES, has_rows};

pub use error::MoveError;

/// How long one statement of a copy is waited for: a database server that stands still is not, without an end.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long bringing the target's schema up to date may take, in which there is nothing yet.
const PREPARING: Duration = Duration::from_mins(5);
/// Rows that a copy which was broken off has left, and that are deleted in one statement, where emptying a table cannot be part
/// of a transaction.
const EMPTIED: u64 = 10_000;

/// A copy on its way.
pub struct Moving {
    source: Connection,
    claim: Claim,
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
        let target = Patient::within_each(open::connect(to, Use::Copying).await?, PATIENCE);
        let claim = Claim { target, token: rand::random() };
        let moving = Self { source, claim, place: place(&to.url), clock, rows };
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
            let sum = (table.copy)(&self.source, &self.claim, &mut told).await;
            let sum = sum.map_err(|failure| self.failed(table.name, failure))?;
            tell(Progress::Copied(table.name, sum.rows));
            before += sum.rows;
            sums.push((table, sum));
        }
        before = 0;
        for (table, sum) in sums {
            let mut told = |rows| tell(Progress::Comparing(table.name, before + rows));
            let read = (table.sum)(&self.claim.target, &mut told).await;
            let read = read.map_err(|error| self.not_written(table.name, error))?;
            if read != sum {
                return Err(self.differs(table.name, &sum, &read));
            }
            before += read.rows;
        }
        Ok(())
    }

    /// Ends both connections, and with them the turn at the target.
    pub async fn close(self) {
        for closed in [self.source.close().await, self.claim.target.close().await] {
            if let Err(error) = closed {
                tracing::warn!(%error, "a database did not close cleanly");
            }
        }
    }

    async fn prepare(&self) -> Result<(), MoveError> {
        let target = self.claim.target.inner();
        let turn = within(Some(PATIENCE), take_turn_soon(target)).await;
        if !turn.map_err(OpenError::Migrate)? {
            return Err(MoveError::Busy(self.place.clone()));
        }
        let found = self.look().await?;
        within(Some(PREPARING), Migrator::up(target, None)).await.map_err(OpenError::Migrate)?;
        self.set_aside().await?;
        for table in TABLES.iter().filter(|table| found == Found::Half || table.name == "commits") {
            self.empty(table.name).await.map_err(|failure| self.failed(table.name, failure))?;
        }
        Ok(())
    }

    /// Deletes what another copy has left in a table.
    async fn empty(&self, table: &'static str) -> Result<(), Failure> {
        loop {
            let db = self.claim.begin().await?;
            // On MariaDB emptying a table at once ends the transaction, and with it what it is done by right of.
            let in_parts = db.get_database_backend() == DbBackend::MySql;
            let deleted = if in_parts {
                let some = Query::delete().from_table(Alias::new(table)).limit(EMPTIED).to_owned();
                db.execute(&some).await.map_err(Failure::Writing)?.rows_affected()
            } else {
                db.execute(&Table::truncate().table(Alias::new(table)).to_owned()).await.map_err(Failure::Writing)?;
                0
            };
            db.commit().await.map_err(Failure::Writing)?;
            if deleted < EMPTIED {
                return Ok(());
            }
        }
    }

    /// What the target holds already. Nothing is changed there before this is known.
    async fn look(&self) -> Result<Found, MoveError> {
        let reading = |error| MoveError::Open(OpenError::Migrate(error));
        let target = &self.claim.target;
        let manager = SchemaManager::new(target.inner());
        let has_table = async |name: &str| within(Some(PATIENCE), manager.has_table(name)).await.map_err(reading);
        let is_ours = has_table("seaql_migrations").await?;
        let mut occupied = None;
        for name in TABLES.iter().map(|table| table.name).chain([CLOCK]) {
            if !has_table(name).await? {
                continue;
            }
            if !is_ours {
                return Err(MoveError::Foreign(self.place.clone(), name));
            }
            // A server that was started there and never used has noted some batches without an event.
            let counts = ![CLOCK, "commits"].contains(&name);
            if counts && occupied.is_none() && has_rows(target, name).await.map_err(reading)? {
                occupied = Some(format!("rows in {name}"));
            }
        }
        if !is_ours || !has_table(CLOCK).await? {
            return Ok(Found::Empty);
        }
        // Its schema may be of an earlier version: only what has always been there is asked for.
        let column_of = async |column: &str, id: i64| {
            let query = format!("SELECT {column} FROM clock WHERE id = {id}");
            inspect::number(target, &query).await.map_err(reading)
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

    /// Takes the clock away from whoever may start there, or writes there already, and from a copy before this one.
    async fn set_aside(&self) -> Result<(), MoveError> {
        let failed = |error| self.not_written(CLOCK, error);
        let db = self.claim.target.begin(immediate()).await.map_err(failed)?;
        let row = clock::Entity::find_by_id(ROW).lock_exclusive().one(&db).await.map_err(failed)?;
        if let Some(row) = row.filter(|row| row.head != 0) {
            return Err(MoveError::Occupied(self.place.clone(), format!("{} events on its clock", row.head)));
        }
        clock::Entity::delete_many().exec(&db).await.map_err(failed)?;
        let aside = clock::Model { id: SET_ASIDE, line: self.claim.token, ..self.clock.clone() };
        write_clock(&db, aside).await.map_err(failed)?;
        db.commit().await.map_err(failed)
    }

    fn failed(&self, table: &'static str, failure: Failure) -> MoveError {
        match failure {
            Failure::Reading(error) => MoveError::Reading(error),
            Failure::Writing(error) => self.not_written(table, error),
            Failure::Overtaken => MoveError::Overtaken(self.place.clone()),
        }
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
