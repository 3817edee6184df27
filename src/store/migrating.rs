//! Bringing the schema up to date, one node at a time: several may be started at once on a database that is empty, or old.

use super::Store;
use super::open::{Database, OpenError, Use, connect};
use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use std::time::Duration;
use tokio::time::Instant;

/// How often it is asked whose turn it is.
const ASKED_EVERY: Duration = Duration::from_millis(200);
/// How long the end of another process is waited for, whose connection the database server may not know to be gone.
const SOON: Duration = Duration::from_secs(5);

impl Store {
    /// Brings the schema up to date and no more; gives the names of the steps that were missing. Waits while another node
    /// does the same.
    pub async fn migrate(database: &Database) -> Result<Vec<String>, OpenError> {
        let db = connect(database, Use::Preparing).await?;
        take_turn(&db).await.map_err(OpenError::Migrate)?;
        let missing = Migrator::get_pending_migrations(&db).await.map_err(OpenError::Migrate)?;
        let steps = missing.iter().map(|step| step.name().to_owned()).collect();
        Migrator::up(&db, None).await.map_err(OpenError::Migrate)?;
        // It also ends the turn, as the end of this process would.
        db.close().await.map_err(OpenError::Close)?;
        Ok(steps)
    }
}

/// Waits until no other connection is at it. The embedded database has its directory's lock for that.
async fn take_turn(db: &DatabaseConnection) -> Result<(), DbErr> {
    let mut told = false;
    while !takes_turn(db).await? {
        if !std::mem::replace(&mut told, true) {
            tracing::info!("another process is bringing the database up to date, or copies into it; waiting for it");
        }
        tokio::time::sleep(ASKED_EVERY).await;
    }
    Ok(())
}

/// Like [`take_turn`], but does not wait for long. Returns whether the turn is ours, until the connection ends.
pub(super) async fn take_turn_soon(db: &DatabaseConnection) -> Result<bool, DbErr> {
    let give_up = Instant::now() + SOON;
    while !takes_turn(db).await? {
        if Instant::now() >= give_up {
            return Ok(false);
        }
        tokio::time::sleep(ASKED_EVERY).await;
    }
    Ok(true)
}

async fn takes_turn(db: &DatabaseConnection) -> Result<bool, DbErr> {
    let backend = db.get_database_backend();
    // PostgreSQL's advisory locks are each database's own, MariaDB's are the whole server's.
    let ask = match backend {
        DbBackend::Postgres => "SELECT CASE WHEN pg_try_advisory_lock(7164789243) THEN 1 ELSE 0 END",
        DbBackend::MySql => "SELECT GET_LOCK(CONCAT('goldcrest.', MD5(DATABASE())), 0)",
        _ => return Ok(true),
    };
    let row = db.query_one_raw(Statement::from_string(backend, ask)).await?;
    let mine: Option<i32> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    Ok(mine == Some(1))
}
