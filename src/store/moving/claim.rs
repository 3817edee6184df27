//! Whose copy it is: a random number in the clock row that is set aside, without which nothing more is written.
//!
//! The turn at the schema (`super::super::migrating`) ends with its connection, and the pool replaces one that was lost without
//! a word. Two copies would then make one database out of two halves; but the second has put its own number there.

use super::super::clock::SET_ASIDE;
use super::super::entity::clock;
use super::super::patience::Patient;
use super::super::sequencer::immediate;
use super::error::Failure;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QuerySelect,
};

/// A database of the two.
pub(super) type Connection = Patient<DatabaseConnection>;

/// The right to write into a database that is not whole yet.
pub(super) struct Claim {
    pub target: Connection,
    /// Stands in the place of the line, which such a database has none of.
    pub token: i64,
}

impl Claim {
    /// Begins to write, as whose copy it is: whoever takes it over waits for the end of this transaction.
    pub(super) async fn begin(&self) -> Result<Patient<DatabaseTransaction>, Failure> {
        let db = self.target.begin(immediate()).await.map_err(Failure::Writing)?;
        let aside = set_aside(&db).await.map_err(Failure::Writing)?;
        if aside.is_some_and(|row| row.line == self.token) { Ok(db) } else { Err(Failure::Overtaken) }
    }
}

/// The clock row that is set aside, which nobody else changes before the transaction ends.
pub(super) async fn set_aside(db: &impl ConnectionTrait) -> Result<Option<clock::Model>, DbErr> {
    clock::Entity::find_by_id(SET_ASIDE).lock_exclusive().one(db).await
}

pub(super) async fn write_clock(db: &impl ConnectionTrait, row: clock::Model) -> Result<(), DbErr> {
    // All columns, and not those that have changed.
    let row = sea_orm::ActiveModelTrait::reset_all(row.into_active_model());
    clock::Entity::insert(row).exec_without_returning(db).await.map(drop)
}
